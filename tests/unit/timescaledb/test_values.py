"""Values: what interval and ordering texts mean, and when two of them are the same."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.values import (
    DAY,
    OPEN,
    Interval,
    OrderBy,
    effective_order,
    parse_interval,
    parse_order,
)
from tests.unit.builders import interval
from tests.unit.timescaledb.moments import go_back
from tests.unit.timescaledb.strategies import column_names, intervals, orderings

SECOND = 1000000
HOUR = 3600 * SECOND


def parts(text: str) -> tuple[int, int, int]:
    interval = parse_interval(text)
    assert interval is not None, text
    return interval.months, interval.days, interval.microseconds


class TestIntervalTexts:
    @pytest.mark.parametrize(
        ("text", "months", "days", "microseconds"),
        [
            ("90 days", 0, 90, 0),
            ("1 day", 0, 1, 0),
            ("24 hours", 0, 0, 24 * HOUR),
            ("1 week", 0, 7, 0),
            ("2 w", 0, 14, 0),
            ("1 mon", 1, 0, 0),
            ("3 months", 3, 0, 0),
            ("1 year 2 mons 3 days", 14, 3, 0),
            ("1 decade", 120, 0, 0),
            ("2 centuries", 2400, 0, 0),
            ("1 millennium", 12000, 0, 0),
            ("5 m", 0, 0, 300 * SECOND),
            ("250 ms", 0, 0, 250000),
            ("7 us", 0, 0, 7),
            ("1.5 days", 0, 1, 12 * HOUR),
            (".5 hours", 0, 0, HOUR // 2),
            ("1.5 weeks", 0, 10, 12 * HOUR),
            ("0.5 months", 0, 15, 0),
            ("1.25 months", 1, 7, 12 * HOUR),
            ("1.5 years", 18, 0, 0),
            ("1.5 ms", 0, 0, 1500),
            ("01:30", 0, 0, HOUR + HOUR // 2),
            ("100:00:00", 0, 0, 100 * HOUR),
            ("1 day 02:30:00.5", 0, 1, 2 * HOUR + 1800 * SECOND + SECOND // 2),
            ("-1 days +02:03:00", 0, -1, 2 * HOUR + 180 * SECOND),
            ("1 day -2:00", 0, 1, -2 * HOUR),
            ("1 mon -1 days", 1, -1, 0),
            ("@ 1 hour ago", 0, 0, -HOUR),
            ("1 day -2 hours ago", 0, -1, 2 * HOUR),
            ("  1   DAY  ", 0, 1, 0),
            ("1day", 0, 1, 0),
            ("P90D", 0, 90, 0),
            ("PT1H", 0, 0, HOUR),
            ("P1Y2M3W4DT5H6M7.5S", 14, 25, 5 * HOUR + 360 * SECOND + 7500000),
            ("P1M", 1, 0, 0),
            ("PT1M", 0, 0, 60 * SECOND),
            ("P-1DT-2H", 0, -1, -2 * HOUR),
            ("P1.5D", 0, 1, 12 * HOUR),
            ("00:00:00", 0, 0, 0),
        ],
    )
    def test_mean_what_the_server_takes_them_for(self, text: str, months: int, days: int, microseconds: int) -> None:
        assert parts(text) == (months, days, microseconds)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "  ", "90", "1.5", "-3", "ninety days", "days", "90 dayz", "90 fortnights", "1 quarter", "never"),
            *("1 day 2", "1 day 2 days", "1 hour 01:00", "1 ms 1.5 s", "1.5 s 1 us", "1:60", "1:99:00", "0:0:61"),
            *("1 day, 2 hours", "1 . day", "1. day", "--1 day", "1e2 days", "0x10 days", "1 day ago ago", "ago"),
            *("1 ago", "ago 1 day", "1:00 1 day", "1-2", "1 milliseconfoo", "infinity", "-infinity", "1 day2 hours"),
            *("P", "PT", "P1DT", "P1", "p1d", "-P1D", "P1D ago", "P1D1W", "P+1D", "P0001-02-03", "PT04:05:06"),
            *("0.1 us", "0.0000001 seconds", "0.04 years", "2147483648 days", "178956971 years", "9223372036855 s"),
            *("\u0661 day", "1 day\x00", "9" * 5000 + " days", "P" + "9" * 5000 + "D"),
        ],
    )
    def test_that_are_none_are_refused(self, text: str) -> None:
        assert parse_interval(text) is None

    @given(intervals(signed=True))
    def test_printed_are_read_back_part_by_part(self, interval: Interval) -> None:
        assert parts(str(interval)) == (interval.months, interval.days, interval.microseconds)

    @pytest.mark.parametrize(
        ("interval", "text"),
        [
            (Interval(14, 3, 4 * HOUR), "1 year 2 months 3 days 4 hours"),
            (Interval(days=1), "1 day"),
            (Interval(), "0 seconds"),
            (Interval(microseconds=HOUR + 61 * SECOND + 5), "1 hour 1 minute 1 second 5 microseconds"),
            (Interval(-13, -1, -90 * SECOND), "-1 years -1 months -1 days -1 minutes -30 seconds"),
        ],
    )
    def test_are_printed_as_an_inventory_has_them(self, interval: Interval, text: str) -> None:
        assert str(interval) == text

    @given(st.text(max_size=40))
    def test_of_any_kind_are_read_or_refused(self, text: str) -> None:
        assert parse_interval(text) is None or isinstance(parse_interval(text), Interval)


class TestEquality:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("1 day", "24 hours"),
            ("1 month", "30 days"),
            ("1 year", "360 days"),
            ("1 year", "12 months"),
            ("90 days", "3 mons"),
            ("1 week", "168:00"),
            ("1 month -1 day", "29 days"),
        ],
    )
    def test_is_the_servers(self, one: str, other: str) -> None:
        assert parse_interval(one) == parse_interval(other)
        assert hash(parse_interval(one)) == hash(parse_interval(other))

    @pytest.mark.parametrize(("one", "other"), [("1 year", "365 days"), ("1 month", "31 days"), ("1 day", "25 hours")])
    def test_is_not_the_calendars(self, one: str, other: str) -> None:
        assert parse_interval(one) != parse_interval(other)
        assert parse_interval(one) < parse_interval(other)

    def test_leaves_other_types_apart(self) -> None:
        assert Interval(days=1) != DAY
        assert Interval() != OPEN

    @given(intervals(signed=True), intervals(signed=True))
    def test_goes_with_the_order(self, one: Interval, other: Interval) -> None:
        assert (one < other) + (other < one) + (one == other) == 1
        assert (one <= other) == (one < other or one == other)


class TestReachingBack:
    @pytest.mark.parametrize(
        ("longer", "shorter", "surely"),
        [
            ("90 days", "90 days", True),
            ("91 days", "90 days", True),
            ("89 days", "90 days", False),
            ("1 year", "361 days", True),
            ("361 days", "1 year", False),
            ("366 days", "1 year", True),
            ("365 days", "1 year", False),
            ("1 year", "365 days", True),
            ("1 month", "30 days", False),
            ("31 days", "1 month", True),
            ("1 month", "28 days", True),
            ("2 months", "1 month 28 days", True),
            ("13 months", "1 year", True),
            ("1 day", "24 hours", True),
        ],
    )
    def test_is_judged_by_the_calendar(self, longer: str, shorter: str, surely: bool) -> None:
        assert interval(longer).surely_covers(interval(shorter)) is surely

    @given(intervals(), intervals(), st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)))
    def test_is_surely_so_on_every_day(self, one: Interval, other: Interval, now: datetime) -> None:
        if one.surely_covers(other):
            assert go_back(now, one) <= go_back(now, other)
        assert one.surely_covers(one)
        assert (one + other).surely_covers(one)


class TestOrderings:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("time", OrderBy("time")),
            ("time ASC", OrderBy("time")),
            ("time DESC", OrderBy("time", descending=True, nulls_first=True)),
            ("time desc nulls last", OrderBy("time", descending=True)),
            ("time NULLS FIRST", OrderBy("time", nulls_first=True)),
            ("  time   DESC  ", OrderBy("time", descending=True, nulls_first=True)),
            ('"Time of day" DESC', OrderBy("Time of day", descending=True, nulls_first=True)),
            ('"say ""hi"""', OrderBy('say "hi"')),
            ("Time", OrderBy("Time")),
        ],
    )
    def test_are_read(self, text: str, expected: OrderBy) -> None:
        assert parse_order(text) == expected

    @pytest.mark.parametrize(
        "text", ["", "time DOWN", "time DESC ASC", "a b", '"a', 'a"b', "time NULLS", "time NULLS DESC"]
    )
    def test_that_are_none_are_refused(self, text: str) -> None:
        assert parse_order(text) is None

    @given(orderings())
    def test_printed_are_read_back(self, order: OrderBy) -> None:
        assert parse_order(str(order)) == order

    @given(st.lists(orderings(), max_size=3), st.lists(column_names, max_size=2), column_names)
    def test_end_in_the_time_column_newest_first_unless_it_is_named(
        self, order: list[OrderBy], segmentby: list[str], time: str
    ) -> None:
        stored = effective_order(order, segmentby, time)
        named = time in segmentby or time in [item.column for item in order]
        assert stored == (*order, *([] if named else [OrderBy(time, descending=True, nulls_first=True)]))
        assert effective_order(stored, segmentby, time) == stored
