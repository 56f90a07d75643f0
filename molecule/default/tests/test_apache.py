"""The Apache edition has hypertables; what is beyond them the server itself refuses, so nothing of it is there."""

from __future__ import annotations

import pytest
from server import Server

pytestmark = pytest.mark.edition("apache")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE metrics SET (timescaledb.compress)",
        "SELECT add_retention_policy('metrics', INTERVAL '90 days')",
        "CREATE MATERIALIZED VIEW molecule_hourly WITH (timescaledb.continuous) AS"
        " SELECT time_bucket(INTERVAL '1 hour', time) AS bucket, avg(value) FROM metrics GROUP BY bucket WITH NO DATA",
    ],
    ids=["compression", "retention", "continuous aggregate"],
)
def test_the_server_refuses(server: Server, statement: str) -> None:
    assert 'not supported under the current "apache" license' in server.refusal_of(statement)


def test_there_are_no_policies(server: Server) -> None:
    assert server.value("SELECT count(*) FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL") == 0


def test_there_are_no_aggregates(server: Server) -> None:
    assert server.value("SELECT count(*) FROM timescaledb_information.continuous_aggregates") == 0


def test_chunks_can_be_dropped_by_hand(server: Server) -> None:
    server.execute(
        "INSERT INTO metrics (time, device_id, metric_type, value, unit)"
        " VALUES (now() - interval '400 days', 'sample-plug', 'power', 1, 'W')"
    )
    server.execute("SELECT drop_chunks('metrics', older_than => INTERVAL '300 days')")
    assert server.value("SELECT count(*) FROM metrics WHERE time < now() - interval '300 days'") == 0
