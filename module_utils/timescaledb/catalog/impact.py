# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring what a plan would lose, in one statement."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ..capabilities import Capabilities
from ..guard import ROWS, Impact, Probe
from ..literals import literal
from ..names import quote_identifier, quote_literal
from ..session import Session
from ..values import Interval

# Probes are the rows of one flat VALUES list: a UNION of hundreds would exhaust the server's stack.
# Rows are the statistics' where there are some, else a guess from the size: about 100 bytes a row.
_CHUNKS = """
SELECT p.number, count(c.chunk_name) AS chunks,
       COALESCE(min(c.range_start)::text, min(c.range_start_integer)::text) AS start,
       COALESCE(max(c.range_end)::text, max(c.range_end_integer)::text) AS "end",
       COALESCE(sum(CASE WHEN s.numrows_pre_compression > 0 THEN s.numrows_pre_compression
                         WHEN k.reltuples >= 0 THEN k.reltuples
                         ELSE pg_relation_size(k.oid) / 100 END), 0)::bigint AS rows,
       COALESCE(sum(pg_total_relation_size(k.oid) + COALESCE(
         s.compressed_heap_size + s.compressed_toast_size + s.compressed_index_size, 0)), 0)::bigint AS bytes
FROM (VALUES {probes}) AS p(number, schema, name, mode, lag, horizon)
LEFT JOIN timescaledb_information.chunks AS c
  ON c.hypertable_schema = p.schema AND c.hypertable_name = p.name
  AND CASE p.mode
        WHEN 'all' THEN true
        WHEN 'compressed' THEN c.is_compressed
        WHEN 'created_before' THEN c.chunk_creation_time < now() - p.lag
        ELSE COALESCE(c.range_end <= now() - p.lag, c.range_end_integer <= p.horizon) END
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = c.chunk_schema
LEFT JOIN pg_catalog.pg_class AS k ON k.relnamespace = n.oid AND k.relname = c.chunk_name
LEFT JOIN (SELECT z.*, {relation} AS relation FROM _timescaledb_catalog.compression_chunk_size AS z
           JOIN _timescaledb_catalog.chunk AS i ON i.id = z.chunk_id) AS s ON s.relation = k.oid
GROUP BY p.number
"""
# A table that is to become a hypertable has no chunks yet: its rows are counted.
_ROWS = """(SELECT json_build_object('number', {number}, 'chunks', 0, 'start', min({column})::text,
         'end', max({column})::text, 'rows', count(*), 'bytes', 0) FROM {table} WHERE {column} <= {limit})"""


def measure(session: Session, probes: Sequence[Probe], capabilities: Capabilities) -> Dict[Probe, Impact]:
    """Return the answer to every probe: one statement for chunks, one more where tables are to be converted."""
    numbered = list(enumerate(probes))
    chunks = [_chunk_probe(number, probe) for number, probe in numbered if probe.mode != ROWS]
    tables = [_row_probe(number, probe) for number, probe in numbered if probe.mode == ROWS]
    rows: List[Mapping[str, Any]] = []
    if chunks:
        by_id = capabilities.version >= (2, 29, 0)
        relation = "i.relid" if by_id else "format('%I.%I', i.schema_name, i.table_name)::regclass"
        rows += session.rows(_CHUNKS.format(probes=", ".join(chunks), relation=relation))
    if tables:
        rows += [row["answer"] for row in session.rows(f"SELECT * FROM (VALUES ({'), ('.join(tables)})) AS v(answer)")]
    found = {row["number"]: _impact(row) for row in rows}
    return {probe: found[number] for number, probe in numbered}


def _impact(row: Mapping[str, Any]) -> Impact:
    return Impact(row["chunks"], row["start"] or "", row["end"] or "", row["rows"], row["bytes"])


def _chunk_probe(number: int, probe: Probe) -> str:
    """Return a probe as a row: where, how, and how far back as an interval or as a number of an integer's time."""
    lag = f"{literal(probe.lag)}" if isinstance(probe.lag, Interval) else "NULL::interval"
    horizon = "NULL::bigint"
    if isinstance(probe.lag, int) and probe.now_func is not None:
        horizon = f"({probe.now_func.sql}() - {probe.lag})::bigint"
    where = f"{quote_literal(probe.storage.schema)}, {quote_literal(probe.storage.name)}"
    return f"({number}, {where}, {quote_literal(probe.mode)}, {lag}, {horizon})"


def _row_probe(number: int, probe: Probe) -> str:
    limit = f"now() - {literal(probe.lag)}"
    if isinstance(probe.lag, int) and probe.now_func is not None:
        limit = f"{probe.now_func.sql}() - {probe.lag}"
    column = quote_identifier(probe.time_column)
    return _ROWS.format(number=number, column=column, table=probe.storage.sql, limit=limit)
