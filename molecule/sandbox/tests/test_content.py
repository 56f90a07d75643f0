"""The live database holds the relational schema and thirty days of sample data, and the run said how to get there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

Database = psycopg.Connection[dict[str, Any]]
TABLES = ["alerts", "api_tokens", "devices", "metrics", "plugins", "rate_schedules", "users"]


def fetch_value(database: Database, query: str, *parameters: object) -> Any:
    """The only value of the only row of a query."""
    rows = database.execute(query, parameters).fetchall()
    assert len(rows) == 1, rows
    return next(iter(rows[0].values()))


@pytest.mark.parametrize("table", TABLES)
def test_a_table_exists_and_says_what_it_is_for(database: Database, table: str) -> None:
    assert fetch_value(database, "SELECT obj_description(to_regclass(%s), 'pg_class')", table)


def test_every_migration_has_run(database: Database) -> None:
    assert fetch_value(database, "SELECT version_num FROM alembic_version") == "003"


@pytest.mark.parametrize(
    ("table", "rows"), [("devices", 5), ("rate_schedules", 2), ("users", 2), ("alerts", 1), ("plugins", 1)]
)
def test_sample_rows_were_loaded_once(database: Database, table: str, rows: int) -> None:
    assert fetch_value(database, f"SELECT count(*) FROM {table}") == rows


def test_sample_metrics_span_thirty_days_up_to_now(database: Database) -> None:
    assert fetch_value(database, "SELECT max(time) - min(time) BETWEEN '29 days' AND '31 days' FROM metrics")
    assert fetch_value(database, "SELECT max(time) BETWEEN now() - interval '1 hour' AND now() FROM metrics")


@pytest.mark.parametrize("metric", ["power", "energy", "temperature"])
def test_sample_metrics_come_every_five_minutes(database: Database, metric: str) -> None:
    rows = database.execute(
        "SELECT device_id, count(*) AS rows, count(DISTINCT time) AS times FROM metrics"
        " WHERE metric_type = %s GROUP BY device_id",
        (metric,),
    ).fetchall()
    assert len(rows) >= 1
    assert all(row["rows"] == row["times"] >= 30 * 24 * 12 for row in rows), rows


def test_the_run_says_how_to_connect(scenario: dict[str, Any], folder: Path) -> None:
    log = (folder / "ansible.log").read_text(encoding="utf-8")
    last_run = log[log.rindex("PLAY [") if "PLAY [" in log else 0 :]
    assert f"port={scenario['port']}" in last_run or f":{scenario['port']}/aetherlens" in last_run
