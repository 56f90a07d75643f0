"""A backup becomes a database again, beside the first one or in its place, and it is as it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from restoring import DAYS, OLDEST, OWNER, READER, Place, create_place, remove_place

COPY = "restoring_try_copy"
PROPERTIES = """
SELECT json_build_array(pg_get_userbyid(datdba), datacl, datconnlimit, pg_encoding_to_char(encoding), datcollate,
  datctype,
  shobj_description(oid, 'pg_database'),
  (SELECT json_agg(json_build_array(setrole::regrole, setconfig) ORDER BY setrole::regrole::text)
  FROM pg_db_role_setting WHERE setdatabase = d.oid)) FROM pg_database AS d WHERE datname = '{}'
"""
DEFAULTS = "SELECT json_agg(json_build_array(defaclrole::regrole, defaclobjtype, defaclacl)) FROM pg_default_acl"
RIGHTS = """
SELECT json_agg(json_build_array(relname, relowner::regrole, relacl) ORDER BY relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace
"""
JOBS = """
SELECT json_agg(json_build_array(job_id, proc_name, owner, scheduled, schedule_interval, config, initial_start,
  fixed_schedule) ORDER BY job_id) FROM timescaledb_information.jobs WHERE job_id >= 1000
"""
RUNS = "SELECT count(*) FROM _timescaledb_internal.bgw_job_stat WHERE job_id >= 1000"
CHUNKS = "SELECT count(*) FROM show_chunks('reading')"


@pytest.fixture(scope="module")
def place(machine: Any) -> Iterator[Place]:
    """A database with one backup."""
    made = create_place(machine, "restoring_try")
    yield made
    remove_place(made)


@pytest.fixture(scope="module")
def backup(place: Place) -> str:
    """The backup."""
    return place.make()


@pytest.fixture
def copy(place: Place) -> Iterator[str]:
    """The name of a database that is dropped afterwards."""
    yield COPY
    place.sql(f"DROP DATABASE IF EXISTS {COPY} WITH (FORCE)", database="postgres")


@pytest.fixture
def back_in_place(place: Place) -> Iterator[None]:
    """Let the first database serve again, whatever a test did."""
    number = place.sql(f"SELECT oid FROM pg_database WHERE datname = '{place.name}'", database="postgres")
    yield
    there = place.sql(f"SELECT datname FROM pg_database WHERE oid = {number}", database="postgres")
    if there != place.name:
        place.succeed("swap-back", there, "--confirm", place.name)
    for name in place.databases():
        if name != place.name:
            place.sql(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")


@pytest.mark.parametrize("layout", ["custom", "directory", "plain"])
def test_each_format_comes_back_as_it_was(place: Place, copy: str, layout: str) -> None:
    place.write_config(format=layout)
    try:
        name = place.make()
        assert place.manifest(name)["format"] == layout
        assert f"{name} is restored as {copy}" in place.succeed("restore", name, "--as", copy, "--hold-jobs")
    finally:
        place.write_config()
    assert place.is_whole(copy)
    assert place.sql("SHOW timescaledb.restoring", database=copy) == "off"
    assert place.sql(PROPERTIES.format(copy), database="postgres") == place.sql(
        PROPERTIES.format(place.name), database="postgres"
    )
    for query in (DEFAULTS, RIGHTS):
        assert place.sql(query, database=copy) == place.sql(query)


def test_what_is_restored_can_be_written_to(place: Place, backup: str, copy: str) -> None:
    place.succeed("restore", backup, "--as", copy, "--hold-jobs")
    place.sql(
        "INSERT INTO reading SELECT t, 1, 1"
        " FROM generate_series('2024-06-01 00:00+00'::timestamptz, '2024-06-05 00:00+00', interval '1 day') AS t",
        f"INSERT INTO reading VALUES ('{OLDEST} 00:30+00', 1, 99)",
        "INSERT INTO note (body) VALUES ('another')",
        database=copy,
    )
    assert place.sql(CHUNKS, database=copy) == str(DAYS + 5)
    assert place.sql("SELECT count(*) = count(DISTINCT id) FROM _timescaledb_catalog.chunk", database=copy) == "t"
    assert place.sql("SELECT max(id) FROM note", database=copy) == "31"


def test_planner_and_autovacuum_know_what_was_restored(place: Place, backup: str, copy: str) -> None:
    place.succeed("restore", backup, "--as", copy, "--hold-jobs")
    lacking = (
        "SELECT count(*) FROM pg_class AS c JOIN pg_stat_all_tables AS s ON s.relid = c.oid"
        " WHERE c.relkind = 'r' AND c.reltuples > 0 AND c.relname <> 'pg_statistic' AND {}"
    )
    assert place.sql(lacking.format("s.last_analyze IS NULL"), database=copy) == "0"
    assert place.sql(lacking.format("s.last_vacuum IS NULL"), database=copy) == "0"
    assert int(place.sql(lacking.format("s.last_analyze IS NOT NULL"), database=copy)) > DAYS


@pytest.mark.edition("community")
def test_no_job_runs_before_it_is_released(place: Place, backup: str, copy: str) -> None:
    said = place.succeed("restore", backup, "--as", copy, "--hold-jobs")
    assert f"the retention policy of public.reading drops {DAYS} of its chunks at its next run" in said
    time.sleep(8)
    assert place.sql(RUNS, database=copy) == "0"
    assert (
        place.sql("SELECT count(*) FROM timescaledb_information.jobs WHERE job_id >= 1000 AND scheduled", database=copy)
        == "0"
    )
    assert place.sql(CHUNKS, database=copy) == str(DAYS)


@pytest.mark.edition("community")
def test_jobs_are_released_exactly_as_they_were(place: Place, backup: str, copy: str) -> None:
    place.succeed("restore", backup, "--as", copy)
    assert json.loads(place.sql(JOBS, database=copy)) == json.loads(place.sql(JOBS))
    assert "false" in place.sql(JOBS)


@pytest.mark.edition("community")
def test_a_retention_policy_that_is_released_does_what_it_is_there_for(place: Place, backup: str, copy: str) -> None:
    assert "public.reading drops" in place.succeed("restore", backup, "--as", copy)
    deadline = time.monotonic() + 120
    while place.sql(CHUNKS, database=copy) != "0" and time.monotonic() < deadline:
        time.sleep(2)
    assert place.sql(CHUNKS, database=copy) == "0"
    assert int(place.sql(RUNS, database=copy)) > 0


@pytest.mark.edition("community")
def test_aggregates_answer_and_are_refreshed_after_a_restore(place: Place, backup: str, copy: str) -> None:
    place.succeed("restore", backup, "--as", copy, "--hold-jobs")
    whole = "SELECT count(*), max(bucket), round(sum(average)) FROM {}"
    for name in ("hourly", "daily"):
        assert place.sql(whole.format(name), database=copy) == place.sql(whole.format(name))
    before = place.sql("SELECT count(*) FROM daily", database=copy)
    place.sql("CALL refresh_continuous_aggregate('hourly', NULL, NULL)", database=copy)
    place.sql("CALL refresh_continuous_aggregate('daily', NULL, NULL)", database=copy)
    assert int(place.sql("SELECT count(*) FROM daily", database=copy)) == int(before) + (DAYS - 15) * 5


@pytest.mark.edition("community")
def test_compressed_chunks_stay_compressed_and_can_be_opened(place: Place, backup: str, copy: str) -> None:
    place.succeed("restore", backup, "--as", copy, "--hold-jobs")
    compressed = (
        "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'reading' AND is_compressed"
    )
    assert place.sql(compressed, database=copy) == "8"
    place.sql(
        "SELECT decompress_chunk(c) FROM show_chunks('reading', older_than => '2024-03-03 00:00+00'::timestamptz) AS c",
        database=copy,
    )
    place.sql(
        "SELECT compress_chunk(c) FROM show_chunks('reading', older_than => '2024-03-11 00:00+00'::timestamptz) AS c",
        database=copy,
    )
    assert place.sql(compressed, database=copy) == "10"
    assert place.is_whole(copy)


@pytest.mark.usefixtures("back_in_place")
def test_in_place_the_old_one_is_kept_closed_and_can_be_had_back(place: Place, backup: str) -> None:
    old = place.sql(PROPERTIES.format(place.name), database="postgres")
    place.sql("INSERT INTO note (body) VALUES ('after the backup')")
    said = place.succeed("restore", backup, "--in-place", "--confirm", place.name, "--hold-jobs")
    (aside,) = [name for name in place.databases() if "_before_" in name]
    assert place.is_whole(place.name)
    assert place.sql(PROPERTIES.format(place.name), database="postgres") == old
    refused = place.as_postgres("psql", "-X", "-d", aside, "-c", "SELECT 1")
    assert refused.rc != 0
    assert "not currently accepting connections" in refused.stderr
    workers = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{aside}'"
    assert place.sql(workers, database="postgres") == "0"
    assert f"dropdb {aside}" in said
    (command,) = [line.split(": ", 1)[1] for line in said.splitlines() if "swap-back" in line]
    arguments = command.split()[3:]
    place.succeed(*arguments)
    assert place.sql("SELECT count(*) FROM note WHERE body = 'after the backup'") == "1"
    place.sql("DELETE FROM note WHERE body = 'after the backup'")


@pytest.mark.edition("community")
@pytest.mark.usefixtures("back_in_place")
def test_in_place_jobs_run_in_the_new_database_and_only_there(place: Place, backup: str) -> None:
    place.succeed("restore", backup, "--in-place", "--confirm", place.name)
    running = f"SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{place.name}' AND backend_type ~ 'Scheduler'"
    deadline = time.monotonic() + 60
    while place.sql(running, database="postgres") != "t" and time.monotonic() < deadline:
        time.sleep(1)
    assert place.sql(running, database="postgres") == "t"


def test_a_lost_database_comes_back_in_place(place: Place, backup: str) -> None:
    properties = place.sql(PROPERTIES.format(place.name), database="postgres")
    place.sql(f"DROP DATABASE {place.name} WITH (FORCE)", database="postgres")
    said = place.succeed("restore", backup, "--in-place", "--confirm", place.name, "--hold-jobs")
    assert place.is_whole(place.name)
    assert "kept as" not in said
    assert place.databases() == [place.name]
    assert place.sql(PROPERTIES.format(place.name), database="postgres") == properties


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"postgresql__version": 160004}, ["PostgreSQL 16", "PostgreSQL 17", "restore it on"]),
        ({"timescaledb__version": "2.14.1"}, ["exactly TimescaleDB 2.14.1", "install the package"]),
        (
            {"timescaledb__edition": lambda found: "apache" if found == "community" else "community"},
            ["edition", "install"],
        ),
        ({"database__roles": ["restoring_nobody"]}, ["restoring_nobody", "globals"]),
        ({"census__extensions__hstore": lambda _: {"version": "0.1", "schema": "public"}}, ["hstore 0.1"]),
    ],
)
def test_what_does_not_fit_the_server_is_refused_with_the_way_out(
    place: Place, backup: str, changes: dict[str, Any], words: list[str]
) -> None:
    if "census__extensions__hstore" in changes:
        changes = {"census__extensions": lambda found: {**found, "hstore": {"version": "0.1", "schema": "public"}}}
    doctored = place.doctored(backup, "doctored", **changes)
    said = place.refuse(6, "restore", doctored, "--as", COPY)
    assert [word for word in words if word not in said] == []
    assert place.databases() == [place.name]


def test_a_wrong_confirmation_is_refused(place: Place, backup: str) -> None:
    assert f"--confirm {place.name}" in place.refuse(6, "restore", backup, "--in-place")
    assert "something was given" in place.refuse(6, "restore", backup, "--in-place", "--confirm", "something")
    assert place.databases() == [place.name]


def test_a_name_that_is_taken_is_refused(place: Place, backup: str) -> None:
    assert "already" in place.refuse(6, "restore", backup, "--as", place.name)


def test_too_little_room_is_told_before_anything_is_done(place: Place, backup: str) -> None:
    place.write_config(least_free_mb=2**31)
    try:
        assert "MB free" in place.refuse(5, "restore", backup, "--as", COPY)
    finally:
        place.write_config()
    assert place.databases() == [place.name]


def test_the_owner_and_a_reader_can_use_what_was_restored(place: Place, backup: str, copy: str) -> None:
    place.succeed("restore", backup, "--as", copy, "--hold-jobs")
    place.sql(f"SET ROLE {OWNER}", "INSERT INTO reading VALUES ('2024-07-01', 1, 1)", database=copy)
    assert place.sql(f"SET ROLE {READER}", "SELECT count(*) FROM reading", database=copy) == str(DAYS * 24 * 5 + 1)
