"""A server in a container has the backups that one on a host has, by the programs of its image."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from server import Server
from test_schedule import (
    DRILL,
    MAKE,
    test_a_backup_is_made_and_proven_by_its_services,
    test_a_service_is_exposed_to_little,
    test_a_timer_waits_for_its_time,
    test_a_unit_has_nothing_that_systemd_would_ignore,
    wait_for,
)

__all__ = [
    "test_a_backup_is_made_and_proven_by_its_services",
    "test_a_service_is_exposed_to_little",
    "test_a_timer_waits_for_its_time",
    "test_a_unit_has_nothing_that_systemd_would_ignore",
]

PROGRAM = "timescaledb-backup --database aetherlens"
USER = "timescaledb-backup"
COPY = "aetherlens_night"
LOCK = ["BEGIN", "LOCK TABLE devices", "SELECT pg_sleep(120)"]
LOCKED = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'devices'::regclass AND mode = 'AccessExclusiveLock')"
WAITING = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'timescaledb-backup' AND query ~ '^LOCK TABLE'
  AND wait_event_type = 'Lock')
"""
COUNTS = """
SELECT (SELECT count(*) FROM metrics) AS metrics, (SELECT count(*) FROM devices) AS devices,
  (SELECT count(*) FROM show_chunks('metrics')) AS chunks
"""
DATABASES = "SELECT datname, oid, datallowconn FROM pg_database WHERE datname ~ '^aetherlens' ORDER BY datname"
COMPRESSED = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
JOBS = "SELECT job_id, scheduled FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY job_id"


@pytest.fixture(scope="module")
def listed(machine: Any) -> Callable[[], list[dict[str, Any]]]:
    """What the program lists, called by root."""

    def ask() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(machine.check_output(f"{PROGRAM} list --json"))
        return rows

    return ask


@pytest.fixture(scope="module", autouse=True)
def old_chunks(server: Server, scenario: dict[str, Any]) -> None:
    """Some chunks are compressed, as they would be after a week."""
    if scenario["path"] != "distribution" and scenario["phase"] == "declared":
        server.execute(
            "SELECT compress_chunk(c, true) FROM show_chunks('metrics', older_than => now() - interval '10 days') AS c"
        )


@pytest.fixture(scope="module", autouse=True)
def undisturbed(server: Server, scenario: dict[str, Any]) -> Iterator[None]:
    """Whatever is done to backups, the server that they are of has not crashed, and nobody is left in its container."""
    begin = server.value("SELECT now()::text")
    yield
    log = subprocess.run(["docker", "logs", scenario["server"]], capture_output=True, text=True, check=True)
    assert "terminated by signal" not in log.stdout + log.stderr
    assert server.value(f"SELECT pg_postmaster_start_time() < '{begin}'") is True
    assert inside(scenario) == []


def inside(scenario: dict[str, Any]) -> list[str]:
    """The programs of backups in the server's container, as the engine's machine sees them."""
    command = ["docker", "top", scenario["server"], "-o", "pid,args"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = ("pg_dump ", "pg_restore ", "psql -X --quiet --no-align", "sh -c")
    return [line for line in lines if any(name in line for name in names)]


def clusters(scenario: dict[str, Any]) -> list[str]:
    """Containers of drills, running or not."""
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"name={scenario['server']}-drill"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_monitoring_reads_how_old_the_last_proven_backup_is(
    machine: Any, scenario: dict[str, Any], listed: Callable[[], list[dict[str, Any]]]
) -> None:
    status = json.loads(machine.check_output("runuser -u nobody -- cat %s/state/status.json", scenario["shared"]))
    assert status["last_proven"]["name"] == status["last_backup"]["name"] == listed()[-1]["name"]
    assert 0 <= status["last_proven"]["age_seconds"] < 3600


def test_a_manifest_counts_what_the_server_has(
    machine: Any, server: Server, scenario: dict[str, Any], listed: Callable[[], list[dict[str, Any]]]
) -> None:
    path = f"{scenario['shared']}/backups/aetherlens/{listed()[-1]['name']}/manifest.json"
    manifest = json.loads(machine.check_output("cat %s", path))
    chunks = [facts["rows"] for name, facts in manifest["census"]["chunks"].items() if "metrics [" in name]
    found = server.rows(COUNTS)[0]
    assert (sum(chunks), len(chunks)) == (found["metrics"], found["chunks"])
    assert found["metrics"] > 100000
    assert manifest["compression"] == "zstd:3"
    assert manifest["timescaledb"]["version"] == scenario["version"]


@pytest.mark.parametrize(("path", "mode"), [("backups/aetherlens", "700"), ("state", "755")])
def test_files_belong_to_the_user_of_backups(machine: Any, scenario: dict[str, Any], path: str, mode: str) -> None:
    assert machine.check_output("stat --format='%%a %%U' %s/%s", scenario["shared"], path) == f"{mode} {USER}"
    assert machine.check_output("find %s/%s ! -user %s", scenario["shared"], path, USER) == ""


def test_no_part_of_a_backup_is_readable_for_others(machine: Any, scenario: dict[str, Any]) -> None:
    assert machine.check_output("find %s/backups/aetherlens -mindepth 1 -perm /077", scenario["shared"]) == ""


def test_the_server_sees_backups_and_cannot_write_the_state(scenario: dict[str, Any]) -> None:
    for folder, code in (("backups/aetherlens", 1), ("state", 1)):
        command = [
            "docker",
            "exec",
            "--user=postgres",
            scenario["server"],
            "touch",
            f"{scenario['shared']}/{folder}/x",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, folder
        assert ("Permission denied" if folder != "state" else "Read-only file system") in done.stderr


@pytest.fixture
def copy(server: Server) -> Iterator[str]:
    """The name of a database that is dropped afterwards."""
    yield COPY
    server.execute(f"DROP DATABASE IF EXISTS {COPY} WITH (FORCE)")


def test_it_comes_back_beside_by_root_by_hand(machine: Any, server: Server, copy: str) -> None:
    said = machine.check_output(f"{PROGRAM} restore latest --as {copy}")
    assert f"is restored as {copy}" in said
    beside = Server(server.shell, copy)
    assert beside.rows(COUNTS) == server.rows(COUNTS)


@pytest.mark.edition("community")
def test_what_comes_back_is_compressed_as_it_was(machine: Any, server: Server, copy: str) -> None:
    machine.check_output(f"{PROGRAM} restore latest --as {copy} --hold-jobs")
    assert Server(server.shell, copy).value(COMPRESSED) == server.value(COMPRESSED) > 0


@pytest.mark.edition("community")
def test_what_comes_back_has_its_jobs(machine: Any, server: Server, copy: str) -> None:
    machine.check_output(f"{PROGRAM} restore latest --as {copy}")
    assert Server(server.shell, copy).rows(JOBS) == server.rows(JOBS)
    assert any(row["scheduled"] for row in server.rows(JOBS))


@pytest.mark.parametrize("how", ["KILL", "TERM"])
def test_a_run_that_is_ended_leaves_nothing(
    machine: Any, server: Server, scenario: dict[str, Any], listed: Callable[[], list[dict[str, Any]]], how: str
) -> None:
    before = [row["name"] for row in listed()]
    holder = subprocess.Popen(
        ["docker", "exec", "-u", "postgres", scenario["server"], "psql", "-XAtq", "-d", "aetherlens"]
        + [part for statement in LOCK for part in ("-c", statement)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert server.wait_for(LOCKED, 20)
        machine.check_output(f"systemctl start --no-block '{MAKE}.service'")
        assert server.wait_for(WAITING, 60)
        machine.check_output(f"systemctl kill --kill-whom=main --signal={how} '{MAKE}.service'")
        wait_for(lambda: not [line for line in inside(scenario) if "pg_dump " in line], 20)
    finally:
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'")
        holder.wait(20)
    # A session ends with the statement it is at.
    wait_for(lambda: inside(scenario) == [], 20)
    wait_for(lambda: machine.run(f"systemctl is-active '{MAKE}.service'").stdout.strip() == "failed", 20)
    machine.check_output(f"systemctl reset-failed '{MAKE}.service'")
    assert [row["name"] for row in listed()] == before
    machine.check_output(f"{PROGRAM} verify {before[0]}")
    machine.check_output(f"systemctl start '{MAKE}.service'")
    assert len(listed()) == len(before) + 1
    assert machine.check_output("ls -A %s/backups/aetherlens | grep '^[.]' || true", scenario["shared"]) == ""


@pytest.mark.parametrize("how", ["KILL", "TERM"])
def test_a_restore_in_place_that_is_ended_leaves_the_old_one_serving_and_the_next_sweeps(
    machine: Any, server: Server, scenario: dict[str, Any], copy: str, how: str
) -> None:
    before = server.rows(COUNTS), server.rows(DATABASES)
    begun = f"{PROGRAM} restore latest --in-place --confirm aetherlens --hold-jobs"
    process = machine.check_output(f"exec setsid {begun} > /dev/null 2>&1 < /dev/null & echo $!")
    wait_for(lambda: [line for line in inside(scenario) if "pg_restore " in line], 60)
    machine.check_output(f"kill -{how} {process}")
    wait_for(lambda: not machine.file(f"/proc/{process}").exists, 60)
    assert (server.rows(COUNTS), server.rows(DATABASES)[:1]) == (before[0], before[1][:1])
    machine.check_output(f"{PROGRAM} restore latest --as {copy} --hold-jobs")
    assert [row["datname"] for row in server.rows(DATABASES)] == ["aetherlens", copy]
    assert server.rows(DATABASES)[:1] == before[1]
    assert machine.check_output("cat %s/state/restoring.json", scenario["shared"]) == "[]"
    wait_for(lambda: inside(scenario) == [], 20)


def test_a_drill_that_is_killed_leaves_nothing(
    machine: Any, scenario: dict[str, Any], listed: Callable[[], list[dict[str, Any]]]
) -> None:
    machine.check_output(f"systemctl start --no-block '{DRILL}.service'")
    ready = f"{scenario['shared']}/state/drill-aetherlens/socket/.s.PGSQL.5433"
    wait_for(lambda: machine.file(ready).exists, 60)
    time.sleep(2)
    assert clusters(scenario)
    machine.check_output(f"systemctl kill --kill-whom=main --signal=KILL '{DRILL}.service'")
    wait_for(lambda: clusters(scenario) == [] and inside(scenario) == [], 30)
    machine.check_output(f"systemctl reset-failed '{DRILL}.service'")
    assert machine.check_output(f"{PROGRAM} drill").startswith(f"{listed()[-1]['name']} is proven")
    assert clusters(scenario) == []
    assert machine.run("ls -d %s/state/drill-*", scenario["shared"]).rc != 0


def test_a_drill_has_a_container_of_its_own_which_may_do_next_to_nothing(
    machine: Any, scenario: dict[str, Any]
) -> None:
    machine.check_output(f"systemctl start --no-block '{DRILL}.service'")
    (found,) = wait_for(lambda: clusters(scenario), 60)
    said = json.loads(subprocess.run(["docker", "inspect", found], capture_output=True, check=True).stdout)[0]
    wait_for(lambda: machine.run(f"systemctl is-active '{DRILL}.service'").stdout.strip() == "inactive", 120)
    host = said["HostConfig"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert said["Config"]["User"] not in ("", "0:0")


def test_when_the_server_does_not_run_it_says_so(machine: Any, scenario: dict[str, Any]) -> None:
    subprocess.run(["docker", "pause", scenario["server"]], capture_output=True, check=True)
    try:
        done = machine.run(f"{PROGRAM} make")
    finally:
        subprocess.run(["docker", "unpause", scenario["server"]], capture_output=True, check=True)
    assert done.rc == 1
    assert "Traceback" not in done.stderr
    assert "paused" in done.stderr.splitlines()[-1]


@pytest.mark.phase("restored")
def test_after_a_restore_in_place_what_served_is_kept_closed(server: Server) -> None:
    found = server.rows("SELECT datname, datallowconn FROM pg_database WHERE datname ~ '^aetherlens' ORDER BY datname")
    assert [row["datallowconn"] for row in found] == [True, False]
    assert found[1]["datname"].startswith("aetherlens_before_")


@pytest.mark.phase("restored")
@pytest.mark.edition("community")
def test_after_a_restore_in_place_jobs_run(server: Server) -> None:
    assert any(row["scheduled"] for row in server.rows(JOBS))
    running = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = 'aetherlens' AND backend_type ~ 'Scheduler')"
    assert server.wait_for(running, 60)


@pytest.mark.phase("restored")
def test_the_restored_database_is_backed_up(machine: Any, listed: Callable[[], list[dict[str, Any]]]) -> None:
    before = len(listed())
    machine.check_output(f"systemctl start '{MAKE}.service'")
    assert len(listed()) == min(before + 1, 7)
