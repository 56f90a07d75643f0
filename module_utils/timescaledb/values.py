# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Value types of a declaration. Whether two values are equal is decided here, and nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Match, Optional, Tuple, Union

from .names import show_identifier

MICROSECONDS = {
    "microsecond": 1,
    "millisecond": 1000,
    "second": 1000000,
    "minute": 60 * 1000000,
    "hour": 3600 * 1000000,
}
DAY = 24 * MICROSECONDS["hour"]
DAYS_PER_MONTH = 30  # PostgreSQL's rule wherever two intervals are compared

_MONTHS = {"month": 1, "year": 12, "decade": 120, "century": 1200, "millennium": 12000}
_DAYS = {"day": 1, "week": 7}
# What PostgreSQL's own parser accepts for each unit (src/backend/utils/adt/datetime.c, deltatktbl).
_SPELLINGS: Dict[str, str] = {
    spelling: unit
    for unit, spellings in {
        "microsecond": "us usec usecs usecond useconds microsec microsecond microseconds microsecon",
        "millisecond": "ms msec msecs msecond mseconds millisec millisecond milliseconds millisecon",
        "second": "s sec secs second seconds",
        "minute": "m min mins minute minutes",
        "hour": "h hr hrs hour hours",
        "day": "d day days",
        "week": "w week weeks",
        "month": "mon mons month months",
        "year": "y yr yrs year years",
        "decade": "dec decs decade decades",
        "century": "c cent century centuries",
        "millennium": "mil mils millennia millennium",
    }.items()
    for spelling in spellings.split()
}
_TOKEN = re.compile(
    r"\s*(?:(?P<clock>[+-]?\d+:\d{1,2}(?::\d{1,2}(?:\.\d+)?)?)|(?P<number>[+-]?\d+(?:\.\d*)?)\s*(?P<unit>[a-z]+)|(?P<ago>ago\Z))"
)
_ISO = re.compile(
    r"P(?=.)(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?"
    r"(?:T(?=.)(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+(?:\.\d{1,6})?)S)?)?\Z"
)
_LARGEST_MONTHS = 178000000 * 12


@dataclass(frozen=True)
class Interval:
    """A PostgreSQL interval. Equality and order are the server's: a month is 30 days, a day 24 hours."""

    months: int = 0
    days: int = 0
    microseconds: int = 0

    @property
    def total(self) -> int:
        """Length in microseconds by the server's rules for comparison."""
        return (self.months * DAYS_PER_MONTH + self.days) * DAY + self.microseconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interval) and self.total == other.total

    def __hash__(self) -> int:
        return hash(self.total)

    def __lt__(self, other: Interval) -> bool:
        return self.total < other.total

    def __le__(self, other: Interval) -> bool:
        return self.total <= other.total

    def __str__(self) -> str:
        """Return the text an inventory would use, such as 1 year 2 months 3 days 4 hours."""
        years, months = _split(self.months, 12)
        rest = self.microseconds
        parts = [(years, "year"), (months, "month"), (self.days, "day")]
        for unit in ("hour", "minute", "second"):
            count, rest = _split(rest, MICROSECONDS[unit])
            parts.append((count, unit))
        parts.append((rest, "microsecond"))
        texts = ["{0} {1}{2}".format(n, unit, "" if n == 1 else "s") for n, unit in parts if n]
        return " ".join(texts) or "0 seconds"


def _split(value: int, size: int) -> Tuple[int, int]:
    """Divide towards zero, as clocks do, so that negative parts stay readable."""
    whole = abs(value) // size
    return (whole, value - whole * size) if value >= 0 else (-whole, value + whole * size)


def parse_interval(text: str) -> Optional[Interval]:
    """Read PostgreSQL interval text (90 days, 1 year 2 mons, 1 day 02:30:00, P90D, PT1H); None where it is none.

    A bare number, which PostgreSQL takes as seconds, is refused: it is nearly always a forgotten unit.
    """
    body = text.strip()
    match = _ISO.match(body)
    if match:
        return _from_iso(match)
    body = body.lower()
    body = body[1:] if body.startswith("@") else body
    months = days = microseconds = 0.0
    position, found, sign, seen = 0, False, 1, set()
    while position < len(body.rstrip()):
        match = _TOKEN.match(body, position)
        if match is None or match.end() == position:
            return None
        position = match.end()
        if match.group("ago"):
            sign = -1
            continue
        found = True
        unit = "clock" if match.group("clock") else _SPELLINGS.get(match.group("unit"), "")
        if not unit or unit in seen:
            return None
        seen.add(unit)
        if unit == "clock":
            microseconds += _clock(match.group("clock"))
        else:
            part = _scaled(match.group("number"), unit)
            months, days, microseconds = months + part[0], days + part[1], microseconds + part[2]
    if not found or abs(months) > _LARGEST_MONTHS or abs(days) > 2**31 or abs(microseconds) > 2**62:
        return None
    return Interval(sign * int(months), sign * int(days), sign * int(microseconds))


def _from_iso(match: Match[str]) -> Interval:
    years, months, weeks, days, hours, minutes = (int(group or 0) for group in match.groups()[:6])
    seconds = _decimal(match.group(7) or "0", MICROSECONDS["second"])
    clock = hours * MICROSECONDS["hour"] + minutes * MICROSECONDS["minute"] + seconds
    return Interval(years * 12 + months, weeks * 7 + days, clock)


def _decimal(text: str, scale: int) -> int:
    """Multiply a decimal text by a whole scale exactly, rounding half up as the server does."""
    whole, _, fraction = text.lstrip("+-").partition(".")
    digits = (fraction + "000000000000")[:12]
    value = int(whole or 0) * scale + (int(digits) * scale + 5 * 10**11) // 10**12
    return -value if text.startswith("-") else value


def _clock(text: str) -> int:
    hours, minutes, *seconds = text.lstrip("+-").split(":")
    total = int(hours) * MICROSECONDS["hour"] + int(minutes) * MICROSECONDS["minute"]
    total += _decimal(seconds[0], MICROSECONDS["second"]) if seconds else 0
    return -total if text.startswith("-") else total


def _scaled(number: str, unit: str) -> Tuple[int, int, int]:
    """Return months, days and microseconds of a number of units; fractions spill downwards as in PostgreSQL."""
    if unit in MICROSECONDS:
        return 0, 0, _decimal(number, MICROSECONDS[unit])
    sign = -1 if number.startswith("-") else 1
    whole_text, _, fraction_text = number.lstrip("+-").partition(".")
    whole, fraction = int(whole_text), float("0." + (fraction_text or "0"))
    if unit in _DAYS:
        spill = fraction * _DAYS[unit]
        days = whole * _DAYS[unit] + int(spill)
        return 0, sign * days, sign * round((spill - int(spill)) * DAY)
    if unit == "month":
        spill = fraction * DAYS_PER_MONTH
        return sign * whole, sign * int(spill), sign * round((spill - int(spill)) * DAY)
    return sign * (whole * _MONTHS[unit] + round(fraction * _MONTHS[unit])), 0, 0


class Open:
    """The open end of a refresh window: no limit. There is one of it, OPEN."""

    def __repr__(self) -> str:
        return "OPEN"

    def __str__(self) -> str:
        return "no limit"


OPEN = Open()
Lag = Union[Interval, int]
Offset = Union[Interval, int, Open]


@dataclass(frozen=True)
class OrderBy:
    """One column of an ordering; nulls_first follows the direction unless it is said."""

    column: str
    descending: bool = False
    nulls_first: bool = False

    def __str__(self) -> str:
        text = show_identifier(self.column) + (" DESC" if self.descending else "")
        if self.nulls_first != self.descending:
            text += " NULLS FIRST" if self.nulls_first else " NULLS LAST"
        return text


_ORDER = re.compile(
    r'\s*(?:"((?:[^"]|"")+)"|([^\s"]+))(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?\s*\Z',
    re.IGNORECASE,
)


def parse_order(text: str) -> Optional[OrderBy]:
    """Read column [ASC|DESC] [NULLS FIRST|LAST]; None where it is none."""
    match = _ORDER.match(text)
    if match is None:
        return None
    column = match.group(1).replace('""', '"') if match.group(1) is not None else match.group(2)
    descending = (match.group(3) or "asc").lower() == "desc"
    nulls_first = match.group(4).lower() == "first" if match.group(4) else descending
    return OrderBy(column, descending, nulls_first)


def effective_order(order: Iterable[OrderBy], segmentby: Iterable[str], time_column: str) -> Tuple[OrderBy, ...]:
    """Return the ordering the server will store: it appends the time column, newest first, where nobody names it."""
    listed: List[OrderBy] = list(order)
    named = {item.column for item in listed} | set(segmentby)
    if time_column not in named:
        listed.append(OrderBy(time_column, descending=True, nulls_first=True))
    return tuple(listed)
