# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring what a plan would lose, in one statement."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from ..capabilities import Capabilities
from ..guard import ALL, COMPRESSED, CREATED_BEFORE, OLDER_THAN, ROWS, Impact, Probe
from ..literals import literal
from ..model import INTEGER_TYPES
from ..names import quote_identifier, quote_literal
from ..session import Session

# Rows are the statistics' where there are some, else a guess from the size: about 100 bytes a row.
_CHUNKS = """
SELECT {number} AS number, count(*) AS chunks, min(c.{start})::text AS start, max(c.{end})::text AS "end",
       COALESCE(sum(CASE WHEN s.numrows_pre_compression > 0 THEN s.numrows_pre_compression
                         WHEN k.reltuples >= 0 THEN k.reltuples
                         ELSE pg_relation_size(k.oid) / 100 END), 0)::bigint AS rows,
       COALESCE(sum(pg_total_relation_size(k.oid) + COALESCE(
         s.compressed_heap_size + s.compressed_toast_size + s.compressed_index_size, 0)), 0)::bigint AS bytes
FROM timescaledb_information.chunks AS c
JOIN pg_catalog.pg_namespace AS n ON n.nspname = c.chunk_schema
JOIN pg_catalog.pg_class AS k ON k.relnamespace = n.oid AND k.relname = c.chunk_name
LEFT JOIN (SELECT z.*, {relation} AS relation FROM _timescaledb_catalog.compression_chunk_size AS z
           JOIN _timescaledb_catalog.chunk AS i ON i.id = z.chunk_id) AS s ON s.relation = k.oid
WHERE c.hypertable_schema = {schema} AND c.hypertable_name = {name} AND {condition}
"""
_ROWS = """
SELECT {number} AS number, 0::bigint AS chunks, min({column})::text AS start, max({column})::text AS "end",
       count(*) AS rows, 0::bigint AS bytes
FROM {table} WHERE {column} <= {limit}
"""


def measure(session: Session, probes: Sequence[Probe], capabilities: Capabilities) -> Dict[Probe, Impact]:
    """Return the answer to every probe."""
    if not probes:
        return {}
    parts = [_query(number, probe, capabilities) for number, probe in enumerate(probes)]
    return {probes[row["number"]]: _impact(row) for row in session.rows("\nUNION ALL\n".join(parts))}


def _impact(row: Mapping[str, Any]) -> Impact:
    return Impact(row["chunks"], row["start"] or "", row["end"] or "", row["rows"], row["bytes"])


def _query(number: int, probe: Probe, capabilities: Capabilities) -> str:
    if probe.mode == ROWS:
        return _ROWS.format(
            number=number,
            column=quote_identifier(probe.time_column),
            table=probe.storage.sql,
            limit=_limit(probe),
        )
    integer = probe.time_type in INTEGER_TYPES
    by_id = capabilities.version >= (2, 29, 0)
    return _CHUNKS.format(
        number=number,
        start="range_start_integer" if integer else "range_start",
        end="range_end_integer" if integer else "range_end",
        relation="i.relid" if by_id else "format('%I.%I', i.schema_name, i.table_name)::regclass",
        schema=quote_literal(probe.storage.schema),
        name=quote_literal(probe.storage.name),
        condition=_condition(probe, integer),
    )


def _condition(probe: Probe, integer: bool) -> str:
    conditions = {
        ALL: "true",
        COMPRESSED: "c.is_compressed",
        CREATED_BEFORE: f"c.chunk_creation_time < now() - {literal(probe.lag)}",
        OLDER_THAN: "c.{0} <= {1}".format("range_end_integer" if integer else "range_end", _limit(probe)),
    }
    return conditions[probe.mode]


def _limit(probe: Probe) -> str:
    if probe.now_func is not None and isinstance(probe.lag, int):
        return f"{probe.now_func.sql}() - {probe.lag}"
    return f"now() - {literal(probe.lag)}"
