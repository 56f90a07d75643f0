"""Background workers run policies that are due, by themselves."""

from __future__ import annotations

import pytest
from server import Server

pytestmark = pytest.mark.edition("community")

SECONDS = 90
OLD = "now() - interval '200 days'"  # longer ago than any retention of metrics in this scenario
COLD = "now() - interval '20 days'"  # older than what is left uncompressed, younger than what is dropped
# A policy on an aggregate is listed under the aggregate or under what stores it, depending on the version.
JOB = """
SELECT job_id FROM timescaledb_information.jobs AS j
LEFT JOIN timescaledb_information.continuous_aggregates AS c
       ON j.hypertable_name IN (c.view_name, c.materialization_hypertable_name)
WHERE proc_name = '{}' AND coalesce(view_name, j.hypertable_name) = '{}'
"""
INSERT = "INSERT INTO metrics (time, device_id, metric_type, value, unit) VALUES ({}, 'sample-plug', 'power', {}, 'W')"


def make_due(server: Server, procedure: str, relation: str) -> None:
    """Let a policy's next run be now; the run itself is the scheduler's."""
    job = server.value(JOB.format(procedure, relation))
    server.execute(f"SELECT alter_job({job}, next_start => now())")


def count_chunks(where: str) -> str:
    """How many chunks of metrics there are of some kind, as a query."""
    return f"SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'metrics' AND {where}"


def test_retention_drops_a_chunk_that_is_too_old(server: Server) -> None:
    server.execute(INSERT.format(OLD, 1))
    old = count_chunks("range_end < now() - interval '150 days'")
    assert server.value(old) == 1
    make_due(server, "policy_retention", "metrics")
    assert server.wait_for(f"SELECT ({old}) = 0", SECONDS)


def test_compression_compresses_a_chunk_that_has_cooled_down(server: Server) -> None:
    cold = f"range_start <= {COLD} AND range_end > {COLD}"
    server.execute(
        f"SELECT decompress_chunk(format('%I.%I', chunk_schema, chunk_name)::regclass)"
        f" FROM timescaledb_information.chunks WHERE hypertable_name = 'metrics' AND is_compressed AND {cold}"
    )
    assert server.value(count_chunks(f"NOT is_compressed AND {cold}")) == 1
    make_due(server, "policy_compression", "metrics")
    assert server.wait_for(f"SELECT ({count_chunks(f'is_compressed AND {cold}')}) = 1", SECONDS)


def test_refresh_materialises_what_came_in(server: Server) -> None:
    materialised = server.value(
        "SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)"
        " FROM timescaledb_information.continuous_aggregates WHERE view_name = 'metrics_hourly'"
    )
    value = "987654.25"
    server.execute(INSERT.format("date_trunc('hour', now()) - interval '90 minutes'", value))
    make_due(server, "policy_refresh_continuous_aggregate", "metrics_hourly")
    try:
        assert server.wait_for(f"SELECT count(*) = 1 FROM {materialised} WHERE max_value = {value}", SECONDS)
    finally:
        server.execute(f"DELETE FROM metrics WHERE value = {value} AND time > now() - interval '1 day'")


def test_every_policy_has_run_and_none_has_failed(server: Server) -> None:
    query = "SELECT count(*) = 6 FROM timescaledb_information.job_stats WHERE hypertable_name IS NOT NULL AND {}"
    assert server.wait_for(query.format("total_successes > 0"), SECONDS)
    assert server.rows("SELECT * FROM timescaledb_information.job_errors WHERE job_id >= 1000") == []
