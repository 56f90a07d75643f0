"""Whatever is declared wrongly is refused in one sentence that names the variable, with the database as it was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.databases import Database
from tests.integration.objects import QUERY, Bench


@pytest.fixture(scope="module")
def bench(database: Database) -> Bench:
    bench = Bench(database)
    database.query("CREATE TABLE readings (time timestamptz NOT NULL, device_id text, value double precision)")
    database.query("CREATE VIEW seen AS SELECT * FROM readings")
    return bench


READINGS: dict[str, Any] = {"name": "readings", "time_column": "time", "chunk_interval": "7 days"}
HOURLY: dict[str, Any] = {"name": "hourly", "query": QUERY.format(table="readings")}


def case(name: str, words: str, hypertable: Any = None, aggregate: Any = None, **options: Any) -> Any:
    """A wrong declaration, and what its message begins with."""
    declared = {"hypertables": [READINGS if hypertable is None else hypertable]}
    if aggregate is not None:
        declared["continuous_aggregates"] = [aggregate]
    return pytest.param({**declared, **options}, words, id=name)


CASES = [
    case(
        "an unknown key",
        "timescaledb_lifecycle_hypertables[readings].retention.drop_afer: unknown key; accepted are ",
        {**READINGS, "retention": {"drop_afer": "90 days"}},
    ),
    case(
        "a misspelt interval",
        "timescaledb_lifecycle_hypertables[readings].retention.drop_after: text '90 dyas' was given; accepted is an "
        "interval with a unit, such as '90 days'",
        {**READINGS, "retention": {"drop_after": "90 dyas"}},
    ),
    case(
        "a negative interval",
        "timescaledb_lifecycle_hypertables[readings].retention.drop_after: text '-90 days' was given; accepted is ",
        {**READINGS, "retention": {"drop_after": "-90 days"}},
    ),
    case(
        "a number without a unit",
        "timescaledb_lifecycle_hypertables[readings].retention.drop_after: the whole number 90 was given, but time of "
        "readings is timestamp with time zone; accepted is an interval such as '90 days'",
        {**READINGS, "retention": {"drop_after": 90}},
    ),
    case(
        "a missing table",
        "timescaledb_lifecycle_hypertables[redings].name: there is no table redings; accepted is an existing table",
        {**READINGS, "name": "redings"},
    ),
    case(
        "a view",
        "timescaledb_lifecycle_hypertables[seen].name: seen is a view; accepted is a table",
        {**READINGS, "name": "seen"},
    ),
    case(
        "a column that is no time",
        "timescaledb_lifecycle_hypertables[readings].time_column: column 'device_id' of readings is text; accepted are "
        "timestamps, dates and integers",
        {**READINGS, "time_column": "device_id"},
    ),
    case(
        "a column that is not there",
        "timescaledb_lifecycle_hypertables[readings].time_column: readings has no column 'tiem'; accepted are ",
        {**READINGS, "time_column": "tiem"},
    ),
    case(
        "a name with a quote",
        "timescaledb_lifecycle_hypertables[read\"ings].name: 'read\"ings' is no name; accepted is a relation's name",
        {**READINGS, "name": 'read"ings'},
    ),
    case(
        "a name that tries to be a statement",
        "timescaledb_lifecycle_hypertables[readings; DROP TABLE readings].name: 'readings; DROP TABLE readings' is no "
        "name",
        {**READINGS, "name": "readings; DROP TABLE readings"},
    ),
    case(
        "a list where a mapping belongs",
        "timescaledb_lifecycle_hypertables[readings].retention: a list was given; accepted is a mapping",
        {**READINGS, "retention": ["90 days"]},
    ),
    case(
        "a mapping where a list belongs",
        "timescaledb_lifecycle_hypertables[readings].compression.segmentby: a mapping was given; accepted is a list",
        {**READINGS, "compression": {"segmentby": {"device_id": True}}},
    ),
    case(
        "an unknown column to segment by",
        "timescaledb_lifecycle_hypertables[readings].compression.segmentby: readings has no column 'device'; accepted "
        "are device_id, time, value",
        {**READINGS, "compression": {"segmentby": ["device"]}},
    ),
    case(
        "a query with an error",
        'timescaledb_lifecycle_continuous_aggregates[hourly].query: the server refuses this query (column "valeu" does '
        "not exist",
        aggregate={**HOURLY, "query": HOURLY["query"].replace("avg(value)", "avg(valeu)")},
    ),
    case(
        "a query with a syntax error",
        "timescaledb_lifecycle_continuous_aggregates[hourly].query: the server refuses this query (syntax error",
        aggregate={**HOURLY, "query": "SELECT FROM WHERE"},
    ),
    case(
        "two statements for a query",
        "timescaledb_lifecycle_continuous_aggregates[hourly].query: several statements were given; accepted is one "
        "SELECT",
        aggregate={**HOURLY, "query": HOURLY["query"] + "; DROP TABLE readings"},
    ),
    case(
        "an aggregate without a query",
        "timescaledb_lifecycle_continuous_aggregates[hourly].query: nothing was given, but there is no continuous "
        "aggregate hourly",
        aggregate={"name": "hourly"},
    ),
    case(
        "an aggregate in the place of a table",
        "timescaledb_lifecycle_continuous_aggregates[seen].name: seen exists and is a view; accepted is a free name",
        aggregate={**HOURLY, "name": "seen"},
    ),
    case(
        "a refresh policy that is not whole",
        "timescaledb_lifecycle_continuous_aggregates[hourly].refresh.end_offset: nothing was given, but hourly has no "
        "refresh policy yet",
        aggregate={**HOURLY, "refresh": {"start_offset": "3 hours"}},
    ),
    case(
        "an override of nothing",
        "timescaledb_lifecycle_overrides[metrcs]: no such object is declared; accepted are readings",
        overrides={"metrcs": {"retention": {"drop_after": "60 days"}}},
    ),
    case(
        "a wait without end",
        "timescaledb_lifecycle_lock_timeout: 0 was given; accepted is a number of seconds from 1 to 86400",
        lock_timeout=0,
    ),
    case(
        "the same object twice",
        "timescaledb_lifecycle_continuous_aggregates[readings]: readings is declared twice; accepted is once",
        aggregate={**HOURLY, "name": "readings"},
    ),
]


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize(("declared", "words"), CASES)
def test_is_refused(bench: Bench, declared: dict[str, Any], words: str, check: bool) -> None:
    message = bench.refuse("lifecycle", **declared, variable_prefix="timescaledb_lifecycle_", check=check)
    assert message.startswith(words), message
    assert "\n" not in message


def test_all_cases_are_there() -> None:
    assert len({item.id for item in CASES}) == len(CASES) >= 20
