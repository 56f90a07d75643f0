"""What a declaration needs: policies and chunks, counted with its overrides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_tuning import ROOT, load_filters

declared_needs = load_filters("timescaledb_declared").declared_needs

METRICS: dict[str, Any] = {
    "name": "metrics",
    "time_column": "time",
    "chunk_interval": "7 days",
    "compression": {"segmentby": ["device_id"], "orderby": ["time DESC"], "compress_after": "7 days"},
    "retention": {"drop_after": "90 days"},
}
HOURLY: dict[str, Any] = {
    "name": "metrics_hourly",
    "query": "SELECT 1",
    "refresh": {"start_offset": "3 hours", "end_offset": "1 hour", "schedule_interval": "1 hour"},
    "retention": {"drop_after": "1 year"},
}


@pytest.mark.parametrize(
    ("hypertables", "aggregates", "overrides", "needs"),
    [
        pytest.param([], [], {}, (0, 0), id="nothing"),
        pytest.param([METRICS], [], {}, (2, 2 * (13 + 2)), id="compressed chunks have a second table"),
        pytest.param([METRICS], [HOURLY], {}, (4, 30 + 6 + 2), id="aggregates have chunks ten times as long"),
        pytest.param(
            [METRICS], [], {"metrics": {"retention": {"state": "absent"}}}, (1, 2 * (258 + 2)), id="kept for ever"
        ),
        pytest.param(
            [METRICS], [], {"metrics": {"compression": {"policy_state": "absent"}}}, (1, 30), id="compressed by hand"
        ),
        pytest.param([{**METRICS, "state": "absent"}], [], {}, (0, 0), id="what goes needs nothing"),
        pytest.param(
            [{"name": "t", "time_column": "id", "chunk_interval": 1000, "retention": {"drop_after": 5000}}],
            [],
            {},
            (1, 7),
            id="whole numbers",
        ),
        pytest.param(
            [{"name": "t", "time_column": "id", "chunk_interval": 1000}], [], {}, (0, 1000), id="whole numbers for ever"
        ),
        pytest.param([{"name": "t", "time_column": "time"}], [], {}, (0, 258 + 2), id="default interval"),
    ],
)
def test_counts(hypertables: Any, aggregates: Any, overrides: Any, needs: tuple[int, int]) -> None:
    found = declared_needs(hypertables, aggregates, overrides)
    assert (found["policies"], found["chunks"]) == needs


def test_refuses_what_the_lifecycle_would_refuse_in_the_same_words() -> None:
    wrong = {**METRICS, "retention": {"drop_after": "ninety days"}}
    [complaint] = declared_needs([wrong], [], {})["complaints"]
    assert complaint.startswith("timescaledb_lifecycle_hypertables[metrics].retention.drop_after: ")


def test_reads_the_shipped_declaration() -> None:
    shipped = yaml.safe_load((ROOT / "inventory/declared/lifecycle.yml").read_text(encoding="utf-8"))
    aggregates = [{**item, "query": "SELECT 1"} for item in shipped["timescaledb_lifecycle_continuous_aggregates"]]
    assert declared_needs(shipped["timescaledb_lifecycle_hypertables"], aggregates, {})["policies"] == 6


def test_works_where_ansible_loads_it_without_the_help_of_this_project() -> None:
    expression = "{{ [{'name': 't', 'time_column': 'c'}] | timescaledb_declared_needs([], {}) }}"
    command = [str(Path(sys.executable).with_name("ansible")), "localhost", "-m", "ansible.builtin.debug"]
    run = subprocess.run([*command, "-a", f'msg="{expression}"'], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "policies: 0" in run.stdout, run.stdout + run.stderr
