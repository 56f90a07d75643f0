"""Planning policies: what is added, altered in place, replaced, removed, left alone or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.model import COMPRESSION, REFRESH, RETENTION, Compression, JobSettings, Policy
from ansible.module_utils.timescaledb.plan.actions import Kind
from ansible.module_utils.timescaledb.values import OPEN, Interval
from tests.unit.builders import (
    aggregate,
    compressing,
    database,
    hypertable,
    interval,
    kinds,
    name,
    offset,
    only,
    plan_for,
    policy,
    refreshing,
    retention,
    server,
)


def present(*policies: Policy, **fields: Any) -> Any:
    """A database with the hypertable metrics, compressed, and the aggregate hourly over it; refreshes are its."""
    compressed = {"compression": Compression(), **fields}
    below = [item for item in policies if item.kind != REFRESH]
    return database(
        hypertable("metrics", *below, **compressed), aggregate("hourly", *[i for i in policies if i.kind == REFRESH])
    )


def declared(kind: str, keys: dict[str, Any], **options: Any) -> Any:
    """The plan for one declared policy of that kind."""
    on = options.pop("at", None) or present(*options.pop("policies", ()))
    if kind == REFRESH:
        return plan_for(on, None, {"name": "hourly", "refresh": keys}, **options)
    part = {"name": "metrics", "retention" if kind == RETENTION else "compression": keys}
    return plan_for(on, part, **options)


def refuse(kind: str, keys: dict[str, Any], **options: Any) -> str:
    with pytest.raises(DeclarationError) as refused:
        declared(kind, keys, **options)
    return str(refused.value)


EXISTING = {
    RETENTION: retention("90 days"),
    COMPRESSION: compressing("7 days"),
    REFRESH: refreshing("3 hours", "1 hour"),
}
NEW = {
    RETENTION: {"drop_after": "90 days"},
    COMPRESSION: {"compress_after": "7 days"},
    REFRESH: {"start_offset": "3 hours", "end_offset": "1 hour", "schedule_interval": "1 hour"},
}


@pytest.mark.parametrize("kind", NEW)
class TestEveryKind:
    def test_is_added_where_there_is_none(self, kind: str) -> None:
        action = only(declared(kind, NEW[kind]))
        assert action.kind is Kind.ADD_POLICY
        assert isinstance(action.after, Policy)
        assert action.after.reach == {k: interval(v) for k, v in NEW[kind].items() if k != "schedule_interval"}
        assert action.after.job_id is None
        assert action.path.startswith(("hypertables[metrics].", "continuous_aggregates[hourly]."))

    def test_is_left_alone_where_it_is_as_declared(self, kind: str) -> None:
        assert declared(kind, NEW[kind], policies=[EXISTING[kind]]).actions == ()

    def test_is_removed_where_it_is_declared_absent(self, kind: str) -> None:
        keys = {"policy_state": "absent"} if kind == COMPRESSION else {"state": "absent"}
        action = only(declared(kind, keys, policies=[EXISTING[kind]]))
        assert (action.kind, action.before, action.after) == (Kind.REMOVE_POLICY, EXISTING[kind], None)

    def test_absent_where_there_is_none_is_nothing_to_do(self, kind: str) -> None:
        keys = {"policy_state": "absent"} if kind == COMPRESSION else {"state": "absent"}
        assert declared(kind, keys).actions == ()

    def test_is_left_alone_where_nothing_is_said_of_it(self, kind: str) -> None:
        on = present(EXISTING[kind])
        assert plan_for(on, {"name": "metrics"}, {"name": "hourly"}).actions == ()

    def test_is_pruned_where_nothing_is_said_of_it_and_that_is_asked_for(self, kind: str) -> None:
        plan = plan_for(present(EXISTING[kind]), {"name": "metrics"}, {"name": "hourly"}, prune=["policies"])
        action = only(plan)
        assert (action.kind, action.before, action.path) == (Kind.REMOVE_POLICY, EXISTING[kind], "prune")

    def test_of_an_undeclared_relation_is_never_pruned(self, kind: str) -> None:
        assert plan_for(present(EXISTING[kind]), prune=["policies"]).actions == ()

    def test_keeps_everything_that_is_not_declared(self, kind: str) -> None:
        kept = {"timezone": "Europe/Berlin", "initial_start": "2026-01-01T02:00:00+00:00", "max_retries": 7}
        before = replace(
            EXISTING[kind],
            settings=replace(EXISTING[kind].settings, **kept),
            config=(("mine", 1), ("verbose_log", True)),
        )
        keys = {**NEW[kind], "schedule_interval": "5 hours", "config": {"verbose_log": False, "new": "x"}}
        action = only(declared(kind, keys, policies=[before]))
        assert action.kind is Kind.ALTER_POLICY
        assert action.before == before
        assert action.after == replace(
            before,
            settings=replace(before.settings, schedule_interval=interval("5 hours")),
            config=(("mine", 1), ("new", "x"), ("verbose_log", False)),
        )

    @pytest.mark.parametrize(
        ("key", "value", "found"),
        [
            ("schedule_interval", "36 hours", interval("36 hours")),
            ("max_runtime", "10 minutes", interval("10 minutes")),
            ("max_retries", 3, 3),
            ("retry_period", "1 minute", interval("1 minute")),
            ("scheduled", False, False),
            ("timezone", "Europe/Berlin", "Europe/Berlin"),
            ("initial_start", "2026-01-01 03:00+01:00", "2026-01-01T02:00:00+00:00"),
        ],
    )
    def test_is_altered_where_its_schedule_is_not_as_declared(
        self, kind: str, key: str, value: Any, found: Any
    ) -> None:
        action = only(declared(kind, {**NEW[kind], key: value}, policies=[EXISTING[kind]]))
        assert action.kind is Kind.ALTER_POLICY
        assert action.after == replace(EXISTING[kind], settings=replace(EXISTING[kind].settings, **{key: found}))
        already = present(action.after)
        assert declared(kind, {**NEW[kind], key: value}, at=already).actions == ()


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (RETENTION, {"drop_after": "2160 hours"}),
        (RETENTION, {"drop_after": "3 months"}),
        (RETENTION, {"drop_after": "P90D", "schedule_interval": "24:00:00"}),
        (COMPRESSION, {"compress_after": "1 week"}),
        (REFRESH, {"start_offset": "180 minutes", "end_offset": "3600 s"}),
        (RETENTION, {"schedule_interval": "1 day"}),
        (REFRESH, {"end_offset": "1 hour"}),
        (REFRESH, {}),
        (RETENTION, {}),
    ],
)
def test_another_spelling_or_less_said_is_no_difference(kind: str, keys: dict[str, Any]) -> None:
    assert declared(kind, keys, policies=[EXISTING[kind]]).actions == ()


def test_what_is_only_spelt_differently_stays_as_it_is_when_something_else_changes() -> None:
    keys = {"drop_after": "3 months", "schedule_interval": "24 hours", "max_retries": 5}
    after = only(declared(RETENTION, keys, policies=[EXISTING[RETENTION]])).after
    assert isinstance(after, Policy)
    assert str(after.reach["drop_after"]) == "90 days"
    assert str(after.settings.schedule_interval) == "1 day"
    assert after.settings.max_retries == 5


@pytest.mark.parametrize(
    ("kind", "keys", "reach"),
    [
        (RETENTION, {"drop_after": "120 days"}, {"drop_after": "120 days"}),
        (RETENTION, {"drop_after": "60 days"}, {"drop_after": "60 days"}),
        (COMPRESSION, {"compress_after": "8 days"}, {"compress_after": "8 days"}),
        (REFRESH, {"start_offset": "4 hours"}, {"start_offset": "4 hours", "end_offset": "1 hour"}),
        (REFRESH, {"start_offset": None}, {"start_offset": None, "end_offset": "1 hour"}),
        (REFRESH, {"end_offset": "30 minutes"}, {"start_offset": "3 hours", "end_offset": "30 minutes"}),
        (REFRESH, {"end_offset": "0 s"}, {"start_offset": "3 hours", "end_offset": "0 s"}),
    ],
)
def test_another_window_alters_the_job_in_place(kind: str, keys: dict[str, Any], reach: dict[str, Any]) -> None:
    action = only(declared(kind, keys, policies=[EXISTING[kind]]))
    assert action.kind is Kind.ALTER_POLICY
    assert isinstance(action.after, Policy)
    assert action.after.reach == {key: offset(value) for key, value in reach.items()}
    assert replace(action.after, window=()) == replace(EXISTING[kind], window=())


class TestAnotherClock:
    @pytest.mark.parametrize(
        ("kind", "keys"),
        [(RETENTION, {"drop_created_before": "90 days"}), (COMPRESSION, {"compress_created_before": "7 days"})],
    )
    def test_replaces_the_job_and_says_so(self, kind: str, keys: dict[str, Any]) -> None:
        before = replace(EXISTING[kind], config=(("mine", 1),), consecutive_failures=2)
        action = only(declared(kind, keys, policies=[before]))
        assert action.kind is Kind.REPLACE_POLICY
        assert isinstance(action.after, Policy)
        assert action.after.reach == {key: offset(value) for key, value in keys.items()}
        assert (action.after.job_id, action.after.consecutive_failures) == (None, 0)
        assert action.after.settings == before.settings
        assert action.after.config == before.config
        assert "another clock" in action.note

    def test_cannot_be_altered_before_2_26_3(self) -> None:
        before = policy(RETENTION, "90 days", keys=["drop_created_before"])
        keys = {"drop_created_before": "60 days"}
        older = only(declared(RETENTION, keys, policies=[before], on=server("2.26.2")))
        newer = only(declared(RETENTION, keys, policies=[before], on=server("2.26.3")))
        assert (older.kind, newer.kind) == (Kind.REPLACE_POLICY, Kind.ALTER_POLICY)
        assert "before 2.26.3" in older.note

    def test_of_compression_is_altered_on_every_version(self) -> None:
        before = policy(COMPRESSION, "7 days", keys=["compress_created_before"])
        plan = declared(COMPRESSION, {"compress_created_before": "8 days"}, policies=[before], on=server("2.15.0"))
        assert kinds(plan) == ["alter_policy"]

    @pytest.mark.parametrize("key", ["max_runtime", "max_retries", "retry_period", "scheduled", "config"])
    @pytest.mark.parametrize("existing", [True, False])
    def test_of_an_old_server_takes_no_further_settings(self, key: str, existing: bool) -> None:
        value = {"max_retries": 3, "scheduled": False, "config": {"a": 1}}.get(key, "5 minutes")
        before = [policy(RETENTION, "90 days", keys=["drop_created_before"])] if existing else []
        keys = {"drop_created_before": "60 days", key: value}
        sentence = refuse(RETENTION, keys, policies=before, on=server("2.23.0"))
        assert sentence.startswith(f"hypertables[metrics].retention.{key}: TimescaleDB before 2.26.3 cannot set this")


class TestSeveralOfOneKind:
    TWO = (retention("90 days"), retention("1 year", job_id=1009))

    def test_with_one_as_declared_are_reported_and_left_alone(self) -> None:
        plan = declared(RETENTION, {"drop_after": "1 year"}, policies=self.TWO)
        assert plan.actions == ()
        assert plan.warnings == (
            "metrics has 2 retention policies (jobs 1001, 1009); job 1009 is as declared, the others act too",
        )

    def test_with_none_as_declared_are_never_altered_by_guess(self) -> None:
        assert refuse(RETENTION, {"drop_after": "60 days"}, policies=self.TWO) == (
            "hypertables[metrics].retention: metrics has 2 retention policies (jobs 1001, 1009), and none is as "
            "declared; accepted is one: remove the others with SELECT delete_job(id)"
        )

    def test_are_all_removed_where_absent_is_declared(self) -> None:
        plan = declared(RETENTION, {"state": "absent"}, policies=self.TWO)
        assert [(action.kind, action.before) for action in plan.actions] == [
            (Kind.REMOVE_POLICY, item) for item in self.TWO
        ]


class TestAJobTheSchedulerSwitchedOff:
    STOPPED = retention("90 days", scheduled=False, max_retries=3, failures=4)
    WARNING = (
        "the scheduler switched off job 1001 (retention of metrics) after 4 failures in a row: find the cause in "
        "timescaledb_information.job_errors, then declare scheduled: true"
    )

    def test_is_reported_and_stays_off(self) -> None:
        plan = declared(RETENTION, {"drop_after": "90 days"}, policies=[self.STOPPED])
        assert (plan.actions, plan.warnings) == ((), (self.WARNING,))

    def test_stays_off_when_something_else_is_altered(self) -> None:
        plan = declared(RETENTION, {"drop_after": "120 days"}, policies=[self.STOPPED])
        after = only(plan).after
        assert isinstance(after, Policy)
        assert after.settings.scheduled is False
        assert plan.warnings == (self.WARNING,)

    def test_is_reported_where_its_policy_is_not_even_declared(self) -> None:
        assert plan_for(present(self.STOPPED), {"name": "metrics"}).warnings == (self.WARNING,)

    def test_is_switched_on_where_that_is_declared(self) -> None:
        after = only(declared(RETENTION, {"scheduled": True}, policies=[self.STOPPED])).after
        assert isinstance(after, Policy)
        assert after.settings.scheduled is True

    @pytest.mark.parametrize(
        "changes",
        [{"scheduled": True}, {"max_retries": -1}, {"failures": 3}, {"failures": 0}],
        ids=["on", "tries-for-ever", "tries-left", "a-person-did-it"],
    )
    def test_is_told_from_other_jobs(self, changes: dict[str, Any]) -> None:
        item = retention("90 days", **{"scheduled": False, "max_retries": 3, "failures": 4, **changes})
        assert declared(RETENTION, {"drop_after": "90 days"}, policies=[item]).warnings == ()


@pytest.mark.parametrize(
    ("kind", "keys", "sentence"),
    [
        (
            RETENTION,
            {"schedule_interval": "1 day"},
            "hypertables[metrics].retention.drop_after: nothing was given, but metrics has no retention policy yet; "
            "accepted is an interval such as '90 days'",
        ),
        (
            COMPRESSION,
            {"schedule_interval": "1 day"},
            "hypertables[metrics].compression.compress_after: nothing was given, but metrics has no compression policy "
            "yet; accepted is an interval such as '90 days'",
        ),
        (
            REFRESH,
            {"start_offset": "3 hours", "schedule_interval": "1 hour"},
            "continuous_aggregates[hourly].refresh.end_offset: nothing was given, but hourly has no refresh policy "
            "yet; accepted is an interval, or null for no limit",
        ),
        (
            REFRESH,
            {"start_offset": "3 hours", "end_offset": None},
            "continuous_aggregates[hourly].refresh.schedule_interval: nothing was given, but hourly has no refresh "
            "policy yet; accepted is an interval such as '1 hour'",
        ),
    ],
)
def test_what_a_new_policy_cannot_do_without_is_asked_for(kind: str, keys: dict[str, Any], sentence: str) -> None:
    assert refuse(kind, keys) == sentence


class TestTheWindowOfARefresh:
    @pytest.mark.parametrize(
        ("start", "end"), [("2 hours", "0 s"), ("3 hours", "1 hour"), (None, "1 hour"), ("1 s", None), (None, None)]
    )
    @pytest.mark.parametrize("policies", [[], [refreshing("10 hours", "1 hour")]], ids=["new", "changed"])
    def test_spans_two_buckets_or_is_open(self, start: Any, end: Any, policies: list[Policy]) -> None:
        keys = {"start_offset": start, "end_offset": end, "schedule_interval": "1 hour"}
        assert len(declared(REFRESH, keys, policies=policies).actions) == 1

    @pytest.mark.parametrize(
        ("start", "end"), [("119 minutes", "0 s"), ("2 hours", "1 hour"), ("1 hour", "1 hour"), ("1 hour", "5 hours")]
    )
    @pytest.mark.parametrize("policies", [[], [refreshing("10 hours", "1 hour")]], ids=["new", "changed"])
    def test_below_two_buckets_is_refused(self, start: str, end: str, policies: list[Policy]) -> None:
        keys = {"start_offset": start, "end_offset": end, "schedule_interval": "1 hour"}
        assert refuse(REFRESH, keys, policies=policies) == (
            f"continuous_aggregates[hourly].refresh: the window from start_offset '{interval(start)}' to end_offset "
            f"'{interval(end)}' is too small; accepted is one of at least two buckets of 1 hour"
        )

    def test_is_measured_as_it_will_be_not_as_it_is_declared(self) -> None:
        assert "is too small" in refuse(REFRESH, {"end_offset": "2 hours"}, policies=[EXISTING[REFRESH]])

    def test_of_a_bucket_that_is_not_known_must_not_be_empty(self) -> None:
        on = database(hypertable(), aggregate("hourly", bucket_width=None))
        keys = {"start_offset": "1 hour", "end_offset": "1 hour", "schedule_interval": "1 hour"}
        assert refuse(REFRESH, keys, at=on).endswith("is too small; accepted is one of at least two buckets")
        keys["start_offset"] = "61 minutes"
        assert kinds(declared(REFRESH, keys, at=on)) == ["add_policy"]


TICKS: dict[str, Any] = {
    "time_type": "bigint",
    "chunk_interval": 1000,
    "integer_now_func": name("now_ms"),
    "compression": Compression(),
}


@pytest.mark.parametrize(("start", "wide_enough"), [(25, True), (24, False)])
def test_a_window_over_integer_time_spans_two_buckets_too(start: int, wide_enough: bool) -> None:
    ticks = {"time_type": "bigint", "chunk_interval": 1000}
    on = database(hypertable(**ticks, integer_now_func=name("now_ms")), aggregate("hourly", bucket_width=10, **ticks))
    keys = {"start_offset": start, "end_offset": 5, "schedule_interval": "1 hour"}
    if wide_enough:
        assert kinds(declared(REFRESH, keys, at=on)) == ["add_policy"]
    else:
        assert refuse(REFRESH, keys, at=on).endswith("is too small; accepted is one of at least two buckets of 10")


class TestIntegerTime:
    @pytest.mark.parametrize(
        ("kind", "keys", "key"),
        [(RETENTION, {"drop_after": 500}, "drop_after"), (COMPRESSION, {"compress_after": "500"}, "compress_after")],
    )
    def test_has_windows_in_its_own_unit(self, kind: str, keys: dict[str, Any], key: str) -> None:
        after = only(declared(kind, keys, at=database(hypertable(**TICKS)))).after
        assert isinstance(after, Policy)
        assert after.window == ((key, 500),)

    def test_refuses_an_interval(self) -> None:
        sentence = refuse(RETENTION, {"drop_after": "90 days"}, at=database(hypertable(**TICKS)))
        assert sentence == (
            "hypertables[metrics].retention.drop_after: '90 days' was given, but time of metrics is bigint; accepted "
            "is a whole number in its unit"
        )

    def test_goes_by_intervals_where_creation_counts(self) -> None:
        on = database(hypertable(**TICKS))
        assert kinds(declared(RETENTION, {"drop_created_before": "90 days"}, at=on)) == ["add_policy"]
        assert "accepted is an interval such as '90 days'" in refuse(RETENTION, {"drop_created_before": 9}, at=on)

    @pytest.mark.parametrize("kind", [RETENTION, COMPRESSION])
    def test_needs_a_present(self, kind: str) -> None:
        on = database(hypertable(**{**TICKS, "integer_now_func": None}))
        keys = {"drop_after": 500} if kind == RETENTION else {"compress_after": 500}
        assert refuse(kind, keys, at=on) == (
            f"hypertables[metrics].integer_now_func: nothing was given, but metrics counts time in integers and has a "
            f"{kind} policy; accepted is a function that returns the present as bigint"
        )
        absent = {"policy_state": "absent"} if kind == COMPRESSION else {"state": "absent"}
        assert declared(kind, absent, at=on).actions == ()

    @pytest.mark.parametrize(
        ("part", "keys"),
        [
            ("refresh", {"start_offset": 500, "end_offset": 5, "schedule_interval": "1 hour"}),
            ("compression", {"compress_after": 500}),
            ("retention", {"drop_after": 500}),
        ],
    )
    def test_of_an_aggregate_goes_by_the_present_of_its_hypertable(self, part: str, keys: dict[str, Any]) -> None:
        over = aggregate("hourly", time_type="bigint", chunk_interval=10, bucket_width=10, compression=Compression())
        with_one = database(hypertable(**TICKS), over)
        without = database(hypertable(**{**TICKS, "integer_now_func": None}), over)
        assert kinds(plan_for(with_one, None, {"name": "hourly", part: keys})) == ["add_policy"]
        if part != "refresh":  # as the modules for one relation of either sort declare it
            assert kinds(plan_for(with_one, {"name": "hourly", part: keys})) == ["add_policy"]
        declared = {"name": "metrics", "integer_now_func": "now_ms"}
        assert kinds(plan_for(without, declared, {"name": "hourly", part: keys}))[-1] == "add_policy"
        with pytest.raises(DeclarationError) as refused:
            plan_for(without, None, {"name": "hourly", part: keys})
        assert str(refused.value) == (
            f"continuous_aggregates[hourly].{part}: hourly counts time in integers, and nothing tells the present; "
            "accepted is a policy over a hypertable that has an integer_now_func"
        )

    def test_is_no_matter_to_real_time(self) -> None:
        assert refuse(RETENTION, {"drop_after": 90}) == (
            "hypertables[metrics].retention.drop_after: the whole number 90 was given, but time of metrics is "
            "timestamp with time zone; accepted is an interval such as '90 days'"
        )


@pytest.mark.parametrize(
    ("part", "key", "usual"),
    [("retention", "drop_created_before", "drop_after"), ("compression", "compress_created_before", "compress_after")],
)
def test_creation_times_are_not_for_aggregates(part: str, key: str, usual: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        plan_for(present(), None, {"name": "hourly", part: {key: "90 days"}})
    assert str(refused.value) == (
        f"continuous_aggregates[hourly].{part}.{key}: not available for continuous aggregates; accepted is {usual}"
    )


def test_an_open_end_is_a_window_of_its_own() -> None:
    on = present(refreshing(None, None))
    assert declared(REFRESH, {"start_offset": None, "end_offset": None}, at=on).actions == ()
    after = only(declared(REFRESH, {"start_offset": "1 year"}, at=on)).after
    assert isinstance(after, Policy)
    assert after.reach == {"start_offset": Interval(12), "end_offset": OPEN}


def test_a_policy_that_is_not_declared_has_no_settings() -> None:
    assert only(declared(RETENTION, {"drop_after": "90 days"})).after == Policy(
        RETENTION, (("drop_after", Interval(days=90)),), JobSettings()
    )
