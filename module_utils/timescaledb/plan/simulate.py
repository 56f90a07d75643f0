# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying a plan to the model instead of the server: what diffs show, and what the next plan would start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, Iterable, Tuple

from ..model import (
    Compression,
    ContinuousAggregate,
    Database,
    HashDimension,
    Hypertable,
    Index,
    Policy,
    Relation,
    Table,
)
from ..names import QualifiedName
from .actions import Action, Kind, expect


def simulate(database: Database, actions: Iterable[Action]) -> Database:
    """Return the database as it is after the actions."""
    before: Dict[QualifiedName, Relation] = {item.name: item for item in database.hypertables + database.aggregates}
    relations = dict(before)
    for action in actions:
        _apply(relations, action)
    gone = set(before) - set(relations)
    return replace(
        database,
        hypertables=tuple(item for item in relations.values() if isinstance(item, Hypertable)),
        aggregates=tuple(item for item in relations.values() if isinstance(item, ContinuousAggregate)),
        tables=tuple(_table(item, relations) for item in database.tables if item.name not in gone),
    )


def _table(table: Table, relations: Dict[QualifiedName, Relation]) -> Table:
    """Return a table under TimescaleDB's word for what became of it."""
    relation = relations.get(table.name)
    if relation is None:
        return table
    return replace(table, kind="hypertable" if isinstance(relation, Hypertable) else "continuous aggregate")


def _apply(relations: Dict[QualifiedName, Relation], action: Action) -> None:
    if action.kind is Kind.CREATE_HYPERTABLE:
        relations[action.relation] = expect(action.after, Hypertable)
    elif action.kind is Kind.CREATE_AGGREGATE:
        relations[action.relation] = expect(action.after, ContinuousAggregate)
    elif action.kind in (Kind.DROP_HYPERTABLE, Kind.DROP_AGGREGATE):
        relations.pop(action.relation, None)
    elif action.kind in _CHANGES:
        relations[action.relation] = _CHANGES[action.kind](relations[action.relation], action)


def _policy(relation: Relation, action: Action) -> Relation:
    kept = tuple(policy for policy in relation.policies if policy != action.before)
    added: Tuple[Policy, ...] = (action.after,) if isinstance(action.after, Policy) else ()
    return replace(relation, policies=kept + added)


def _compression(relation: Relation, action: Action) -> Relation:
    return replace(relation, compression=action.after if isinstance(action.after, Compression) else None)


def _dimension(relation: Relation, action: Action) -> Relation:
    hypertable, dimension = expect(relation, Hypertable), expect(action.after, HashDimension)
    others = tuple(item for item in hypertable.hash_dimensions if item.column != dimension.column)
    return replace(hypertable, hash_dimensions=tuple(sorted((*others, dimension), key=lambda item: item.column)))


def _index(relation: Relation, action: Action) -> Relation:
    aggregate = expect(relation, ContinuousAggregate)
    kept = tuple(index for index in aggregate.indexes if index != action.before)
    added: Tuple[Index, ...] = (action.after,) if isinstance(action.after, Index) else ()
    return replace(aggregate, indexes=tuple(sorted(kept + added, key=lambda item: item.name)))


def _filled(relation: Relation, _action: Action) -> Relation:
    return replace(relation, unfilled=False) if isinstance(relation, ContinuousAggregate) else relation


def _field(name: str) -> Callable[[Relation, Action], Relation]:
    def change(relation: Relation, action: Action) -> Relation:
        return replace(relation, **{name: action.after})  # type: ignore[arg-type]

    return change


_CHANGES: Dict[Kind, Callable[[Relation, Action], Relation]] = {
    Kind.REMOVE_POLICY: _policy,
    Kind.ADD_POLICY: _policy,
    Kind.ALTER_POLICY: _policy,
    Kind.REPLACE_POLICY: _policy,
    Kind.DISABLE_COMPRESSION: _compression,
    Kind.SET_COMPRESSION: _compression,
    Kind.ADD_DIMENSION: _dimension,
    Kind.SET_NUMBER_PARTITIONS: _dimension,
    Kind.DROP_INDEX: _index,
    Kind.CREATE_INDEX: _index,
    Kind.SET_INTEGER_NOW_FUNC: _field("integer_now_func"),
    Kind.SET_CHUNK_INTERVAL: _field("chunk_interval"),
    Kind.RESTORE_BELONGINGS: _field("belongings"),
    Kind.SET_MATERIALIZED_ONLY: _field("materialized_only"),
    Kind.REFRESH_AGGREGATE: _filled,
}
