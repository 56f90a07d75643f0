"""Interval texts mean on a live server what the core takes them for."""

from __future__ import annotations

import itertools
import json
import random

from ansible.module_utils.timescaledb.values import Interval, parse_interval
from tests.integration.databases import Database

WHOLE = ["0", "1", "2", "-1", "+3", "30", "365"]
NUMBERS = [*WHOLE, "1.5", "0.25", "-2.75", ".5", "1.", "2147483648", "0.0000005", "0.1"]
SPELLINGS = """
us usec usecond useconds microsecond microseconds ms msec msecond millisecond milliseconds
s sec secs second seconds m min mins minute minutes h hr hrs hour hours
d day days w week weeks mon mons month months y yr yrs year years
dec decade decades c cent century centuries mil mils millennium millennia
"""
UNITS = SPELLINGS.split()
NONE = ["quarter", "fortnight", "dayz", "timezone", ""]
CLOCKS = ["1:30", "01:02:03", "-2:00", "+04:05:06.789", "100:00:00", "1:60", "0:0:61", "12:30.5", "00:00:00.000001"]
TEXTS = [
    *("P1D", "PT1H", "P1Y2M3W4DT5H6M7.5S", "P-1Y-2M3DT-4H5M-6.5S", "P1W", "P1.5D", "P1M", "PT1M", "P", "PT", "p1d"),
    *("-1 days +02:03", "1 mon -1 days", "1 day ago", "1 day -2 hours ago", "@ 1 minute", "1 hour 1:00", "1 day 1 day"),
    *("1.5 s 1 us", "1 ms 1.5 s", "1 DAY", "1day", "1 day, 2 hours", "ninety days", "1:00 1.5 days", "1 day 1:00"),
]
REFUSED_ON_PURPOSE = {
    "90": "no unit",
    "1 day 2": "no unit",
    "": "nothing",
    "1. day": "a dot and nothing behind it",
    "- 1 day": "a sign and nothing behind it",
    "1d2h": "no space between",
    "1-2": "standard SQL's years and months",
    "P0001-02-03": "an ISO date instead of designators",
    "P1DT": "a T and nothing behind it",
    "P1D1W": "weeks after days",
    "1.5 us": "finer than a microsecond",
    "0.04 years": "finer than a month",
    "1:00 1.5 days": "a clock that is not at the end, of which the server drops what the days spill",
    "0:0:60": "sixty seconds",
}
# Months, days and microseconds of each text on the server; null where it is no interval.
PARTS = """
CREATE FUNCTION pg_temp.parts(text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE i interval;
BEGIN
  i := $1::interval;
  RETURN json_build_array(
    (extract(year FROM i) * 12 + extract(month FROM i))::bigint, extract(day FROM i)::bigint,
    ((extract(hour FROM i)::numeric * 60 + extract(minute FROM i)::numeric) * 60000000
      + extract(microsecond FROM i)::numeric)::bigint);
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $$
"""


def make_texts() -> list[str]:
    """Every number with every unit, every clock, and some thousand things put together of them."""
    chance = random.Random(20260101)  # noqa: S311  # no secret: the same texts in every run
    parts = [f"{number} {unit}" for number, unit in itertools.product(NUMBERS, UNITS + NONE)] + CLOCKS
    mixed = [
        chance.choice([" ", "  "]).join(chance.sample(parts, chance.randint(2, 4)))
        + chance.choice(["", "", "", " ago"])
        for _ in range(3000)
    ]
    return sorted({*parts, *TEXTS, *mixed})


def ask(database: Database, texts: list[str]) -> list[list[int] | None]:
    """What the server makes of the texts, in their order, by one query."""
    query = (
        "SELECT json_agg(pg_temp.parts(value) ORDER BY place) "
        "FROM json_array_elements_text(%s::json) WITH ORDINALITY AS t(value, place)"
    )
    with database.connect() as connection:
        connection.execute("SET intervalstyle = 'postgres'")
        connection.execute(PARTS)
        ((answers,),) = connection.execute(query, (json.dumps(texts),)).fetchall()
    return answers


def describe(interval: Interval | None) -> list[int] | None:
    return None if interval is None else [interval.months, interval.days, interval.microseconds]


def test_a_text_the_core_reads_means_the_same_to_the_server(database: Database) -> None:
    texts = make_texts()
    answers = dict(zip(texts, ask(database, texts), strict=True))
    read = {text: describe(parse_interval(text)) for text in texts}
    assert len([text for text in texts if read[text]]) > 1000
    assert {text: (found, answers[text]) for text, found in read.items() if found and found != answers[text]} == {}


def test_every_spelling_of_a_unit_is_read(database: Database) -> None:
    texts = [f"{number} {unit}" for number, unit in itertools.product(WHOLE, UNITS)]
    answers = ask(database, texts)
    assert None not in answers
    assert [describe(parse_interval(text)) for text in texts] == answers


def test_what_only_the_server_reads_is_refused_on_purpose(database: Database) -> None:
    texts = list(REFUSED_ON_PURPOSE)
    read = [text for text, answer in zip(texts, ask(database, texts), strict=True) if answer]
    assert read == [text for text in texts if text]
    assert [text for text in texts if parse_interval(text)] == []


def test_two_intervals_are_equal_where_the_server_says_so(database: Database) -> None:
    texts = ["1 day", "24 hours", "1 month", "30 days", "31 days", "1 year", "360 days", "365 days", "12 mons", "1 us"]
    query = "SELECT a, b, a::interval = b::interval, a::interval < b::interval FROM {0} AS a, {0} AS b"
    rows = database.query(query.format("unnest(%s::text[])"), texts, texts)
    assert len(rows) == len(texts) ** 2
    for one, other, equal, less in rows:
        assert (parse_interval(one) == parse_interval(other)) is equal, (one, other)
        assert (parse_interval(one) < parse_interval(other)) is less, (one, other)
