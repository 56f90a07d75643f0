"""Common problems, produced on purpose: each is named with its remedy, and nothing is changed by looking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.databases import Database
from tests.integration.objects import Bench

NO_WORKERS = "no_background_workers"


@pytest.fixture(scope="module")
def bench(database: Database) -> Bench:
    """A database on which modules are run."""
    return Bench(database)


@pytest.fixture(autouse=True)
def _no_tables_are_left(bench: Bench) -> Iterator[None]:
    yield
    for (name,) in bench.database.query("SELECT relname FROM pg_class WHERE relname LIKE 't\\_%' AND relkind = 'r'"):
        bench.database.query(f"DROP TABLE IF EXISTS {name} CASCADE")


def diagnose(bench: Bench, **options: Any) -> dict[str, dict[str, Any]]:
    """What is found, by name; what is no more than that a sandbox has no workers is left out."""
    before = bench.fingerprint()
    result = bench.do("diagnosis", **options)
    assert result["changed"] is False
    assert bench.fingerprint() == before
    findings = {finding["name"]: finding for finding in result["findings"]}
    assert result["problems"] + result["notices"] == len(result["findings"]) == len(result["report"])
    for finding in result["findings"]:
        assert all(finding[key] for key in ("problem", "evidence", "remedy")), finding
    if not has_workers(bench):
        findings.pop(NO_WORKERS, None)
    return findings


def has_workers(bench: Bench) -> bool:
    """Whether the server runs jobs by itself."""
    return bool(bench.database.value("SELECT current_setting('timescaledb.max_background_workers', true)"))


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something is so; return it."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.5)
    return answer


def compressing(bench: Bench, days: int = 5, **options: Any) -> str:
    """A filled hypertable that is compressed after two days, by a policy that does not begin by itself."""
    table = bench.hypertable()
    bench.do("compression", name=table, segmentby=["device_id"], compress_after="2 days", scheduled=False)
    bench.fill(table, days)
    if options:
        bench.do("compression", name=table, compress_after="2 days", **options)
    return table


def test_in_a_database_as_it_should_be_nothing_is_found(bench: Bench) -> None:
    table = compressing(bench)
    bench.database.query(f"SELECT compress_chunk(c, true) FROM show_chunks('{table}', INTERVAL '2 days') AS c")
    bench.database.query(f"SELECT alter_job({bench.job(table, 'compression')['job_id']}, scheduled => true)")
    assert diagnose(bench, hypertables=[{"name": table, "time_column": "time"}]) == {}


class TestChunksThatAreNotCompressing:
    def test_without_a_policy(self, bench: Bench) -> None:
        table = bench.hypertable()
        bench.do("compression", name=table, segmentby=["device_id"], policy_state="absent")
        bench.fill(table, 3)
        found = diagnose(bench)["compression_without_policy"]
        assert f"chunks of {table} are not compressing: no policy compresses them" in found["problem"]
        assert "0 of 4 chunks are compressed" in found["evidence"]
        assert "add_compression_policy" in found["remedy"]

    def test_with_a_policy_that_is_switched_off(self, bench: Bench) -> None:
        table = compressing(bench)
        found = diagnose(bench)["compression_policy_disabled"]
        assert f"chunks of {table} are not compressing: their policy is switched off" in found["problem"]
        assert f"alter_job({bench.job(table, 'compression')['job_id']}, scheduled => true)" in found["remedy"]

    def test_that_are_not_old_enough(self, bench: Bench) -> None:
        table = compressing(bench, days=1, scheduled=True)
        found = diagnose(bench)["compression_not_due"]
        assert f"chunks of {table} are not compressing: none is old enough yet" in found["problem"]
        assert "compress_after is 2 days, and the first chunk reaches that at 20" in found["evidence"]
        assert found["severity"] == "notice"

    def test_though_the_inventory_says_so(self, bench: Bench) -> None:
        table = bench.hypertable()
        declared = {"name": table, "time_column": "time", "compression": {"compress_after": "2 days"}}
        found = diagnose(bench, hypertables=[declared])["compression_not_enabled"]
        assert "its declared compression was not applied" in found["problem"]
        assert "playbooks/apply_lifecycle.yml" in found["remedy"]

    def test_because_the_job_fails(self, bench: Bench) -> None:
        if not has_workers(bench):
            pytest.skip("only a server with background workers runs a job that can fail")
        table = compressing(bench)
        job = bench.job(table, "compression")["job_id"]
        bench.database.query(
            f"""SELECT alter_job({job}, config => config || '{{"maxchunks_to_compress": "many"}}', scheduled => true,
                next_start => now()) FROM timescaledb_information.jobs WHERE job_id = {job}"""
        )
        found = wait_for(lambda: diagnose(bench).get("job_failing"))
        assert (
            f"chunks of {table} are not compressing: it fails" in found["problem"] or f"job {job}" in found["problem"]
        )
        assert "many" in found["evidence"]
        assert f"CALL run_job({job})" in found["remedy"]

    def test_because_nobody_runs_jobs(self, bench: Bench) -> None:
        table = compressing(bench, scheduled=True)
        if not has_workers(bench):
            result = bench.do("diagnosis")
            (found,) = (item for item in result["findings"] if table in item["problem"])
            assert "the server has no background workers" in found["problem"]
            return
        bench.database.query("SELECT _timescaledb_functions.stop_background_workers()")
        try:
            found = wait_for(lambda: diagnose(bench).get("no_scheduler"))
        finally:
            bench.database.query("SELECT _timescaledb_functions.start_background_workers()")
        assert "no scheduler runs for database" in found["problem"]
        assert "start_background_workers" in found["remedy"]


class TestSlowQueries:
    @pytest.fixture
    def table(self, bench: Bench) -> str:
        """A hypertable of twenty thousand rows, with an index on its time only."""
        table = bench.hypertable()
        bench.database.query(
            f"INSERT INTO {table} SELECT now() - (n || ' seconds')::interval, 'd' || n % 1000, 'power', n "
            "FROM generate_series(1, 20000) AS n"
        )
        bench.database.query(f"ANALYZE {table}")
        return table

    def test_that_are_declared_are_named_with_the_index_they_lack(self, bench: Bench, table: str) -> None:
        queries = [
            {"name": "of a device", "query": f"SELECT avg(value) FROM {table} WHERE device_id = 'd7';"},
            {
                "name": "of an hour",
                "query": f"SELECT avg(value) FROM {table} WHERE time > now() - INTERVAL '5 minutes'",
            },
            {"name": "of everything", "query": f"SELECT avg(value) FROM {table}"},
        ]
        result = bench.do("diagnosis", queries=queries)
        (found,) = (item for item in result["findings"] if item["name"] == "query_without_index")
        assert found["problem"] == f"query of a device is slow for want of an index on {table}"
        assert "it reads about 20000 rows to find about" in found["evidence"]
        assert f'CREATE INDEX ON {table} (device_id, "time" DESC)'.replace('"', "") in found["remedy"]
        bench.database.query(f"CREATE INDEX ON {table} (device_id, time DESC)")
        assert "query_without_index" not in diagnose(bench, queries=queries)

    def test_that_nobody_declared_show_in_statistics(self, bench: Bench, table: str) -> None:
        if not has_workers(bench):
            pytest.skip("the sandbox keeps no statistics")
        for _ in range(30):
            bench.database.query(f"SELECT count(*) FROM {table} WHERE kind = 'none'")
        found = wait_for(lambda: diagnose(bench).get("table_read_as_a_whole"))
        assert f"queries on {table} are slow for want of an index: it is mostly read as a whole" in found["problem"]
        assert found["severity"] == "notice"

    def test_that_cannot_be_planned_are_told(self, bench: Bench) -> None:
        found = diagnose(bench, queries=[{"name": "x", "query": "SELECT nothing FROM nowhere"}])["query_not_planned"]
        assert 'relation "nowhere" does not exist' in found["evidence"]

    @pytest.mark.parametrize("query", ["DELETE FROM devices", "SELECT 1; DROP TABLE devices"])
    def test_are_one_select(self, bench: Bench, query: str) -> None:
        assert "queries[x].query: " in bench.refuse("diagnosis", queries=[{"name": "x", "query": query}])

    def test_a_foreign_key_without_an_index_is_named(self, bench: Bench, table: str) -> None:
        if not has_workers(bench):
            pytest.skip("the sandbox keeps no statistics, by which a table is known to be large")
        parent = bench.table("id text PRIMARY KEY")
        bench.database.query(f"INSERT INTO {parent} SELECT DISTINCT device_id FROM {table}")
        bench.database.query(f"ALTER TABLE {table} ADD FOREIGN KEY (device_id) REFERENCES {parent}")
        found = wait_for(lambda: diagnose(bench).get("foreign_key_without_index"))
        assert f"CREATE INDEX ON {table} (device_id)" in found["remedy"]
        bench.database.query(f"CREATE INDEX ON {table} (device_id, time)")
        assert "foreign_key_without_index" not in diagnose(bench)


def test_a_database_in_restoring_mode_is_named(bench: Bench) -> None:
    if not has_workers(bench):
        pytest.skip("the sandbox has no sessions of its own that could be in restoring mode")
    bench.database.query("SELECT timescaledb_pre_restore()")
    try:
        assert "timescaledb_post_restore()" in diagnose(bench)["restoring"]["remedy"]
    finally:
        bench.database.query("SELECT timescaledb_post_restore()")
