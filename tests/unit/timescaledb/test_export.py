"""Export: the model in the shape an inventory has, which means the same when it is read back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.export import export_database, export_policy, export_relation
from ansible.module_utils.timescaledb.model import Compression, HashDimension, Index
from ansible.module_utils.timescaledb.plan.planner import make_plan
from ansible.module_utils.timescaledb.report import Report
from ansible.module_utils.timescaledb.values import OPEN, Interval, OrderBy
from tests.unit.builders import (
    DEPARSED,
    aggregate,
    compressing,
    database,
    declare,
    hypertable,
    kinds,
    name,
    plan_for,
    refreshing,
    retention,
    server,
)
from tests.unit.timescaledb.servers import Server
from tests.unit.timescaledb.strategies import states, worlds


def test_a_hypertable_is_told_as_it_would_be_declared() -> None:
    relation = hypertable(
        "app.Metrics",
        retention("90 days", timezone="Europe/Berlin", config={"mine": 1}),
        compressing("7 days"),
        time_type="bigint",
        chunk_interval=1000,
        integer_now_func=name("now_ms"),
        hash_dimensions=(HashDimension("device_id", 4),),
        compression=Compression(("device_id",), (OrderBy("time", True, True), OrderBy("Value"))),
    )
    job = {
        "schedule_interval": "1 day",
        "max_runtime": "0 seconds",
        "max_retries": -1,
        "retry_period": "1 hour",
        "scheduled": True,
    }
    assert export_relation(relation) == {
        "name": 'app."Metrics"',
        "time_column": "time",
        "chunk_interval": 1000,
        "integer_now_func": "now_ms",
        "hash_dimensions": [{"column": "device_id", "number_partitions": 4}],
        "compression": {
            "segmentby": ["device_id"],
            "orderby": ["time DESC", '"Value"'],
            "compress_after": "7 days",
            **job,
        },
        "retention": {"drop_after": "90 days", **job, "timezone": "Europe/Berlin", "config": {"mine": 1}},
    }


def test_an_aggregate_is_told_as_it_would_be_declared() -> None:
    relation = aggregate(
        "hourly",
        refreshing(None, "1 hour"),
        indexes=(Index("i", (OrderBy("device_id"), OrderBy("bucket", True, True))),),
        materialized_only=False,
        compression=Compression(),
    )
    told = export_relation(relation)
    assert told["query"] == DEPARSED.strip().rstrip(";")
    assert told["refresh"]["start_offset"] is None
    assert told["refresh"]["end_offset"] == "1 hour"
    assert told["indexes"] == [{"name": "i", "columns": ["device_id", "bucket DESC"]}]
    assert (told["materialized_only"], told["chunk_interval"], told["compression"]) == (False, "70 days", {})
    assert "retention" not in told


def test_what_is_not_known_or_not_there_is_left_out() -> None:
    bare = replace(retention(), settings=replace(retention().settings, timezone=None, max_retries=None), config=())
    assert not {"timezone", "initial_start", "max_retries", "config"} & set(export_policy(bare))
    assert set(export_relation(hypertable())) == {"name", "time_column", "chunk_interval"}


def test_only_the_chosen_objects_are_told_by_name() -> None:
    on = database(
        hypertable("b"), hypertable("a"), hypertable("c"), aggregate("y", source="a"), aggregate("x", source="a")
    )
    told = export_database(on, [name("b"), name("a"), name("x"), name("nowhere")])
    assert {key: [item["name"] for item in items] for key, items in told.items()} == {
        "hypertables": ["a", "b"],
        "continuous_aggregates": ["x"],
    }


class TestADiff:
    def report(self, on: Any, *declared: Any) -> dict[str, Any]:
        plan = plan_for(on, *declared)
        return Report(plan, on, server()).as_result()

    def test_shows_the_objects_a_plan_touches_and_no_others(self) -> None:
        on = database(
            hypertable("metrics", retention("90 days")),
            hypertable("other", retention()),
            aggregate("hourly", retention()),
        )
        result = self.report(on, {"name": "metrics", "retention": {"drop_after": "120 days"}})
        diff = result["diff"]
        assert [item["name"] for item in diff["before"]["hypertables"]] == ["metrics"]
        assert diff["before"]["continuous_aggregates"] == diff["after"]["continuous_aggregates"] == []
        assert diff["before"]["hypertables"][0]["retention"]["drop_after"] == "90 days"
        changed = diff["after"]["hypertables"][0]
        assert changed["retention"].pop("drop_after") == "120 days"
        diff["before"]["hypertables"][0]["retention"].pop("drop_after")
        assert changed == diff["before"]["hypertables"][0]
        assert result["changed"] is True

    def test_shows_what_comes_and_what_goes(self) -> None:
        on = database(hypertable("old"))
        diff = self.report(on, {"name": "old", "state": "absent"})["diff"]
        assert (len(diff["before"]["hypertables"]), diff["after"]["hypertables"]) == (1, [])

    def test_is_empty_where_nothing_is_to_be_done(self) -> None:
        result = self.report(database(hypertable()), {"name": "metrics"})
        assert (result["changed"], result["diff"]["before"], result["diff"]["after"]) == (False, {}, {})
        assert (result["plan"], result["statements"], result["transactions"]) == ([], [], 0)

    def test_comes_with_the_plan_as_data(self) -> None:
        before = retention("90 days")
        on = database(hypertable("metrics", before))
        result = self.report(on, {"name": "metrics", "chunk_interval": "1 day", "retention": {"drop_after": "60 days"}})
        job = {"schedule_interval": "1 day", "max_runtime": "0 seconds", "max_retries": -1}
        job |= {"retry_period": "1 hour", "scheduled": True}
        assert result["plan"] == [
            {
                "action": "set_chunk_interval",
                "object": "metrics",
                "declared_in": "hypertables[metrics].chunk_interval",
                "before": "7 days",
                "after": "1 day",
                "note": "new chunks only; chunks that exist keep their range",
            },
            {
                "action": "alter_policy",
                "object": "metrics",
                "policy": "retention",
                "job_id": 1001,
                "declared_in": "hypertables[metrics].retention",
                "before": {"drop_after": "90 days", **job},
                "after": {"drop_after": "60 days", **job},
            },
        ]
        assert result["server"] == {"timescaledb": "2.29.2", "edition": "community", "postgresql": 17}


@pytest.mark.parametrize(
    "relation",
    [
        hypertable("metrics", retention("90 days"), retention("1 year", job_id=1009)),
        hypertable("metrics", compression=Compression(("device_id",), None)),
        hypertable("metrics", compression=Compression((), (OrderBy("kind", False, True), OrderBy("time")))),
        hypertable('"It\'s"', retention("13 months", initial_start="2026-01-01T00:00:00+00:00")),
    ],
)
def test_what_is_told_declares_what_is_there(relation: Any) -> None:
    on = database(relation)
    told = export_database(on, [relation.name])
    assert plan_for(on, told["hypertables"], told["continuous_aggregates"]).actions == ()


@given(st.data())
def test_whatever_is_told_declares_what_is_there(data: st.DataObject) -> None:
    world = data.draw(worlds())
    server = Server(world)
    declaration = data.draw(states(world)).parse()
    server.run(server.plan(declaration))
    on = server.read(declaration)
    told = export_database(on, [item.name for item in on.hypertables + on.aggregates])
    again = declare(told["hypertables"], told["continuous_aggregates"], prune=["policies", "continuous_aggregates"])
    assert kinds(make_plan(again, on, world.server)) == []
    assert len(again.relations) == len(on.hypertables + on.aggregates)


def test_no_limit_is_null_and_nothing_else_is() -> None:
    told = export_policy(refreshing(None, "0 s"))
    assert (told["start_offset"], told["end_offset"]) == (None, "0 seconds")
    assert str(OPEN) == "no limit"
    assert Interval() != OPEN
