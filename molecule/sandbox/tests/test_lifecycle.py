"""The live database holds what the inventory declares: hypertable, aggregates and policies, by value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

Database = psycopg.Connection[dict[str, Any]]

METRICS_RETENTION = {"declared": "90 days", "edited": "120 days", "repaired": "120 days"}

POLICIES = [
    ("metrics", "policy_compression", "compress_after", "7 days"),
    ("metrics", "policy_retention", "drop_after", METRICS_RETENTION),
    ("metrics_hourly", "policy_refresh_continuous_aggregate", "start_offset", "3 hours"),
    ("metrics_hourly", "policy_refresh_continuous_aggregate", "end_offset", "1 hour"),
    ("metrics_hourly", "policy_retention", "drop_after", "1 year"),
    ("metrics_daily", "policy_refresh_continuous_aggregate", "start_offset", "3 days"),
    ("metrics_daily", "policy_refresh_continuous_aggregate", "end_offset", "1 day"),
    ("metrics_daily", "policy_retention", "drop_after", "5 years"),
]
SCHEDULES = [
    ("metrics_hourly", "policy_refresh_continuous_aggregate", "1 hour"),
    ("metrics_daily", "policy_refresh_continuous_aggregate", "1 day"),
]

# A policy on an aggregate is kept on the hypertable that stores the aggregate.
JOBS = """
SELECT job_id, proc_name, schedule_interval, scheduled, config,
       coalesce(view_name, j.hypertable_name) AS relation
FROM timescaledb_information.jobs AS j
LEFT JOIN timescaledb_information.continuous_aggregates AS c
       ON (c.materialization_hypertable_schema, c.materialization_hypertable_name)
        = (j.hypertable_schema, j.hypertable_name)
WHERE proc_name LIKE 'policy\\_%' AND j.hypertable_name IS NOT NULL
"""


@pytest.fixture(scope="module")
def jobs(database: Database) -> dict[tuple[str, str], dict[str, Any]]:
    """Every policy by relation and procedure."""
    return {(row["relation"], row["proc_name"]): row for row in database.execute(JOBS)}


def fetch_one(database: Database, query: str, *parameters: object) -> dict[str, Any]:
    """The only row of a query."""
    rows = database.execute(query, parameters).fetchall()
    assert len(rows) == 1, rows
    return rows[0]


def test_metrics_is_a_compressed_hypertable(database: Database) -> None:
    hypertable = fetch_one(
        database, "SELECT * FROM timescaledb_information.hypertables WHERE hypertable_name = 'metrics'"
    )
    assert (hypertable["num_dimensions"], hypertable["compression_enabled"]) == (1, True)


def test_metrics_has_chunks_of_seven_days(database: Database) -> None:
    dimension = fetch_one(
        database,
        "SELECT column_name, time_interval = interval '7 days' AS weekly"
        " FROM timescaledb_information.dimensions WHERE hypertable_name = 'metrics'",
    )
    assert dimension == {"column_name": "time", "weekly": True}


@pytest.mark.parametrize(
    ("column", "segment", "order", "ascending"),
    [("device_id", 1, None, None), ("metric_type", 2, None, None), ("time", None, 1, False)],
)
def test_metrics_is_compressed_by_device_and_kind_newest_first(
    database: Database, column: str, segment: int | None, order: int | None, ascending: bool | None
) -> None:
    setting = fetch_one(
        database,
        "SELECT segmentby_column_index, orderby_column_index, orderby_asc"
        " FROM timescaledb_information.compression_settings WHERE hypertable_name = 'metrics' AND attname = %s",
        column,
    )
    assert tuple(setting.values()) == (segment, order, ascending)


@pytest.mark.parametrize("name", ["metrics_hourly", "metrics_daily"])
class TestAggregates:
    def test_show_rows_that_are_not_materialised_yet(self, database: Database, name: str) -> None:
        aggregate = fetch_one(
            database,
            "SELECT materialized_only FROM timescaledb_information.continuous_aggregates WHERE view_name = %s",
            name,
        )
        assert aggregate["materialized_only"] is False

    def test_cover_every_measurement(self, database: Database, name: str) -> None:
        query = f"SELECT sum(sample_count) = (SELECT count(*) FROM metrics) AS complete FROM {name}"
        assert fetch_one(database, query)["complete"]


@pytest.mark.parametrize(("relation", "procedure", "key", "value"), POLICIES)
def test_a_policy_has_the_declared_value(
    database: Database,
    jobs: dict[tuple[str, str], dict[str, Any]],
    phase: str,
    relation: str,
    procedure: str,
    key: str,
    value: str | dict[str, str],
) -> None:
    wanted = value[phase] if isinstance(value, dict) else value
    found = jobs[relation, procedure]["config"][key]
    assert fetch_one(database, "SELECT %s::interval = %s::interval AS equal", found, wanted)["equal"], found


@pytest.mark.parametrize(("relation", "procedure", "value"), SCHEDULES)
def test_a_policy_runs_as_often_as_declared(
    database: Database, jobs: dict[tuple[str, str], dict[str, Any]], relation: str, procedure: str, value: str
) -> None:
    found = jobs[relation, procedure]["schedule_interval"]
    assert fetch_one(database, "SELECT %s::interval = %s::interval AS equal", found, value)["equal"], found


def test_there_are_no_policies_besides_the_declared_ones(jobs: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert jobs.keys() == {(relation, procedure) for relation, procedure, _, _ in POLICIES}
    assert all(job["scheduled"] for job in jobs.values())


def test_jobs_keep_their_ids(jobs: dict[tuple[str, str], dict[str, Any]], phase: str, folder: Path) -> None:
    """An edit alters a job in place; only the policy that was dropped by hand comes back under a new id."""
    ids = {" ".join(key): job["job_id"] for key, job in jobs.items()}
    first = folder / "job_ids.json"
    if phase == "declared":
        first.write_text(json.dumps(ids), encoding="utf-8")
    before = json.loads(first.read_text(encoding="utf-8"))
    changed = {key for key in ids if ids[key] != before[key]}
    assert changed == ({"metrics_hourly policy_retention"} if phase == "repaired" else set())
