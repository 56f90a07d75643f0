"""Overrides: single values laid over declared objects, by the object's name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.parse import Roots, parse_declaration
from tests.unit.builders import QUERY, declare

HYPERTABLES = [
    {
        "name": "metrics",
        "time_column": "time",
        "compression": {"segmentby": ["device_id"], "orderby": ["time DESC"], "compress_after": "7 days"},
        "retention": {"drop_after": "90 days", "config": {"a": 1, "b": 2}},
    },
    {"name": "metrics", "schema": "app", "time_column": "time", "retention": {"drop_after": "1 year"}},
]
AGGREGATES = [{"name": "hourly", "query": QUERY, "refresh": {"start_offset": "3 hours", "end_offset": "1 hour"}}]


def declared(overrides: Any) -> Any:
    return declare(HYPERTABLES, AGGREGATES, overrides)


def laid_over(index: int, **changes: Any) -> Any:
    """What is declared when one hypertable is written with other values in the first place."""
    items: list[Any] = list(HYPERTABLES)
    items[index] = {**items[index], **changes}
    return declare(items, AGGREGATES)


@pytest.mark.parametrize("nothing", [None, {}])
def test_without_overrides_everything_stays(nothing: Any) -> None:
    assert declared(nothing) == declare(HYPERTABLES, AGGREGATES)


def test_one_value_is_overridden_and_its_neighbours_stay() -> None:
    expected = {"drop_after": "60 days", "config": {"a": 1, "b": 3}}
    found = declared({"metrics": {"retention": {"drop_after": "60 days", "config": {"b": 3}}}})
    assert found == laid_over(0, retention=expected)


def test_a_list_is_replaced_not_joined() -> None:
    expected = {**HYPERTABLES[0]["compression"], "segmentby": ["kind"]}  # type: ignore[dict-item]
    assert declared({"metrics": {"compression": {"segmentby": ["kind"]}}}) == laid_over(0, compression=expected)


def test_a_key_nobody_declared_is_added() -> None:
    assert declared({"metrics": {"chunk_interval": "1 day"}}) == laid_over(0, chunk_interval="1 day")


@pytest.mark.parametrize("key", ["metrics", "public.metrics", '"metrics"'])
def test_an_object_may_be_named_in_any_way(key: str) -> None:
    assert declared({key: {"chunk_interval": "1 day"}}) == laid_over(0, chunk_interval="1 day")


def test_the_schema_tells_namesakes_apart() -> None:
    assert declared({"app.metrics": {"retention": {"drop_after": "2 years"}}}) == laid_over(
        1, retention={"drop_after": "2 years"}
    )


def test_aggregates_are_overridden_too() -> None:
    (hourly,) = declared({"hourly": {"refresh": {"start_offset": "4 hours"}}}).aggregates
    (expected,) = declare(
        None, {**AGGREGATES[0], "refresh": {"start_offset": "4 hours", "end_offset": "1 hour"}}
    ).aggregates
    assert hourly == expected


def test_one_window_gives_way_to_another_when_it_is_taken_back() -> None:
    found = declared({"metrics": {"retention": {"drop_after": None, "drop_created_before": "60 days", "config": {}}}})
    assert found == laid_over(0, retention={"drop_created_before": "60 days", "config": {"a": 1, "b": 2}})


def test_what_was_declared_is_not_written_to() -> None:
    declared({"metrics": {"retention": {"drop_after": "60 days", "config": {"a": 9}}}})
    assert HYPERTABLES[0]["retention"] == {"drop_after": "90 days", "config": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        pytest.param(
            {"metrcis": {"retention": {"drop_after": "60 days"}}},
            "over[metrcis]: no such object is declared; accepted are app.metrics, hourly, metrics",
            id="unknown-name",
        ),
        pytest.param({"metrics": 5}, "over[metrics]: a whole number 5 was given; accepted is a mapping", id="number"),
        pytest.param(
            {"metrics": {"retention": None}},
            "over[metrics].retention: nothing was given; accepted is a mapping",
            id="nothing-over-a-mapping",
        ),
        pytest.param(
            {"metrics": {"retention": "60 days"}},
            "over[metrics].retention: text '60 days' was given; accepted is a mapping",
            id="text-over-a-mapping",
        ),
        pytest.param(
            {"metrics": {"retention": {"drop_created_before": "60 days"}}},
            "hypertables[metrics].retention: both drop_after and drop_created_before were given; accepted is one of "
            "them",
            id="two-windows",
        ),
        pytest.param(
            {"metrics": {"retention": {"drop_afer": "60 days"}}},
            "hypertables[metrics].retention.drop_afer: unknown key; accepted are config, drop_after, "
            "drop_created_before, initial_start, max_retries, max_runtime, retry_period, schedule_interval, scheduled, "
            "state, timezone",
            id="unknown-key",
        ),
        pytest.param(
            {"metrics": {"name": "other"}},
            "over[metrics].name: this key is not accepted here; it says which object is meant",
            id="another-name",
        ),
        pytest.param(
            {"metrics": {"chunk_interval": "1 day"}, "public.metrics": {"chunk_interval": "2 days"}},
            "over[public.metrics]: metrics is named twice, as 'metrics' too; accepted is once",
            id="twice",
        ),
        pytest.param(["metrics"], "over: a list was given; accepted is a mapping from object names", id="list"),
        pytest.param(
            {5: {}}, "over[5]: 5 is no name; accepted is a relation's name, or schema.name", id="number-for-a-name"
        ),
    ],
)
def test_a_wrong_override_is_refused_in_one_sentence(overrides: Any, sentence: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        parse_declaration(HYPERTABLES, AGGREGATES, overrides, None, Roots(overrides="over"))
    assert str(refused.value) == sentence


def test_an_override_of_nothing_declared_says_so() -> None:
    with pytest.raises(DeclarationError) as refused:
        parse_declaration(None, None, {"metrics": {}})
    assert str(refused.value) == "overrides[metrics]: no such object is declared; accepted are none"


LEAVES = st.integers() | st.text("xyz", max_size=3)


@given(st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3), st.dictionaries(st.sampled_from("abc"), LEAVES))
def test_configurations_merge_key_by_key(base: dict[str, Any], over: dict[str, Any]) -> None:
    item = {"name": "metrics", "retention": {"drop_after": "1 day", "config": base}}
    (found,) = declare(item, None, {"metrics": {"retention": {"config": over}}}).hypertables
    assert found.retention is not None
    assert dict(found.retention.config) == {**base, **over}
