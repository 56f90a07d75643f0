"""Whatever goes wrong while a backup is made: the earlier ones are whole, and nothing else is offered."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from restoring import PROGRAM, Place, create_place, remove_place
from timescaledb_backup.manifest import seal

KILLS = 20
# From when there is a partial backup, until some time later, if it is still being made then.
KILLED = """
{program} --config {config} make > /dev/null 2>&1 & work=$!
until ls -d {folder}/backups/.*.partial > /dev/null 2>&1 || ! kill -0 $work; do sleep 0.02; done
sleep {seconds}
kill -9 $work
wait $work
"""


@pytest.fixture(scope="module")
def place(machine: Any) -> Iterator[Place]:
    """A database."""
    made = create_place(machine, "making_fault")
    yield made
    remove_place(made)


@pytest.fixture
def backup(place: Place) -> Iterator[str]:
    """Its only backup, and the configuration, which is afterwards as it was."""
    place.write_config()
    place.machine.check_output("rm -rf %s/backups", place.folder)
    yield place.make()
    place.write_config()


def names(place: Place) -> list[str]:
    """The backups that are offered, in their order."""
    return [row["name"] for row in json.loads(place.succeed("list", "--json"))]


def left_over(place: Place) -> list[str]:
    """What is in the folder besides backups."""
    return [name for name in place.machine.check_output("ls -A %s/backups", place.folder).split() if name[0] == "."]


def kill(place: Place, seconds: float) -> None:
    """Begin a backup and kill it after a while; what it started is left alone."""
    script = KILLED.format(program=PROGRAM, config=place.config, folder=place.folder, seconds=f"{seconds:.2f}")
    place.as_postgres("bash", "-c", script)


def hold_up(place: Place, action: str) -> Any:
    """Make a backup which waits for a table, meanwhile do something; how making it ended."""
    lock = "SET client_connection_check_interval = 500; BEGIN; LOCK TABLE note; SELECT pg_sleep(120)"
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'timescaledb-backup' AND wait_event_type = 'Lock'"
    )
    locked = "SELECT 1 FROM pg_locks WHERE relation = 'note'::regclass AND mode = 'AccessExclusiveLock' AND granted"
    script = f"""
    psql -XAtq -d {place.name} -c "{lock}" > /dev/null 2>&1 & holder=$!
    for _ in $(seq 240); do psql -XAtq -d {place.name} -c "{locked}" | grep -q 1 && break; sleep 0.25; done
    {PROGRAM} --config {place.config} make & work=$!
    for _ in $(seq 240); do psql -XAtq -d postgres -c "{waiting}" | grep -q 1 && break; sleep 0.25; done
    {action}
    kill $holder 2> /dev/null
    wait $work
    """
    return place.as_postgres("bash", "-c", script)


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_killed_at_any_moment_of_making_nothing_partial_is_offered(place: Place, backup: str, form: str) -> None:
    place.write_config(format=form, keep={"last": 100})
    begin = time.monotonic()
    place.make()
    whole = time.monotonic() - begin
    chance = random.Random(11)  # noqa: S311 - moments, no secret
    kills = interrupted = 0
    while interrupted < KILLS:
        before = names(place)
        kill(place, chance.random() * whole)
        kills += 1
        after = names(place)
        assert after[: len(before)] == before
        assert len(after) <= len(before) + 1
        interrupted += bool(left_over(place))
        assert kills < 4 * KILLS
    newest = place.make()
    assert left_over(place) == []
    for name in {backup, names(place)[-2], newest}:
        place.succeed("verify", name)


def test_what_was_killed_writes_no_more(place: Place, backup: str) -> None:
    done = hold_up(place, "kill -9 $work; sleep 3")
    assert done.rc == 137
    states = place.machine.run("ps -C pg_dump -o stat=").stdout.split()
    assert [state for state in states if not state.startswith("Z")] == []
    assert names(place) == [backup]


def test_a_full_disk_is_told_and_leaves_no_part(place: Place, backup: str) -> None:
    disk = f"{place.folder}/disk"
    place.machine.check_output("mkdir %s && mount -t tmpfs -o size=400k,mode=0777 tmpfs %s", disk, disk)
    try:
        place.write_config(folder=disk, least_free_mb=0)
        said = place.refuse(5, "make")
        assert "nothing was begun" in said
        assert place.machine.check_output("ls -A %s", disk) == ""
        # An earlier backup that was much smaller is what the next one is judged by.
        place.machine.check_output("cp -a %s/backups/%s %s/", place.folder, backup, disk)
        content = {**place.manifest(backup), "bytes": 1}
        place.write(f"{disk}/{backup}/manifest.json", json.dumps(seal(content)))
        room = int(place.machine.check_output("df --output=avail -B1 %s | tail -n 1", disk))
        place.machine.check_output("head -c %s /dev/zero > %s/filling", str(max(room - 20000, 1)), disk)
        said = place.refuse(5, "make")
        assert "No space left on device" in said
        assert set(place.machine.check_output("ls -A %s", disk).split()) == {backup, "filling"}
        place.succeed("verify", backup)
        assert json.loads(place.succeed("status"))["last_failure"]["message"] == said
    finally:
        place.machine.check_output("umount %s && rmdir %s", disk, disk)


DAMAGES = {
    "flipped": "printf '\\377' | dd of={path} bs=1 seek=$(( $(stat --format=%s {path}) / 2 )) conv=notrunc status=none",
    "truncated": "truncate --size=-1 {path}",
    "missing": "rm {path}",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("form", ["custom", "directory", "plain"])
def test_damage_is_found_and_named(place: Place, backup: str, form: str, damage: str) -> None:
    place.write_config(format=form)
    damaged = place.make()
    sizes = {name: facts["bytes"] for name, facts in place.manifest(damaged)["files"].items()}
    name = max((name for name in sizes if name.startswith("database") and "toc" not in name), key=sizes.__getitem__)
    place.succeed("verify", damaged)
    place.machine.check_output(DAMAGES[damage].format(path=f"{place.folder}/backups/{damaged}/{name}"))
    assert f"{damaged} is damaged: {name} " in place.refuse(4, "verify", damaged)
    place.succeed("verify", backup)


def test_a_second_run_at_once_is_refused_and_told_who_is_at_work(place: Place, backup: str) -> None:
    second = f"{PROGRAM} --config {place.config} make 2>&1 | tail -n 1 >&2; echo ${{PIPESTATUS[0]}} >&2"
    done = hold_up(place, second)
    assert done.rc == 0
    said = done.stderr.splitlines()
    assert any(f"Another run is at work: making a backup of {place.name}, process " in line for line in said)
    assert "3" in said
    assert len(names(place)) == 2
    assert names(place)[0] == backup


def test_ended_politely_it_cleans_up_and_says_so(place: Place, backup: str) -> None:
    done = hold_up(place, "kill $work")
    assert done.rc == 1
    assert done.stderr.splitlines()[-1] == "It was ended by SIGTERM."
    assert names(place) == [backup]
    assert left_over(place) == []


@pytest.fixture
def doomed(machine: Any) -> Iterator[Place]:
    """A database without TimescaleDB."""
    made = Place(machine, "making_doomed", "/var/lib/making_doomed")
    for folder in (made.folder, made.state, f"{made.folder}/backups"):
        machine.check_output("install -d -o postgres -m 700 %s", folder)
    made.sql(f"CREATE DATABASE {made.name}", database="postgres")
    made.sql("CREATE TABLE note (body text)")
    made.write_config()
    yield made
    made.sql(f"DROP DATABASE IF EXISTS {made.name}", database="postgres")
    machine.check_output("rm -r %s", made.folder)


def test_a_database_that_is_dropped_meanwhile_is_a_failure_and_no_backup(doomed: Place) -> None:
    backup = doomed.make()
    assert doomed.manifest(backup)["timescaledb"] is None
    done = hold_up(doomed, f"psql -XAtq -d postgres -c 'DROP DATABASE {doomed.name} WITH (FORCE)'")
    assert done.rc == 1
    said = done.stderr.splitlines()[-1]
    assert "terminating connection" in said or "closed the connection" in said  # as whoever notices first says it
    assert "Traceback" not in done.stderr
    assert names(doomed) == [backup]
    assert left_over(doomed) == []
    assert json.loads(doomed.succeed("status"))["last_failure"]["message"] == said
    assert "does not exist" in doomed.refuse(1, "make")
    doomed.succeed("verify", backup)
