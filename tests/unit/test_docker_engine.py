"""A Docker engine is started only where that is allowed, and what was started is stopped."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import debian_packages  # noqa: E402 - scripts/ is a folder of programs, not a package
import docker_engine  # noqa: E402
import engine_host  # noqa: E402
from docker_engine import EngineError, Machine, OwnEngine  # noqa: E402

CAPABLE = {"is_linux": True, "is_root": True, "is_debian": True, "has_dockerd": False}


@pytest.fixture
def own(tmp_path: Path) -> OwnEngine:
    """An engine that keeps everything in a folder of the test's."""
    return OwnEngine(folder=tmp_path / "run", data=tmp_path / "data")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine answers anywhere, and the machine may have one."""
    monkeypatch.setattr(docker_engine, "answers", lambda _endpoint: False)
    monkeypatch.setattr(Machine, "examine", lambda: Machine(**CAPABLE))


class TestWhetherOneMayBeStarted:
    def test_root_on_debian_may(self) -> None:
        assert Machine(**CAPABLE).find_obstacle() == ""

    @pytest.mark.parametrize(
        ("difference", "reason"),
        [
            ({"is_linux": False}, "on Linux only"),
            ({"is_root": False}, "only root"),
            ({"is_debian": False}, "installed on Debian"),
        ],
    )
    def test_others_are_told_why_not(self, difference: dict[str, bool], reason: str) -> None:
        assert reason in Machine(**(CAPABLE | difference)).find_obstacle()

    def test_an_installed_engine_needs_no_debian(self) -> None:
        assert Machine(**(CAPABLE | {"is_debian": False, "has_dockerd": True})).find_obstacle() == ""

    @pytest.mark.usefixtures("silent")
    def test_where_it_may_not_nothing_is_started(self, own: OwnEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Machine, "examine", lambda: Machine(**(CAPABLE | {"is_root": False})))
        with pytest.raises(EngineError, match="only root"), docker_engine.engine(own):
            pass
        assert not own.folder.exists()


class TestAnEngineThatAnswers:
    def test_is_used_and_left_alone(self, own: OwnEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere/docker.sock")
        monkeypatch.setattr(docker_engine, "answers", lambda _endpoint: True)
        with docker_engine.engine(own) as endpoint:
            assert endpoint == "unix:///somewhere/docker.sock"
        assert not own.folder.exists()

    def test_an_empty_socket_is_none(self, tmp_path: Path) -> None:
        assert not docker_engine.answers(f"unix://{tmp_path}/docker.sock")


@pytest.mark.usefixtures("silent")
class TestOurOwnEngine:
    @pytest.fixture
    def calls(self, own: OwnEngine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What was done to the engine, in order; nothing is really started."""
        done: list[str] = []
        monkeypatch.setattr(own, "start", lambda: done.append("start"))
        monkeypatch.setattr(own, "stop", lambda: done.append("stop"))
        return done

    def test_is_stopped_even_when_the_command_fails(self, own: OwnEngine, calls: list[str]) -> None:
        with pytest.raises(KeyboardInterrupt), docker_engine.engine(own):
            raise KeyboardInterrupt
        assert calls == ["start", "stop"]

    def test_is_stopped_by_the_last_of_its_users(self, own: OwnEngine, calls: list[str]) -> None:
        with docker_engine.engine(own):
            with docker_engine.engine(own):
                pass
            assert "stop" not in calls
        assert calls[-1] == "stop"

    def test_keeps_running_when_it_was_started_to_stay(self, own: OwnEngine, calls: list[str]) -> None:
        with docker_engine.engine(own):
            own.keep.touch()
        assert calls == ["start"]


class TestItsProcess:
    def test_is_the_one_that_was_given_the_pid_file(self, own: OwnEngine) -> None:
        own.folder.mkdir()
        command = [sys.executable, "-c", "print(flush=True); input()", str(own.pid_file)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it is that program now, and no longer a copy of this one
            own.pid_file.write_text(f"{process.pid}\n")
            assert own.find_pid() == process.pid
            process.communicate(b"\n")

    @pytest.mark.parametrize("content", ["", "none\n", f"{os.getpid()}\n"])
    def test_is_never_a_process_that_merely_has_its_number(self, own: OwnEngine, content: str) -> None:
        own.folder.mkdir()
        own.pid_file.write_text(content)
        assert own.find_pid() is None


class TestPackages:
    def test_start_no_services_while_they_are_installed(self, tmp_path: Path) -> None:
        policy = tmp_path / "policy-rc.d"
        with debian_packages.starting_no_services(policy):
            assert subprocess.run([policy], check=False).returncode == 101
        assert not policy.exists()

    def test_leave_a_policy_of_the_machine_alone(self, tmp_path: Path) -> None:
        policy = tmp_path / "policy-rc.d"
        policy.write_text("the machine's own")
        with debian_packages.starting_no_services(policy):
            pass
        assert policy.read_text() == "the machine's own"


class TestItsNetwork:
    @pytest.mark.parametrize(
        ("routes", "network"),
        [
            ([], "10.213.0.0/24"),
            (["default", "192.0.2.0/24"], "10.213.0.0/24"),
            (["10.213.0.0/24", "10.213.1.7"], "10.213.2.0/24"),
        ],
    )
    def test_is_one_that_no_route_leads_to(self, routes: list[str], network: str) -> None:
        assert engine_host.choose_network(routes) == ipaddress.IPv4Network(network)

    def test_is_refused_where_none_is_left(self) -> None:
        with pytest.raises(OSError, match="in use"):
            engine_host.choose_network(["10.0.0.0/8"])


def test_only_empty_control_groups_are_removed(tmp_path: Path) -> None:
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / "cgroup.procs").write_text("1\n")  # stands for a process
    engine_host.remove_empty_cgroups([tmp_path / "empty", tmp_path / "busy"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["busy"]
