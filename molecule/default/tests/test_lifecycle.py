"""The live database holds what the inventory declares, overrides included: by value, compared by the server itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from server import Server

pytestmark = pytest.mark.edition("community")

# A policy on an aggregate is kept on the hypertable that stores the aggregate.
JOBS = """
SELECT job_id, proc_name, schedule_interval, scheduled, config, owner,
       coalesce(view_name, j.hypertable_name) AS relation
FROM timescaledb_information.jobs AS j
LEFT JOIN timescaledb_information.continuous_aggregates AS c
       ON (c.materialization_hypertable_schema, c.materialization_hypertable_name)
        = (j.hypertable_schema, j.hypertable_name)
WHERE proc_name LIKE 'policy\\_%' AND j.hypertable_name IS NOT NULL
"""
COMPRESSION, RETENTION, REFRESH = (
    "policy_compression",
    "policy_retention",
    "policy_refresh_continuous_aggregate",
)
VALUES = [
    ("metrics", COMPRESSION, "compress_after", ("compression", "compress_after")),
    ("metrics", RETENTION, "drop_after", ("retention", "drop_after")),
    ("metrics_hourly", REFRESH, "start_offset", ("refresh", "start_offset")),
    ("metrics_hourly", REFRESH, "end_offset", ("refresh", "end_offset")),
    ("metrics_hourly", RETENTION, "drop_after", ("retention", "drop_after")),
    ("metrics_daily", REFRESH, "start_offset", ("refresh", "start_offset")),
    ("metrics_daily", REFRESH, "end_offset", ("refresh", "end_offset")),
    ("metrics_daily", RETENTION, "drop_after", ("retention", "drop_after")),
]


@pytest.fixture(scope="module")
def declared(project: Path, scenario: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every declared object by its name, with what the phase overrides."""
    content = yaml.safe_load((project / "inventory/declared/lifecycle.yml").read_text(encoding="utf-8"))
    objects = {
        entry["name"]: entry
        for kind in ("hypertables", "continuous_aggregates")
        for entry in content[f"timescaledb_lifecycle_{kind}"]
    }
    for name, topics in scenario["overrides"].items():
        for topic, values in topics.items():
            objects[name][topic] |= values
    return objects


@pytest.fixture(scope="module")
def jobs(server: Server) -> dict[tuple[str, str], dict[str, Any]]:
    """Every policy by relation and procedure."""
    return {(row["relation"], row["proc_name"]): row for row in server.rows(JOBS)}


def are_equal(server: Server, one: str, other: str) -> bool:
    """Whether two intervals are the same to the server."""
    return bool(server.value(f"SELECT interval '{one}' = interval '{other}'"))


@pytest.mark.parametrize(("relation", "procedure", "key", "path"), VALUES)
def test_a_policy_has_the_declared_value(
    server: Server,
    declared: dict[str, dict[str, Any]],
    jobs: dict[tuple[str, str], dict[str, Any]],
    relation: str,
    procedure: str,
    key: str,
    path: tuple[str, str],
) -> None:
    topic, field = path
    assert are_equal(server, jobs[relation, procedure]["config"][key], declared[relation][topic][field])


@pytest.mark.parametrize("relation", ["metrics_hourly", "metrics_daily"])
def test_an_aggregate_is_refreshed_as_often_as_declared(
    server: Server,
    declared: dict[str, dict[str, Any]],
    jobs: dict[tuple[str, str], dict[str, Any]],
    relation: str,
) -> None:
    schedule = declared[relation]["refresh"]["schedule_interval"]
    assert are_equal(server, jobs[relation, REFRESH]["schedule_interval"], schedule)


def test_an_edit_of_the_inventory_has_arrived(scenario: dict[str, Any], jobs: dict[Any, dict[str, Any]]) -> None:
    edited = scenario["phase"] == "edited_retention"
    assert jobs["metrics", RETENTION]["config"]["drop_after"] == ("120 days" if edited else "90 days")


def test_there_are_the_declared_policies_and_no_others(jobs: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert jobs.keys() == {(relation, procedure) for relation, procedure, _, _ in VALUES}
    assert all(job["scheduled"] for job in jobs.values())


def test_a_policy_keeps_its_job_whatever_else_happens(
    jobs: dict[tuple[str, str], dict[str, Any]], scenario: dict[str, Any], folder: Path
) -> None:
    """Only one that was dropped by hand comes back under a new id."""
    ids = {" ".join(key): job["job_id"] for key, job in jobs.items()}
    noted = folder / "job_ids.json"
    before = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else ids
    noted.write_text(json.dumps(ids), encoding="utf-8")
    changed = {key for key in ids if ids[key] != before[key]}
    assert changed == ({"metrics_hourly policy_retention"} if scenario["phase"] == "dropped_policy" else set())


@pytest.mark.parametrize("relation", ["metrics_hourly", "metrics_daily"])
def test_an_aggregate_shows_rows_that_are_not_materialised_yet(server: Server, relation: str) -> None:
    view = f"SELECT materialized_only FROM timescaledb_information.continuous_aggregates WHERE view_name = '{relation}'"
    assert server.value(view) is False


def test_metrics_is_compressed_by_device_and_kind_newest_first(server: Server) -> None:
    settings = server.rows(
        "SELECT attname, segmentby_column_index AS segment, orderby_column_index AS position, orderby_asc AS ascending"
        " FROM timescaledb_information.compression_settings WHERE hypertable_name = 'metrics'"
    )
    found = {row["attname"]: (row["segment"], row["position"], row["ascending"]) for row in settings}
    assert found == {"device_id": (1, None, None), "metric_type": (2, None, None), "time": (None, 1, False)}
