"""The guard: what is measured, what needs consent, and how that is said."""

from __future__ import annotations

from typing import Any

import pytest

from ansible.module_utils.timescaledb.guard import (
    ALL,
    COMPRESSED,
    CREATED_BEFORE,
    DECOMPRESS,
    DROP_DATA,
    ERASE_AGGREGATES,
    OLDER_THAN,
    REBUILD_AGGREGATE,
    ROWS,
    Finding,
    Impact,
    Probe,
    judge,
    probes_for,
    show_bytes,
    show_impact,
    unconsented,
)
from ansible.module_utils.timescaledb.model import RETENTION, Compression, Database
from ansible.module_utils.timescaledb.plan.actions import Plan
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
    plan_for,
    policy,
    refreshing,
    rehearsal,
    retention,
    table,
)

MONTH = Impact(3, "2026-01-01", "2026-01-22", 51840, 12 * 1024 * 1024)
EXTENT = "3 chunks, 2026-01-01 to 2026-01-22, about 51840 rows (estimated), 12.0 MB"
CREATED = policy(RETENTION, "90 days", keys=["drop_created_before"], job_id=1001)


def probes(on: Database, hypertables: Any = None, aggregates: Any = None, **options: Any) -> list[Probe]:
    return list(probes_for(plan_for(on, hypertables, aggregates, **options), on))


def judged(
    on: Database, hypertables: Any = None, aggregates: Any = None, impact: Impact = MONTH, **options: Any
) -> Any:
    """Findings and warnings, everything measured being of that impact."""
    plan = plan_for(on, hypertables, aggregates, **options)
    return judge(plan, on, dict.fromkeys(probes_for(plan, on), impact))


class TestARetention:
    def keep(self, before: Any, keys: dict[str, Any]) -> list[Probe]:
        on = database(hypertable("metrics", *([before] if before else [])))
        return probes(on, {"name": "metrics", "retention": keys})

    @pytest.mark.parametrize(
        ("before", "keys"),
        [
            pytest.param(None, {"drop_after": "90 days"}, id="new"),
            pytest.param(None, {"drop_created_before": "90 days"}, id="new-by-creation"),
            pytest.param(retention("90 days"), {"drop_after": "60 days"}, id="shorter"),
            pytest.param(retention("1 year"), {"drop_after": "361 days"}, id="shorter-by-the-calendar-alone"),
            pytest.param(retention("90 days", scheduled=False), {"scheduled": True}, id="woken"),
            pytest.param(
                retention("90 days", scheduled=False),
                {"drop_after": "1 year", "scheduled": True},
                id="woken-and-longer",
            ),
            pytest.param(retention("90 days"), {"drop_created_before": "1 year"}, id="another-clock"),
            pytest.param(CREATED, {"drop_after": "1 year"}, id="back-to-the-usual-clock"),
            pytest.param(CREATED, {"drop_created_before": "60 days"}, id="shorter-by-creation"),
            pytest.param(
                retention("90 days", scheduled=False, max_retries=2, failures=3),
                {"scheduled": True},
                id="failed-and-woken",
            ),
        ],
    )
    def test_that_reaches_what_none_has_reached_is_measured(self, before: Any, keys: dict[str, Any]) -> None:
        (probe,) = self.keep(before, keys)
        assert probe.storage == name("metrics")
        assert (probe.time_column, probe.time_type) == ("time", TIMESTAMPTZ)
        by_creation = "drop_created_before" in keys
        assert probe.mode == (CREATED_BEFORE if by_creation else OLDER_THAN)
        assert probe.lag == interval(keys.get("drop_after") or keys.get("drop_created_before") or "90 days")

    @pytest.mark.parametrize(
        ("before", "keys"),
        [
            pytest.param(None, {"drop_after": "90 days", "scheduled": False}, id="asleep"),
            pytest.param(retention("90 days"), {"drop_after": "120 days"}, id="longer"),
            pytest.param(retention("361 days"), {"drop_after": "2 years"}, id="much-longer"),
            pytest.param(retention("90 days"), {"schedule_interval": "1 hour"}, id="oftener"),
            pytest.param(
                retention("90 days"), {"drop_after": "1 day", "scheduled": False}, id="shorter-but-put-to-sleep"
            ),
            pytest.param(retention("90 days"), {"state": "absent"}, id="removed"),
            pytest.param(CREATED, {"drop_created_before": "91 days"}, id="longer-by-creation"),
        ],
    )
    def test_that_reaches_nothing_new_is_no_matter(self, before: Any, keys: dict[str, Any]) -> None:
        assert self.keep(before, keys) == []

    def test_of_a_plain_table_is_measured_by_its_rows(self) -> None:
        declared = {
            "name": "metrics",
            "time_column": "time",
            "migrate_data": True,
            "retention": {"drop_after": "1 day"},
        }
        (probe,) = probes(database(table(has_rows=True)), declared)
        assert (probe.mode, probe.storage, probe.lag) == (ROWS, name("metrics"), interval("1 day"))
        assert probes(database(table()), declared) == []

    def test_of_a_plain_table_is_told_by_its_rows(self) -> None:
        declared = {
            "name": "metrics",
            "time_column": "time",
            "migrate_data": True,
            "retention": {"drop_after": "1 day"},
        }
        findings, _ = judged(database(table(has_rows=True)), declared, impact=Impact(0, "a", "b", 5))
        words = "'1 day' would drop a to b, about 5 rows (estimated), 0 bytes of metrics"
        assert findings == (Finding(DROP_DATA, f"hypertables[metrics].retention.drop_after: {words}"),)

    def test_of_a_new_aggregate_is_no_matter(self) -> None:
        on = database(hypertable(), rehearsals={"hourly": rehearsal()})
        assert probes(on, None, {"name": "hourly", "query": QUERY, "retention": {"drop_after": "1 day"}}) == []

    def test_of_an_aggregate_is_measured_where_its_rows_are(self) -> None:
        present = aggregate("hourly")
        (probe,) = probes(
            database(hypertable(), present), None, {"name": "hourly", "retention": {"drop_after": "1 day"}}
        )
        assert (probe.storage, probe.time_column, probe.mode) == (present.storage, "bucket", OLDER_THAN)

    def test_of_integer_time_goes_by_the_present_the_plan_declares(self) -> None:
        ticks = {"time_type": "bigint", "chunk_interval": 10}
        declared = {"name": "metrics", "integer_now_func": "now_ms", "retention": {"drop_after": 500}}
        (probe,) = probes(database(hypertable(**ticks)), declared)
        assert (probe.lag, probe.now_func) == (500, name("now_ms"))
        on = database(
            hypertable(**ticks, integer_now_func=name("now_ms")),
            aggregate("hourly", time_type="bigint", chunk_interval=9),
        )
        (probe,) = probes(on, None, {"name": "hourly", "retention": {"drop_after": 500}})
        assert (probe.lag, probe.now_func) == (500, name("now_ms"))

    def test_is_told_with_what_it_would_drop(self) -> None:
        findings, _ = judged(database(hypertable()), {"name": "metrics", "retention": {"drop_after": "60 days"}})
        message = f"hypertables[metrics].retention.drop_after: '60 days' would drop {EXTENT} of metrics"
        assert findings == (Finding(DROP_DATA, message),)

    @pytest.mark.parametrize("impact", [Impact(), Impact(bytes=8192)])
    def test_that_would_drop_nothing_needs_no_consent(self, impact: Impact) -> None:
        declared = {"name": "metrics", "retention": {"drop_after": "60 days"}}
        assert judged(database(hypertable()), declared, impact=impact) == ((), ())


ANOTHER_PRESENT = {"name": "metrics", "integer_now_func": "now_ms"}


class TestAnotherPresent:
    TICKS = hypertable("metrics", retention(500), time_type="bigint", chunk_interval=10, integer_now_func=name("now_s"))
    OVER = aggregate("hourly", retention(900), time_type="bigint", chunk_interval=100)

    def test_is_measured_for_every_retention_that_goes_by_it(self) -> None:
        found = probes(database(self.TICKS, self.OVER), ANOTHER_PRESENT)
        assert [(item.storage, item.mode, item.lag, item.now_func) for item in found] == [
            (name("metrics"), OLDER_THAN, 500, name("now_ms")),
            (self.OVER.storage, OLDER_THAN, 900, name("now_ms")),
        ]
        findings, _ = judged(database(self.TICKS, self.OVER), ANOTHER_PRESENT)
        path = "hypertables[metrics].integer_now_func: with now_ms for the present"
        assert findings == (
            Finding(DROP_DATA, f"{path}, drop_after '500' would drop {EXTENT} of metrics"),
            Finding(DROP_DATA, f"{path}, drop_after '900' would drop {EXTENT} of hourly"),
        )

    @pytest.mark.parametrize("policies", [[], [retention(500, scheduled=False)], [CREATED]])
    def test_is_no_matter_where_nothing_is_dropped_by_it(self, policies: Any) -> None:
        ticks = hypertable("metrics", *policies, time_type="bigint", chunk_interval=10, integer_now_func=name("now_s"))
        assert probes(database(ticks), ANOTHER_PRESENT) == []

    def test_that_is_the_first_one_is_no_matter(self) -> None:
        assert probes(database(hypertable(time_type="bigint", chunk_interval=10)), ANOTHER_PRESENT) == []


class TestDropping:
    @pytest.mark.parametrize("impact", [MONTH, Impact()])
    def test_a_hypertable_always_needs_consent(self, impact: Impact) -> None:
        declared = {"name": "metrics", "state": "absent"}
        (probe,) = probes(database(hypertable()), declared)
        assert (probe.mode, probe.storage) == (ALL, name("metrics"))
        findings, _ = judged(database(hypertable()), declared, impact=impact)
        message = f"hypertables[metrics]: dropping metrics would lose {show_impact(impact)}"
        assert findings == (Finding(DROP_DATA, message),)

    def test_an_aggregate_always_needs_consent(self) -> None:
        present = aggregate("hourly", retention())
        declared = {"name": "hourly", "state": "absent"}
        (probe,) = probes(database(hypertable(), present), None, declared)
        assert (probe.mode, probe.storage) == (ALL, present.storage)
        findings, _ = judged(database(hypertable(), present), None, declared)
        message = (
            f"continuous_aggregates[hourly]: hourly would be dropped with {EXTENT}; what is older than the rows it "
            "selects from cannot be computed again"
        )
        assert findings == (Finding(REBUILD_AGGREGATE, message),)

    def test_an_aggregate_to_build_it_again_is_told_once_for_each(self) -> None:
        on = database(
            hypertable(),
            aggregate("hourly", retention("1 year")),
            aggregate("daily", retention("1 year"), source="hourly"),
            rehearsals={"hourly": rehearsal(DEPARSED.replace("avg", "max"))},
        )
        daily = {"name": "daily", "query": "SELECT 1 FROM hourly"}
        findings, _ = judged(on, None, [{"name": "hourly", "query": QUERY}, daily])
        assert [(item.consent, item.message.split(":")[0]) for item in findings] == [
            (REBUILD_AGGREGATE, "continuous_aggregates[daily].query"),
            (REBUILD_AGGREGATE, "continuous_aggregates[hourly].query"),
        ]


UNCOMPRESSED = {"name": "metrics", "compression": {"state": "absent"}}


class TestSwitchingCompressionOff:
    ON = database(hypertable("metrics", compressing(), compression=Compression()))

    def test_needs_consent_where_chunks_are_compressed(self) -> None:
        (probe,) = probes(self.ON, UNCOMPRESSED)
        assert (probe.mode, probe.storage) == (COMPRESSED, name("metrics"))
        findings, _ = judged(self.ON, UNCOMPRESSED)
        message = f"hypertables[metrics].compression: metrics holds {EXTENT}, which would be decompressed"
        assert findings == (Finding(DECOMPRESS, message),)

    def test_needs_none_where_no_chunk_is(self) -> None:
        assert judged(self.ON, UNCOMPRESSED, impact=Impact(rows=5)) == ((), ())


REFRESH = {"start_offset": "3 hours", "end_offset": "1 hour", "schedule_interval": "1 hour"}


def erases(kept: Any, start: Any, bucket: Any = "1 hour", **time: Any) -> bool:
    """Whether a refresh from `start` on is said to erase what retention drops."""
    source = hypertable("metrics", retention(kept), **({**time, "chunk_interval": 10} if time else {}))
    width = interval(bucket) if isinstance(bucket, str) else bucket
    over = aggregate("hourly", refreshing(start, None), bucket_width=width, **time)
    findings, warnings = judge(Plan(), database(source, over), {})
    assert findings == ()
    return any("a refresh would erase the aggregate" in warning for warning in warnings)


class TestARefreshThatReachesBackToWhatIsDropped:
    @pytest.mark.parametrize(
        ("kept", "start", "bucket", "expected"),
        [
            ("90 days", "3 hours", "1 hour", False),
            ("1 day", "23 hours", "1 hour", False),
            ("1 day", "24 hours", "1 hour", True),
            ("1 day", "23:00:01", "1 hour", True),
            ("90 days", "90 days", "1 day", True),
            ("90 days", "89 days", "1 day", False),
            ("90 days", None, "1 hour", True),
            ("365 days", "1 year", "1 hour", True),
            ("366 days", "1 year", "1 day", True),
            ("367 days", "1 year", "1 day", False),
            ("1 year 1 day", "1 year", "1 day", False),
            ("3 months", "89 days", "1 hour", True),
        ],
    )
    def test_would_erase_the_aggregate(self, kept: str, start: Any, bucket: str, expected: bool) -> None:
        assert erases(kept, start, bucket) is expected

    @pytest.mark.parametrize(
        ("kept", "start", "bucket", "expected"),
        [
            (100, 100, None, False),
            (100, 101, None, True),
            (100, None, None, True),
            (100, 90, 10, False),
            (100, 91, 10, True),
        ],
    )
    def test_counts_integer_time_alike(self, kept: int, start: Any, bucket: int | None, expected: bool) -> None:
        assert erases(kept, start, bucket, time_type="bigint") is expected

    @pytest.mark.parametrize(
        ("start", "time", "expected"),
        [("3 hours", TIMESTAMPTZ, False), ("90 days", TIMESTAMPTZ, True), (5, "bigint", True)],
    )
    def test_would_do_so_too_where_chunks_go_by_their_creation(self, start: Any, time: str, expected: bool) -> None:
        chunks = 10 if time == "bigint" else interval("7 days")
        on = database(
            hypertable("metrics", CREATED, time_type=time, chunk_interval=chunks),
            aggregate("hourly", refreshing(start, None), time_type=time),
        )
        assert bool(judge(Plan(), on, {})[1]) is expected

    def test_is_told_of_an_aggregate_on_an_aggregate_too(self) -> None:
        on = database(
            hypertable(),
            aggregate("hourly", retention("7 days")),
            aggregate("daily", refreshing("30 days", "1 day"), source="hourly", bucket_width=interval("1 day")),
        )
        _, (warning,) = judge(Plan(), on, {})
        assert warning == (
            "daily refreshes back to '30 days', but hourly drops what is older than '7 days': a refresh would erase "
            "the aggregate where its rows are gone; start_offset plus one bucket must stay within drop_after"
        )

    @pytest.mark.parametrize(
        ("hypertables", "aggregates"),
        [
            (None, {"name": "hourly", "refresh": {**REFRESH, "start_offset": None}}),
            ({"name": "metrics", "retention": {"drop_after": "2 hours"}}, None),
            (None, {"name": "hourly", "refresh": {"start_offset": "1 year"}}),
        ],
    )
    def test_needs_consent_where_the_plan_touches_either(self, hypertables: Any, aggregates: Any) -> None:
        on = database(hypertable("metrics", retention("90 days")), aggregate("hourly", refreshing()))
        findings, warnings = judged(on, hypertables, aggregates, impact=Impact())
        assert [item.consent for item in findings] == [ERASE_AGGREGATES]
        assert not any("erase" in warning for warning in warnings)

    def test_is_only_a_warning_where_the_plan_touches_neither(self) -> None:
        on = database(
            hypertable("metrics", retention("90 days")),
            hypertable("other"),
            aggregate("hourly", refreshing(None, None)),
        )
        findings, warnings = judged(on, {"name": "other", "chunk_interval": "1 day"})
        assert findings == ()
        assert len(warnings) == 1
        assert warnings[0].startswith(
            "hourly refreshes back to any age, but metrics drops what is older than '90 days'"
        )

    def test_is_judged_as_things_will_be(self) -> None:
        on = database(hypertable("metrics", retention("2 hours")), aggregate("hourly", refreshing()))
        declared = {"name": "metrics", "retention": {"drop_after": "90 days"}}
        assert judged(on, declared) == ((), ())


@pytest.mark.parametrize(("compress", "drop", "futile"), [("7 days", "7 days", True), ("6 days", "7 days", False)])
def test_compressing_what_is_dropped_first_is_pointed_out(compress: str, drop: str, futile: bool) -> None:
    declared = {"name": "metrics", "retention": {"drop_after": drop}, "compression": {"compress_after": compress}}
    _, warnings = judged(database(hypertable()), declared, impact=Impact())
    expected = f"metrics drops chunks at '{drop}', before it compresses them at '{compress}'"
    assert warnings == ((expected,) if futile else ())


class TestConsent:
    FINDINGS = (Finding(DROP_DATA, "one"), Finding(DROP_DATA, "two"), Finding(DECOMPRESS, "three"))

    def test_is_asked_with_the_variable_that_gives_it(self) -> None:
        assert unconsented(self.FINDINGS, (), "timescaledb_lifecycle_allow") == (
            "one; consent with timescaledb_lifecycle_allow: [drop_data]",
            "two; consent with timescaledb_lifecycle_allow: [drop_data]",
            "three; consent with timescaledb_lifecycle_allow: [decompress_chunks]",
        )

    @pytest.mark.parametrize(
        ("given", "left"),
        [
            ([], ["one", "two", "three"]),
            ([DROP_DATA], ["three"]),
            ([DECOMPRESS], ["one", "two"]),
            ([REBUILD_AGGREGATE, ERASE_AGGREGATES], ["one", "two", "three"]),
            ([DROP_DATA, DECOMPRESS], []),
        ],
    )
    def test_covers_what_it_names_and_nothing_else(self, given: list[str], left: list[str]) -> None:
        assert [sentence.split(";")[0] for sentence in unconsented(self.FINDINGS, given, "allow")] == left


@pytest.mark.parametrize(
    ("impact", "words"),
    [
        (MONTH, EXTENT),
        (Impact(1, "a", "b", 2, 3), "1 chunk, a to b, about 2 rows (estimated), 3 bytes"),
        (Impact(0, "a", "b", 2, 0), "a to b, about 2 rows (estimated), 0 bytes"),
        (Impact(), "about 0 rows (estimated), 0 bytes"),
    ],
)
def test_an_impact_is_told_in_words(impact: Impact, words: str) -> None:
    assert show_impact(impact) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 kB"),
        (1536, "1.5 kB"),
        (1024**2, "1.0 MB"),
        (5 * 1024**3, "5.0 GB"),
        (1024**4, "1.0 TB"),
        (5000 * 1024**4, "5000.0 TB"),
    ],
)
def test_a_size_is_told_as_people_read_it(count: int, words: str) -> None:
    assert show_bytes(count) == words


def test_a_configuration_of_any_shape_can_be_measured() -> None:
    before = retention("90 days", config={"mine": [1, {"a": 2}]})  # kept as it is, though nobody could declare it
    on = database(hypertable("metrics", before))
    declared = {"name": "metrics", "retention": {"drop_after": "60 days"}}
    assert kinds(plan_for(on, declared)) == ["alter_policy"]
    findings, _ = judged(on, declared)
    assert len(findings) == 1
