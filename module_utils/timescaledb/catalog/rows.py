# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the catalog queries as values of the model."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ..capabilities import Capabilities
from ..model import (
    COMPRESSION,
    REFRESH,
    RETENTION,
    WINDOW_KEYS,
    Belongings,
    Compression,
    ContinuousAggregate,
    HashDimension,
    Hypertable,
    Index,
    JobSettings,
    Policy,
    Table,
)
from ..names import QualifiedName
from ..timestamps import parse_timestamp
from ..values import OPEN, Interval, Lag, Offset, OrderBy, parse_interval

Row = Mapping[str, Any]

_KINDS = {
    "policy_compression": COMPRESSION,
    "policy_retention": RETENTION,
    "policy_refresh_continuous_aggregate": REFRESH,
}
_RELATION_KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}
FOREVER = Interval(months=2**31 - 1)  # stands for infinity, beyond which no declared interval reaches
_OWN_KEYS = {"hypertable_id", "mat_hypertable_id"} | {key for keys in WINDOW_KEYS.values() for key in keys}


def policies(rows: Iterable[Row]) -> Dict[QualifiedName, Tuple[Policy, ...]]:
    """Return the policies of every relation, by its name; an aggregate's by the aggregate's own."""
    found: Dict[QualifiedName, Tuple[Policy, ...]] = {}
    for row in rows:
        name = QualifiedName(row["schema"], row["name"])
        found[name] = (*found.get(name, ()), policy(row))
    return found


def policy(row: Row) -> Policy:
    """Return one policy."""
    kind = _KINDS[row["proc_name"]]
    reach = row["reach"] or {}
    window = {key: _offset(reach[key]) for key in WINDOW_KEYS[kind] if key in reach}
    if kind == REFRESH:
        window = {key: window.get(key, OPEN) for key in WINDOW_KEYS[kind]}
    settings = JobSettings(
        schedule_interval=interval(row["schedule_interval"]),
        max_runtime=interval(row["max_runtime"]),
        max_retries=row["max_retries"],
        retry_period=interval(row["retry_period"]),
        scheduled=row["scheduled"],
        timezone=row["timezone"],
        initial_start=_timestamp(row["initial_start"]),
    )
    config = tuple(sorted((key, value) for key, value in row["config"].items() if key not in _OWN_KEYS))
    return Policy(kind, tuple(sorted(window.items())), settings, config, row["job_id"], row["consecutive_failures"])


def _timestamp(text: Optional[str]) -> Optional[str]:
    return None if text is None or "infinity" in text else parse_timestamp(text, "initial_start")


def _offset(value: Any) -> Offset:
    if value is None:
        return OPEN
    return value if isinstance(value, int) else interval(value) or FOREVER


def interval(text: Optional[str]) -> Optional[Interval]:
    """Return an interval the server printed."""
    return None if text is None else parse_interval(text)


def hypertable(row: Row, found: Mapping[QualifiedName, Tuple[Policy, ...]], capabilities: Capabilities) -> Hypertable:
    """Return one hypertable with its policies."""
    name = QualifiedName(row["schema"], row["name"])
    dimensions: List[Row] = row["dimensions"]
    first = dimensions[0]
    now = None if first["now_name"] is None else QualifiedName(first["now_schema"], first["now_name"])
    hashed = [HashDimension(item["column"], item["partitions"]) for item in dimensions[1:] if item["partitions"]]
    return Hypertable(
        name=name,
        time_column=first["column"],
        time_type=first["column_type"],
        chunk_interval=_length(first["time_interval"], first["integer_interval"], first["column_type"]),
        integer_now_func=now,
        hash_dimensions=tuple(sorted(hashed, key=lambda item: item.column)),
        compression=compression(row, capabilities),
        policies=found.get(name, ()),
        storage=name,
    )


def _length(time: Optional[str], integer: Optional[int], time_type: str) -> Optional[Lag]:
    """Return a chunk's length; that of UUIDv7 time, an interval too, is shown as microseconds up to 2.24."""
    if time is not None:
        return interval(time)
    return Interval(microseconds=integer) if integer is not None and time_type == "uuid" else integer


def compression(row: Row, capabilities: Capabilities) -> Optional[Compression]:
    """Return compression settings, None where compression is off.

    A server that stores what it chooses itself has chosen: no segmentby is then none, not one still open.
    """
    if not row["compression_enabled"]:
        return None
    unset = () if capabilities.keeps_automatic_compression else None
    segmentby = unset if row["segmentby"] is None else tuple(row["segmentby"])
    if row["orderby"] is None:
        return Compression(segmentby, None)
    order = zip(row["orderby"], row["orderby_desc"], row["orderby_nullsfirst"])
    return Compression(segmentby, tuple(OrderBy(column, down, nulls) for column, down, nulls in order))


def aggregate(
    row: Row, found: Mapping[QualifiedName, Tuple[Policy, ...]], capabilities: Capabilities
) -> ContinuousAggregate:
    """Return one continuous aggregate with its policies."""
    name = QualifiedName(row["schema"], row["name"])
    indexes = [
        _index(item)
        for item in row["indexes"] or []
        if not item["name"].startswith(row["storage_name"] + "_")  # the server's own, made with the aggregate
    ]
    return ContinuousAggregate(
        name=name,
        query=row["query"],
        source=QualifiedName(row["source_schema"], row["source_name"]),
        time_column=row["time_column"],
        time_type=row["time_type"],
        materialized_only=row["materialized_only"],
        chunk_interval=_length(row["time_interval"], row["integer_interval"], row["time_type"]),
        bucket_width=_bucket(row["bucket_width"] or ""),
        compression=compression(row, capabilities),
        policies=found.get(name, ()),
        indexes=tuple(indexes),
        storage=QualifiedName(row["storage_schema"], row["storage_name"]),
        belongings=_belongings(row),
        unfilled=row["unfilled"],
    )


def _index(item: Row) -> Index:
    if item["definition"]:
        return Index(item["name"], (), item["definition"])
    return Index(item["name"], tuple(OrderBy(c["column"], c["descending"], c["nulls_first"]) for c in item["columns"]))


def _belongings(row: Row) -> Belongings:
    grants = tuple((grantee, privilege, grantable) for grantee, privilege, grantable in row["grants"] or [])
    return Belongings(row["owner"], row["comment"], grants)


def _bucket(text: str) -> Optional[Lag]:
    return int(text) if text.isdigit() else parse_interval(text)


def table(row: Row, kind: Optional[str], has_rows: bool) -> Table:
    """Return a relation as PostgreSQL sees it; kind is TimescaleDB's word for it where it has one."""
    related = "child table" if row["child"] else "table with child tables" if row["parent"] else ""
    shown = kind or related or _RELATION_KINDS[row["relkind"]]
    columns = tuple((column, column_type) for column, column_type in row["columns"] or [])
    return Table(QualifiedName(row["schema"], row["name"]), shown, columns, has_rows)
