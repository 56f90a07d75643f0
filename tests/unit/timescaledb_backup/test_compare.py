"""What differs is said, once each; what is the same is not."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from timescaledb_backup.compare import differences

FACTS = st.dictionaries(st.sampled_from(["rows", "owner", "chunks"]), st.integers(0, 3), max_size=3)
CENSUSES = st.dictionaries(st.sampled_from(["tables", "jobs"]), st.dictionaries(st.text(max_size=3), FACTS, max_size=4))


@given(CENSUSES)
def test_the_same_differs_in_nothing(census: dict[str, Any]) -> None:
    assert differences(census, copy.deepcopy(census)) == []


@given(CENSUSES, CENSUSES)
def test_whatever_differs_is_found(one: dict[str, Any], other: dict[str, Any]) -> None:
    def plain(census: dict[str, Any]) -> dict[str, Any]:
        return {section: objects for section, objects in census.items() if objects}

    assert bool(differences(one, other)) == (plain(one) != plain(other))


def test_sentences_name_section_object_and_fact() -> None:
    expected = {"tables": {"public.a": {"rows": 1}, "public.b": {"rows": 2}}}
    found = {"tables": {"public.a": {"rows": 3}, "public.c": {"rows": 2}}}
    assert differences(expected, found) == [
        "tables: public.a: rows is 3 instead of 1",
        "tables: public.b is missing",
        "tables: public.c should not be there",
    ]


def test_a_fact_can_be_left_out_of_one_section() -> None:
    expected, found = (
        {"jobs": {"1": {"scheduled": True, "owner": "a"}}},
        {"jobs": {"1": {"scheduled": False, "owner": "a"}}},
    )
    assert differences(expected, found, {"jobs": ["scheduled"]}) == []
    assert differences(expected, found, {"tables": ["scheduled"]}) == ["jobs: 1: scheduled is False instead of True"]
