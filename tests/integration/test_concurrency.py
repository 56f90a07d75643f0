"""Other users of the database: held locks and second runs. A sandbox has one connection, so this needs a server."""

from __future__ import annotations

import threading
import time

import pytest

from tests.integration.databases import ADDRESSES, Database
from tests.integration.objects import Bench

ADVISORY_LOCK = "1414743106, 1818846821"


@pytest.fixture
def bench(database: Database, request: pytest.FixtureRequest) -> Bench:
    if "sandbox" in request.node.name:
        pytest.skip("a sandbox serves one connection at a time; name servers in TIMESCALEDB_TEST_DSN")
    return Bench(database)


def test_a_lock_somebody_holds_ends_the_run_with_nothing_changed(bench: Bench) -> None:
    table = bench.hypertable()
    with bench.database.connect() as other, other.transaction():
        other.execute(f"LOCK TABLE {table} IN SHARE MODE")
        started = time.monotonic()
        message = bench.refuse("compression", name=table, segmentby=["device_id"], lock_timeout=1)
        assert time.monotonic() - started < 10
    assert message == (
        f"set compression of {table} did not get its lock in time, something else is using the table (canceling "
        "statement due to lock timeout); nothing has been changed"
    )
    assert bench.do("compression", name=table, segmentby=["device_id"])["changed"]


def test_a_second_run_fails_clearly_while_the_first_goes_on(bench: Bench) -> None:
    table = bench.hypertable()
    with bench.database.connect() as other:
        other.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
        message = bench.refuse("retention", name=table, drop_after="90 days", lock_timeout=1)
        assert message == (
            "another run is changing this database and did not finish within 1 seconds; nothing has been changed"
        )
        assert bench.do("retention", name=table, drop_after="90 days", lock_timeout=1, check=True)["changed"]


def test_a_second_run_waits_for_the_first(bench: Bench) -> None:
    table = bench.hypertable()
    with bench.database.connect() as other:
        other.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
        threading.Timer(1, lambda: other.execute(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})")).start()
        started = time.monotonic()
        assert bench.do("retention", name=table, drop_after="90 days")["changed"]
        assert time.monotonic() - started > 0.5


def test_reading_waits_for_no_lock_longer_than_it_was_told(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=2)
    with bench.database.connect() as other, other.transaction():
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        message = bench.run("info", lock_timeout=1)["msg"]
        assert time.monotonic() - started < 10
    assert message.startswith("reading the database did not get its locks in time, something holds a table")


def test_servers_are_named_or_that_is_said() -> None:
    if not ADDRESSES:
        pytest.skip("TIMESCALEDB_TEST_DSN names no server")
    assert all(address.startswith("postgresql://") for address in ADDRESSES)
