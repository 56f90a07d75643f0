"""The running server has what is declared, and what is calculated for what its container may use."""

from __future__ import annotations

from typing import Any

import pytest
from server import Server

FILE = "/etc/timescaledb/postgresql.conf"
# What this scenario's inventory sets by name.
DECLARED = {
    "work_mem": "6MB",
    "log_min_duration_statement": "750ms",
    "log_lock_waits": "on",
    "deadlock_timeout": "1s",
    "autovacuum_vacuum_cost_limit": "400",
    "timescaledb.max_open_chunks_per_insert": "64",
}
# What the formulas give for 1 GB and 2 CPUs, whatever the machine has.
CALCULATED = {
    "shared_buffers": "256MB",
    "effective_cache_size": "768MB",
    "maintenance_work_mem": "128MB",
    "wal_buffers": "7864kB",
    "max_connections": "25",
    "max_parallel_workers": "2",
}


@pytest.fixture(scope="module")
def written(server: Server) -> list[dict[str, Any]]:
    """The settings of the role's file, as the server reads it now."""
    return server.rows(f"SELECT name, setting, applied, error FROM pg_file_settings WHERE sourcefile = '{FILE}'")


def test_every_setting_of_the_file_is_in_effect(server: Server, written: list[dict[str, Any]]) -> None:
    assert {"shared_buffers", "hba_file", "shared_preload_libraries"} <= {row["name"] for row in written}
    assert len(written) >= 30
    assert [row for row in written if not row["applied"] or row["error"]] == []
    assert server.rows("SELECT name FROM pg_settings WHERE pending_restart") == []


@pytest.mark.parametrize(("name", "value"), [*DECLARED.items(), *CALCULATED.items()])
def test_a_value_is_live(server: Server, name: str, value: str) -> None:
    assert server.value(f"SELECT current_setting('{name}')") == value


def test_nothing_was_set_behind_the_files_back(server: Server) -> None:
    assert server.rows("SELECT name FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'") == []


def test_there_are_workers_for_every_policy_at_once(server: Server, scenario: dict[str, Any]) -> None:
    workers = server.value("SELECT current_setting('timescaledb.max_background_workers')::int")
    policies = 0 if scenario["path"] == "distribution" else 6
    assert workers >= 1 + 3 * 2 + policies
    assert server.value("SELECT current_setting('max_worker_processes')::int") >= workers + 3


def test_the_rules_of_access_are_the_roles(server: Server) -> None:
    rules = server.rows("SELECT type, address, auth_method, error FROM pg_hba_file_rules ORDER BY rule_number")
    assert [(rule["type"], rule["address"], rule["auth_method"]) for rule in rules] == [
        ("local", None, "trust"),
        ("host", "all", "scram-sha-256"),
    ]
    assert server.value("SELECT current_setting('hba_file')") == "/etc/timescaledb/pg_hba.conf"
