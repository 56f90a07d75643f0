"""A program of a container is called like one of the host: what the engine is told, and the shell between."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from timescaledb_backup.config import Config, Container, Drill
from timescaledb_backup.container import (
    CLUSTER_PROGRAMS,
    PROGRAMS,
    READ,
    WATCH,
    Caller,
    call,
    engine_environment,
    exec_command,
    run_command,
)

from tests.unit.test_tuning import ROOT

CONFIG = Config("home", "/backups", "/state", "/bin", container=Container("timescaledb", "unix:///run/docker.sock"))
CALLER = Caller(990, 991, 15, {"PGAPPNAME": "x", "LC_MESSAGES": "C", "HOME": "/root", "DOCKER_HOST": "tcp://other"})


def test_a_client_runs_in_the_servers_container_as_who_calls_it_and_says_no_value() -> None:
    command = exec_command(Container("timescaledb"), CALLER, "pg_dump", ["--host", "/var/run/postgresql"])
    assert command[:4] == ["docker", "exec", "--interactive", "--user=990:991"]
    assert command[4:7] == ["--env=LC_MESSAGES", "--env=PGAPPNAME", "timescaledb"]
    assert command[-6:] == ["TERM", "15", "LC_MESSAGES PGAPPNAME", "pg_dump", "--host", "/var/run/postgresql"]
    assert WATCH in command


def test_psql_reads_its_input_itself() -> None:
    assert READ in exec_command(Container("timescaledb"), CALLER, "psql", [])


def test_a_cluster_has_a_container_of_its_own_that_may_do_next_to_nothing() -> None:
    command = run_command(CONFIG, "sha256:1", CALLER, "postgres", ["-D", "/state/drill-home/data"])
    assert {"--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--name=timescaledb-drill-home"} <= set(command)
    assert "--volume=/state:/state" in command
    assert "QUIT" in command
    assert command[command.index("--entrypoint=sh") + 1] == "sha256:1"
    assert command[-3:] == ["postgres", "-D", "/state/drill-home/data"]
    elsewhere = dataclasses.replace(CONFIG, drill=Drill(folder="/fast"))
    assert "--volume=/fast:/fast" in run_command(elsewhere, "sha256:1", CALLER, "initdb", [])


def test_nobodys_settings_reach_the_engines_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://other")
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    found = engine_environment(CONFIG)
    assert found["DOCKER_HOST"] == "unix:///run/docker.sock"
    assert "DOCKER_CONTEXT" not in found


def test_every_program_has_its_name_on_the_host() -> None:
    variables = yaml.safe_load((ROOT / "roles/timescaledb_backup/vars/main.yml").read_text(encoding="utf-8"))
    assert sorted(variables["__timescaledb_backup_program_names"]) == sorted((*PROGRAMS, *CLUSTER_PROGRAMS))


def test_without_a_container_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "home.json"
    path.write_text('{"database": "home", "folder": "/b", "state_folder": "/s", "bindir": "/x"}')
    with pytest.raises(SystemExit, match="No container is configured for home"):
        call(str(path), ["/x/psql"])


@pytest.fixture
def held() -> Iterator[tuple[int, int]]:
    """The ends of a pipe, of which the second keeps the first open."""
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            continue


def start(script: str, stdin: int, *command: str, ending: str = "TERM") -> subprocess.Popen[bytes]:
    """Run a program as it is run in a container."""
    return subprocess.Popen(
        ["sh", "-c", script, "sh", ending, "0", "LC_MESSAGES PGAPPNAME", *command],
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, "PGDATA": "/data", "PGAPPNAME": "x", "PG_MAJOR": "17"},
    )  # fmt: skip


def members(group: int) -> list[str]:
    """The processes of a session that are not ended."""
    found = subprocess.run(["ps", "-s", str(group), "-o", "stat=,args="], capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if not line.startswith("Z")]


def test_a_program_has_its_code_its_output_and_only_what_it_is_given(held: tuple[int, int]) -> None:
    process = start(WATCH, held[0], "sh", "-c", "echo $PGDATA-$PGAPPNAME; umask; exit 7")
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (7, b"-x\n0077\n", b"")
    assert members(process.pid) == []


def test_many_short_programs_leave_nobody_waiting(held: tuple[int, int]) -> None:
    """The one that waits for the caller's end is just being born when a program ends at once."""
    for _ in range(60):
        process = start(WATCH, held[0], "true")
        assert process.communicate(timeout=20) == (b"", b"")
        assert members(process.pid) == []


def test_a_program_ends_when_its_caller_is_gone_and_leaves_no_child(held: tuple[int, int]) -> None:
    process = start(WATCH, held[0], "sleep", "300")
    time.sleep(0.3)
    assert process.poll() is None
    os.close(held[1])
    assert process.wait(20) == 128 + signal.SIGTERM
    assert members(process.pid) == []


def test_a_signal_is_passed_on_in_the_way_the_program_ends(held: tuple[int, int]) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGQUIT, lambda *_: exit(42)); print(1, flush=True); time.sleep(60)"
    )
    process = start(WATCH, held[0], "python3", "-c", script, ending="QUIT")
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    process.terminate()
    assert process.wait(20) == 42


def test_what_reads_input_reads_all_of_it() -> None:
    process = start(READ, subprocess.PIPE, "cat")
    assert process.communicate(b"SELECT 1;\n", timeout=20)[0] == b"SELECT 1;\n"
