# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions as SQL. With `policy_sql` the only place that spells DDL and TimescaleDB's function names for writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterator, Tuple

from .capabilities import Capabilities
from .literals import call, literal, order_list
from .model import (
    INTEGER_TYPES,
    REFRESH,
    Belongings,
    Compression,
    ContinuousAggregate,
    Database,
    HashDimension,
    Hypertable,
    Index,
    Policy,
    Relation,
)
from .names import QualifiedName, quote_identifier, quote_literal
from .plan.actions import Action, Kind, Plan, expect
from .plan.aggregates import WITHOUT_GROUP_INDEXES
from .plan.hypertables import MIGRATE_DATA, WITHOUT_DEFAULT_INDEXES
from .plan.policies import policies_of
from .plan.simulate import simulate
from .policy_sql import add_policy, alter_policy, remove_policy
from .values import Interval


@dataclass(frozen=True)
class Statement:
    """One statement and the action it belongs to."""

    text: str
    action: Action

    @property
    def transactional(self) -> bool:
        """Whether the server allows it inside a transaction."""
        return self.action.transactional


def render_plan(plan: Plan, database: Database, capabilities: Capabilities) -> Tuple[Statement, ...]:
    """Return the statements of a plan in order."""
    renderer = _Renderer(simulate(database, plan.actions), database, capabilities)
    return tuple(Statement(text, action) for action in plan.actions for text in renderer.render(action))


class _Renderer:
    """Renders actions; knows the relations before and after, for the types of their time columns."""

    def __init__(self, after: Database, before: Database, capabilities: Capabilities) -> None:
        self.after = after
        self.before = before
        self.schema = capabilities.schema

    def render(self, action: Action) -> Iterator[str]:
        """Yield the statements of one action."""
        yield from _RENDERERS[action.kind](self, action)

    def call(self, function: str, *arguments: str, **named: str) -> str:
        """Return a call of one of the extension's functions."""
        return call(self.schema, function, *arguments, **named)

    def relation(self, name: QualifiedName) -> Relation:
        """The relation as it will be, or where it is dropped, as it was. Raises KeyError where it is unknown."""
        found = self.after.relation(name) or self.before.relation(name)
        if found is None:
            raise KeyError(name)
        return found

    def create_hypertable(self, action: Action) -> Iterator[str]:
        after = expect(action.after, Hypertable)
        dimension = self.call("by_range", quote_literal(after.time_column), literal(after.chunk_interval))
        yield "SELECT " + self.call(
            "create_hypertable",
            action.relation.regclass,
            dimension,
            create_default_indexes=literal(WITHOUT_DEFAULT_INDEXES not in action.options),
            migrate_data=literal(MIGRATE_DATA in action.options),
        )

    def add_dimension(self, action: Action) -> Iterator[str]:
        after = expect(action.after, HashDimension)
        dimension = self.call("by_hash", quote_literal(after.column), str(after.number_partitions))
        yield "SELECT " + self.call("add_dimension", action.relation.regclass, dimension)

    def set_number_partitions(self, action: Action) -> Iterator[str]:
        after = expect(action.after, HashDimension)
        yield "SELECT " + self.call(
            "set_number_partitions", action.relation.regclass, str(after.number_partitions), quote_literal(after.column)
        )

    def set_integer_now_func(self, action: Action) -> Iterator[str]:
        function = quote_literal(expect(action.after, QualifiedName).sql) + "::regproc"
        yield "SELECT " + self.call(
            "set_integer_now_func", action.relation.regclass, function, replace_if_exists="true"
        )

    def set_chunk_interval(self, action: Action) -> Iterator[str]:
        yield "SELECT " + self.call("set_chunk_time_interval", action.relation.regclass, literal(action.after))

    def create_aggregate(self, action: Action) -> Iterator[str]:
        options = {
            "continuous": "true",
            "materialized_only": literal(expect(action.after, ContinuousAggregate).materialized_only),
            "create_group_indexes": literal(WITHOUT_GROUP_INDEXES not in action.options),
        }
        listed = ", ".join(f"timescaledb.{name} = {value}" for name, value in options.items())
        yield f"CREATE MATERIALIZED VIEW {action.relation.sql} WITH ({listed}) AS\n{action.detail}\nWITH NO DATA"

    def drop(self, action: Action) -> Iterator[str]:
        noun = "TABLE" if action.kind is Kind.DROP_HYPERTABLE else "MATERIALIZED VIEW"
        yield f"DROP {noun} {action.relation.sql}"

    def restore_belongings(self, action: Action) -> Iterator[str]:
        """Give a rebuilt aggregate back its owner, who its jobs then run as, its comment and its grants."""
        after, name = expect(action.after, Belongings), action.relation.sql
        yield f"ALTER MATERIALIZED VIEW {name} OWNER TO {quote_identifier(after.owner)}"
        if after.comment is not None:
            yield f"COMMENT ON VIEW {name} IS {quote_literal(after.comment)}"
        for grantee, privilege, grantable in after.grants:
            to = "PUBLIC" if grantee is None else quote_identifier(grantee)
            yield f"GRANT {privilege} ON {name} TO {to}" + (" WITH GRANT OPTION" if grantable else "")

    def set_materialized_only(self, action: Action) -> Iterator[str]:
        yield self.alter(action.relation, "timescaledb.materialized_only = " + literal(action.after))

    def alter(self, name: QualifiedName, options: str) -> str:
        """Return the statement that sets storage options."""
        noun = "MATERIALIZED VIEW" if isinstance(self.relation(name), ContinuousAggregate) else "TABLE"
        return f"ALTER {noun} {name.sql} SET ({options})"

    def create_index(self, action: Action) -> Iterator[str]:
        index = expect(action.after, Index)
        definition = index.definition or f"({order_list(index.columns)})"
        yield f"CREATE INDEX {quote_identifier(index.name)} ON {action.relation.sql} {definition}"

    def drop_index(self, action: Action) -> Iterator[str]:
        index, storage = expect(action.before, Index), self.relation(action.relation).storage
        schema = (storage or action.relation).schema
        yield f"DROP INDEX {QualifiedName(schema, index.name).sql}"

    def set_compression(self, action: Action) -> Iterator[str]:
        after = expect(action.after, Compression)
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
        yield from add_policy(expect(action.after, Policy), self.relation(action.relation), self.schema)

    def alter_policy(self, action: Action) -> Iterator[str]:
        yield alter_policy(expect(action.before, Policy), expect(action.after, Policy), self.schema)

    def remove_policy(self, action: Action) -> Iterator[str]:
        yield remove_policy(expect(action.before, Policy), self.schema)

    def replace_policy(self, action: Action) -> Iterator[str]:
        yield from self.remove_policy(action)
        yield from self.add_policy(action)

    def refresh_aggregate(self, action: Action) -> Iterator[str]:
        """Refresh from the beginning up to where the policy would stop, so that the newest bucket stays live."""
        relation = self.relation(action.relation)
        offsets = [policy.reach.get("end_offset") for policy in policies_of(relation, REFRESH)[:1]]
        back = "".join(f" - {literal(offset)}" for offset in offsets if isinstance(offset, (Interval, int)))
        now_func = self.after.now_func(action.relation)
        if relation.time_type not in INTEGER_TYPES:
            end = f"(now(){back})::{relation.time_type}"
        else:
            end = "NULL" if now_func is None else f"({now_func.sql}(){back})::{relation.time_type}"
        yield "CALL " + self.call("refresh_continuous_aggregate", action.relation.regclass, "NULL", end)


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
    Kind.RESTORE_BELONGINGS: _Renderer.restore_belongings,
    Kind.SET_MATERIALIZED_ONLY: _Renderer.set_materialized_only,
    Kind.DROP_INDEX: _Renderer.drop_index,
    Kind.CREATE_INDEX: _Renderer.create_index,
    Kind.SET_COMPRESSION: _Renderer.set_compression,
    Kind.ADD_POLICY: _Renderer.add_policy,
    Kind.ALTER_POLICY: _Renderer.alter_policy,
    Kind.REPLACE_POLICY: _Renderer.replace_policy,
    Kind.REFRESH_AGGREGATE: _Renderer.refresh_aggregate,
}
