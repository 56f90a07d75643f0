"""Whatever happens while a database is restored, and whenever: a whole one serves."""

from __future__ import annotations

import random
import shlex
import time
from collections.abc import Iterator
from typing import Any

import pytest
from restoring import PROGRAM, Place, create_place, remove_place

KILLS = 20
KILLED = """
{program} --config {config} restore {backup} --in-place --confirm {name} --hold-jobs > /dev/null 2>&1 &
work=$!
sleep {seconds}
kill -9 $work
wait $work
"""


@pytest.fixture(scope="module")
def place(machine: Any) -> Iterator[Place]:
    """A database with one backup."""
    made = create_place(machine, "restoring_fault")
    yield made
    remove_place(made)


@pytest.fixture(scope="module")
def backup(place: Place) -> str:
    """The backup."""
    return place.make()


@pytest.fixture
def number(place: Place) -> Iterator[str]:
    """The number of the database that serves; afterwards nothing else is left."""
    yield place.sql(f"SELECT oid FROM pg_database WHERE datname = '{place.name}'", database="postgres")
    for name in place.databases():
        if name != place.name:
            place.sql(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")


@pytest.mark.usefixtures("number")
def test_killed_at_any_moment_a_whole_database_serves_and_the_next_restore_sweeps(place: Place, backup: str) -> None:
    begin = time.monotonic()
    place.succeed("restore", backup, "--in-place", "--confirm", place.name, "--hold-jobs")
    whole = time.monotonic() - begin
    chance = random.Random(4)  # noqa: S311 - moments, no secret
    moments = [whole * (step + chance.random()) / KILLS for step in range(KILLS)]
    interrupted = 0
    for moment in moments:
        script = KILLED.format(
            program=PROGRAM, config=place.config, backup=backup, name=place.name, seconds=f"{moment:.2f}"
        )
        place.as_postgres("bash", "-c", script)
        assert place.is_whole(place.name), f"killed after {moment:.2f} s of about {whole:.2f}"
        interrupted += any("_restoring_" in name for name in place.databases())
    assert interrupted >= KILLS // 3
    place.succeed("restore", backup, "--in-place", "--confirm", place.name, "--hold-jobs")
    assert [name for name in place.databases() if "_restoring_" in name] == []
    assert place.sql("SHOW timescaledb.restoring") == "off"
    assert place.machine.check_output("cat %s/restoring.json", place.state) == "[]"


def test_a_kill_between_the_swap_and_the_start_of_jobs_is_made_good_by_the_next_run(
    place: Place, backup: str, number: str
) -> None:
    place.write(
        f"{place.state}/restoring.json",
        f'[{{"name": "{place.name}_restoring_1", "serving": "{place.name}", "number": {number}}}]',
    )
    place.sql("SELECT _timescaledb_functions.stop_background_workers()")
    done = place.run("restore", backup, "--as", f"{place.name}_copy", "--hold-jobs")
    assert done.rc == 0
    assert f"{place.name} had been restored to its end" in done.stderr
    assert place.is_whole(place.name)
    running = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{place.name}' AND backend_type ~ 'Scheduler'"
    assert place.sql(running, database="postgres") == "1"


def test_a_failed_comparison_leaves_the_old_one_serving(place: Place, backup: str, number: str) -> None:
    tampered = place.doctored(backup, "tampered", census__tables=lambda found: {**found, "public.note": {"rows": 29}})
    said = place.refuse(4, "restore", tampered, "--in-place", "--confirm", place.name, "--hold-jobs")
    assert "public.note: rows is 30 instead of 29" in said
    assert place.databases() == [place.name]
    assert place.is_whole(place.name)
    assert place.sql(f"SELECT oid FROM pg_database WHERE datname = '{place.name}'", database="postgres") == number


@pytest.mark.usefixtures("number")
def test_a_damaged_backup_is_not_even_begun_with(place: Place, backup: str) -> None:
    damaged = place.doctored(backup, "damaged")
    place.machine.check_output("truncate -s -100 %s/backups/%s/database.dump", place.folder, damaged)
    assert "database.dump" in place.refuse(4, "restore", damaged, "--in-place", "--confirm", place.name, "--hold-jobs")
    assert place.databases() == [place.name]
    assert place.is_whole(place.name)


@pytest.mark.usefixtures("number")
def test_clients_that_come_back_at_once_do_not_hold_up_the_swap(place: Place, backup: str) -> None:
    client = f"while true; do psql -XAtq -d {place.name} -c 'SELECT pg_sleep(60)' > /dev/null 2>&1; done"
    loops = " & ".join([f"timeout 300 bash -c {shlex.quote(client)}"] * 6)
    started = place.as_postgres("bash", "-c", f"({loops} &) > /dev/null 2>&1; echo $$")
    assert started.rc == 0
    try:
        place.succeed("restore", backup, "--in-place", "--confirm", place.name, "--hold-jobs")
    finally:
        place.as_postgres("bash", "-c", f"pkill -f {shlex.quote('timeout 300 bash -c while true; do psql')}")
    assert place.is_whole(place.name)
    assert any("_before_" in name for name in place.databases())


@pytest.mark.usefixtures("number")
def test_two_restores_at_once_are_refused(place: Place, backup: str) -> None:
    script = f"""
    flock --no-fork {place.state}/lock sleep 60 & holder=$!
    while flock --nonblock {place.state}/lock true; do sleep 0.1; done
    {PROGRAM} --config {place.config} restore {backup} --as {place.name}_copy
    code=$?
    kill $holder
    wait
    exit $code
    """
    done = place.as_postgres("bash", "-c", script)
    assert done.rc == 3
    assert "Another run is at work" in done.stderr


@pytest.mark.usefixtures("number")
def test_what_is_not_ours_is_never_swept(place: Place, backup: str) -> None:
    place.sql(f"CREATE DATABASE {place.name}_restoring_of_somebody", database="postgres")
    place.succeed("restore", backup, "--as", f"{place.name}_copy", "--hold-jobs")
    assert f"{place.name}_restoring_of_somebody" in place.databases()
