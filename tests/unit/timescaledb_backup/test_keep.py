"""Which backups stay: the last good ones whatever the clock said, some of the past, and the newest that is proven."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from timescaledb_backup.keep import Candidate, choose_kept

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def nightly(count: int, **changes: Candidate) -> list[Candidate]:
    """One good backup a night."""
    made = [Candidate(f"b{n}", n, BEGIN + timedelta(days=n), True, False) for n in range(count)]
    return [changes.get(candidate.name, candidate) for candidate in made]


@st.composite
def shelves(draw: st.DrawFn) -> list[Candidate]:
    """Backups of any kind, made while the clock went anywhere."""
    states = draw(st.lists(st.tuples(st.integers(0, 800), st.booleans(), st.booleans()), max_size=40))
    return [
        Candidate(f"b{n}", n, BEGIN + timedelta(days=days), good, good and proven)
        for n, (days, good, proven) in enumerate(states, 1)
    ]


COUNTS = {"last": st.integers(1, 10), "weekly": st.integers(0, 5), "monthly": st.integers(0, 5)}


@given(shelves(), COUNTS["last"], COUNTS["weekly"], COUNTS["monthly"])
def test_the_last_good_ones_always_stay(shelf: list[Candidate], last: int, weekly: int, monthly: int) -> None:
    kept = choose_kept(shelf, last, weekly, monthly)
    good = [candidate.name for candidate in sorted(shelf, key=lambda c: c.sequence) if candidate.good]
    assert set(good[-last:]) <= set(kept) <= {candidate.name for candidate in shelf}


@given(shelves(), COUNTS["last"], COUNTS["weekly"], COUNTS["monthly"])
def test_the_newest_that_is_proven_stays(shelf: list[Candidate], last: int, weekly: int, monthly: int) -> None:
    proven = [candidate for candidate in shelf if candidate.proven]
    assert not proven or max(proven, key=lambda c: c.sequence).name in choose_kept(shelf, last, weekly, monthly)


@given(shelves(), COUNTS["last"], COUNTS["weekly"], COUNTS["monthly"])
def test_pruning_twice_deletes_nothing_more(shelf: list[Candidate], last: int, weekly: int, monthly: int) -> None:
    kept = choose_kept(shelf, last, weekly, monthly)
    left = [candidate for candidate in shelf if candidate.name in kept]
    assert set(choose_kept(left, last, weekly, monthly)) == set(kept)


@given(shelves(), COUNTS["last"], st.permutations(range(40)))
def test_the_order_in_which_they_are_found_is_of_no_consequence(
    shelf: list[Candidate], last: int, order: list[int]
) -> None:
    shuffled = [shelf[place] for place in order if place < len(shelf)]
    assert choose_kept(shuffled, last) == choose_kept(shelf, last)


def test_seven_stay_of_ten() -> None:
    assert sorted(choose_kept(nightly(10), 7)) == [f"b{n}" for n in range(3, 10)]


def test_one_that_failed_its_drill_does_not_count_and_goes_with_those_of_its_age() -> None:
    failed = {f"b{n}": Candidate(f"b{n}", n, BEGIN, False, False) for n in (1, 8)}
    kept = choose_kept(nightly(10, **failed), 7)
    assert sorted(kept) == ["b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9"]
    assert kept["b8"] == "failed, kept to be looked at"


def test_while_there_are_too_few_good_ones_nothing_goes() -> None:
    failed = {f"b{n}": Candidate(f"b{n}", n, BEGIN, False, False) for n in range(5)}
    assert len(choose_kept(nightly(8, **failed), 7)) == 8


def test_weeks_and_months_keep_the_newest_of_each() -> None:
    kept = choose_kept(nightly(100), 2, weekly=3, monthly=3)
    assert sorted(kept, key=lambda name: int(name[1:])) == ["b58", "b87", "b89", "b94", "b98", "b99"]
    assert (kept["b94"], kept["b58"]) == ("weekly", "monthly")
