"""The database holds the schema, the hypertable and the sample data."""

from __future__ import annotations

import pytest
from server import Server

TABLES = ["alerts", "api_tokens", "devices", "metrics", "plugins", "rate_schedules", "users"]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_exists(server: Server, table: str) -> None:
    assert server.value(f"SELECT to_regclass('public.{table}') IS NOT NULL")


def test_every_migration_has_run(server: Server) -> None:
    assert server.value("SELECT version_num FROM alembic_version") == "003"


def test_metrics_is_a_hypertable_with_chunks_of_seven_days(server: Server) -> None:
    dimensions = server.rows(
        "SELECT column_name, time_interval = interval '7 days' AS weekly"
        " FROM timescaledb_information.dimensions WHERE hypertable_name = 'metrics'"
    )
    assert dimensions == [{"column_name": "time", "weekly": True}]


def test_there_is_no_other_hypertable(server: Server) -> None:
    assert server.value("SELECT string_agg(hypertable_name, ',') FROM timescaledb_information.hypertables") == "metrics"


@pytest.mark.parametrize("metric", ["power", "energy", "temperature"])
def test_sample_metrics_span_thirty_days_up_to_now(server: Server, metric: str) -> None:
    sample = f"FROM metrics WHERE metric_type = '{metric}' AND time BETWEEN now() - interval '40 days' AND now()"
    assert server.value(f"SELECT max(time) - min(time) >= interval '29 days' {sample}")
    assert server.value(f"SELECT max(time) > now() - interval '2 hours' {sample}")


def test_the_hypertable_has_chunks_with_rows(server: Server) -> None:
    assert server.value("SELECT count(*) FROM show_chunks('metrics')") >= 4
