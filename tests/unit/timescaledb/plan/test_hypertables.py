"""Planning hypertables: conversion, dimensions, chunk intervals, integer time, and what can never be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.model import Compression, HashDimension, Hypertable
from ansible.module_utils.timescaledb.plan.actions import Kind
from ansible.module_utils.timescaledb.plan.hypertables import MIGRATE_DATA, NEW_CHUNKS_ONLY, WITHOUT_DEFAULT_INDEXES
from ansible.module_utils.timescaledb.values import Interval
from tests.unit.builders import (
    aggregate,
    database,
    hypertable,
    interval,
    kinds,
    name,
    only,
    plan_for,
    retention,
    server,
    table,
)

METRICS = {"name": "metrics", "time_column": "time"}


def refuse(on: Any, declared: dict[str, Any], **options: Any) -> str:
    with pytest.raises(DeclarationError) as refused:
        plan_for(on, declared, **options)
    return str(refused.value)


class TestAPlainTable:
    def test_becomes_a_hypertable_with_everything_declared(self) -> None:
        plan = plan_for(
            database(table()),
            {
                **METRICS,
                "chunk_interval": "1 day",
                "hash_dimensions": [{"column": "device_id", "number_partitions": 4}],
                "compression": {"segmentby": ["device_id"], "compress_after": "7 days"},
                "retention": {"drop_after": "90 days"},
            },
        )
        assert kinds(plan) == ["create_hypertable", "add_dimension", "set_compression", "add_policy", "add_policy"]
        created = plan.actions[0]
        assert created.after == Hypertable(
            name("metrics"), "time", "timestamp with time zone", Interval(days=1), storage=name("metrics")
        )
        assert (created.before, created.options, created.path) == (None, frozenset(), "hypertables[metrics]")

    @pytest.mark.parametrize(
        ("time_type", "version_default", "chunk_interval"),
        [
            ("timestamp with time zone", "7 days", "7 days"),
            ("timestamp without time zone", "7 days", "7 days"),
            ("date", "7 days", "168 hours"),
            ("timestamp with time zone", "1 day", "1 day"),
            ("smallint", "7 days", 10000),
            ("integer", "7 days", 100000),
            ("bigint", "1 day", 1000000),
        ],
    )
    def test_gets_the_servers_chunk_interval_where_none_is_declared(
        self, time_type: str, version_default: str, chunk_interval: Any
    ) -> None:
        on = server(default_chunk_interval=interval(version_default))
        after = only(plan_for(database(table(columns=[("time", time_type)])), METRICS, on=on)).after
        assert isinstance(after, Hypertable)
        assert after.time_type == time_type
        assert after.chunk_interval == (interval(chunk_interval) if isinstance(chunk_interval, str) else chunk_interval)

    def test_with_rows_needs_a_word_on_them(self) -> None:
        full = database(table(has_rows=True))
        assert refuse(full, METRICS) == (
            "hypertables[metrics].migrate_data: metrics holds rows already; accepted is migrate_data: true, which "
            "moves them into chunks while the table is locked, or an empty table"
        )
        assert only(plan_for(full, {**METRICS, "migrate_data": True})).options == {MIGRATE_DATA}

    def test_keeps_to_the_indexes_it_has_where_that_is_declared(self) -> None:
        action = only(plan_for(database(table()), {**METRICS, "create_default_indexes": False}))
        assert action.options == {WITHOUT_DEFAULT_INDEXES}

    @pytest.mark.parametrize(
        ("declared", "sentence"),
        [
            (
                {"time_column": "tiem"},
                "time_column: metrics has no column 'tiem'; accepted are device_id, kind, time, value",
            ),
            (
                {"time_column": "kind"},
                "time_column: column 'kind' of metrics is text; accepted are timestamps, dates and integers",
            ),
            (
                {"time_column": None},
                "time_column: nothing was given, but metrics is no hypertable yet; accepted is its time column",
            ),
            (
                {"chunk_interval": 5},
                "chunk_interval: 5 was given, but time is timestamp with time zone; accepted is an interval such as "
                "'7 days'",
            ),
            (
                {"hash_dimensions": [{"column": "devise", "number_partitions": 4}]},
                "hash_dimensions[devise]: metrics has no column 'devise'; accepted are device_id, kind, time, value",
            ),
            (
                {"integer_now_func": "now_ms"},
                "integer_now_func: time of metrics is timestamp with time zone; accepted only where time is an integer",
            ),
            ({"state": "absent"}, "state: metrics is a table; accepted for absent is a hypertable"),
        ],
    )
    def test_cannot_become_just_anything(self, declared: dict[str, Any], sentence: str) -> None:
        assert refuse(database(table()), {**METRICS, **declared}) == f"hypertables[metrics].{sentence}"

    def test_of_integer_time_has_chunks_in_its_own_unit(self) -> None:
        ticks = database(table(columns=[("time", "bigint")]))
        assert refuse(ticks, {**METRICS, "chunk_interval": "7 days"}) == (
            "hypertables[metrics].chunk_interval: '7 days' was given, but time is bigint; accepted is a whole number "
            "in its unit"
        )
        plan = plan_for(
            ticks,
            {**METRICS, "chunk_interval": 86400, "integer_now_func": "app.now_s", "retention": {"drop_after": 9}},
        )
        assert kinds(plan) == ["create_hypertable", "set_integer_now_func", "add_policy"]
        assert plan.actions[1].after == name("app.now_s")


class TestWhatIsNoPlainTable:
    def test_because_it_is_not_there(self) -> None:
        assert refuse(database(), METRICS) == (
            "hypertables[metrics].name: there is no table metrics; accepted is an existing table (run the migrations "
            "first)"
        )

    @pytest.mark.parametrize("kind", ["view", "materialized view", "partitioned table", "foreign table", "child table"])
    def test_because_it_is_something_else(self, kind: str) -> None:
        sentence = f"hypertables[metrics].name: metrics is a {kind}; accepted is a table"
        assert refuse(database(table(kind=kind)), METRICS) == sentence

    def test_because_it_is_an_aggregate(self) -> None:
        on = database(hypertable(), aggregate())
        sentence = refuse(on, {"name": "hourly", "time_column": "bucket"})
        assert sentence == "hypertables[hourly].name: hourly is a continuous aggregate; accepted is a table"

    @pytest.mark.parametrize(
        "declared",
        [
            {"retention": {"state": "absent"}},
            {"compression": {"state": "absent"}},
            {"compression": {"state": "absent"}, "retention": {"state": "absent"}},
            {"state": "absent"},
        ],
    )
    def test_has_nothing_to_be_removed(self, declared: dict[str, Any]) -> None:
        assert plan_for(database(), {"name": "metrics", **declared}).actions == ()

    @pytest.mark.parametrize(
        "declared",
        [{}, {"retention": {"drop_after": "1 day"}}, {"time_column": "time", "retention": {"state": "absent"}}],
    )
    def test_cannot_have_anything_else(self, declared: dict[str, Any]) -> None:
        assert "there is no table metrics" in refuse(database(), {"name": "metrics", **declared})


class TestAHypertable:
    def test_that_is_as_declared_is_left_alone(self) -> None:
        on = database(hypertable(hash_dimensions=(HashDimension("device_id", 4),)))
        declared = {
            **METRICS,
            "chunk_interval": "168 hours",
            "hash_dimensions": [{"column": "device_id", "number_partitions": 4}],
            "migrate_data": True,
            "create_default_indexes": False,
        }
        assert plan_for(on, declared).actions == ()

    def test_of_which_little_is_declared_is_left_alone(self) -> None:
        on = database(hypertable(hash_dimensions=(HashDimension("device_id", 4),), compression=Compression()))
        assert plan_for(on, {"name": "metrics"}).actions == ()

    def test_gets_another_chunk_interval_for_new_chunks(self) -> None:
        action = only(plan_for(database(hypertable()), {**METRICS, "chunk_interval": "1 day"}))
        assert (action.kind, action.before, action.after) == (
            Kind.SET_CHUNK_INTERVAL,
            Interval(days=7),
            Interval(days=1),
        )
        assert (action.path, action.note) == ("hypertables[metrics].chunk_interval", NEW_CHUNKS_ONLY)

    def test_never_gets_another_time_column(self) -> None:
        assert refuse(database(hypertable()), {**METRICS, "time_column": "created"}) == (
            "hypertables[metrics].time_column: 'created' was given, but metrics is partitioned by 'time'; the server "
            "can never change that, accepted is 'time'"
        )

    def test_gets_another_dimension(self) -> None:
        on = database(hypertable(hash_dimensions=(HashDimension("kind", 2),)))
        action = only(plan_for(on, {**METRICS, "hash_dimensions": [{"column": "device_id", "number_partitions": 4}]}))
        assert (action.kind, action.after) == (Kind.ADD_DIMENSION, HashDimension("device_id", 4))

    def test_gets_another_number_of_partitions_for_new_chunks(self) -> None:
        on = database(hypertable(hash_dimensions=(HashDimension("device_id", 2),)))
        action = only(plan_for(on, {**METRICS, "hash_dimensions": [{"column": "device_id", "number_partitions": 4}]}))
        assert (action.kind, action.before, action.after) == (
            Kind.SET_NUMBER_PARTITIONS,
            HashDimension("device_id", 2),
            HashDimension("device_id", 4),
        )
        assert action.note == NEW_CHUNKS_ONLY

    def test_gets_another_present(self) -> None:
        on = database(hypertable(time_type="bigint", chunk_interval=10, integer_now_func=name("now_s")))
        action = only(plan_for(on, {**METRICS, "integer_now_func": "now_ms"}))
        assert (action.kind, action.before, action.after) == (
            Kind.SET_INTEGER_NOW_FUNC,
            name("now_s"),
            name("now_ms"),
        )
        assert plan_for(on, {**METRICS, "integer_now_func": "public.now_s"}).actions == ()

    def test_gets_no_present_that_does_not_exist(self) -> None:
        on = replace(database(hypertable(time_type="bigint", chunk_interval=10)), functions=frozenset({name("now_s")}))
        assert kinds(plan_for(on, {**METRICS, "integer_now_func": "now_s"})) == ["set_integer_now_func"]
        assert refuse(on, {**METRICS, "integer_now_func": "app.now_ms"}) == (
            "hypertables[metrics].integer_now_func: there is no function app.now_ms(); accepted is one without "
            "arguments that returns the present"
        )

    def test_is_dropped_where_it_is_declared_absent(self) -> None:
        present = hypertable("metrics", retention())
        action = only(plan_for(database(present), {"name": "metrics", "state": "absent"}))
        assert (action.kind, action.before, action.path) == (Kind.DROP_HYPERTABLE, present, "hypertables[metrics]")

    def test_is_not_dropped_under_an_aggregate_that_stays(self) -> None:
        on = database(hypertable(), aggregate())
        assert refuse(on, {"name": "metrics", "state": "absent"}) == (
            "hypertables[metrics]: metrics cannot be dropped while continuous aggregate hourly selects from it; "
            "accepted is to declare hourly absent as well"
        )

    def test_is_dropped_after_the_aggregates_that_go_too(self) -> None:
        on = database(hypertable(), aggregate(), aggregate("daily", source="hourly"))
        gone = [{"name": text, "state": "absent"} for text in ("hourly", "daily")]
        plan = plan_for(on, {"name": "metrics", "state": "absent"}, gone)
        assert [str(action.relation) for action in plan.actions] == ["daily", "hourly", "metrics"]
        pruned = plan_for(on, {"name": "metrics", "state": "absent"}, prune=["continuous_aggregates"])
        assert [str(action.relation) for action in pruned.actions] == ["daily", "hourly", "metrics"]


def test_a_declaration_without_time_column_may_speak_of_an_aggregate() -> None:
    on = database(hypertable(), aggregate("hourly", retention("1 year")))
    plan = plan_for(on, {"name": "hourly", "chunk_interval": "30 days", "retention": {"drop_after": "2 years"}})
    assert kinds(plan) == ["set_chunk_interval", "alter_policy"]
    assert {str(action.relation) for action in plan.actions} == {"hourly"}
