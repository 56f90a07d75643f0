"""A drill proves a backup, or tells what is wrong with it, and leaves nothing behind."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from typing import Any

import pytest
from restoring import PROGRAM, Place, create_place, remove_place

SANDBOX = [
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "RestrictAddressFamilies=AF_UNIX",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallFilter=capset",
    "IPAddressDeny=any",
    "KeyringMode=private",
    "PrivateMounts=yes",
    "CPUSchedulingPolicy=batch",
    "IOSchedulingClass=idle",
    "CapabilityBoundingSet=",
    "PrivateNetwork=yes",
    "UMask=0077",
    "User=postgres",
    "Nice=19",
]


@pytest.fixture(scope="module")
def place(machine: Any) -> Iterator[Place]:
    """A database with one backup."""
    made = create_place(machine, "restoring_drill")
    yield made
    remove_place(made)


@pytest.fixture(scope="module")
def backup(place: Place) -> str:
    """The backup."""
    return place.make()


@pytest.fixture(autouse=True)
def nothing_left(place: Place) -> Iterator[None]:
    """After each drill neither folder nor process is there."""
    yield
    assert place.machine.run("ls -d %s/drill-*", place.state).rc != 0
    assert place.machine.run("pgrep -f %s/[d]rill-", place.state).rc != 0


def read_verdict(place: Place, backup: str) -> dict[str, Any]:
    """What lies beside the backup."""
    content: dict[str, Any] = json.loads(
        place.machine.check_output("cat %s/backups/%s/drill.json", place.folder, backup)
    )
    return content


def test_a_good_backup_is_proven(place: Place, backup: str) -> None:
    assert f"{backup} is proven" in place.succeed("drill", backup)
    verdict = read_verdict(place, backup)
    assert verdict["proven"] is True
    assert verdict["differences"] == []
    assert verdict["name"] == backup
    status = json.loads(place.succeed("status"))
    assert status["last_proven"]["name"] == backup
    assert status["last_proven"]["drilled"] == verdict["finished"]


def test_the_hosts_server_takes_no_part(place: Place, backup: str) -> None:
    state = (
        "SELECT json_build_array(pg_postmaster_start_time(), (SELECT count(*) FROM pg_database),"
        " (SELECT sum(xact_commit) FROM pg_stat_database WHERE datname = current_database()) IS NOT NULL)"
    )
    before, segments = place.sql(state), place.machine.check_output("ipcs -m")
    log = place.machine.check_output("ss -ltnH")
    place.succeed("drill", backup)
    assert place.sql(state) == before
    assert place.machine.check_output("ipcs -m") == segments
    assert place.machine.check_output("ss -ltnH") == log


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"census__tables": lambda found: {**found, "public.note": {"rows": 31}}},
            "public.note: rows is 30 instead of 31",
        ),
        ({"census__hypertables": lambda found: {**found, "public.lost": {}}}, "public.lost is missing"),
        ({"alembic_revision": "003"}, "Alembic revision"),
    ],
)
def test_a_census_that_was_tampered_with_fails(place: Place, backup: str, changes: dict[str, Any], said: str) -> None:
    tampered = place.doctored(backup, "tampered", **changes)
    assert said in place.refuse_with_summary(4, "drill", tampered)
    verdict = read_verdict(place, tampered)
    assert verdict["proven"] is False
    assert any(said in sentence for sentence in verdict["differences"])


def test_a_damaged_backup_fails(place: Place, backup: str) -> None:
    damaged = place.doctored(backup, "damaged")
    place.machine.check_output("truncate -s -100 %s/backups/%s/database.dump", place.folder, damaged)
    assert "database.dump" in place.refuse_with_summary(4, "drill", damaged)
    assert read_verdict(place, damaged)["proven"] is False


def test_what_a_killed_drill_leaves_is_swept_by_the_next(place: Place, backup: str) -> None:
    script = f"{PROGRAM} --config {place.config} drill {backup} >/dev/null 2>&1 & work=$!; for n in $(seq 300); do"
    script += f" test -S {place.state}/drill-{place.name}/socket/.s.PGSQL.5433 && break; sleep 0.1; done; kill -9 $work"
    place.as_postgres("bash", "-c", script)
    time.sleep(1)
    assert place.machine.run("pgrep -f %s/[d]rill-", place.state).rc == 0
    place.succeed("drill", backup)


def test_too_little_room_says_nothing_about_the_backup(place: Place, backup: str) -> None:
    before = read_verdict(place, backup)
    place.write_config(least_free_mb=2**31)
    try:
        assert "MB free" in place.refuse(5, "drill", backup)
    finally:
        place.write_config()
    assert read_verdict(place, backup) == before


def test_the_sandbox_of_the_unit_is_enough(place: Place, backup: str) -> None:
    options = " ".join(f"--property={shlex.quote(item)}" for item in [*SANDBOX, f"ReadWritePaths={place.folder}"])
    command = f"systemd-run --quiet --wait --pipe --collect {options} {PROGRAM} --config {place.config} drill {backup}"
    done = place.machine.run(command)
    assert done.rc == 0, done.stderr
    assert f"{backup} is proven" in done.stdout
