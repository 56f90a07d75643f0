"""What a backup holds is what the database held at one moment, whatever else was at work; and it is kept in order."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from restoring import DAYS, OLDEST, OWNER, PROGRAM, Place, create_place, remove_place

ROWS = DAYS * 24 * 5
WRITES = """
INSERT INTO note (body) SELECT 'more' FROM generate_series(1, 20);
INSERT INTO reading SELECT time, device, value FROM reading ORDER BY time LIMIT 20;
"""
MANY = 1000


@pytest.fixture(scope="module")
def place(machine: Any) -> Iterator[Place]:
    """A database without a backup."""
    made = create_place(machine, "making")
    yield made
    remove_place(made)


@pytest.fixture(autouse=True)
def configured(place: Place) -> Iterator[None]:
    """The configuration is afterwards as it was."""
    yield
    place.write_config()


@contextmanager
def writing(place: Place) -> Iterator[None]:
    """Somebody writes all the time, and draws from a sequence."""
    loop = f"touch {place.state}/writing; while [ -e {place.state}/writing ]; do"
    loop += f" psql -XAtq -d {place.name} -c {shlex.quote(WRITES)} || break; done"
    place.as_postgres("bash", "-c", f"({loop}) > /dev/null 2> {place.state}/writing.log &")
    try:
        yield
    finally:
        place.machine.check_output("rm %s/writing && sleep 1", place.state)


def rows_of(manifest: dict[str, Any], name: str) -> int:
    """The rows of a hypertable, over all ranges."""
    return sum(facts["rows"] for key, facts in manifest["census"]["chunks"].items() if key.startswith(f"{name} ["))


@pytest.mark.parametrize("form", ["custom", "directory", "plain"])
def test_counts_are_those_of_the_dump_also_while_somebody_writes(place: Place, form: str) -> None:
    place.write_config(format=form)
    with writing(place):
        before = int(place.sql("SELECT count(*) FROM note"))
        backup = place.make()
        after = int(place.sql("SELECT count(*) FROM note"))
    assert before < after
    assert before <= place.manifest(backup)["census"]["tables"]["public.note"]["rows"] <= after
    assert rows_of(place.manifest(backup), "public.reading") >= ROWS
    # A restore compares everything with the manifest, and fails where anything differs.
    place.succeed("restore", backup, "--as", f"{place.name}_copy", "--hold-jobs")
    place.sql(f"DROP DATABASE {place.name}_copy WITH (FORCE)", database="postgres")


@pytest.mark.edition("community")
def test_rows_of_a_chunk_that_is_compressed_meanwhile_are_not_lost(place: Place) -> None:
    """Compressing empties a chunk, and it is empty for older snapshots, too: here between the snapshot and the dump."""
    rows = int(place.sql("SELECT count(*) FROM reading"))
    hold = "BEGIN; ALTER SEQUENCE note_id_seq RENAME TO held; SELECT pg_sleep(120)"
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name ~ 'timescaledb-backup' AND wait_event_type = 'Lock'"
    )
    compress = "SELECT compress_chunk(c) FROM show_chunks('reading') AS c ORDER BY c::oid DESC LIMIT 1"
    ask = f"psql -XAtq -d {place.name} -c"
    script = f"""
    {ask} "{hold}" > /dev/null 2>&1 & holder=$!
    until {ask} "SELECT 1 FROM pg_locks WHERE relation = 'note_id_seq'::regclass" | grep -q 1; do sleep 0.2; done
    {PROGRAM} --config {place.config} make & work=$!
    for _ in $(seq 240); do {ask} "{waiting}" | grep -q 1 && break; sleep 0.25; done
    {ask} "{compress}" >&2
    kill $holder
    {ask} "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^BEGIN; ALTER SEQUENCE'" > /dev/null
    wait $work
    """
    done = place.as_postgres("bash", "-c", script)
    assert done.rc == 0, done.stderr
    assert "was emptied or written anew after the snapshot" in done.stderr
    assert rows_of(place.manifest(done.stdout.split(":")[0]), "public.reading") == rows


def wait_for(place: Place, command: str, seconds: float = 180) -> None:
    """Wait until a command succeeds."""
    deadline = time.monotonic() + seconds
    while place.as_postgres("bash", "-c", command).rc != 0:
        assert time.monotonic() < deadline, f"not within {seconds} seconds: {command}"
        time.sleep(0.5)


def test_a_thousand_chunks_are_counted_in_seconds(place: Place) -> None:
    place.sql(
        "CREATE TABLE many (time timestamptz NOT NULL, value int)",
        "SELECT create_hypertable('many', 'time', chunk_time_interval => interval '1 hour')",
        f"INSERT INTO many SELECT '{OLDEST}'::timestamptz + n * interval '1 hour', n FROM generate_series(1, {MANY}) n",
    )
    try:
        begin = time.monotonic()
        manifest = place.manifest(place.make())
        seconds = time.monotonic() - begin
    finally:
        place.sql("DROP TABLE many")
    assert rows_of(manifest, "public.many") == MANY
    assert manifest["census"]["hypertables"]["public.many"]["chunks"] == MANY
    assert seconds < 120


def test_a_table_that_is_locked_for_a_while_is_waited_for(place: Place) -> None:
    place.write_config(lock_wait_timeout="2s")
    locked = "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'note'::regclass AND granted"
    lock = "BEGIN; LOCK TABLE note IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(12)"
    place.as_postgres("bash", "-c", f"psql -XAtq -d {place.name} -c '{lock}' > /dev/null 2>&1 &")
    wait_for(place, f'psql -XAtq -d {place.name} -c "{locked}" | grep -q 1')
    done = place.run("make")
    assert done.rc == 0, done.stderr
    assert "trying again in 15 seconds" in done.stderr


def test_a_clock_that_was_set_back_changes_neither_order_nor_what_stays(place: Place) -> None:
    place.machine.check_output("rm -rf %s/backups", place.folder)
    present = place.make()
    future = place.doctored(present, "20990101T000000Z", began="2099-01-01T00:00:00Z", sequence=2)
    newest = place.make()
    assert place.manifest(newest)["sequence"] == 3
    assert names(place) == [present, future, newest]
    assert f"{newest} is as it was made" in place.succeed("verify", "latest")
    place.write_config(keep={"last": 1})
    assert place.succeed("prune").split() == [present, future]
    assert names(place) == [newest]


def test_what_the_server_remarks_is_passed_on_and_no_failure(place: Place) -> None:
    before = place.sql(f"SELECT datcollversion FROM pg_database WHERE datname = '{place.name}'", database="postgres")
    place.sql(remember_collation(place, "0.1"), database="postgres")
    try:
        done = place.run("make")
    finally:
        place.sql(remember_collation(place, before or None), database="postgres")
    assert done.rc == 0, done.stderr
    assert "collation version" in done.stderr
    assert "circular" not in done.stderr


def test_a_copy_elsewhere_is_made_before_anything_is_pruned(place: Place) -> None:
    elsewhere = f"{place.folder}/elsewhere"
    have(place, "rsync")
    place.machine.check_output("install -d -o postgres %s", elsewhere)
    place.write_config(offsite={"kind": "rsync", "target": elsewhere}, keep={"last": 1})
    backup = place.make()
    place.machine.check_output("diff -r %s/backups/%s %s/%s", place.folder, backup, elsewhere, backup)
    assert names(place) == [backup]
    place.write_config(offsite={"kind": "rsync", "target": "/proc/nowhere"}, keep={"last": 1})
    assert "is made, but not copied to /proc/nowhere" in place.refuse(1, "make")
    assert len(names(place)) == 2
    assert names(place)[0] == backup


def test_globals_are_encrypted_for_their_recipients_and_come_back_with_the_key(place: Place) -> None:
    have(place, "age")
    key = f"{place.folder}/key"
    place.as_postgres("age-keygen", "-o", key)
    recipient = place.as_postgres("age-keygen", "-y", key).stdout.strip()
    place.sql(f"ALTER ROLE {OWNER} PASSWORD 'a secret'", database="postgres")
    place.write_config(encryption_recipients=[recipient])
    backup = place.make()
    found = place.machine.check_output("ls %s/backups/%s", place.folder, backup).split()
    assert "globals.sql.age" in found
    assert "globals.sql" not in found
    assert place.machine.run("grep --recursive --text SCRAM %s/backups/%s", place.folder, backup).rc == 1
    assert "--identity" in place.refuse(6, "globals", backup)
    told = place.succeed("globals", backup, "--identity", key)
    assert f"CREATE ROLE {OWNER};" in told
    assert "SCRAM-SHA-256$" in told


def names(place: Place) -> list[str]:
    """The backups there are, in their order."""
    return [row["name"] for row in json.loads(place.succeed("list", "--json"))]


def have(place: Place, package: str) -> None:
    """Install a package, as the role does where it is configured."""
    if not place.machine.exists(package):
        place.machine.check_output("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet %s", package)


def remember_collation(place: Place, version: str | None) -> str:
    """The statement that has the server believe which version of the system's collations a database was made with."""
    value = "NULL" if version is None else f"'{version}'"
    return f"UPDATE pg_database SET datcollversion = {value} WHERE datname = '{place.name}'"
