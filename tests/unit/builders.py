"""Databases, declarations and plans for tests, with as few words as a test needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible.module_utils.timescaledb.capabilities import APACHE, COMMUNITY, Capabilities
from ansible.module_utils.timescaledb.declaration import Declaration
from ansible.module_utils.timescaledb.model import (
    COMPRESSION,
    REFRESH,
    RETENTION,
    WINDOW_KEYS,
    ContinuousAggregate,
    Database,
    Hypertable,
    JobSettings,
    Policy,
    Rehearsal,
    Table,
)
from ansible.module_utils.timescaledb.names import QualifiedName, parse_name
from ansible.module_utils.timescaledb.parse import parse_declaration
from ansible.module_utils.timescaledb.plan.actions import Action, Plan
from ansible.module_utils.timescaledb.plan.planner import make_plan
from ansible.module_utils.timescaledb.values import OPEN, Interval, parse_interval

TIMESTAMPTZ = "timestamp with time zone"
COLUMNS = (("time", TIMESTAMPTZ), ("device_id", "text"), ("kind", "text"), ("value", "double precision"))
QUERY = "SELECT time_bucket('1 hour', time) AS bucket, device_id, avg(value) FROM metrics GROUP BY 1, 2"
DEPARSED = " SELECT time_bucket('01:00:00'::interval, metrics.\"time\") AS bucket, device_id, avg(value) FROM metrics;"


def name(text: str) -> QualifiedName:
    """A relation's name from its text."""
    return parse_name(text, "")


def interval(text: str) -> Interval:
    """An interval from its text."""
    found = parse_interval(text)
    assert found is not None, text
    return found


def server(version: str = "2.29.2", edition: str = COMMUNITY, **fields: Any) -> Capabilities:
    """A server of that version."""
    return Capabilities(version, edition, 170000, **fields)


APACHE_SERVER = server("2.19.3", APACHE)


def offset(value: Any) -> Any:
    """One end of a window: an interval's text, a whole number, or None for no limit."""
    return OPEN if value is None else interval(value) if isinstance(value, str) else value


def policy(kind: str, *window: Any, job_id: int | None = 1000, failures: int = 0, **settings: Any) -> Policy:
    """A policy as it is read from a server, its window in the order of WINDOW_KEYS; `keys` names other ones."""
    keys = settings.pop("keys", WINDOW_KEYS[kind])
    config = settings.pop("config", {})
    defaults: dict[str, Any] = {
        "schedule_interval": "1 day",
        "max_runtime": "0 seconds",
        "max_retries": -1,
        "retry_period": "1 hour",
        "scheduled": True,
    }
    chosen = {
        key: interval(value) if isinstance(value, str) and key not in ("timezone", "initial_start") else value
        for key, value in {**defaults, **settings}.items()
    }
    pairs = tuple(sorted((key, offset(value)) for key, value in zip(keys, window, strict=False)))
    return Policy(kind, pairs, JobSettings(**chosen), tuple(sorted(config.items())), job_id, failures)


def retention(drop_after: Any = "90 days", **settings: Any) -> Policy:
    """A retention policy."""
    return policy(RETENTION, drop_after, **{"job_id": 1001, **settings})


def compressing(compress_after: Any = "7 days", **settings: Any) -> Policy:
    """A compression policy."""
    return policy(COMPRESSION, compress_after, **{"job_id": 1002, **settings})


def refreshing(start: Any = "3 hours", end: Any = "1 hour", **settings: Any) -> Policy:
    """A refresh policy."""
    return policy(REFRESH, start, end, **{"job_id": 1003, "schedule_interval": "1 hour", **settings})


def hypertable(text: str = "metrics", *policies: Policy, **fields: Any) -> Hypertable:
    """A hypertable with chunks of 7 days."""
    chosen: dict[str, Any] = {"time_column": "time", "time_type": TIMESTAMPTZ, "chunk_interval": Interval(days=7)}
    return Hypertable(name(text), policies=policies, storage=name(text), **{**chosen, **fields})


def aggregate(text: str = "hourly", *policies: Policy, source: str = "metrics", **fields: Any) -> ContinuousAggregate:
    """An aggregate of hours over `source`, with the query DEPARSED."""
    chosen: dict[str, Any] = {
        "query": DEPARSED.replace("metrics", source),
        "time_column": "bucket",
        "time_type": TIMESTAMPTZ,
        "materialized_only": True,
        "chunk_interval": Interval(days=70),
        "bucket_width": interval("1 hour"),
        "storage": QualifiedName("_timescaledb_internal", f"_materialized_hypertable_{sum(map(ord, text))}"),
    }
    return ContinuousAggregate(name(text), source=name(source), policies=policies, **{**chosen, **fields})


def table(text: str = "metrics", kind: str = "table", columns: Any = COLUMNS, has_rows: bool = False) -> Table:
    """A relation as PostgreSQL sees it."""
    return Table(name(text), kind, tuple(columns), has_rows)


def database(*items: Any, rehearsals: dict[str, Rehearsal] | None = None) -> Database:
    """A database with these hypertables, aggregates and tables; every relation has its table, too."""
    hypertables = tuple(item for item in items if isinstance(item, Hypertable))
    aggregates = tuple(item for item in items if isinstance(item, ContinuousAggregate))
    tables = {item.name: item for item in items if isinstance(item, Table)}
    for relation in hypertables:
        columns = dict(COLUMNS) | {relation.time_column: relation.time_type}
        tables.setdefault(relation.name, Table(relation.name, "hypertable", tuple(columns.items())))
    for relation in aggregates:
        columns = {relation.time_column: relation.time_type, "device_id": "text", "avg": "double precision"}
        tables.setdefault(relation.name, Table(relation.name, "continuous aggregate", tuple(columns.items())))
    rehearsed = {item.name: Rehearsal(item.query, tables[item.name].columns) for item in aggregates}
    rehearsed |= {name(text): rehearsal for text, rehearsal in (rehearsals or {}).items()}
    return Database(hypertables, aggregates, tuple(tables.values()), rehearsals=tuple(rehearsed.items()))


def rehearsal(query: str = DEPARSED, **columns: str) -> Rehearsal:
    """What the server makes of a query it takes."""
    found = columns or {"bucket": TIMESTAMPTZ, "device_id": "text", "avg": "double precision"}
    return Rehearsal(query, tuple(found.items()))


def declare(hypertables: Any = None, aggregates: Any = None, overrides: Any = None, prune: Any = None) -> Declaration:
    """A declaration as the lifecycle module reads it; a single mapping stands for a list of it."""
    lists = [[item] if isinstance(item, dict) else item for item in (hypertables, aggregates)]
    return parse_declaration(*lists, overrides, prune)


def plan_for(present: Database, hypertables: Any = None, aggregates: Any = None, **options: Any) -> Plan:
    """The plan that turns a database into a declared state, on the newest server unless `on` says otherwise."""
    on = options.pop("on", server())
    return make_plan(declare(hypertables, aggregates, **options), present, on)


def kinds(plan: Plan) -> list[str]:
    """What a plan does, in order."""
    return [action.kind.value for action in plan.actions]


def only(plan: Plan) -> Action:
    """The one action of a plan."""
    (action,) = plan.actions
    return action


def with_policies(relation: Any, *policies: Policy) -> Any:
    """The relation with these policies instead of its own."""
    return replace(relation, policies=policies)
