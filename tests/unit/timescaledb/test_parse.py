"""Declarations: what is accepted, and the one sentence by which everything else is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.declaration import (
    Declaration,
    WantedAggregate,
    WantedCompression,
    WantedHypertable,
    WantedIndex,
    WantedPolicy,
)
from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.model import COMPRESSION, REFRESH, RETENTION, HashDimension, Index, JobSettings
from ansible.module_utils.timescaledb.names import QualifiedName
from ansible.module_utils.timescaledb.parse import Roots, parse_declaration
from ansible.module_utils.timescaledb.values import OPEN, Interval, OrderBy
from tests.unit.builders import QUERY, declare, interval

INTERVAL = "accepted is an interval with a unit, such as '90 days' or '1 hour 30 minutes'"
METRICS = {"name": "metrics", "time_column": "time"}


def refuse(hypertables: Any = None, aggregates: Any = None, overrides: Any = None, prune: Any = None) -> str:
    """The sentence by which a declaration is refused."""
    with pytest.raises(DeclarationError) as refused:
        parse_declaration(hypertables, aggregates, overrides, prune)
    return str(refused.value)


class TestWhatIsAccepted:
    def test_of_a_hypertable(self) -> None:
        (wanted,) = declare(
            {
                "name": "metrics",
                "schema": "app",
                "time_column": "time",
                "chunk_interval": "7 days",
                "integer_now_func": "app.now_ms",
                "hash_dimensions": [{"column": "device_id", "number_partitions": "4"}],
                "migrate_data": "yes",
                "create_default_indexes": False,
            }
        ).hypertables
        assert wanted == WantedHypertable(
            path="hypertables[metrics]",
            name=QualifiedName("app", "metrics"),
            chunk_interval=Interval(days=7),
            time_column="time",
            integer_now_func=QualifiedName("app", "now_ms"),
            hash_dimensions=(HashDimension("device_id", 4),),
            migrate_data=True,
            create_default_indexes=False,
        )

    def test_of_an_aggregate(self) -> None:
        (wanted,) = declare(
            aggregates={
                "name": "hourly",
                "query": QUERY + ";",
                "materialized_only": False,
                "refresh_after_create": True,
                "create_group_indexes": False,
                "refresh": {"start_offset": None, "end_offset": "1 hour", "schedule_interval": "30 minutes"},
                "indexes": [
                    {"name": "by_device", "columns": ["device_id", "bucket DESC"]},
                    {"name": "o", "state": "absent"},
                ],
            }
        ).aggregates
        window = (("end_offset", interval("1 hour")), ("start_offset", OPEN))
        columns = (OrderBy("device_id"), OrderBy("bucket", descending=True, nulls_first=True))
        path = "continuous_aggregates[hourly]"
        assert wanted == WantedAggregate(
            path=path,
            name=QualifiedName("public", "hourly"),
            query=QUERY,
            materialized_only=False,
            create_group_indexes=False,
            refresh_after_create=True,
            refresh=WantedPolicy(
                f"{path}.refresh", REFRESH, window, JobSettings(schedule_interval=interval("30 minutes"))
            ),
            indexes=(
                WantedIndex(f"{path}.indexes[by_device]", Index("by_device", columns)),
                WantedIndex(f"{path}.indexes[o]", Index("o", ()), absent=True),
            ),
        )

    def test_of_compression_and_its_policy(self) -> None:
        (wanted,) = declare(
            {**METRICS, "compression": {"segmentby": [], "orderby": ["time DESC"], "compress_after": "7 days"}}
        ).hypertables
        path = "hypertables[metrics].compression"
        assert wanted.compression == WantedCompression(
            path,
            segmentby=(),
            orderby=(OrderBy("time", descending=True, nulls_first=True),),
            policy=WantedPolicy(path, COMPRESSION, (("compress_after", Interval(days=7)),), JobSettings()),
        )

    def test_compression_without_a_word_on_a_policy_leaves_the_policy_alone(self) -> None:
        (wanted,) = declare({**METRICS, "compression": {"segmentby": ["device_id"]}}).hypertables
        assert wanted.compression is not None
        assert wanted.compression.policy is None

    @pytest.mark.parametrize(
        "compression", [{"state": "absent"}, {"policy_state": "absent", "segmentby": ["device_id"]}]
    )
    def test_compression_absent_takes_its_policy_along(self, compression: dict[str, Any]) -> None:
        (wanted,) = declare({**METRICS, "compression": compression}).hypertables
        assert wanted.compression is not None
        assert wanted.compression.policy is not None
        assert wanted.compression.policy.absent

    def test_of_a_job(self) -> None:
        retention = {
            "drop_after": "1 year",
            "schedule_interval": "12 hours",
            "max_runtime": "0",
            "max_retries": -1,
            "retry_period": "5 minutes",
            "scheduled": "off",
            "timezone": "Europe/Berlin",
            "initial_start": "2026-01-01 03:00+01:00",
            "config": {"verbose_log": True, "maxchunks": 3},
        }
        (wanted,) = declare({**METRICS, "retention": {**retention, "max_runtime": "0 seconds"}}).hypertables
        assert wanted.retention == WantedPolicy(
            "hypertables[metrics].retention",
            RETENTION,
            (("drop_after", Interval(12)),),
            JobSettings(
                schedule_interval=interval("12 hours"),
                max_runtime=Interval(),
                max_retries=-1,
                retry_period=interval("5 minutes"),
                scheduled=False,
                timezone="Europe/Berlin",
                initial_start="2026-01-01T02:00:00+00:00",
            ),
            (("maxchunks", 3), ("verbose_log", True)),
        )

    @pytest.mark.parametrize("value", [100, "100", " +100 "])
    def test_a_whole_number_counts_integer_time(self, value: Any) -> None:
        (wanted,) = declare({**METRICS, "chunk_interval": value, "retention": {"drop_after": value}}).hypertables
        assert wanted.chunk_interval == 100
        assert wanted.retention is not None
        assert wanted.retention.window == (("drop_after", 100),)

    @pytest.mark.parametrize("nothing", [None, []])
    def test_nothing(self, nothing: Any) -> None:
        assert parse_declaration(nothing, nothing, None, nothing) == Declaration()

    def test_aggregates_stand_after_those_they_select_from(self) -> None:
        items = [
            {"name": "monthly", "query": "SELECT 1 FROM daily"},
            {"name": "daily", "query": "SELECT 1 FROM hourly"},
            {"name": "other", "query": "SELECT 1 FROM metrics"},
            {"name": "hourly", "query": QUERY},
            {"name": "undeclared_query"},
        ]
        ordered = [item.name.name for item in declare(aggregates=items).aggregates]
        assert ordered == ["other", "hourly", "undeclared_query", "daily", "monthly"]

    def test_a_column_may_bear_the_name_of_an_aggregate(self) -> None:
        items = [
            {"name": "power", "query": "SELECT avg(energy) FROM metrics"},
            {"name": "energy", "query": "SELECT avg(power) FROM metrics"},
            {"name": "both", "query": "SELECT avg(power) FROM energy JOIN power ON true"},
        ]
        assert [item.name.name for item in declare(aggregates=items).aggregates] == ["power", "energy", "both"]


WRONG = [
    pytest.param(
        [{**METRICS, "retenion": {}}],
        "hypertables[metrics].retenion: unknown key; accepted are chunk_interval, compression, create_default_indexes, "
        "hash_dimensions, integer_now_func, migrate_data, name, retention, schema, state, time_column",
        id="unknown-key",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_afer": "1 day"}}],
        "hypertables[metrics].retention.drop_afer: unknown key; accepted are config, drop_after, drop_created_before, "
        "initial_start, max_retries, max_runtime, retry_period, schedule_interval, scheduled, state, timezone",
        id="unknown-key-below",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "90 dayz"}}],
        f"hypertables[metrics].retention.drop_after: text '90 dayz' was given; {INTERVAL}, longer than zero",
        id="misspelt-interval",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "-90 days"}}],
        f"hypertables[metrics].retention.drop_after: text '-90 days' was given; {INTERVAL}, longer than zero",
        id="negative-interval",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "0 days"}}],
        f"hypertables[metrics].retention.drop_after: text '0 days' was given; {INTERVAL}, longer than zero",
        id="no-time-at-all",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": 0}}],
        "hypertables[metrics].retention.drop_after: a whole number 0 was given; accepted is a whole number from 1 to "
        "9223372036854775807",
        id="zero",
    ),
    pytest.param(
        [{**METRICS, "chunk_interval": 2**63}],
        "hypertables[metrics].chunk_interval: a whole number 9223372036854775808 was given; accepted is a whole number "
        "from 1 to 9223372036854775807",
        id="larger-than-a-bigint",
    ),
    pytest.param(
        [{**METRICS, "chunk_interval": "--5"}],
        f"hypertables[metrics].chunk_interval: text '--5' was given; {INTERVAL}, longer than zero",
        id="two-signs",
    ),
    pytest.param(
        [{**METRICS, "chunk_interval": 1.5}],
        f"hypertables[metrics].chunk_interval: a float 1.5 was given; {INTERVAL}, longer than zero",
        id="float",
    ),
    pytest.param(
        [{**METRICS, "chunk_interval": True}],
        f"hypertables[metrics].chunk_interval: true or false True was given; {INTERVAL}, longer than zero",
        id="boolean-for-interval",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "max_runtime": "-1 s"}}],
        f"hypertables[metrics].retention.max_runtime: text '-1 s' was given; {INTERVAL}, not negative",
        id="negative-runtime",
    ),
    pytest.param(
        [{**METRICS, "name": 'met"rics'}],
        "hypertables[met\"rics].name: 'met\"rics' is no name; accepted is a relation's name, or schema.name, with "
        "double quotes around a part that holds dots, quotes or spaces",
        id="name-with-a-quote",
    ),
    pytest.param(
        [{"time_column": "time"}],
        "hypertables[0].name: None is no name; accepted is a relation's name, or schema.name",
        id="no-name",
    ),
    pytest.param(
        [{**METRICS, "schema": 5}],
        "hypertables[metrics].schema: a whole number 5 was given; accepted is text",
        id="schema-not-text",
    ),
    pytest.param(
        [{**METRICS, "retention": ["90 days"]}],
        "hypertables[metrics].retention: a list was given; accepted is a mapping",
        id="list-for-mapping",
    ),
    pytest.param(
        {"metrics": {"time_column": "time"}},
        "hypertables: a mapping was given; accepted is a list of mappings",
        id="mapping-for-list",
    ),
    pytest.param(["metrics"], "hypertables[0]: text 'metrics' was given; accepted is a mapping", id="text-for-mapping"),
    pytest.param(
        [{**METRICS, "hash_dimensions": {"column": "device_id", "number_partitions": 4}}],
        "hypertables[metrics].hash_dimensions: a mapping was given; accepted is a list of mappings",
        id="mapping-for-list-below",
    ),
    pytest.param(
        [{**METRICS, "compression": {"segmentby": "device_id"}}],
        "hypertables[metrics].compression.segmentby: text 'device_id' was given; accepted is a list of names",
        id="text-for-list",
    ),
    pytest.param(
        [{**METRICS, "compression": {"segmentby": ["a", 5]}}],
        "hypertables[metrics].compression.segmentby: a list was given; accepted is a list of names",
        id="number-for-name",
    ),
    pytest.param(
        [{**METRICS, "compression": {"segmentby": ["a", "a"]}}],
        "hypertables[metrics].compression.segmentby: a name is listed twice; accepted is a list without repetition",
        id="twice-in-a-list",
    ),
    pytest.param(
        [{**METRICS, "compression": {"orderby": ["time", "value DOWN"]}}],
        "hypertables[metrics].compression.orderby[1]: 'value DOWN' was given; accepted is a column with an optional "
        "ASC or DESC and NULLS FIRST or LAST",
        id="misspelt-direction",
    ),
    pytest.param(
        [{**METRICS, "compression": {"orderby": ["time DESC", "time"]}}],
        "hypertables[metrics].compression.orderby[1]: column time is listed twice; accepted is once",
        id="ordered-twice",
    ),
    pytest.param(
        [{**METRICS, "compression": {"segmentby": ["kind"], "orderby": ["kind", "time"]}}],
        "hypertables[metrics].compression.orderby: column kind is in segmentby too; accepted is one of both",
        id="segmented-and-ordered",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "drop_created_before": "2 days"}}],
        "hypertables[metrics].retention: both drop_after and drop_created_before were given; accepted is one of them",
        id="two-windows",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "config": {"hypertable_id": 7}}}],
        "hypertables[metrics].retention.config.hypertable_id: this key is not accepted here; windows have keys of "
        "their own",
        id="reserved-key",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "config": {"drop_after": "1 h"}}}],
        "hypertables[metrics].retention.config.drop_after: this key is not accepted here; windows have keys of "
        "their own",
        id="window-in-config",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "config": {"x": [1]}}}],
        "hypertables[metrics].retention.config.x: a list was given; accepted is text, a number, true or false",
        id="list-in-config",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "config": {"x": float("nan")}}}],
        "hypertables[metrics].retention.config.x: a float nan was given; accepted is text, a number, true or false",
        id="not-a-number",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "scheduled": "sometimes"}}],
        "hypertables[metrics].retention.scheduled: text 'sometimes' was given; accepted is true or false",
        id="no-boolean",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "max_retries": -2}}],
        "hypertables[metrics].retention.max_retries: a whole number -2 was given; accepted is a whole number from -1 "
        "to 2147483647",
        id="below-the-lowest",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "initial_start": "soon"}}],
        "hypertables[metrics].retention.initial_start: 'soon' was given; accepted is a time with its offset, such as "
        "'2026-01-01 03:00:00+00:00'",
        id="no-moment",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "timezone": ""}}],
        "hypertables[metrics].retention.timezone: text '' was given; accepted is text",
        id="empty-text",
    ),
    pytest.param(
        [{**METRICS, "retention": {"drop_after": "1 day", "timezone": "a\x00b"}}],
        "hypertables[metrics].retention.timezone: text 'a\\x00b' was given; accepted is text",
        id="zero-byte",
    ),
    pytest.param(
        [{**METRICS, "state": "gone"}],
        "hypertables[metrics].state: text 'gone' was given; accepted is present or absent",
        id="no-state",
    ),
    pytest.param(
        [{**METRICS, "hash_dimensions": [{"column": "device_id"}]}],
        "hypertables[metrics].hash_dimensions[device_id].number_partitions: nothing was given; accepted is a whole "
        "number from 1 to 32767",
        id="no-partitions",
    ),
    pytest.param(
        [{**METRICS, "hash_dimensions": [{"number_partitions": 4}]}],
        "hypertables[metrics].hash_dimensions[0].column: nothing was given; accepted is a column's name",
        id="no-column",
    ),
    pytest.param(
        [{**METRICS, "hash_dimensions": 2 * [{"column": "device_id", "number_partitions": 4}]}],
        "hypertables[metrics].hash_dimensions[device_id]: declared twice; accepted is once",
        id="dimension-twice",
    ),
    pytest.param(
        [METRICS, {"name": "public.metrics"}],
        "hypertables[public.metrics]: metrics is declared twice; accepted is once",
        id="twice",
    ),
]


@pytest.mark.parametrize(("hypertables", "sentence"), WRONG)
def test_a_wrong_hypertable_is_refused_in_one_sentence(hypertables: Any, sentence: str) -> None:
    assert refuse(hypertables) == sentence


WRONG_AGGREGATES: dict[str, tuple[dict[str, Any], str]] = {
    "several": ({"query": "SELECT 1; SELECT 2"}, "query: several statements were given; accepted is one SELECT"),
    "no-select": ({"query": "DROP TABLE x"}, "query: 'DROP TABLE x' was given; accepted is one SELECT"),
    "number": ({"query": 5}, "query: a whole number 5 was given; accepted is text"),
    "list": ({"query": ["SELECT 1"]}, "query: a list was given; accepted is text"),
    "key-of-hypertables": (
        {"time_column": "time"},
        "time_column: unknown key; accepted are chunk_interval, compression, create_group_indexes, indexes, "
        "materialized_only, name, query, refresh, refresh_after_create, retention, schema, state",
    ),
    "nameless-index": (
        {"indexes": [{"columns": ["a"]}]},
        "indexes[0].name: nothing was given; accepted is the index's name",
    ),
    "empty-index": (
        {"indexes": [{"name": "i"}]},
        "indexes[i].columns: nothing was given; accepted is a list of columns, such as [device_id, bucket DESC]",
    ),
    "index-twice": (
        {"indexes": 2 * [{"name": "i", "columns": ["a"]}]},
        "indexes[i]: declared twice; accepted is once",
    ),
    "negative-offset": (
        {"refresh": {"start_offset": "-1 h", "end_offset": None}},
        f"refresh.start_offset: text '-1 h' was given; {INTERVAL}, not negative",
    ),
    "text-for-refresh": ({"refresh": "hourly"}, "refresh: text 'hourly' was given; accepted is a mapping"),
}


@pytest.mark.parametrize(("keys", "sentence"), WRONG_AGGREGATES.values(), ids=WRONG_AGGREGATES)
def test_a_wrong_aggregate_is_refused_in_one_sentence(keys: dict[str, Any], sentence: str) -> None:
    assert refuse(aggregates=[{"name": "hourly", **keys}]) == f"continuous_aggregates[hourly].{sentence}"


def test_an_index_has_a_name_of_its_own_among_all_aggregates() -> None:
    index = {"name": "i", "columns": ["a"]}
    items = [{"name": text, "query": QUERY, "indexes": [index]} for text in ("one", "other")]
    assert refuse(aggregates=items) == (
        "continuous_aggregates[other].indexes[i].name: 'i' is declared twice; accepted is a name of its own"
    )
    items[0]["indexes"] = [{"name": "i", "state": "absent"}]
    assert len(declare(aggregates=items).aggregates) == 2


@pytest.mark.parametrize("text", ["n" * 64, "é" * 32, "_materialized_hypertable_5_i"])
def test_an_index_may_not_be_called_just_anything(text: str) -> None:
    item = {"name": "hourly", "query": QUERY, "indexes": [{"name": text, "columns": ["a"]}]}
    assert refuse(aggregates=[item]) == (
        f"continuous_aggregates[hourly].indexes[{text}].name: text {text!r} was given; accepted is a name of at most "
        "63 bytes that does not begin with _materialized_hypertable_"
    )


def test_a_name_may_not_be_a_hypertable_and_an_aggregate() -> None:
    sentence = refuse([METRICS], [{"name": "metrics", "query": QUERY}])
    assert sentence == "continuous_aggregates[metrics]: metrics is declared twice; accepted is once"


def test_aggregates_may_not_select_from_each_other() -> None:
    items = [{"name": "one", "query": "SELECT 1 FROM other"}, {"name": "other", "query": "SELECT 1 FROM one"}]
    assert refuse(aggregates=items) == (
        "continuous_aggregates[one].query: this aggregate and another select from each other; accepted is a hierarchy"
    )


@pytest.mark.parametrize("prune", ["policies", ["policy"], [5], {"policies": True}, [["policies"]]])
def test_what_cannot_be_pruned_is_refused(prune: Any) -> None:
    roots = Roots(prune="timescaledb_lifecycle_prune")
    with pytest.raises(DeclarationError) as refused:
        parse_declaration(None, None, None, prune, roots)
    assert str(refused.value) == (
        f"timescaledb_lifecycle_prune: {prune!r} was given; accepted is a list of policies and continuous_aggregates"
    )


def test_paths_begin_as_the_variables_are_called() -> None:
    roots = Roots("timescaledb_lifecycle_hypertables", "timescaledb_lifecycle_continuous_aggregates")
    with pytest.raises(DeclarationError, match=r"^timescaledb_lifecycle_hypertables\[metrics\]\.state: "):
        parse_declaration([{**METRICS, "state": "gone"}], None, roots=roots)
    with pytest.raises(DeclarationError, match=r"^timescaledb_lifecycle_continuous_aggregates\[h\]\.state: "):
        parse_declaration(None, [{"name": "h", "state": "gone"}], roots=roots)


KEYS = st.sampled_from(
    [
        *("name", "schema", "state", "time_column", "chunk_interval", "integer_now_func", "hash_dimensions", "column"),
        *("number_partitions", "migrate_data", "compression", "segmentby", "orderby", "compress_after", "policy_state"),
        *("compress_created_before", "retention", "drop_after", "drop_created_before", "config", "scheduled", "query"),
        *(
            "initial_start",
            "timezone",
            "max_retries",
            "max_runtime",
            "refresh",
            "start_offset",
            "end_offset",
            "indexes",
        ),
        *("columns", "materialized_only", "metrics", "hourly", "unknown"),
    ]
)
TEXTS = ["metrics", "a.b", "7 days", "-1 day", "time DESC", QUERY, "absent", "\ud800", "\x00", "--5", "9" * 30]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(TEXTS)
JSON_LIKE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | SCALARS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.lists(
    st.dictionaries(KEYS, JSON_LIKE, max_size=5).map(lambda item: {"name": "metrics", **item}), max_size=3
)


@settings(max_examples=max(400, settings().max_examples))
@given(OBJECTS | JSON_LIKE, OBJECTS | JSON_LIKE, JSON_LIKE, JSON_LIKE)
def test_whatever_is_declared_is_read_or_refused(hypertables: Any, aggregates: Any, overrides: Any, prune: Any) -> None:
    sentence = "accepted: "
    try:
        parse_declaration(hypertables, aggregates, overrides, prune)
    except DeclarationError as error:
        sentence = str(error)
    assert ": " in sentence
    assert any(words in sentence for words in ("accepted", "longer than", "cannot store"))
