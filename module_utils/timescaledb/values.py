# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Value types of a declaration. Whether two values are equal is decided here, and nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Set, Tuple, Union

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
        "microsecond": "us usec usecs usecond useconds microsecond microseconds microsecon",
        "millisecond": "ms msec msecs msecond mseconds millisecond milliseconds millisecon",
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
_NUMBER = r"\d{1,18}(?:\.\d{1,18})?|\.\d{1,18}"
_TOKEN = re.compile(
    r"\s*(?:(?P<sign>[+-]?)(?P<clock>\d{1,10}:[0-5]?\d(?::[0-5]?\d(?:\.\d{1,6})?)?)\Z"
    rf"|(?P<number>[+-]?(?:{_NUMBER}))\s*(?P<unit>[a-z]+)(?=\s|\Z))",
    re.ASCII,
)
_AGO = re.compile(r"(.*\S)\s+ago\Z", re.DOTALL)
_ISO = re.compile(
    "P(?=.){0}{1}{2}{3}(?:T(?=.){4}{5}{6})?\\Z".format(*(rf"(?:(-?(?:{_NUMBER})){letter})?" for letter in "YMWDHMS")),
    re.ASCII,
)
_ISO_UNITS = ("year", "month", "week", "day", "hour", "minute", "second")
# What a clock, or a second with a fraction, speaks of besides: nothing may be said twice.
_CLOCK_FIELDS = ("hour", "minute", "second", "millisecond", "microsecond")
_SECOND_FIELDS = ("second", "millisecond", "microsecond")


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

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.months + other.months, self.days + other.days, self.microseconds + other.microseconds)

    def surely_covers(self, other: Interval) -> bool:
        """Whether this reaches back at least as far as the other from any day of the calendar.

        The order of intervals cannot tell: it takes 1 year for shorter than 361 days, the calendar does not.
        """
        years, months = _split(self.months - other.months, 12)
        days = years * (365 if years >= 0 else 366) + months * (28 if months >= 0 else 31)
        return (days + self.days - other.days) * DAY + self.microseconds - other.microseconds >= 0

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

    A bare number, which PostgreSQL takes as seconds, is refused: it is nearly always a forgotten unit. So are fractions
    that PostgreSQL would round: what is finer than a microsecond, or than a month where years are meant.
    """
    body = text.strip()
    if body.startswith("P"):
        match = _ISO.match(body)
        numbers = match.groups() if match else ()
        return _sum([_scaled(number, unit) for number, unit in zip(numbers, _ISO_UNITS) if number])
    body = body.lower()
    ago = _AGO.match(body)
    total = _sum(_parts((ago.group(1) if ago else body).lstrip("@")))
    if total is None or ago is None:
        return total
    return Interval(-total.months, -total.days, -total.microseconds)


def _parts(body: str) -> List[Optional[Interval]]:
    """Return what each number with its unit, and each clock, stands for; None for what cannot be read."""
    parts: List[Optional[Interval]] = []
    seen: Set[str] = set()
    position = 0
    while position < len(body):
        match = _TOKEN.match(body, position)
        if match is None:
            return [None]
        position = match.end()
        number, unit = match.group("number"), _SPELLINGS.get(match.group("unit") or "", "")
        fields: Tuple[str, ...] = (unit,)
        if match.group("clock"):
            fields = _CLOCK_FIELDS
            parts.append(_clock(match.group("sign"), match.group("clock")))
        else:
            fields = _SECOND_FIELDS if unit == "second" and "." in number else fields
            parts.append(_scaled(number, unit) if unit else None)
        if seen & set(fields):
            return [None]
        seen.update(fields)
    return parts


def _sum(parts: List[Optional[Interval]]) -> Optional[Interval]:
    """Return the sum of parts; None where there are none, one is missing, or the server could not hold them."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    columns = tuple(zip(*((part.months, part.days, part.microseconds) for part in known)))
    if any(sum(map(abs, column)) >= limit for column, limit in zip(columns, (2**31, 2**31, 2**63))):
        return None
    return Interval(*(sum(column) for column in columns))


def _clock(sign: str, text: str) -> Optional[Interval]:
    hours, minutes, *seconds = text.split(":")
    total = int(hours) * MICROSECONDS["hour"] + int(minutes) * MICROSECONDS["minute"]
    whole, _, fraction = (seconds or ["0"])[0].partition(".")
    total += int(whole) * MICROSECONDS["second"] + int(fraction.ljust(6, "0"))
    return Interval(microseconds=-total if sign == "-" else total)


def _scaled(number: str, unit: str) -> Optional[Interval]:
    """Return a number of units; the fraction of a month spills into days, that of a day into the clock.

    None where something is left that is finer than a microsecond, or a month for years and longer.
    """
    whole, _, fraction = number.lstrip("+-").partition(".")
    scale = 10 ** len(fraction)
    months, days, rest = 0, 0, int(whole + fraction)
    if unit in MICROSECONDS:
        microseconds, rest = divmod(rest * MICROSECONDS[unit], scale)
    else:
        if unit in _MONTHS:
            months, rest = divmod(rest * _MONTHS[unit], scale)
            if rest and unit != "month":
                return None
        days, rest = divmod(rest * _DAYS.get(unit, DAYS_PER_MONTH), scale)
        microseconds, rest = divmod(rest * DAY, scale)
    sign = -1 if number.startswith("-") else 1
    return None if rest else Interval(sign * months, sign * days, sign * microseconds)


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
