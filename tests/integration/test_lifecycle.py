"""timescaledb_lifecycle and timescaledb_info on live servers: whole states, all or nothing, and what a run costs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from ansible.module_utils.timescaledb.apply import Options, apply
from ansible.module_utils.timescaledb.parse import parse_declaration
from ansible.module_utils.timescaledb.session import LoginParameters, connect
from tests.integration.databases import Database
from tests.integration.objects import QUERY, Bench, actions


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def state(table: str) -> dict[str, Any]:
    """A whole declared state around one table."""
    return {
        "hypertables": [
            {
                "name": table,
                "time_column": "time",
                "chunk_interval": "7 days",
                "compression": {"segmentby": ["device_id"], "orderby": ["time DESC"], "compress_after": "7 days"},
                "retention": {"drop_after": "90 days"},
            }
        ],
        "continuous_aggregates": [
            {
                "name": f"{table}_hourly",
                "query": QUERY.format(table=table),
                "materialized_only": False,
                "refresh": {"start_offset": "3 hours", "end_offset": "1 hour", "schedule_interval": "1 hour"},
                "retention": {"drop_after": "1 year"},
            }
        ],
    }


def test_a_whole_state_in_one_transaction_and_again_without_a_change(bench: Bench) -> None:
    declared = state(bench.table())
    foreseen = bench.do("lifecycle", **declared, check=True)
    created = bench.do("lifecycle", **declared)
    assert created["transactions"] == 1
    assert created["statements"] == foreseen["statements"]
    assert created["diff"] == foreseen["diff"]
    again = bench.do("lifecycle", **declared)
    assert not again["changed"]
    assert (again["plan"], again["statements"], again["transactions"]) == ([], [], 0)
    assert (again["diff"]["before"], again["diff"]["after"]) == ({}, {})


def test_one_edited_value_alters_one_policy_and_nothing_else(bench: Bench) -> None:
    table = bench.table()
    declared = state(table)
    bench.do("lifecycle", **declared)
    jobs = {kind: bench.jobs(table, kind) for kind in ("retention", "compression")}
    edited = bench.do("lifecycle", **declared, overrides={table: {"retention": {"drop_after": "120 days"}}})
    assert [(action["action"], action["job_id"]) for action in edited["plan"]] == [
        ("alter_policy", jobs["retention"][0]["job_id"])
    ]
    assert len(edited["statements"]) == 1
    assert bench.jobs(table, "compression") == jobs["compression"]
    assert bench.job(table, "retention")["config"]["drop_after"] == "120 days"


def test_what_info_returns_is_a_declaration_that_changes_nothing(bench: Bench) -> None:
    bench.do("lifecycle", **state(bench.table()))
    found = bench.do("info")
    assert found["hypertables"]
    assert found["continuous_aggregates"]
    keys = ("hypertables", "continuous_aggregates")
    assert not bench.do("lifecycle", **{key: found[key] for key in keys})["changed"]


def test_the_diff_of_a_check_is_what_the_database_holds_after_the_run(bench: Bench) -> None:
    table = bench.table()
    declared = state(table)
    bench.do("lifecycle", **declared)
    over = {
        table: {"chunk_interval": "1 day", "retention": {"drop_after": "180 days"}, "compression": {"segmentby": []}},
        f"{table}_hourly": {"materialized_only": True, "refresh": {"start_offset": "5 hours"}},
    }
    foreseen = bench.do("lifecycle", **declared, overrides=over, check=True)
    before = bench.do("info", names=[table, f"{table}_hourly"])
    bench.do("lifecycle", **declared, overrides=over)
    after = bench.do("info", names=[table, f"{table}_hourly"])
    for key in ("hypertables", "continuous_aggregates"):
        assert foreseen["diff"]["before"][key] == before[key]
        assert foreseen["diff"]["after"][key] == after[key]


def test_all_of_it_or_none(bench: Bench) -> None:
    """The aggregate's query is one PostgreSQL takes and TimescaleDB refuses, so only the execution can find out."""
    table = bench.table()
    declared = state(table)
    declared["continuous_aggregates"][0]["query"] = f"SELECT time, count(*) FROM {table} GROUP BY time"
    message = bench.refuse("lifecycle", **declared)
    assert message.startswith(f"continuous_aggregates[{table}_hourly]: create aggregate of {table}_hourly was refused")
    assert message.endswith("; nothing has been changed")
    assert bench.do("info", names=[table])["hypertables"] == []


def test_policies_nobody_declares_stay_unless_they_are_pruned(bench: Bench) -> None:
    table = bench.table()
    declared = state(table)
    bench.do("lifecycle", **declared)
    del declared["hypertables"][0]["retention"]
    assert not bench.do("lifecycle", **declared)["changed"]
    pruned = bench.do("lifecycle", **declared, prune=["policies"])
    assert [(action["action"], action["policy"]) for action in pruned["plan"]] == [("remove_policy", "retention")]
    assert not bench.do("lifecycle", **declared, prune=["policies"])["changed"]


def test_aggregates_nobody_declares_are_pruned_with_consent(bench: Bench) -> None:
    table = bench.table()
    declared = state(table)
    bench.do("lifecycle", **declared)
    hypertables = {"hypertables": declared["hypertables"]}
    assert not bench.do("lifecycle", **hypertables)["changed"]
    message = bench.refuse("lifecycle", **hypertables, prune=["continuous_aggregates"])
    assert f"{table}_hourly would be dropped" in message
    pruned = bench.do("lifecycle", **hypertables, prune=["continuous_aggregates"], allow=["rebuild_aggregate"])
    assert actions(pruned) == ["drop_aggregate"]


def test_a_missing_table_is_foreseen_only_where_the_caller_says_so(bench: Bench) -> None:
    declared = state(f"t_{secrets.token_hex(4)}")
    assert "there is no table" in bench.refuse("lifecycle", **declared)
    assert "there is no table" in bench.refuse("lifecycle", **declared, check=True)
    assert "there is no table" in bench.refuse("lifecycle", **declared, assume_prerequisites=True)
    foreseen = bench.do("lifecycle", **declared, check=True, assume_prerequisites=True)
    assert actions(foreseen)[:2] == ["create_hypertable", "create_aggregate"]


def test_nothing_to_reach_is_foreseen_only_where_the_caller_says_so(database: Database) -> None:
    nowhere = Bench(Database("127.0.0.1", 1, "postgres", "", "aetherlens", "disable"))
    declared = state("metrics")
    assert nowhere.run("lifecycle", **declared, check=True)["msg"].startswith("cannot log in to 127.0.0.1 port 1")
    foreseen = nowhere.do("lifecycle", **declared, check=True, assume_prerequisites=True)
    assert actions(foreseen)[:2] == ["create_hypertable", "create_aggregate"]
    assert nowhere.run("lifecycle", **declared, assume_prerequisites=True)["failed"]
    assert database.name


@pytest.fixture
def many(bench: Bench) -> Iterator[list[str]]:
    """The names of 300 hypertables, dropped in the end."""
    prefix = f"m_{secrets.token_hex(3)}"
    bench.database.query(
        f"DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE {prefix}_%s (time timestamptz NOT NULL)', i); "
        f"PERFORM create_hypertable(format('{prefix}_%s', i)::regclass, by_range('time')); END LOOP; END $$"
    )
    names = [f"{prefix}_{number}" for number in range(1, 301)]
    yield names
    drop_all(bench, names)


def drop_all(bench: Bench, names: list[str]) -> None:
    """Drop tables one by one: the server refuses hypertables together, and its lock table refuses too many at once."""
    with bench.database.connect() as connection:
        for name in names:
            connection.execute(f"DROP TABLE IF EXISTS {name}")


def statements_sent(bench: Bench, names: list[str], **options: Any) -> tuple[int, int]:
    """How many statements a run sends, and how many of them write."""
    declared = [{"name": name, "time_column": "time", "retention": {"drop_after": "90 days"}} for name in names]
    database = bench.database
    login = LoginParameters(
        host=database.host,
        port=database.port,
        user=database.user,
        password=database.password,
        database=database.name,
        ssl_mode=database.ssl_mode,
    )
    with connect(login) as session:
        report = apply(session, parse_declaration(declared, None), Options(**options))
        return session.count, len(report.statements)


def test_reading_takes_as_many_statements_for_300_hypertables_as_for_one(bench: Bench, many: list[str]) -> None:
    one, _ = statements_sent(bench, many[:1], check=True)
    all_of_them, planned = statements_sent(bench, many, check=True)
    assert planned == 300
    assert one == all_of_them
    assert one <= 20
    sent, written = statements_sent(bench, many)
    assert written == 300
    assert sent - written <= 30
    again, written = statements_sent(bench, many)
    assert written == 0
    assert again <= one + 1  # a run takes the advisory lock, a check does not


def test_more_than_the_lock_table_holds_is_applied_in_parts_and_that_is_said(bench: Bench) -> None:
    names = [f"l_{secrets.token_hex(3)}_{number}" for number in range(800)]
    for start in range(0, 800, 100):
        columns = "(time timestamptz NOT NULL, value float)"
        bench.database.query(";".join(f"CREATE TABLE {name} {columns}" for name in names[start : start + 100]))
    declared = [{"name": name, "time_column": "time", "retention": {"drop_after": "90 days"}} for name in names]
    slots = bench.database.value(
        "SELECT current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int"
    )
    assert slots == 6400
    try:
        result = bench.do("lifecycle", hypertables=declared)
        assert result["transactions"] > 1
        assert any("lock table holds 6400 locks" in warning for warning in result["warnings"])
        assert len(bench.do("info", names=names)["hypertables"]) == 800
        assert not bench.do("lifecycle", hypertables=declared)["changed"]
    finally:
        drop_all(bench, names)
