"""The way between revisions: what is run, and what is refused with a sentence that says what is accepted."""

from __future__ import annotations

import pytest
from ansible.module_utils.alembic_migration.plan import Revision, plan_way
from hypothesis import given
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.errors import DeclarationError

HISTORY = [Revision("001", "Tables"), Revision("002", "Metrics", ("001",)), Revision("003", "Indexes", ("002",))]
# 002 and 003 both follow 001; 004 brings them together again.
DIAMOND = [
    Revision("001", "a"),
    Revision("002", "b", ("001",)),
    Revision("003", "c", ("001",)),
    Revision("004", "d", ("002", "003")),
]


def names(history: list[Revision], command: str, wanted: str, *applied: str) -> list[str]:
    return [step.name for step in plan_way(history, command, wanted, applied).steps]


@pytest.mark.parametrize(
    ("command", "wanted", "applied", "run"),
    [
        pytest.param("upgrade", "head", [], ["001", "002", "003"], id="new-to-head"),
        pytest.param("upgrade", "head", ["001"], ["002", "003"], id="on-to-head"),
        pytest.param("upgrade", "head", ["003"], [], id="there-already"),
        pytest.param("upgrade", "002", [], ["001", "002"], id="new-to-a-name"),
        pytest.param("upgrade", "002", ["002"], [], id="at-a-name"),
        pytest.param("upgrade", "+1", ["001"], ["002"], id="one-up"),
        pytest.param("upgrade", "+2", [], ["001", "002"], id="two-up-from-base"),
        pytest.param("upgrade", "+0", ["002"], [], id="no-step"),
        pytest.param("upgrade", "base", [], [], id="base-from-base"),
        pytest.param("downgrade", "-1", ["003"], ["003"], id="one-down"),
        pytest.param("downgrade", "-3", ["003"], ["003", "002", "001"], id="all-down-by-count"),
        pytest.param("downgrade", "base", ["003"], ["003", "002", "001"], id="to-base"),
        pytest.param("downgrade", "base", [], [], id="at-base"),
        pytest.param("downgrade", "001", ["003"], ["003", "002"], id="down-to-a-name"),
        pytest.param("downgrade", "003", ["003"], [], id="down-to-itself"),
    ],
)
def test_the_revisions_in_between_are_run_in_order(
    command: str, wanted: str, applied: list[str], run: list[str]
) -> None:
    assert names(HISTORY, command, wanted, *applied) == run


@pytest.mark.parametrize(
    ("command", "wanted", "applied", "sentence"),
    [
        pytest.param(
            *("upgrade", "004", []),
            "revision: '004' is none of the accepted ones: head, base, 001, 002, 003, or a number of steps such as -1",
            id="unknown",
        ),
        pytest.param(*("upgrade", "2", []), "in YAML write it with quotes: '002'", id="number-that-lost-its-zeros"),
        pytest.param(*("upgrade", "heads", []), "'heads' is none of the accepted ones", id="misspelt"),
        pytest.param(*("upgrade", "+4", []), "'+4' goes too far: from base there are 3 steps", id="too-far-up"),
        pytest.param(*("downgrade", "-2", ["001"]), "'-2' goes too far: from 001 there are 1 steps", id="too-far-down"),
        pytest.param(*("downgrade", "-1", []), "'-1' goes too far: from base there are 0 steps", id="below-base"),
        pytest.param(*("upgrade", "-1", ["003"]), "'-1' does not go with upgrade; write +1", id="down-by-upgrade"),
        pytest.param(*("downgrade", "+1", ["001"]), "'+1' does not go with downgrade; write -1", id="up-by-downgrade"),
        pytest.param(
            *("upgrade", "001", ["003"]),
            "the database is at 003, which is ahead of 001; to go there set the command to downgrade",
            id="behind-by-upgrade",
        ),
        pytest.param(*("upgrade", "base", ["003"]), "which is ahead of base", id="base-by-upgrade"),
        pytest.param(*("downgrade", "003", ["001"]), "at 001, which is behind 003", id="ahead-by-downgrade"),
        pytest.param(
            *("upgrade", "head", ["004"]),
            "the database is at revision 004, which is not among the revisions here (001, 002, 003)",
            id="newer-database",
        ),
        pytest.param(*("upgrade", "head", ["002", "003"]), "at several revisions at once (002, 003)", id="two-rows"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_a_sentence(
    command: str, wanted: str, applied: list[str], sentence: str
) -> None:
    with pytest.raises(DeclarationError, match=r"^(revision|script_location): ") as refusal:
        plan_way(HISTORY, command, wanted, applied)
    assert sentence in str(refusal.value)


def test_head_means_nothing_when_there_are_two() -> None:
    with pytest.raises(DeclarationError, match=r"several heads \(002, 003\)"):
        plan_way(DIAMOND[:3], "upgrade", "head", [])
    assert names(DIAMOND[:3], "upgrade", "003") == ["001", "003"]


def test_a_merge_runs_everything_it_builds_on() -> None:
    assert names(DIAMOND, "upgrade", "head", "002") == ["003", "004"]
    assert names(DIAMOND, "downgrade", "base", "004") == ["004", "003", "002", "001"]


def test_no_scripts_and_no_revision_is_nothing_to_do() -> None:
    assert names([], "upgrade", "head") == []


@given(
    size=st.integers(1, 12), start=st.integers(0, 12), end=st.integers(0, 12), command=st.sampled_from(["up", "down"])
)
def test_any_way_leads_where_it_should_and_back(size: int, start: int, end: int, command: str) -> None:
    history = [Revision(str(n), "", (str(n - 1),) if n > 1 else ()) for n in range(1, size + 1)]
    low, high = sorted((min(start, size), min(end, size)))
    up = names(history, "upgrade", str(high) if high else "base", *([str(low)] if low else []))
    down = names(history, "downgrade", str(low) if low else "base", *([str(high)] if high else []))
    assert up == [str(n) for n in range(low + 1, high + 1)]
    assert down == up[::-1]
    by_count = ("upgrade", f"+{high - low}", low) if command == "up" else ("downgrade", f"-{high - low}", high)
    assert names(history, *by_count[:2], *([str(by_count[2])] if by_count[2] else [])) == (
        up if command == "up" else down
    )
