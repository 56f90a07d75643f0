"""The running server has the settings that are declared and calculated, all from the one file the role writes."""

from __future__ import annotations

from typing import Any

import pytest
from server import Server

DROP_IN = "/etc/postgresql/17/main/conf.d/90-timescaledb.conf"
# What this scenario's inventory sets by name.
DECLARED = {
    "work_mem": "6MB",
    "log_min_duration_statement": "750ms",
    "log_lock_waits": "on",
    "deadlock_timeout": "1s",
    "autovacuum_vacuum_cost_limit": "400",
    "timescaledb.max_open_chunks_per_insert": "64",
}


@pytest.fixture(scope="module")
def written(server: Server) -> list[dict[str, Any]]:
    """The settings of the role's file, as the server reads it now."""
    return server.rows(f"SELECT name, setting, applied, error FROM pg_file_settings WHERE sourcefile = '{DROP_IN}'")


def test_the_file_holds_settings_of_every_topic(written: list[dict[str, Any]]) -> None:
    names = {row["name"] for row in written}
    assert set(DECLARED) <= names
    assert {"shared_buffers", "max_worker_processes", "shared_preload_libraries", "password_encryption"} <= names
    assert {"max_locks_per_transaction", "timescaledb.max_background_workers", "log_line_prefix"} <= names


def test_every_setting_of_the_file_is_in_effect(server: Server, written: list[dict[str, Any]]) -> None:
    assert len(written) >= 20
    assert [row for row in written if not row["applied"] or row["error"]] == []
    assert server.rows("SELECT name FROM pg_settings WHERE pending_restart") == []
    elsewhere = server.rows(
        "SELECT f.name, s.sourcefile FROM pg_file_settings AS f JOIN pg_settings AS s ON s.name = lower(f.name)"
        f" WHERE f.sourcefile = '{DROP_IN}' AND s.sourcefile IS DISTINCT FROM f.sourcefile"
    )
    assert elsewhere == []


def test_every_setting_of_the_file_is_one_the_server_knows(server: Server, written: list[dict[str, Any]]) -> None:
    known = {row["name"].lower() for row in server.rows("SELECT name FROM pg_settings")}
    assert {row["name"].lower() for row in written} - known == set()


@pytest.mark.parametrize(("name", "value"), DECLARED.items())
def test_a_declared_value_is_live(server: Server, name: str, value: str) -> None:
    assert server.value(f"SELECT current_setting('{name}')") == value


def test_nothing_was_set_behind_the_files_back(server: Server) -> None:
    assert server.rows("SELECT name FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'") == []


def test_timescaledb_is_preloaded(server: Server) -> None:
    assert "timescaledb" in server.value("SELECT current_setting('shared_preload_libraries')").replace(" ", "").split(
        ","
    )


def test_there_are_workers_for_every_policy_at_once(server: Server, scenario: dict[str, Any]) -> None:
    workers = server.value("SELECT current_setting('timescaledb.max_background_workers')::int")
    processes = server.value("SELECT current_setting('max_worker_processes')::int")
    policies = 0 if scenario["path"] == "distribution" else 6
    assert workers >= policies + 1  # and the scheduler
    assert processes >= workers + 3


@pytest.mark.parametrize("name", ["log_checkpoints", "log_lock_waits", "log_connections", "log_disconnections"])
def test_an_operator_finds_it_in_the_log(server: Server, name: str) -> None:
    assert server.value(f"SELECT current_setting('{name}')") == "on"


def test_a_line_of_the_log_says_who_and_where(server: Server) -> None:
    prefix = server.value("SELECT current_setting('log_line_prefix')")
    assert all(part in prefix for part in ("%m", "%p", "%u", "%d"))
