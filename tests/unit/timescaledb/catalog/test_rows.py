"""Rows of the catalog as values of the model."""

from __future__ import annotations

from typing import Any

import pytest

from ansible.module_utils.timescaledb.catalog import rows
from ansible.module_utils.timescaledb.model import (
    REFRESH,
    Belongings,
    Compression,
    HashDimension,
    Index,
    JobSettings,
    Policy,
    Table,
)
from ansible.module_utils.timescaledb.names import QualifiedName
from ansible.module_utils.timescaledb.values import OPEN, Interval, OrderBy
from tests.unit.builders import TIMESTAMPTZ, aggregate, hypertable, interval, name, retention, server

NEW, OLD = server("2.29.2"), server("2.19.3")
TIME = {
    "column": "time",
    "column_type": TIMESTAMPTZ,
    "time_interval": "7 days",
    "integer_interval": None,
    "partitions": None,
    "now_schema": None,
    "now_name": None,
}
UNCOMPRESSED = {"compression_enabled": False, "segmentby": None, "orderby": None}


def job(**fields: Any) -> dict[str, Any]:
    return {
        "schema": "public",
        "name": "metrics",
        "job_id": 1001,
        "proc_name": "policy_retention",
        "schedule_interval": "1 day",
        "max_runtime": "00:00:00",
        "max_retries": -1,
        "retry_period": "01:00:00",
        "scheduled": True,
        "timezone": None,
        "initial_start": None,
        "config": {"drop_after": "90 days", "hypertable_id": 7},
        "reach": {"drop_after": "90 days"},
        "consecutive_failures": 0,
        **fields,
    }


class TestAPolicy:
    def test_of_retention(self) -> None:
        assert rows.policy(job()) == retention("90 days")

    def test_keeps_what_it_does_not_know(self) -> None:
        config = {"drop_after": "90 days", "hypertable_id": 7, "verbose_log": True, "mine": {"a": [1]}}
        assert rows.policy(job(config=config)).config == (("mine", {"a": [1]}), ("verbose_log", True))

    def test_of_refresh_is_open_where_it_says_nothing(self) -> None:
        reach = {"end_offset": "01:00:00", "start_offset": None}
        row = job(proc_name="policy_refresh_continuous_aggregate", config={"mat_hypertable_id": 3}, reach=reach)
        found = rows.policy(row)
        assert (found.kind, found.reach) == (REFRESH, {"start_offset": OPEN, "end_offset": interval("1 hour")})
        assert rows.policy({**row, "reach": {}}).reach == {"start_offset": OPEN, "end_offset": OPEN}

    def test_of_integer_time_has_numbers(self) -> None:
        assert rows.policy(job(reach={"drop_after": 500})).reach == {"drop_after": 500}

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (None, None),
            ("-infinity", None),
            ("2026-01-01T02:00:00+00:00", "2026-01-01T02:00:00+00:00"),
            ("2026-01-01T02:00:00.5+00:00", "2026-01-01T02:00:00.500000+00:00"),
        ],
    )
    def test_begins_when_it_says_so(self, text: str | None, found: str | None) -> None:
        assert rows.policy(job(initial_start=text, timezone="Europe/Berlin")).settings == JobSettings(
            interval("1 day"), Interval(), -1, interval("1 hour"), True, "Europe/Berlin", found
        )

    def test_that_keeps_everything_is_longer_than_any_other(self) -> None:
        found = rows.policy(job(reach={"drop_after": "infinity"})).reach["drop_after"]
        assert isinstance(found, Interval)
        assert found.surely_covers(Interval(days=2**31 - 1))

    def test_belongs_to_its_relation(self) -> None:
        found = rows.policies([job(), job(name="other", job_id=1002), job(job_id=1003)])
        assert {str(key): [item.job_id for item in items] for key, items in found.items()} == {
            "metrics": [1001, 1003],
            "other": [1002],
        }


class TestAHypertable:
    def row(self, *dimensions: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return {"schema": "public", "name": "metrics", "dimensions": [TIME, *dimensions], **UNCOMPRESSED, **fields}

    def test_with_its_policies(self) -> None:
        found = {name("metrics"): (retention(),), name("other"): (retention(),)}
        assert rows.hypertable(self.row(), found, NEW) == hypertable("metrics", retention())

    def test_of_integer_time(self) -> None:
        ticks = {**TIME, "column_type": "bigint", "time_interval": None, "integer_interval": 1000}
        row = self.row(dimensions=[{**ticks, "now_schema": "app", "now_name": "Now"}])
        assert rows.hypertable(row, {}, NEW) == hypertable(
            time_type="bigint", chunk_interval=1000, integer_now_func=QualifiedName("app", "Now")
        )

    def test_of_uuids_has_an_interval_however_it_is_shown(self) -> None:
        for shown in ({"time_interval": "7 days"}, {"time_interval": None, "integer_interval": 7 * 86400 * 10**6}):
            row = self.row(dimensions=[{**TIME, "column_type": "uuid", **shown}])
            assert rows.hypertable(row, {}, NEW).chunk_interval == Interval(days=7)

    def test_with_further_dimensions_by_their_column(self) -> None:
        hashed = [{**TIME, "column": column, "partitions": 4} for column in ("kind", "device_id")]
        found = rows.hypertable(self.row(*hashed), {}, NEW)
        assert found.hash_dimensions == (HashDimension("device_id", 4), HashDimension("kind", 4))


@pytest.mark.parametrize(
    ("fields", "on", "found"),
    [
        ({"compression_enabled": False, "segmentby": ["a"]}, NEW, None),
        ({"segmentby": None}, NEW, Compression(None, None)),
        ({"segmentby": []}, NEW, Compression((), None)),
        ({"segmentby": None}, OLD, Compression((), None)),
        ({"segmentby": ["a", "b"]}, OLD, Compression(("a", "b"), None)),
        (
            {
                "segmentby": ["a"],
                "orderby": ["t", "v"],
                "orderby_desc": [True, False],
                "orderby_nullsfirst": [True, True],
            },
            NEW,
            Compression(("a",), (OrderBy("t", True, True), OrderBy("v", False, True))),
        ),
    ],
)
def test_compression_is_what_was_set_or_chosen(fields: dict[str, Any], on: Any, found: Any) -> None:
    row = {"compression_enabled": True, "orderby": None, "orderby_desc": None, "orderby_nullsfirst": None, **fields}
    assert rows.compression(row, on) == found


class TestAnAggregate:
    def row(self, **fields: Any) -> dict[str, Any]:
        present = aggregate()
        return {
            "schema": "public",
            "name": "hourly",
            "query": present.query,
            "source_schema": "public",
            "source_name": "metrics",
            "time_column": "bucket",
            "time_type": TIMESTAMPTZ,
            "materialized_only": True,
            "time_interval": "70 days",
            "integer_interval": None,
            "bucket_width": "01:00:00",
            "indexes": None,
            "storage_schema": "_timescaledb_internal",
            "storage_name": "_materialized_hypertable_2",
            "owner": "app",
            "comment": None,
            "grants": None,
            "unfilled": False,
            **UNCOMPRESSED,
            **fields,
        }

    def test_with_everything(self) -> None:
        found = rows.aggregate(self.row(), {name("hourly"): (retention(),)}, NEW)
        storage = QualifiedName("_timescaledb_internal", "_materialized_hypertable_2")
        assert found == aggregate("hourly", retention(), storage=storage, belongings=Belongings("app"))

    @pytest.mark.parametrize(
        ("text", "width"), [("1 mon", Interval(months=1)), ("100", 100), (None, None), ("x", None)]
    )
    def test_with_its_bucket(self, text: str | None, width: Any) -> None:
        assert rows.aggregate(self.row(bucket_width=text), {}, NEW).bucket_width == width

    def test_with_the_indexes_people_made(self) -> None:
        column = {"column": "device_id", "descending": True, "nulls_first": True}
        indexes = [
            {"name": "_materialized_hypertable_2_bucket_idx", "definition": "", "columns": [column]},
            {"name": "by_device", "definition": "", "columns": [column]},
            {"name": "odd", "definition": "USING brin (bucket)", "columns": []},
        ]
        assert rows.aggregate(self.row(indexes=indexes), {}, NEW).indexes == (
            Index("by_device", (OrderBy("device_id", True, True),)),
            Index("odd", (), "USING brin (bucket)"),
        )

    def test_with_all_that_hangs_on_it(self) -> None:
        grants = [["grafana", "SELECT", False], [None, "SELECT", True]]
        found = rows.aggregate(self.row(comment="per hour", grants=grants, unfilled=True), {}, NEW)
        assert found.belongings == Belongings("app", "per hour", (("grafana", "SELECT", False), (None, "SELECT", True)))
        assert found.unfilled


@pytest.mark.parametrize(
    ("fields", "kind", "shown"),
    [
        ({}, None, "table"),
        ({"relkind": "v"}, None, "view"),
        ({"relkind": "p"}, None, "partitioned table"),
        ({"relkind": "v"}, "continuous aggregate", "continuous aggregate"),
        ({"parent": True}, "hypertable", "hypertable"),
        ({"parent": True}, None, "table with child tables"),
        ({"child": True}, None, "child table"),
    ],
)
def test_a_table_is_shown_as_what_it_is(fields: dict[str, Any], kind: str | None, shown: str) -> None:
    row = {"schema": "app", "name": "t", "relkind": "r", "child": False, "parent": False, "columns": None, **fields}
    assert rows.table(row, kind, has_rows=True) == Table(QualifiedName("app", "t"), shown, (), True)
    columns = rows.table({**row, "columns": [["a", "text"], ["b", "integer"]]}, kind, has_rows=False).columns
    assert columns == (("a", "text"), ("b", "integer"))


def test_every_kind_of_policy_is_known() -> None:
    kinds = {"policy_compression": "compression", "policy_retention": "retention"}
    for procedure, kind in {**kinds, "policy_refresh_continuous_aggregate": "refresh"}.items():
        assert isinstance(rows.policy(job(proc_name=procedure)), Policy)
        assert rows.policy(job(proc_name=procedure)).kind == kind
