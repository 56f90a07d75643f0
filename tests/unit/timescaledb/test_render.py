"""Actions as SQL: the exact statements, one action of each kind."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.literals import call, literal, offset_literal, order_list
from ansible.module_utils.timescaledb.model import (
    COMPRESSION,
    REFRESH,
    RETENTION,
    Belongings,
    Compression,
    HashDimension,
    Index,
    JobSettings,
    Policy,
)
from ansible.module_utils.timescaledb.plan.actions import Action, Kind, Plan
from ansible.module_utils.timescaledb.plan.aggregates import WITHOUT_GROUP_INDEXES
from ansible.module_utils.timescaledb.plan.hypertables import MIGRATE_DATA, WITHOUT_DEFAULT_INDEXES
from ansible.module_utils.timescaledb.policy_sql import add_policy, alter_policy, remove_policy
from ansible.module_utils.timescaledb.render import render_plan
from ansible.module_utils.timescaledb.values import OPEN, Interval, OrderBy
from tests.unit.builders import (
    TIMESTAMPTZ,
    aggregate,
    database,
    hypertable,
    interval,
    name,
    policy,
    refreshing,
    retention,
    server,
)

ODD = '"My App"."it\'s"'
TICKS = {"time_type": "bigint", "chunk_interval": 1000}
ON = database(
    hypertable("metrics", retention()),
    hypertable(ODD),
    hypertable("ticks", **TICKS),
    aggregate("hourly", refreshing("3 hours", "1 hour")),
    aggregate("counted", refreshing(100, 10), source="ticks", **TICKS),
)


def sql(kind: Kind, relation: str = "metrics", before: Any = None, after: Any = None, **fields: Any) -> list[str]:
    """The statements of one action."""
    options = frozenset(fields.pop("options", ()))
    action = Action(kind, name(relation), before, after, "path", options, detail=fields.pop("detail", ""))
    return [statement.text for statement in render_plan(Plan((action,)), ON, server(**fields))]


INDEX = Index("by device", (OrderBy("device_id"), OrderBy("bucket", descending=True, nulls_first=True)))

EXACTLY: dict[str, tuple[list[str], list[str]]] = {
    "create-hypertable": (
        sql(Kind.CREATE_HYPERTABLE, "new", None, hypertable("new")),
        [
            'SELECT "public".create_hypertable(\'"public"."new"\'::regclass, "public".by_range(\'time\', INTERVAL '
            "'7 days'), create_default_indexes => true, migrate_data => false)"
        ],
    ),
    "create-hypertable-of-rows-without-indexes": (
        sql(
            Kind.CREATE_HYPERTABLE, ODD, None, hypertable(ODD, **TICKS), options={MIGRATE_DATA, WITHOUT_DEFAULT_INDEXES}
        ),
        [
            'SELECT "public".create_hypertable(\'"My App"."it\'\'s"\'::regclass, "public".by_range(\'time\', 1000), '
            "create_default_indexes => false, migrate_data => true)"
        ],
    ),
    "add-dimension": (
        sql(Kind.ADD_DIMENSION, after=HashDimension("device_id", 4)),
        ['SELECT "public".add_dimension(\'"public"."metrics"\'::regclass, "public".by_hash(\'device_id\', 4))'],
    ),
    "set-number-partitions": (
        sql(Kind.SET_NUMBER_PARTITIONS, before=HashDimension("device_id", 2), after=HashDimension("device_id", 4)),
        ['SELECT "public".set_number_partitions(\'"public"."metrics"\'::regclass, 4, \'device_id\')'],
    ),
    "set-integer-now-func": (
        sql(Kind.SET_INTEGER_NOW_FUNC, "ticks", after=name('app."Now"')),
        [
            'SELECT "public".set_integer_now_func(\'"public"."ticks"\'::regclass, \'"app"."Now"\'::regproc, '
            "replace_if_exists => true)"
        ],
    ),
    "set-chunk-interval": (
        sql(Kind.SET_CHUNK_INTERVAL, after=Interval(days=1)),
        ['SELECT "public".set_chunk_time_interval(\'"public"."metrics"\'::regclass, INTERVAL \'1 day\')'],
    ),
    "set-chunk-interval-in-numbers": (
        sql(Kind.SET_CHUNK_INTERVAL, "ticks", after=500),
        ['SELECT "public".set_chunk_time_interval(\'"public"."ticks"\'::regclass, 500)'],
    ),
    "create-aggregate": (
        sql(Kind.CREATE_AGGREGATE, "new", after=aggregate("new"), detail="SELECT 1 -- one"),
        [
            'CREATE MATERIALIZED VIEW "public"."new" WITH (timescaledb.continuous = true, '
            "timescaledb.materialized_only = true, timescaledb.create_group_indexes = true) AS\n"
            "SELECT 1 -- one\nWITH NO DATA"
        ],
    ),
    "create-live-aggregate-without-group-indexes": (
        sql(
            Kind.CREATE_AGGREGATE,
            "new",
            after=aggregate("new", materialized_only=False),
            detail="SELECT 1",
            options={WITHOUT_GROUP_INDEXES},
        ),
        [
            'CREATE MATERIALIZED VIEW "public"."new" WITH (timescaledb.continuous = true, '
            "timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS\n"
            "SELECT 1\nWITH NO DATA"
        ],
    ),
    "drop-hypertable": (sql(Kind.DROP_HYPERTABLE, ODD, hypertable(ODD)), ['DROP TABLE "My App"."it\'s"']),
    "drop-aggregate": (
        sql(Kind.DROP_AGGREGATE, "hourly", aggregate("hourly")),
        ['DROP MATERIALIZED VIEW "public"."hourly"'],
    ),
    "set-materialized-only": (
        sql(Kind.SET_MATERIALIZED_ONLY, "hourly", before=True, after=False),
        ['ALTER MATERIALIZED VIEW "public"."hourly" SET (timescaledb.materialized_only = false)'],
    ),
    "restore-belongings": (
        sql(
            Kind.RESTORE_BELONGINGS,
            "hourly",
            after=Belongings("it's me", "it's mine", (("a reader", "SELECT", False), (None, "SELECT", True))),
        ),
        [
            'ALTER MATERIALIZED VIEW "public"."hourly" OWNER TO "it\'s me"',
            "COMMENT ON VIEW \"public\".\"hourly\" IS 'it''s mine'",
            'GRANT SELECT ON "public"."hourly" TO "a reader"',
            'GRANT SELECT ON "public"."hourly" TO PUBLIC WITH GRANT OPTION',
        ],
    ),
    "create-index-of-another-sort": (
        sql(Kind.CREATE_INDEX, "hourly", after=Index("by hash", (), "USING hash (device_id)")),
        ['CREATE INDEX "by hash" ON "public"."hourly" USING hash (device_id)'],
    ),
    "create-index": (
        sql(Kind.CREATE_INDEX, "hourly", after=INDEX),
        [
            'CREATE INDEX "by device" ON "public"."hourly" ("device_id" ASC NULLS LAST, "bucket" DESC NULLS FIRST)',
        ],
    ),
    "drop-index": (
        sql(Kind.DROP_INDEX, "hourly", before=INDEX),
        ['DROP INDEX "_timescaledb_internal"."by device"'],
    ),
    "set-compression": (
        sql(Kind.SET_COMPRESSION, after=Compression(("device_id", "it's"), (OrderBy("time", descending=True),))),
        [
            'ALTER TABLE "public"."metrics" SET (timescaledb.compress = true, timescaledb.compress_segmentby = '
            "'\"device_id\", \"it''s\"', timescaledb.compress_orderby = '\"time\" DESC NULLS LAST')"
        ],
    ),
    "set-compression-without-segments": (
        sql(Kind.SET_COMPRESSION, "hourly", after=Compression((), None)),
        [
            'ALTER MATERIALIZED VIEW "public"."hourly" SET (timescaledb.compress = true, '
            "timescaledb.compress_segmentby = '')"
        ],
    ),
    "set-compression-left-to-the-server": (
        sql(Kind.SET_COMPRESSION, after=Compression()),
        ['ALTER TABLE "public"."metrics" SET (timescaledb.compress = true)'],
    ),
    "disable-compression": (
        sql(Kind.DISABLE_COMPRESSION, ODD, before=Compression()),
        [
            "SELECT \"public\".decompress_chunk(format('%I.%I', c.chunk_schema, c.chunk_name)::regclass) FROM "
            "timescaledb_information.chunks AS c WHERE c.is_compressed AND c.hypertable_schema = 'My App' AND "
            "c.hypertable_name = 'it''s'",
            'ALTER TABLE "My App"."it\'s" SET (timescaledb.compress = false)',
        ],
    ),
    "add-policy": (
        sql(Kind.ADD_POLICY, after=replace(retention("90 days"), job_id=None, settings=JobSettings())),
        ['SELECT "public".add_retention_policy(\'"public"."metrics"\'::regclass, drop_after => INTERVAL \'90 days\')'],
    ),
    "alter-policy": (
        sql(Kind.ALTER_POLICY, before=retention("90 days"), after=retention("60 days")),
        [
            'SELECT "public".alter_job(j.job_id, config => j.config || \'{"drop_after": "60 days"}\'::jsonb) FROM '
            "timescaledb_information.jobs AS j WHERE j.job_id = 1001"
        ],
    ),
    "remove-policy": (sql(Kind.REMOVE_POLICY, before=retention()), ['SELECT "public".delete_job(1001)']),
    "replace-policy": (
        sql(
            Kind.REPLACE_POLICY,
            before=retention("90 days"),
            after=Policy(RETENTION, (("drop_created_before", Interval(days=60)),)),
        ),
        [
            'SELECT "public".delete_job(1001)',
            'SELECT "public".add_retention_policy(\'"public"."metrics"\'::regclass, drop_created_before => '
            "INTERVAL '60 days')",
        ],
    ),
    "refresh-aggregate": (
        sql(Kind.REFRESH_AGGREGATE, "hourly"),
        [
            'CALL "public".refresh_continuous_aggregate(\'"public"."hourly"\'::regclass, NULL, (now() - INTERVAL '
            f"'1 hour')::{TIMESTAMPTZ})"
        ],
    ),
    "refresh-aggregate-of-integer-time": (
        sql(Kind.REFRESH_AGGREGATE, "counted"),
        ['CALL "public".refresh_continuous_aggregate(\'"public"."counted"\'::regclass, NULL, NULL)'],
    ),
    "in-another-schema": (
        sql(Kind.REMOVE_POLICY, before=retention(), schema='time "s"'),
        ['SELECT "time ""s""".delete_job(1001)'],
    ),
}


@pytest.mark.parametrize(("rendered", "expected"), EXACTLY.values(), ids=EXACTLY)
def test_an_action_is_rendered_exactly_so(rendered: list[str], expected: list[str]) -> None:
    assert rendered == expected


def test_every_kind_of_action_is_among_them() -> None:
    assert {kind.value.replace("_", "-") for kind in Kind} <= set(EXACTLY)


class TestAddingAPolicy:
    def add(self, item: Policy, relation: Any = None) -> list[str]:
        return list(add_policy(replace(item, job_id=None), relation or hypertable(), "public"))

    def bare(self, kind: str, *window: Any, **fields: Any) -> Policy:
        return replace(policy(kind, *window, **fields), settings=JobSettings())

    @pytest.mark.parametrize(
        ("kind", "window", "relation", "call_text"),
        [
            (
                COMPRESSION,
                ["7 days"],
                hypertable(),
                "add_compression_policy('\"public\".\"metrics\"'::regclass, compress_after => INTERVAL '7 days')",
            ),
            (
                RETENTION,
                [500],
                hypertable(**TICKS),
                'add_retention_policy(\'"public"."metrics"\'::regclass, drop_after => 500::bigint)',
            ),
            (
                REFRESH,
                ["3 hours", None],
                aggregate(),
                'add_continuous_aggregate_policy(\'"public"."hourly"\'::regclass, start_offset => INTERVAL \'3 '
                "hours', end_offset => NULL::interval)",
            ),
            (
                REFRESH,
                [None, 5],
                aggregate(time_type="smallint"),
                'add_continuous_aggregate_policy(\'"public"."hourly"\'::regclass, start_offset => NULL::smallint, '
                "end_offset => 5::smallint)",
            ),
        ],
    )
    def test_gives_its_window_the_type_of_time(self, kind: str, window: Any, relation: Any, call_text: str) -> None:
        assert self.add(self.bare(kind, *window), relation) == [f'SELECT "public".{call_text}']

    def test_by_creation_time_is_an_interval_even_where_time_is_a_number(self) -> None:
        item = self.bare(RETENTION, "7 days", keys=["drop_created_before"])
        assert "drop_created_before => INTERVAL '7 days'" in self.add(item, hypertable(**TICKS))[0]

    def test_takes_one_statement_for_what_adding_takes_itself(self) -> None:
        settings = JobSettings(
            schedule_interval=interval("1 hour"), initial_start="2026-01-01T00:00:00+00:00", timezone="Europe/Berlin"
        )
        assert self.add(replace(self.bare(RETENTION, "7 days"), settings=settings)) == [
            'SELECT "public".add_retention_policy(\'"public"."metrics"\'::regclass, drop_after => INTERVAL \'7 '
            "days', schedule_interval => INTERVAL '1 hour', initial_start => '2026-01-01T00:00:00+00:00'::timestamptz, "
            "timezone => 'Europe/Berlin')"
        ]

    def test_takes_a_second_one_for_the_rest_which_repeats_the_timezone(self) -> None:
        settings = JobSettings(max_retries=3, scheduled=False, timezone="Europe/Berlin")
        item = replace(self.bare(RETENTION, "7 days", config={"a": "it's"}), settings=settings)
        first, second = self.add(item)
        assert first == (
            "SELECT set_config('timescaledb_lifecycle.added_job', \"public\".add_retention_policy("
            "'\"public\".\"metrics\"'::regclass, drop_after => INTERVAL '7 days', timezone => 'Europe/Berlin')::text, "
            "true)"
        )
        assert second == (
            'SELECT "public".alter_job(j.job_id, max_retries => 3, scheduled => false, config => j.config || '
            "'{\"a\": \"it''s\"}'::jsonb, timezone => 'Europe/Berlin') FROM timescaledb_information.jobs AS j WHERE "
            "j.job_id = current_setting('timescaledb_lifecycle.added_job')::int"
        )

    @pytest.mark.parametrize("key", ["max_runtime", "max_retries", "retry_period", "scheduled"])
    def test_leaves_out_nothing_that_was_declared(self, key: str) -> None:
        value = {"max_retries": 0, "scheduled": False}.get(key, Interval())
        item = replace(self.bare(RETENTION, "7 days"), settings=JobSettings(**{key: value}))  # type: ignore[arg-type]
        assert f"{key} => {literal(value)}" in self.add(item)[1]


class TestAlteringAPolicy:
    BEFORE = retention("90 days", config={"mine": 1, "verbose_log": False})

    def alter(self, after: Policy, before: Policy = BEFORE) -> str:
        text = alter_policy(before, after, "public")
        match = re.fullmatch(
            r'SELECT "public"\.alter_job\(j\.job_id, (.*)\) FROM timescaledb_information\.jobs AS j '
            r"WHERE j\.job_id = 1001",
            text,
        )
        assert match, text
        return match.group(1)

    @pytest.mark.parametrize(
        ("changes", "arguments"),
        [
            ({"schedule_interval": "1 hour"}, "schedule_interval => INTERVAL '1 hour'"),
            ({"max_runtime": "5 minutes"}, "max_runtime => INTERVAL '5 minutes'"),
            ({"max_retries": 3}, "max_retries => 3"),
            ({"retry_period": "1 minute"}, "retry_period => INTERVAL '1 minute'"),
            ({"scheduled": False}, "scheduled => false"),
            ({"timezone": "Europe/Berlin"}, "timezone => 'Europe/Berlin'"),
            (
                {"initial_start": "2026-01-01T00:00:00+00:00"},
                "initial_start => '2026-01-01T00:00:00+00:00'::timestamptz, fixed_schedule => true",
            ),
            ({"max_retries": 3, "scheduled": False}, "max_retries => 3, scheduled => false"),
        ],
    )
    def test_names_only_what_changes(self, changes: dict[str, Any], arguments: str) -> None:
        after = retention("90 days", config={"mine": 1, "verbose_log": False}, **changes)
        assert self.alter(after) == arguments

    @pytest.mark.parametrize("changes", [{"max_retries": 3}, {"scheduled": False}, {"config": {"a": 1}}, {}])
    def test_always_repeats_the_timezone_or_the_server_forgets_it(self, changes: dict[str, Any]) -> None:
        before = retention("90 days", timezone="Europe/Berlin")
        after = retention("60 days", **{"timezone": "Europe/Berlin", **changes})
        assert "timezone => 'Europe/Berlin'" in self.alter(after, before)

    @pytest.mark.parametrize(
        ("after", "config"),
        [
            (retention("60 days", config={"mine": 1, "verbose_log": False}), {"drop_after": "60 days"}),
            (retention("90 days", config={"mine": 1, "verbose_log": True}), {"verbose_log": True}),
            (retention("90 days", config={"mine": 1, "verbose_log": False, "new": "x"}), {"new": "x"}),
            (retention("2160 hours", config={"mine": 2, "verbose_log": False}), {"mine": 2}),
        ],
    )
    def test_overwrites_only_the_keys_that_change(self, after: Policy, config: dict[str, Any]) -> None:
        assert self.alter(after) == f"config => j.config || '{json.dumps(config)}'::jsonb"

    @pytest.mark.parametrize(
        ("before", "after", "config"),
        [
            (refreshing("3 hours", "1 hour"), refreshing(None, "1 hour"), {"start_offset": None}),
            (refreshing(None, None), refreshing("3 hours", None), {"start_offset": "3 hours"}),
            (refreshing(100, 5), refreshing(200, 5), {"start_offset": 200}),
        ],
    )
    def test_writes_windows_as_the_server_keeps_them(
        self, before: Policy, after: Policy, config: dict[str, Any]
    ) -> None:
        text = alter_policy(before, after, "public")
        assert f"config => j.config || '{json.dumps(config)}'::jsonb)" in text

    def test_removes_one_job_and_no_other(self) -> None:
        assert remove_policy(retention(job_id=1234), "public") == 'SELECT "public".delete_job(1234)'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (OPEN, "NULL"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (-1, "-1"),
        (0.5, "0.5"),
        (Interval(1, 2, 3), "INTERVAL '1 month 2 days 3 microseconds'"),
        (Interval(), "INTERVAL '0 seconds'"),
        ("it's", "'it''s'"),
        ("back\\slash", " E'back\\\\slash'"),
    ],
)
def test_a_value_is_a_typed_literal(value: Any, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize(
    ("value", "time_type", "text"),
    [
        (Interval(days=1), TIMESTAMPTZ, "INTERVAL '1 day'"),
        (OPEN, "date", "NULL::interval"),
        (5, "integer", "5::integer"),
        (OPEN, "smallint", "NULL::smallint"),
    ],
)
def test_an_offset_has_the_type_of_time(value: Any, time_type: str, text: str) -> None:
    assert offset_literal(value, time_type) == text


def test_a_call_is_qualified_and_its_arguments_are_in_order() -> None:
    assert call("my ext", "f", "1", "'x'", b="2", a="3") == "\"my ext\".f(1, 'x', b => 2, a => 3)"


@given(st.dictionaries(st.text(max_size=5), st.text("'\\\"x\n", max_size=6), min_size=1, max_size=3))
def test_a_configuration_survives_quoting(config: dict[str, str]) -> None:
    after = replace(retention(), config=tuple(sorted(config.items())))
    text = alter_policy(retention(), after, "public")
    match = re.search(r"j\.config \|\|\s+(E?)'((?:[^']|'')*)'::jsonb", text)
    assert match, text
    content = match.group(2).replace("''", "'")
    content = re.sub(r"\\(.)", r"\1", content, flags=re.DOTALL) if match.group(1) else content
    assert json.loads(content) == config


def test_an_ordering_says_everything() -> None:
    items = [OrderBy("a"), OrderBy('B"', descending=True), OrderBy("c", nulls_first=True)]
    assert order_list(items) == '"a" ASC NULLS LAST, "B""" DESC NULLS LAST, "c" ASC NULLS FIRST'
    assert order_list(()) == ""
