# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model in the shape an inventory has: what timescaledb_info returns and what diffs show."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from typing import Any, Dict, Iterable, List

from .model import (
    COMPRESSION,
    REFRESH,
    RETENTION,
    ContinuousAggregate,
    Database,
    Hypertable,
    JobSettings,
    Policy,
    Relation,
)
from .names import QualifiedName
from .plan.policies import policies_of
from .values import OPEN, Interval


def plain(value: Any) -> Any:
    """Return a value as YAML has it: intervals and names as text, no limit as null."""
    if value is OPEN:
        return None
    return str(value) if isinstance(value, (Interval, QualifiedName)) else value


def export_relation(relation: Relation) -> Dict[str, Any]:
    """Return one hypertable or continuous aggregate as it would be declared."""
    if isinstance(relation, Hypertable):
        return _hypertable(relation)
    return _aggregate(relation)


def export_database(database: Database, names: Iterable[QualifiedName]) -> Dict[str, List[Dict[str, Any]]]:
    """Return the named objects of a database, those that exist, as they would be declared."""
    chosen = set(names)
    return {
        "hypertables": [_hypertable(item) for item in _sorted(database.hypertables) if item.name in chosen],
        "continuous_aggregates": [_aggregate(item) for item in _sorted(database.aggregates) if item.name in chosen],
    }


def _sorted(items: Iterable[Any]) -> List[Any]:
    return sorted(items, key=lambda item: item.name)


def _hypertable(item: Hypertable) -> Dict[str, Any]:
    result: Dict[str, Any] = {
        "name": str(item.name),
        "time_column": item.time_column,
        "chunk_interval": plain(item.chunk_interval),
    }
    if item.integer_now_func is not None:
        result["integer_now_func"] = str(item.integer_now_func)
    if item.hash_dimensions:
        result["hash_dimensions"] = [
            {"column": dimension.column, "number_partitions": dimension.number_partitions}
            for dimension in item.hash_dimensions
        ]
    return _with_policies(result, item)


def _aggregate(item: ContinuousAggregate) -> Dict[str, Any]:
    result: Dict[str, Any] = {
        "name": str(item.name),
        "query": item.query.strip().rstrip(";"),
        "materialized_only": item.materialized_only,
        "chunk_interval": plain(item.chunk_interval),
    }
    if any(index.columns for index in item.indexes):
        result["indexes"] = [
            {"name": index.name, "columns": [str(column) for column in index.columns]}
            for index in item.indexes
            if index.columns
        ]
    return _with_policies(result, item)


def _with_policies(result: Dict[str, Any], relation: Relation) -> Dict[str, Any]:
    if relation.compression is not None:
        compression: Dict[str, Any] = {}
        if relation.compression.segmentby is not None:
            compression["segmentby"] = list(relation.compression.segmentby)
        if relation.compression.orderby is not None:
            compression["orderby"] = [str(column) for column in relation.compression.orderby]
        result["compression"] = compression
    for kind in (COMPRESSION, REFRESH, RETENTION):
        for policy in policies_of(relation, kind)[:1]:
            result.setdefault(kind, {}).update(export_policy(policy))
    return result


def export_policy(policy: Policy) -> Dict[str, Any]:
    """Return one policy as it would be declared; settings that are not known are left out."""
    result: Dict[str, Any] = {key: plain(value) for key, value in policy.window}
    for item in dataclass_fields(JobSettings):
        value = getattr(policy.settings, item.name)
        if value is not None:
            result[item.name] = plain(value)
    if policy.config:
        result["config"] = dict(policy.config)
    return result
