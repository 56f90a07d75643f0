# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions as SQL. The only place that spells DDL and TimescaleDB's function names for writing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Any, Callable, Dict, Iterator, Tuple

from .capabilities import Capabilities
from .model import (
    COMPRESSION,
    INTEGER_TYPES,
    REFRESH,
    RETENTION,
    Compression,
    ContinuousAggregate,
    Database,
    HashDimension,
    Hypertable,
    Index,
    JobSettings,
    Policy,
    Relation,
)
from .names import QualifiedName, quote_identifier, quote_literal
from .plan.actions import Action, Kind, Plan
from .plan.aggregates import WITHOUT_GROUP_INDEXES
from .plan.hypertables import MIGRATE_DATA, WITHOUT_DEFAULT_INDEXES
from .plan.policies import policies_of
from .plan.simulate import simulate
from .values import OPEN, Interval, Offset, OrderBy

_ADD_FUNCTIONS = {
    RETENTION: "add_retention_policy",
    COMPRESSION: "add_compression_policy",
    REFRESH: "add_continuous_aggregate_policy",
}
# What every add_*_policy function takes itself; the rest is set by alter_job on the fresh job.
_ADD_ARGUMENTS = ("schedule_interval", "initial_start", "timezone")


@dataclass(frozen=True)
class Statement:
    """One statement and the action it belongs to."""

    text: str
    action: Action

    @property
    def transactional(self) -> bool:
        return self.action.transactional


def render_plan(plan: Plan, database: Database, capabilities: Capabilities) -> Tuple[Statement, ...]:
    """Return the statements of a plan in order."""
    renderer = _Renderer(simulate(database, plan.actions), database, capabilities)
    return tuple(Statement(text, action) for action in plan.actions for text in renderer.render(action))


def interval_literal(interval: Interval) -> str:
    """Return an interval as a typed literal."""
    return f"INTERVAL {quote_literal(str(interval))}"


def literal(value: Any) -> str:
    """Return a value as SQL: intervals typed, texts quoted, null for nothing and for no limit."""
    if value is None or value is OPEN:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Interval):
        return interval_literal(value)
    return str(value) if isinstance(value, (int, float)) else quote_literal(str(value))


def order_list(items: Tuple[OrderBy, ...]) -> str:
    """Return an ordering as SQL."""
    texts = []
    for item in items:
        text = quote_identifier(item.column) + (" DESC" if item.descending else " ASC")
        texts.append(text + (" NULLS FIRST" if item.nulls_first else " NULLS LAST"))
    return ", ".join(texts)


class _Renderer:
    """Renders actions; knows the relations before and after, for the types of their time columns."""

    def __init__(self, after: Database, before: Database, capabilities: Capabilities) -> None:
        self.after = after
        self.before = before
        self.schema = quote_identifier(capabilities.schema)

    def render(self, action: Action) -> Iterator[str]:
        yield from _RENDERERS[action.kind](self, action)

    def call(self, function: str, *arguments: str, **named: str) -> str:
        """Return a call of one of the extension's functions."""
        parts = list(arguments) + [f"{name} => {value}" for name, value in named.items()]
        return "{0}.{1}({2})".format(self.schema, function, ", ".join(parts))

    def relation(self, name: QualifiedName) -> Relation:
        found = self.after.relation(name) or self.before.relation(name)
        assert found is not None, name
        return found

    def lag(self, value: Offset, name: QualifiedName) -> str:
        """Return one end of a window, typed as the server wants it for this relation."""
        relation = self.relation(name)
        kind = relation.time_type if relation.time_type in INTEGER_TYPES else "interval"
        if value is OPEN:
            return f"NULL::{kind}"
        return f"{value}::{kind}" if isinstance(value, int) else literal(value)

    def create_hypertable(self, action: Action) -> Iterator[str]:
        after = action.after
        assert isinstance(after, Hypertable)
        assert after.chunk_interval is not None
        dimension = self.call("by_range", quote_literal(after.time_column), literal(after.chunk_interval))
        yield "SELECT " + self.call(
            "create_hypertable",
            action.relation.regclass,
            dimension,
            create_default_indexes=literal(WITHOUT_DEFAULT_INDEXES not in action.options),
            migrate_data=literal(MIGRATE_DATA in action.options),
        )

    def add_dimension(self, action: Action) -> Iterator[str]:
        after = action.after
        assert isinstance(after, HashDimension)
        dimension = self.call("by_hash", quote_literal(after.column), str(after.number_partitions))
        yield "SELECT " + self.call("add_dimension", action.relation.regclass, dimension)

    def set_number_partitions(self, action: Action) -> Iterator[str]:
        after = action.after
        assert isinstance(after, HashDimension)
        yield "SELECT " + self.call(
            "set_number_partitions", action.relation.regclass, str(after.number_partitions), quote_literal(after.column)
        )

    def set_integer_now_func(self, action: Action) -> Iterator[str]:
        after = action.after
        assert isinstance(after, QualifiedName)
        function = quote_literal(after.sql) + "::regproc"
        yield "SELECT " + self.call(
            "set_integer_now_func", action.relation.regclass, function, replace_if_exists="true"
        )

    def set_chunk_interval(self, action: Action) -> Iterator[str]:
        yield "SELECT " + self.call("set_chunk_time_interval", action.relation.regclass, literal(action.after))

    def create_aggregate(self, action: Action) -> Iterator[str]:
        after = action.after
        assert isinstance(after, ContinuousAggregate)
        yield (
            f"CREATE MATERIALIZED VIEW {action.relation.sql} WITH (timescaledb.continuous, timescaledb.materialized_only = {literal(after.materialized_only)}, "
            f"timescaledb.create_group_indexes = {literal(WITHOUT_GROUP_INDEXES not in action.options)}) AS\n{action.detail}\nWITH NO DATA"
        )

    def drop(self, action: Action) -> Iterator[str]:
        noun = "TABLE" if action.kind is Kind.DROP_HYPERTABLE else "MATERIALIZED VIEW"
        yield f"DROP {noun} {action.relation.sql}"

    def set_materialized_only(self, action: Action) -> Iterator[str]:
        yield self.alter(action.relation, "timescaledb.materialized_only = " + literal(action.after))

    def alter(self, name: QualifiedName, options: str) -> str:
        noun = "MATERIALIZED VIEW" if isinstance(self.relation(name), ContinuousAggregate) else "TABLE"
        return f"ALTER {noun} {name.sql} SET ({options})"

    def create_index(self, action: Action) -> Iterator[str]:
        after = action.after
        assert isinstance(after, Index)
        yield f"CREATE INDEX {quote_identifier(after.name)} ON {action.relation.sql} ({order_list(after.columns)})"

    def drop_index(self, action: Action) -> Iterator[str]:
        before, storage = action.before, self.relation(action.relation).storage
        assert isinstance(before, Index)
        schema = (storage or action.relation).schema
        yield f"DROP INDEX {QualifiedName(schema, before.name).sql}"

    def set_compression(self, action: Action) -> Iterator[str]:
        after = action.after
        assert isinstance(after, Compression)
        options = ["timescaledb.compress = true"]
        if after.segmentby is not None:
            segmentby = ", ".join(quote_identifier(column) for column in after.segmentby)
            options.append("timescaledb.compress_segmentby = " + quote_literal(segmentby))
        if after.orderby is not None:
            options.append("timescaledb.compress_orderby = " + quote_literal(order_list(after.orderby)))
        yield self.alter(action.relation, ", ".join(options))

    def disable_compression(self, action: Action) -> Iterator[str]:
        storage = self.relation(action.relation).storage or action.relation
        yield (
            "SELECT {0} FROM timescaledb_information.chunks AS c WHERE c.is_compressed AND c.hypertable_schema = {1} "
            "AND c.hypertable_name = {2}".format(
                self.call("decompress_chunk", "format('%I.%I', c.chunk_schema, c.chunk_name)::regclass"),
                quote_literal(storage.schema),
                quote_literal(storage.name),
            )
        )
        yield self.alter(action.relation, "timescaledb.compress = false")

    def add_policy(self, action: Action) -> Iterator[str]:
        policy = action.after
        assert isinstance(policy, Policy)
        keys = ("start_offset", "end_offset") if policy.kind == REFRESH else tuple(policy.reach)
        named = {
            key: literal(policy.reach[key])
            if key.endswith("created_before")
            else self.lag(policy.reach[key], action.relation)
            for key in keys
        }
        named.update(_settings(policy.settings, _ADD_ARGUMENTS))
        addition = self.call(_ADD_FUNCTIONS[policy.kind], action.relation.regclass, **named)
        rest = [item.name for item in dataclass_fields(JobSettings) if item.name not in _ADD_ARGUMENTS]
        further = _settings(policy.settings, rest)
        if policy.config:
            further["config"] = f"j.config || {quote_literal(json.dumps(dict(policy.config)))}::jsonb"
        if not further:
            yield "SELECT " + addition
            return
        if policy.settings.timezone is not None:  # alter_job forgets a timezone that is not given again
            further["timezone"] = literal(policy.settings.timezone)
        yield (
            "SELECT {0} FROM {1} AS added(id) JOIN LATERAL (SELECT config FROM timescaledb_information.jobs".format(
                self.call("alter_job", "added.id", **further), addition
            )
            + " WHERE job_id = added.id) AS j ON true"
        )

    def remove_policy(self, action: Action) -> Iterator[str]:
        assert isinstance(action.before, Policy)
        yield "SELECT " + self.call("delete_job", str(action.before.job_id))

    def replace_policy(self, action: Action) -> Iterator[str]:
        yield from self.remove_policy(action)
        yield from self.add_policy(action)

    def alter_policy(self, action: Action) -> Iterator[str]:
        before, after = action.before, action.after
        assert isinstance(before, Policy)
        assert isinstance(after, Policy)
        changed = [
            item.name
            for item in dataclass_fields(JobSettings)
            if getattr(before.settings, item.name) != getattr(after.settings, item.name)
        ]
        named = _settings(after.settings, changed)
        config = _changed_config(before, after)
        if config:
            named["config"] = f"j.config || {quote_literal(json.dumps(config))}::jsonb"
        if after.settings.timezone is not None:  # every call that leaves it out wipes it
            named["timezone"] = literal(after.settings.timezone)
        if "initial_start" in named:
            named["fixed_schedule"] = "true"
        yield "SELECT {0} FROM timescaledb_information.jobs AS j WHERE j.job_id = {1}".format(
            self.call("alter_job", "j.job_id", **named), before.job_id
        )

    def refresh_aggregate(self, action: Action) -> Iterator[str]:
        """Refresh from the beginning up to where the policy would stop, so that the newest bucket stays live."""
        relation = self.relation(action.relation)
        end = "NULL"
        for policy in policies_of(relation, REFRESH)[:1]:
            offset = policy.reach.get("end_offset")
            if isinstance(offset, Interval):
                end = f"(now() - {literal(offset)})::{relation.time_type}"
        yield f"CALL {self.schema}.refresh_continuous_aggregate({action.relation.regclass}, NULL, {end})"


def _settings(settings: JobSettings, names: Any) -> Dict[str, str]:
    values = {name: getattr(settings, name) for name in names}
    named = {name: literal(value) for name, value in values.items() if value is not None}
    if "initial_start" in named:
        named["initial_start"] += "::timestamptz"
    return named


def _changed_config(before: Policy, after: Policy) -> Dict[str, Any]:
    """Return the configuration keys to overwrite; all others stay as they are."""
    changed: Dict[str, Any] = {}
    for key, value in after.window:
        if before.reach.get(key) != value:
            changed[key] = None if value is OPEN else value if isinstance(value, int) else str(value)
    old = dict(before.config)
    changed.update({key: value for key, value in after.config if key not in old or old[key] != value})
    return changed


_RENDERERS: Dict[Kind, Callable[[_Renderer, Action], Iterator[str]]] = {
    Kind.REMOVE_POLICY: _Renderer.remove_policy,
    Kind.DROP_AGGREGATE: _Renderer.drop,
    Kind.DISABLE_COMPRESSION: _Renderer.disable_compression,
    Kind.DROP_HYPERTABLE: _Renderer.drop,
    Kind.CREATE_HYPERTABLE: _Renderer.create_hypertable,
    Kind.ADD_DIMENSION: _Renderer.add_dimension,
    Kind.SET_NUMBER_PARTITIONS: _Renderer.set_number_partitions,
    Kind.SET_INTEGER_NOW_FUNC: _Renderer.set_integer_now_func,
    Kind.SET_CHUNK_INTERVAL: _Renderer.set_chunk_interval,
    Kind.CREATE_AGGREGATE: _Renderer.create_aggregate,
    Kind.SET_MATERIALIZED_ONLY: _Renderer.set_materialized_only,
    Kind.DROP_INDEX: _Renderer.drop_index,
    Kind.CREATE_INDEX: _Renderer.create_index,
    Kind.SET_COMPRESSION: _Renderer.set_compression,
    Kind.ADD_POLICY: _Renderer.add_policy,
    Kind.ALTER_POLICY: _Renderer.alter_policy,
    Kind.REPLACE_POLICY: _Renderer.replace_policy,
    Kind.REFRESH_AGGREGATE: _Renderer.refresh_aggregate,
}
