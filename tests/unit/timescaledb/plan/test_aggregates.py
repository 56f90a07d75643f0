"""Planning continuous aggregates: creation, settings, indexes, rebuilds with all that hangs on them, and removal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.model import (
    REFRESH,
    Belongings,
    Compression,
    ContinuousAggregate,
    HashDimension,
    Index,
    Policy,
    Rehearsal,
)
from ansible.module_utils.timescaledb.plan.actions import Kind
from ansible.module_utils.timescaledb.plan.aggregates import WITHOUT_GROUP_INDEXES, bucket_name, bucket_width
from ansible.module_utils.timescaledb.values import Interval, OrderBy
from tests.unit.builders import (
    DEPARSED,
    QUERY,
    TIMESTAMPTZ,
    aggregate,
    compressing,
    database,
    hypertable,
    interval,
    kinds,
    name,
    only,
    plan_for,
    refreshing,
    rehearsal,
    retention,
    table,
)

HOURLY = {"name": "hourly", "query": QUERY}
DAILY = {"name": "daily", "query": "SELECT time_bucket('1 day', bucket) AS day, avg(avg) FROM hourly GROUP BY 1"}
REFRESHED = {"start_offset": "3 hours", "end_offset": "1 hour", "schedule_interval": "1 hour"}
OTHER = DEPARSED.replace("avg", "max")


def refuse(on: Any, aggregates: Any, **options: Any) -> str:
    with pytest.raises(DeclarationError) as refused:
        plan_for(on, options.pop("hypertables", None), aggregates, **options)
    return str(refused.value)


def steps(plan: Any) -> list[tuple[str, str]]:
    return [(action.kind.value, str(action.relation)) for action in plan.actions]


class TestANewAggregate:
    ON = database(hypertable(), rehearsals={"hourly": rehearsal()})

    def test_is_created_as_far_as_it_can_be_known(self) -> None:
        action = only(plan_for(self.ON, None, HOURLY))
        assert (action.kind, action.before, action.detail) == (Kind.CREATE_AGGREGATE, None, QUERY)
        assert action.after == ContinuousAggregate(
            name=name("hourly"),
            query=DEPARSED,
            source=name("metrics"),
            time_column="bucket",
            time_type=TIMESTAMPTZ,
            materialized_only=True,
            chunk_interval=Interval(days=70),
            bucket_width=interval("1 hour"),
            unfilled=True,
        )

    def test_gets_everything_declared_in_an_order_that_works(self) -> None:
        declared = {
            **HOURLY,
            "materialized_only": False,
            "chunk_interval": "30 days",
            "create_group_indexes": False,
            "refresh_after_create": True,
            "indexes": [{"name": "by_device", "columns": ["device_id"]}, {"name": "gone", "state": "absent"}],
            "compression": {"segmentby": ["device_id"], "compress_after": "7 days"},
            "refresh": REFRESHED,
            "retention": {"drop_after": "1 year"},
        }
        plan = plan_for(self.ON, None, declared)
        assert [(action.kind.value, action.path) for action in plan.actions] == [
            ("create_aggregate", "continuous_aggregates[hourly]"),
            ("set_chunk_interval", "continuous_aggregates[hourly].chunk_interval"),
            ("create_index", "continuous_aggregates[hourly].indexes[by_device]"),
            ("set_compression", "continuous_aggregates[hourly].compression"),
            ("add_policy", "continuous_aggregates[hourly].refresh"),
            ("add_policy", "continuous_aggregates[hourly].compression"),
            ("refresh_aggregate", "continuous_aggregates[hourly].refresh_after_create"),
            ("add_policy", "continuous_aggregates[hourly].retention"),
        ]
        created = plan.actions[0].after
        assert isinstance(created, ContinuousAggregate)
        assert created.materialized_only is False
        assert plan.actions[0].options == {WITHOUT_GROUP_INDEXES}
        assert [action.transactional for action in plan.actions] == [True] * 6 + [False, True]

    def test_may_stand_on_a_hypertable_of_the_same_declaration(self) -> None:
        on = database(table(), rehearsals={"hourly": rehearsal()})
        plan = plan_for(on, {"name": "metrics", "time_column": "time", "chunk_interval": "1 day"}, HOURLY)
        assert steps(plan) == [("create_hypertable", "metrics"), ("create_aggregate", "hourly")]
        created = plan.actions[1].after
        assert isinstance(created, ContinuousAggregate)
        assert created.chunk_interval == Interval(days=10)

    def test_may_stand_on_an_aggregate_of_the_same_declaration_whatever_the_order(self) -> None:
        daily = rehearsal(DEPARSED.replace("metrics", "hourly").replace("01:00:00", "1 day"))
        on = database(hypertable(), rehearsals={"hourly": rehearsal(), "daily": daily})
        for declared in ([HOURLY, DAILY], [DAILY, HOURLY]):
            plan = plan_for(on, None, declared)
            assert steps(plan) == [("create_aggregate", "hourly"), ("create_aggregate", "daily")]
            created = plan.actions[1].after
            assert isinstance(created, ContinuousAggregate)
            assert (created.source, created.chunk_interval) == (name("hourly"), Interval(days=70))
            assert created.bucket_width == Interval(days=1)

    def test_of_integer_time_has_chunks_ten_times_those_of_its_hypertable(self) -> None:
        ticks = hypertable(time_type="bigint", chunk_interval=500)
        query = ' SELECT time_bucket((100)::bigint, metrics."time") AS bucket FROM metrics;'
        on = database(ticks, rehearsals={"hourly": rehearsal(query, bucket="bigint")})
        created = only(plan_for(on, None, HOURLY)).after
        assert isinstance(created, ContinuousAggregate)
        assert (created.time_type, created.chunk_interval, created.bucket_width) == ("bigint", 5000, 100)

    def test_is_known_roughly_where_nobody_could_be_asked(self) -> None:
        created = only(plan_for(database(hypertable()), None, HOURLY)).after
        assert isinstance(created, ContinuousAggregate)
        assert (created.query, created.time_column, created.time_type) == (QUERY, "bucket", TIMESTAMPTZ)

    @pytest.mark.parametrize(
        ("on", "declared", "sentence"),
        [
            (
                database(hypertable()),
                {"name": "hourly"},
                "query: nothing was given, but there is no continuous aggregate hourly; accepted is one SELECT",
            ),
            (
                database(hypertable(), table("hourly", "view"), rehearsals={"hourly": rehearsal()}),
                HOURLY,
                "name: hourly exists and is a view; accepted is a free name",
            ),
            (
                database(hypertable(), hypertable("hourly"), rehearsals={"hourly": rehearsal()}),
                HOURLY,
                "name: hourly exists and is a hypertable; accepted is a free name",
            ),
            (
                database(hypertable(), rehearsals={"hourly": Rehearsal(error="no column valeu")}),
                HOURLY,
                "query: the server refuses this query (no column valeu); accepted is one SELECT that it can run",
            ),
            (
                database(rehearsals={"hourly": Rehearsal(error="no metrics", missing_relation=True)}),
                HOURLY,
                "query: the server refuses this query (no metrics); accepted is one SELECT that it can run",
            ),
            (
                database(table("plain"), rehearsals={"hourly": rehearsal()}),
                {**HOURLY, "query": "SELECT 1 FROM plain"},
                "query: it selects from no hypertable or continuous aggregate; accepted is a query over one, grouped "
                "by time_bucket",
            ),
            (
                ON,
                {**HOURLY, "compression": {"segmentby": ["kind"]}},
                "compression.segmentby: hourly has no column 'kind'; accepted are avg, bucket, device_id",
            ),
            (
                ON,
                {**HOURLY, "refresh": {**REFRESHED, "start_offset": "2 hours"}},
                "refresh: the window from start_offset '2 hours' to end_offset '1 hour' is too small; accepted is one "
                "of at least two buckets of 1 hour",
            ),
        ],
    )  # fmt: skip
    def test_that_cannot_be_is_refused(self, on: Any, declared: dict[str, Any], sentence: str) -> None:
        assert refuse(on, declared) == f"continuous_aggregates[hourly].{sentence}"

    def test_cannot_stand_on_what_goes(self) -> None:
        gone = {"name": "metrics", "state": "absent"}
        assert "it selects from no hypertable" in refuse(self.ON, HOURLY, hypertables=gone)


class TestWhatANewAggregateStandsOn:
    def source(self, query: str, *relations: Any, sources: Any = ()) -> str:
        known = replace(rehearsal(DEPARSED), sources=tuple(name(text) for text in sources))
        on = database(*relations, rehearsals={"new": known})
        created = only(plan_for(on, None, {"name": "new", "query": query})).after
        assert isinstance(created, ContinuousAggregate)
        return str(created.source)

    def test_is_what_the_server_says(self) -> None:
        two = (hypertable("metrics"), hypertable("app.metrics"))
        assert self.source(QUERY, *two, sources=["app.metrics"]) == "app.metrics"
        assert self.source(QUERY, *two, sources=["devices", "metrics"]) == "metrics"

    def test_is_else_what_stands_behind_from(self) -> None:
        query = "SELECT time_bucket('1 h', time) AS b, device FROM metrics GROUP BY 1, 2"
        assert self.source(query, hypertable("device"), hypertable("metrics"), hypertable("time")) == "metrics"

    def test_is_else_an_aggregate_rather_than_a_hypertable(self) -> None:
        query = "SELECT time_bucket('1 h', bucket) AS b FROM hourly JOIN metrics ON true GROUP BY 1"
        assert self.source(query, hypertable("metrics"), aggregate("hourly")) == "hourly"

    def test_is_never_itself(self) -> None:
        query = "SELECT time_bucket('1 h', time) AS new FROM metrics GROUP BY 1"
        assert self.source(query, hypertable("metrics")) == "metrics"


@pytest.mark.parametrize(
    ("query", "column"),
    [
        (DEPARSED, "bucket"),
        ("SELECT max(time) AS latest, time_bucket('1 day'::interval, m.\"time\") AS day FROM m", "day"),
        ('SELECT time_bucket(\'1 day\'::interval, (m.a + (m.b))) AS "My ""day""" FROM m', 'My "day"'),
        ("SELECT length('time_bucket(' ), time_bucket('1 day', time) day FROM m", "day"),
        ("SELECT date_part('hour', time_bucket('1 day', time)) AS h, time_bucket('1 day', time) AS d FROM m", "d"),
        ("SELECT time_bucket('1 day', time) FROM m", ""),
        ("SELECT time_bucket('1 day', time), x FROM m GROUP BY time_bucket('1 day', time)", ""),
        ("SELECT 1", ""),
        ("SELECT time_bucket('1 day', ", ""),
    ],
)
def test_the_column_of_the_bucket_is_found(query: str, column: str) -> None:
    assert bucket_name(query) == column


def test_the_column_of_the_bucket_is_not_just_any_time() -> None:
    query = ' SELECT max(metrics."time") AS latest, time_bucket(\'01:00:00\'::interval, metrics."time") AS hour FROM m;'
    shown = rehearsal(query, latest=TIMESTAMPTZ, hour=TIMESTAMPTZ, n="bigint")
    created = only(plan_for(database(hypertable(), rehearsals={"hourly": shown}), None, HOURLY)).after
    assert isinstance(created, ContinuousAggregate)
    assert created.time_column == "hour"
    hidden = rehearsal(query.replace("time_bucket", "other"), n="bigint", hour=TIMESTAMPTZ)
    created = only(plan_for(database(hypertable(), rehearsals={"hourly": hidden}), None, HOURLY)).after
    assert isinstance(created, ContinuousAggregate)
    assert created.time_column == "hour"


@pytest.mark.parametrize(
    ("query", "width"),
    [
        (DEPARSED, Interval(microseconds=3600 * 1000000)),
        ("time_bucket('7 days'::interval, x)", Interval(days=7)),
        ("public.time_bucket('1 mon'::interval, x, 'Europe/Berlin'::text)", Interval(months=1)),
        ("time_bucket(5, x)", 5),
        ("time_bucket((100)::bigint, x)", 100),
        ("time_bucket('7'::bigint, x)", 7),
        ("time_bucket(width, x)", None),
        ("", None),
    ],
)
def test_the_width_of_the_bucket_is_found(query: str, width: Interval | None) -> None:
    assert bucket_width(query) == width


class TestAnAggregate:
    def test_as_declared_is_left_alone(self) -> None:
        index = Index("by_device", (OrderBy("device_id"),))
        on = database(hypertable(), aggregate("hourly", refreshing(), indexes=(index,)))
        declared = {
            **HOURLY,
            "materialized_only": True,
            "chunk_interval": "70 days",
            "refresh_after_create": True,
            "create_group_indexes": False,
            "refresh": REFRESHED,
            "indexes": [{"name": "by_device", "columns": ["device_id"]}],
        }
        assert plan_for(on, None, declared).actions == ()

    @pytest.mark.parametrize(
        ("declared", "kind", "before", "after", "key"),
        [
            ({"materialized_only": False}, Kind.SET_MATERIALIZED_ONLY, True, False, "materialized_only"),
            (
                {"chunk_interval": "7 days"},
                Kind.SET_CHUNK_INTERVAL,
                Interval(days=70),
                Interval(days=7),
                "chunk_interval",
            ),
        ],
    )
    def test_gets_other_settings(self, declared: dict[str, Any], kind: Kind, before: Any, after: Any, key: str) -> None:
        action = only(plan_for(database(hypertable(), aggregate()), None, {"name": "hourly", **declared}))
        assert (action.kind, action.before, action.after) == (kind, before, after)
        assert action.path == f"continuous_aggregates[hourly].{key}"

    @pytest.mark.parametrize(
        ("columns", "state", "expected"),
        [
            (["device_id", "bucket DESC"], "present", []),
            (["bucket DESC", "device_id"], "present", ["drop_index", "create_index"]),
            (["device_id", "bucket"], "present", ["drop_index", "create_index"]),
            (None, "absent", ["drop_index"]),
        ],
    )
    def test_gets_other_indexes(self, columns: Any, state: str, expected: list[str]) -> None:
        index = Index("i", (OrderBy("device_id"), OrderBy("bucket", True, True)))
        on = database(hypertable(), aggregate("hourly", indexes=(index, Index("kept", (OrderBy("avg"),)))))
        item = {"name": "i", "state": state, **({"columns": columns} if columns else {})}
        plan = plan_for(on, None, {"name": "hourly", "indexes": [item]})
        assert kinds(plan) == expected
        assert {action.path for action in plan.actions} <= {"continuous_aggregates[hourly].indexes[i]"}

    @pytest.mark.parametrize(
        ("unfilled", "declared", "filled"), [(True, True, True), (True, None, False), (False, True, False)]
    )
    def test_that_was_never_filled_is_filled_where_that_is_declared(
        self, unfilled: bool, declared: bool | None, filled: bool
    ) -> None:
        on = database(hypertable(), aggregate(unfilled=unfilled))
        plan = plan_for(on, None, {"name": "hourly", "refresh_after_create": declared})
        assert kinds(plan) == (["refresh_aggregate"] if filled else [])

    def test_absent_is_refused_where_the_name_is_something_else(self) -> None:
        assert refuse(database(table("hourly", "view")), {"name": "hourly", "state": "absent"}) == (
            "continuous_aggregates[hourly].state: hourly is a view; accepted for absent is a continuous aggregate"
        )

    def test_absent_is_dropped_and_absent_already_is_nothing_to_do(self) -> None:
        gone = {"name": "hourly", "state": "absent"}
        action = only(plan_for(database(hypertable(), aggregate()), None, gone))
        assert (action.kind, action.before, action.path) == (
            Kind.DROP_AGGREGATE,
            aggregate(),
            "continuous_aggregates[hourly]",
        )
        assert plan_for(database(hypertable()), None, gone).actions == ()

    def test_absent_is_refused_under_one_that_stays(self) -> None:
        on = database(hypertable(), aggregate(), aggregate("daily", source="hourly"))
        assert refuse(on, {"name": "hourly", "state": "absent"}) == (
            "continuous_aggregates[hourly]: hourly cannot be dropped while continuous aggregate daily selects from it; "
            "accepted is to declare daily absent as well"
        )

    def test_whose_query_the_server_refuses_is_refused(self) -> None:
        on = database(hypertable(), aggregate(), rehearsals={"hourly": Rehearsal(error="no such column")})
        assert refuse(on, HOURLY) == (
            "continuous_aggregates[hourly].query: the server refuses this query (no such column); accepted is one "
            "SELECT that it can run"
        )


class TestAnAggregateWhoseQueryChanged:
    POLICIES = (
        refreshing("3 hours", "1 hour", timezone="Europe/Berlin", failures=2),
        compressing("30 days", config={"mine": 1}),
        retention("1 year", scheduled=False),
    )
    INDEX = Index("by_device", (OrderBy("device_id"),))
    OLD = aggregate(
        "hourly",
        *POLICIES,
        materialized_only=False,
        chunk_interval=Interval(days=10),
        compression=Compression(("device_id",), (OrderBy("bucket", True, True),)),
        indexes=(INDEX,),
    )
    CHANGED = rehearsal(OTHER)

    def on(self, *more: Any, **rehearsals: Rehearsal) -> Any:
        return database(hypertable(), self.OLD, *more, rehearsals={"hourly": self.CHANGED, **rehearsals})

    def test_is_built_again_with_everything_it_had(self) -> None:
        plan = plan_for(self.on(), None, HOURLY)
        assert kinds(plan) == [
            "drop_aggregate",
            "create_aggregate",
            "set_chunk_interval",
            "create_index",
            "set_compression",
            *["add_policy"] * 3,
        ]
        assert plan.actions[0].path == "continuous_aggregates[hourly].query"
        created = plan.actions[1].after
        assert isinstance(created, ContinuousAggregate)
        assert (created.query, created.materialized_only) == (OTHER, False)
        assert [action.after for action in plan.actions[2:]] == [
            Interval(days=10),
            self.INDEX,
            self.OLD.compression,
            *[replace(item, job_id=None, consecutive_failures=0) for item in self.POLICIES],
        ]

    def test_is_built_again_as_declared_where_that_is_said(self) -> None:
        declared = {
            **HOURLY,
            "materialized_only": True,
            "chunk_interval": "70 days",
            "indexes": [{"name": "by_device", "state": "absent"}],
            "compression": {"state": "absent"},
            "retention": {"drop_after": "2 years", "scheduled": True},
            "refresh": {"start_offset": "5 hours"},
        }
        plan = plan_for(self.on(), None, declared)
        assert kinds(plan) == ["drop_aggregate", "create_aggregate", "add_policy", "add_policy"]
        created, refresh, kept = (action.after for action in plan.actions[1:])
        assert isinstance(created, ContinuousAggregate)
        assert created.materialized_only is True
        assert isinstance(refresh, Policy)
        assert isinstance(kept, Policy)
        assert refresh.kind == REFRESH
        assert {key: str(value) for key, value in refresh.reach.items()} == {
            "start_offset": "5 hours",
            "end_offset": "1 hour",
        }
        assert refresh.settings.timezone == "Europe/Berlin"
        assert (kept.reach["drop_after"], kept.settings.scheduled) == (Interval(24), True)

    def test_gets_back_its_owner_its_comment_and_its_grants(self) -> None:
        belongings = Belongings("app", "per hour", (("grafana", "SELECT", False),))
        on = database(hypertable(), replace(self.OLD, belongings=belongings), rehearsals={"hourly": self.CHANGED})
        plan = plan_for(on, None, HOURLY)
        (action,) = [item for item in plan.actions if item.kind is Kind.RESTORE_BELONGINGS]
        assert (action.after, action.path) == (belongings, "continuous_aggregates[hourly].query")
        assert kinds(plan).index("create_aggregate") < kinds(plan).index("restore_belongings")
        assert kinds(plan).index("restore_belongings") < kinds(plan).index("add_policy")

    def test_whose_query_is_wrong_is_refused_for_that_and_not_for_what_stands_on_it(self) -> None:
        wrong = Rehearsal(error="no such column")
        on = database(hypertable(), self.OLD, aggregate("daily", source="hourly"), rehearsals={"hourly": wrong})
        assert "the server refuses this query (no such column)" in refuse(on, HOURLY)

    def test_takes_the_aggregates_over_it_along(self) -> None:
        children = (aggregate("daily", retention("5 years"), source="hourly"), aggregate("monthly", source="daily"))
        monthly = {"name": "monthly", "query": "SELECT time_bucket('30 days', day) FROM daily GROUP BY 1"}
        plan = plan_for(self.on(*children), None, [monthly, DAILY, {**HOURLY, "refresh_after_create": True}])
        relevant = ("drop_aggregate", "create_aggregate", "refresh_aggregate")
        assert [step for step in steps(plan) if step[0] in relevant] == [
            ("drop_aggregate", "monthly"),
            ("drop_aggregate", "daily"),
            ("drop_aggregate", "hourly"),
            ("create_aggregate", "hourly"),
            ("create_aggregate", "daily"),
            ("create_aggregate", "monthly"),
            ("refresh_aggregate", "hourly"),
        ]
        again = [action.after for action in plan.actions if action.kind is Kind.ADD_POLICY]
        assert replace(retention("5 years"), job_id=None) in again

    @pytest.mark.parametrize("declared", [[HOURLY], [HOURLY, {"name": "daily"}]], ids=["undeclared", "without-query"])
    def test_is_refused_under_one_that_could_not_be_built_again(self, declared: Any) -> None:
        assert refuse(self.on(aggregate("daily", source="hourly")), declared) == (
            "continuous aggregate daily: it selects from an aggregate whose query changed, and is not declared with "
            "its own query; accepted is to declare it, or to drop it first"
        )

    def test_leaves_behind_what_goes_anyway(self) -> None:
        on = self.on(aggregate("daily", source="hourly"))
        absent = plan_for(on, None, [HOURLY, {"name": "daily", "state": "absent"}])
        pruned = plan_for(on, {"name": "metrics"}, HOURLY, prune=["continuous_aggregates"])
        for plan in (absent, pruned):
            assert steps(plan)[:3] == [
                ("drop_aggregate", "daily"),
                ("drop_aggregate", "hourly"),
                ("create_aggregate", "hourly"),
            ]

    def test_is_built_again_where_it_is_to_stand_on_something_yet_to_come(self) -> None:
        missing = Rehearsal(error='relation "hourly" does not exist', missing_relation=True)
        on = database(hypertable(), aggregate("daily"), rehearsals={"hourly": rehearsal(), "daily": missing})
        plan = plan_for(on, None, [DAILY, HOURLY])
        assert steps(plan) == [
            ("drop_aggregate", "daily"),
            ("create_aggregate", "hourly"),
            ("create_aggregate", "daily"),
        ]

    def test_is_refused_where_its_refresh_would_not_reach_over_two_of_its_new_buckets(self) -> None:
        longer = rehearsal(OTHER.replace("01:00:00", "06:00:00"))
        on = database(hypertable(), self.OLD, rehearsals={"hourly": longer})
        assert refuse(on, HOURLY) == (
            "continuous_aggregates[hourly].refresh: the window from start_offset '3 hours' to end_offset '1 hour' is "
            "too small; accepted is one of at least two buckets of 6 hours"
        )

    def test_is_refused_where_what_it_misses_is_not_to_come(self) -> None:
        missing = Rehearsal(error='relation "huorly" does not exist', missing_relation=True)
        on = database(hypertable(), aggregate("daily"), rehearsals={"hourly": rehearsal(), "daily": missing})
        declared = [{**DAILY, "query": "SELECT time_bucket('1 day', bucket) FROM huorly JOIN metrics ON true"}, HOURLY]
        assert 'the server refuses this query (relation "huorly" does not exist)' in refuse(on, declared)

    def test_is_left_alone_where_its_query_is_not_declared(self) -> None:
        assert plan_for(self.on(), None, {"name": "hourly"}).actions == ()


class TestPruning:
    def test_drops_undeclared_aggregates_over_declared_relations_children_first(self) -> None:
        on = database(
            hypertable(), aggregate(), aggregate("daily", source="hourly"), aggregate("other", source="metrics")
        )
        plan = plan_for(on, {"name": "metrics"}, HOURLY, prune=["continuous_aggregates"])
        assert sorted(steps(plan)) == [("drop_aggregate", "daily"), ("drop_aggregate", "other")]
        plan = plan_for(on, {"name": "metrics"}, prune=["continuous_aggregates"])
        assert plan.actions[0].relation == name("daily")
        assert {action.path for action in plan.actions} == {"prune"}

    def test_leaves_alone_what_stands_on_undeclared_relations(self) -> None:
        on = database(hypertable(), hypertable("other"), aggregate("hourly", source="other"))
        assert plan_for(on, {"name": "metrics"}, prune=["continuous_aggregates", "policies"]).actions == ()

    def test_leaves_alone_a_refresh_that_the_declaration_could_not_even_speak_of(self) -> None:
        on = database(hypertable(), aggregate("hourly", refreshing(), retention()))
        plan = plan_for(on, {"name": "hourly"}, prune=["policies"])
        assert [(item.kind, item.before) for item in plan.actions] == [(Kind.REMOVE_POLICY, retention())]

    def test_is_done_only_where_it_is_asked_for(self) -> None:
        on = database(hypertable("metrics", retention()), aggregate("hourly", refreshing()))
        assert plan_for(on, {"name": "metrics"}).actions == ()
        assert kinds(plan_for(on, {"name": "metrics"}, prune=["policies"])) == ["remove_policy"]
        assert kinds(plan_for(on, {"name": "metrics"}, prune=["continuous_aggregates"])) == ["drop_aggregate"]

    def test_is_refused_under_a_declared_one(self) -> None:
        on = database(hypertable(), aggregate(), aggregate("daily", source="hourly"))
        with pytest.raises(
            DeclarationError, match=r"^prune: hourly cannot be dropped while continuous aggregate daily"
        ):
            plan_for(on, {"name": "metrics"}, {"name": "daily"}, prune=["continuous_aggregates"])


def test_the_actions_run_in_the_order_of_their_kinds() -> None:
    ticks = hypertable("ticks", retention(), compression=Compression(), hash_dimensions=(HashDimension("kind", 2),))
    on = database(ticks, aggregate("old", source="ticks"), table(), rehearsals={"hourly": rehearsal()})
    plan = plan_for(
        on,
        [
            {
                "name": "ticks",
                "chunk_interval": "1 day",
                "compression": {"segmentby": ["kind"], "compress_after": "1 day"},
                "retention": {"state": "absent"},
                "hash_dimensions": [{"column": "kind", "number_partitions": 3}],
            },
            {"name": "metrics", "time_column": "time", "retention": {"drop_after": "1 day"}},
        ],
        [{**HOURLY, "refresh": REFRESHED, "refresh_after_create": True}, {"name": "old", "state": "absent"}],
    )
    assert steps(plan) == [
        ("remove_policy", "ticks"),
        ("drop_aggregate", "old"),
        ("create_hypertable", "metrics"),
        ("set_number_partitions", "ticks"),
        ("create_aggregate", "hourly"),
        ("set_chunk_interval", "ticks"),
        ("set_compression", "ticks"),
        ("add_policy", "hourly"),
        ("add_policy", "ticks"),
        ("refresh_aggregate", "hourly"),
        ("add_policy", "metrics"),
    ]
