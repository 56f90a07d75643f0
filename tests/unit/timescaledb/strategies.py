"""Hypothesis strategies for values, names, databases and declarations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from ansible.module_utils.timescaledb.capabilities import COMMUNITY, Capabilities
from ansible.module_utils.timescaledb.declaration import Declaration
from ansible.module_utils.timescaledb.model import Table
from ansible.module_utils.timescaledb.names import QualifiedName, parse_name
from ansible.module_utils.timescaledb.parse import parse_declaration
from ansible.module_utils.timescaledb.values import DAY, Interval, OrderBy
from tests.unit.builders import COLUMNS, TIMESTAMPTZ

# Letters, and everything that needs quotes somewhere.
_LETTERS = st.sampled_from(list("abcxyz_019") + list("AZé .\"'\\$;-%{}"))


def _fits(name: str) -> bool:
    return bool(name.strip()) and len(name.encode()) <= 63


raw_names = st.text(_LETTERS, min_size=1, max_size=12).filter(_fits)
column_names = st.sampled_from(["time", "bucket", "device_id", "kind", "Value", "odd name", 'quo"ted', "it's"])
schemas = st.sampled_from(["public", "app", "My App"])
qualified_names = st.builds(QualifiedName, schemas | raw_names, raw_names)


@st.composite
def intervals(draw: st.DrawFn, signed: bool = False, least: int = 0) -> Interval:
    """Intervals of at least `least` microseconds; with signed, of all signs and sizes."""
    if signed:
        months, days = draw(st.integers(-(2**31) + 1, 2**31 - 1)), draw(st.integers(-(2**31) + 1, 2**31 - 1))
        return Interval(months, days, draw(st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-2 * DAY, 2 * DAY)))
    months, days = draw(st.sampled_from([0, 0, 0, 1, 2, 12, 13])), draw(st.sampled_from([0, 0, 1, 7, 30, 90, 365]))
    clock = draw(st.sampled_from([0, 0, 1, 1000000, 3600 * 1000000, DAY, 36 * 3600 * 1000000 + 5]))
    found = Interval(months, days, clock)
    return found if found.total >= least else Interval(months, days, clock + least)


def orderings(columns: st.SearchStrategy[str] = column_names) -> st.SearchStrategy[OrderBy]:
    """Any column any way round."""
    return st.builds(OrderBy, columns, st.booleans(), st.booleans())


# A world: plain tables of a fixed kind each, over which anything may be declared.


@dataclass(frozen=True)
class World:
    """The tables there are, the server's version, and the names that aggregates may have."""

    tables: tuple[Table, ...]
    aggregates: tuple[QualifiedName, ...]
    version: str

    @property
    def server(self) -> Capabilities:
        """What the server is."""
        return Capabilities(self.version, COMMUNITY, 170000)

    def time_type(self, table: QualifiedName) -> str:
        """The type of a table's time."""
        return next(dict(item.columns)["time"] for item in self.tables if item.name == table)


VERSIONS = st.sampled_from(["2.15.3", "2.19.3", "2.22.1", "2.26.3", "2.29.2"])
INTEGER = "bigint"
TABLES = [
    QualifiedName("public", "metrics"),
    QualifiedName("My App", "Odd table"),
    QualifiedName("app", 'quo"ted; drop'),
    QualifiedName("public", "it's \\ $1 {0} %s"),
]
AGGREGATES = [
    QualifiedName("public", "hourly"),
    QualifiedName("app", "Daily"),
    QualifiedName("My App", "value"),
    QualifiedName("public", 'dots. and "quotes"'),
]
TIME_TYPES = st.sampled_from([TIMESTAMPTZ, TIMESTAMPTZ, "date", INTEGER])
INTERVALS = st.sampled_from(["1 day", "24 hours", "7 days", "1 week", "90 days", "3 months", "1 year", "P2Y"])
NUMBERS = st.sampled_from([10, 1000, "100000"])
BOOLEANS = st.booleans()
SCALARS = st.sampled_from([0, 1, True, 0.5, "x", "it's \\ fine"])
JOB: dict[str, Any] = {
    "schedule_interval": st.sampled_from(["1 hour", "60 minutes", "1 day"]),
    "max_runtime": st.sampled_from(["0 seconds", "5 minutes"]),
    "max_retries": st.sampled_from([-1, 3]),
    "retry_period": st.just("1 minute"),
    "scheduled": BOOLEANS,
    "timezone": st.sampled_from(["Europe/Berlin", "it's \\ me"]),
    "initial_start": st.just("2026-01-01 00:00:00+01:00"),
    "config": st.dictionaries(st.sampled_from(["a", "it's"]), SCALARS, max_size=2),
}
LEFT_OUT = st.just({})


def lags(time_type: str) -> st.SearchStrategy[Any]:
    """How far back something reaches, as a declaration says it."""
    return NUMBERS if time_type == INTEGER else INTERVALS


@st.composite
def some(draw: st.DrawFn, keys: dict[str, Any]) -> dict[str, Any]:
    """Some of the keys, each with a value of its strategy."""
    bits = draw(st.integers(0, 2 ** len(keys) - 1))
    return {key: draw(values) for number, (key, values) in enumerate(keys.items()) if bits >> number & 1}


JOBS = LEFT_OUT | some(JOB)


@st.composite
def retentions(draw: st.DrawFn, time_type: str, creation: bool) -> dict[str, Any]:
    """A declared retention."""
    if creation and draw(BOOLEANS):
        return {"drop_created_before": draw(INTERVALS), **draw(JOBS)}
    return {"drop_after": draw(lags(time_type)), **draw(JOBS)}


@st.composite
def compressions(draw: st.DrawFn, time_type: str, columns: tuple[str, ...], creation: bool) -> dict[str, Any]:
    """A declared compression, with both lists or neither, and perhaps a policy; or none at all."""
    choice = draw(st.integers(0, 7))
    if choice == 0:
        return {"state": "absent"}
    result: dict[str, Any] = {}
    if choice & 1:
        chosen = draw(st.permutations(columns))
        cut = draw(st.integers(0, len(chosen)))
        result = {"segmentby": chosen[:cut], "orderby": [f"{item} DESC" for item in chosen[cut:]]}
    if choice & 2:
        key = "compress_created_before" if creation and draw(BOOLEANS) else "compress_after"
        result |= {key: draw(INTERVALS if key == "compress_created_before" else lags(time_type)), **draw(JOBS)}
    return result


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Some tables and names, of which none is another's."""
    names = draw(st.permutations(TABLES))[: draw(st.integers(1, 3))]
    tables = [
        Table(item, "table", (("time", draw(TIME_TYPES)), *COLUMNS[1:]), has_rows=draw(BOOLEANS)) for item in names
    ]
    return World(tuple(tables), tuple(AGGREGATES[: draw(st.integers(1, 4))]), draw(VERSIONS))


@st.composite
def declared_hypertables(draw: st.DrawFn, world: World, table: Table) -> dict[str, Any]:
    """One hypertable, complete enough for any state of its table."""
    time_type = world.time_type(table.name)
    creation = world.server.alters_created_before
    keys = {
        "chunk_interval": lags(time_type),
        "hash_dimensions": st.sampled_from([1, 2]).map(lambda n: [{"column": "device_id", "number_partitions": n}]),
        "compression": compressions(time_type, ("device_id", "kind"), creation),
        "retention": retentions(time_type, creation),
    }
    fixed = {"name": str(table.name), "time_column": "time", "migrate_data": True}
    if time_type == INTEGER:
        fixed["integer_now_func"] = draw(st.sampled_from(["now_ticks", 'app."Now"']))
    return {**fixed, **draw(some(keys))}


def select(source: QualifiedName, column: str, hours: int, function: str) -> str:
    """A query over `source`, whose bucket is called bucket."""
    return (
        f"SELECT time_bucket('{hours} hours', {column}) AS bucket, device_id, {function}(value) AS value\n"
        f"FROM {source.sql} GROUP BY 1, 2"
    )


def deparse(query: str) -> str:
    """What a server would make of a query of `select`."""
    return " " + re.sub(r"'(\d+) hours'", lambda match: f"'{int(match.group(1)):02}:00:00'::interval", query) + ";"


def indexes(aggregate: QualifiedName) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Declared indexes of an aggregate, named after it: no two aggregates can share a name."""
    first, second = f"it's an i of {aggregate}"[:60], f"j of {aggregate}"[:60]
    return st.sampled_from(
        [
            [{"name": first, "columns": ["device_id", "bucket DESC"]}],
            [{"name": first, "columns": ["device_id"]}, {"name": second, "columns": ["bucket"]}],
            [{"name": first, "state": "absent"}],
        ]
    )


REFRESHES = {
    True: st.sampled_from([("30 days", "1 hour"), ("2 months", None), (None, "0 s"), (None, None)]),
    False: st.sampled_from([(100, 5), (None, 5), (1000, None)]),
}


BUCKETS = st.sampled_from([(1, "avg"), (1, "avg"), (1, "avg"), (1, "max"), (6, "avg"), (24, "max")])


@st.composite
def refreshes(draw: st.DrawFn, time_type: str) -> dict[str, Any]:
    """A declared refresh, over two buckets of any width."""
    start, end = draw(REFRESHES[time_type != INTEGER])
    return {**draw(JOBS), "start_offset": start, "end_offset": end, "schedule_interval": "1 hour"}


def aggregate_options(name: QualifiedName, time_type: str) -> st.SearchStrategy[dict[str, Any]]:
    """What may be declared of an aggregate besides its query."""
    return some(
        {
            "materialized_only": BOOLEANS,
            "chunk_interval": lags(time_type),
            "refresh_after_create": BOOLEANS,
            "create_group_indexes": BOOLEANS,
            "indexes": indexes(name),
            "compression": compressions(time_type, ("device_id", "value"), creation=False),
            "refresh": refreshes(time_type),
            "retention": retentions(time_type, creation=False),
        }
    )


@st.composite
def declared_aggregates(draw: st.DrawFn, world: World, sources: dict[QualifiedName, tuple[str, str]]) -> list[Any]:
    """Aggregates over the sources, each with its time column and type, and over each other, in any order."""
    known, declared = dict(sources), []
    for name in draw(st.permutations(world.aggregates)):
        if not known or draw(st.integers(0, 3)) == 0:
            continue
        source = draw(st.sampled_from([*3 * sorted(known)[:1], *sorted(known)]))  # often the same one in two states
        column, time_type = known[source]
        query = select(source, column, *draw(BUCKETS))
        declared.append({"name": str(name), "query": query, **draw(aggregate_options(name, time_type))})
        known[name] = ("bucket", time_type)
    return draw(st.permutations(declared))


@dataclass(frozen=True)
class State:
    """A declared state, as an inventory would have it."""

    hypertables: list[Any]
    aggregates: list[Any]
    prune: tuple[str, ...] = ()

    def parse(self) -> Declaration:
        """The declaration."""
        return parse_declaration(self.hypertables, self.aggregates, None, list(self.prune))


@st.composite
def states(draw: st.DrawFn, world: World, prune: bool = False, absent: bool = False) -> State:
    """A declared state of all tables of the world; with absent, some of them are to go."""
    hypertables, sources = [], {}
    for table in world.tables:
        if absent and draw(st.integers(0, 3)) == 0:
            hypertables.append({"name": str(table.name), "state": "absent"})
        else:
            hypertables.append(draw(declared_hypertables(world, table)))
            sources[table.name] = ("time", world.time_type(table.name))
    aggregates = draw(declared_aggregates(world, sources))
    return State(draw(st.permutations(hypertables)), aggregates, ("policies", "continuous_aggregates") if prune else ())


@st.composite
def edits(draw: st.DrawFn, world: World, state: State, types: dict[QualifiedName, str]) -> State:
    """Another state of the same objects, their queries edited at most; types are those of the aggregates' buckets."""
    aggregates = []
    for item in state.aggregates:
        edited = item["query"].replace("avg(", "max(") if draw(st.integers(0, 3)) == 0 else item["query"]
        name = parse_name(item["name"], "")
        options = draw(aggregate_options(name, types[name]))
        aggregates.append({"name": item["name"], "query": edited, **options})
    return State([draw(declared_hypertables(world, table)) for table in world.tables], aggregates)
