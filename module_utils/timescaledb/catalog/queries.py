# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries that read a database. Every column is named; no query runs once per object.

The information views are the source wherever they tell enough. The catalog tables used besides are those whose columns
are the same from 2.15 to 2.29: hypertable (id and names), dimension, continuous_agg, compression_settings and
continuous_aggs_bucket_function.
"""

from __future__ import annotations

from typing import Iterable

from ..names import QualifiedName, quote_identifier, quote_literal

SERVER = """
SELECT current_setting('server_version_num')::int AS postgres,
       current_database() AS database,
       e.extversion AS version,
       n.nspname AS schema,
       current_setting('timescaledb.license', true) AS license,
       current_setting('timescaledb.restoring', true) AS restoring,
       to_regclass('_timescaledb_catalog.continuous_aggs_materialization_ranges') IS NOT NULL AS cut_short,
       current_setting('timescaledb.default_chunk_time_interval', true) AS default_chunk_interval,
       current_setting('max_locks_per_transaction')::bigint
         * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
         AS lock_slots
FROM (SELECT 1) AS one
LEFT JOIN pg_catalog.pg_extension AS e ON e.extname = 'timescaledb'
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
"""

# Compression settings by relation, as arrays straight from the catalog: the views give them as text to be parsed.
_SETTINGS = """
SELECT s.relid, s.segmentby, s.orderby, s.orderby_desc, s.orderby_nullsfirst
FROM _timescaledb_catalog.compression_settings AS s
"""

_DIMENSIONS = """
SELECT d.hypertable_schema, d.hypertable_name,
       json_agg(json_build_object(
           'column', d.column_name, 'column_type', d.column_type::text, 'kind', d.dimension_type,
           'time_interval', d.time_interval::text, 'integer_interval', d.integer_interval,
           'partitions', d.num_partitions, 'now_schema', c.integer_now_func_schema, 'now_name', c.integer_now_func)
         ORDER BY d.dimension_number) AS dimensions
FROM timescaledb_information.dimensions AS d
JOIN _timescaledb_catalog.hypertable AS i ON i.schema_name = d.hypertable_schema AND i.table_name = d.hypertable_name
JOIN _timescaledb_catalog.dimension AS c ON c.hypertable_id = i.id AND c.column_name = d.column_name
GROUP BY 1, 2
"""

HYPERTABLES = f"""
SELECT h.hypertable_schema AS schema, h.hypertable_name AS name, h.compression_enabled, d.dimensions,
       s.segmentby, s.orderby, s.orderby_desc, s.orderby_nullsfirst
FROM (SELECT hypertable_schema, hypertable_name, compression_enabled FROM timescaledb_information.hypertables) AS h
JOIN ({_DIMENSIONS}) AS d ON d.hypertable_schema = h.hypertable_schema AND d.hypertable_name = h.hypertable_name
LEFT JOIN ({_SETTINGS}) AS s ON s.relid = format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass
ORDER BY 1, 2
"""

# Ranges an aggregate has still to compute; some versions keep those of a refresh cut short in a table of their own.
_INVALID = "SELECT * FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log"
_CUT_SHORT = "SELECT * FROM _timescaledb_catalog.continuous_aggs_materialization_ranges"
_BEGINNING = -210866803200000000  # the earliest timestamp as microseconds

_AGGREGATES = """
SELECT a.view_schema AS schema, a.view_name AS name, a.view_definition AS query, a.materialized_only,
       a.compression_enabled,
       a.materialization_hypertable_schema AS storage_schema, a.materialization_hypertable_name AS storage_name,
       COALESCE(p.user_view_schema, r.schema_name) AS source_schema,
       COALESCE(p.user_view_name, r.table_name) AS source_name,
       b.bucket_width,
       EXISTS (SELECT FROM ({pending}) AS l
               WHERE l.materialization_id = g.mat_hypertable_id AND l.lowest_modified_value <= {beginning}
                 AND (l.greatest_modified_value = 9223372036854775807 OR l.greatest_modified_value >= (
                   SELECT min(z.range_start)
                   FROM _timescaledb_catalog.dimension AS o
                   JOIN _timescaledb_catalog.dimension_slice AS z ON z.dimension_id = o.id
                   WHERE o.hypertable_id = g.raw_hypertable_id AND o.interval_length IS NOT NULL))) AS unfilled,
       a.view_owner AS owner, obj_description(v.oid, 'pg_class') AS comment,
       (SELECT json_agg(json_build_array(CASE WHEN p.grantee <> 0 THEN pg_get_userbyid(p.grantee) END, p.privilege_type,
                                          p.is_grantable)
                        ORDER BY p.grantee, p.privilege_type)
        FROM aclexplode(v.relacl) AS p WHERE p.grantee <> v.relowner) AS grants,
       s.segmentby, s.orderby, s.orderby_desc, s.orderby_nullsfirst,
       d.column_name AS time_column, d.column_type::text AS time_type,
       d.time_interval::text AS time_interval, d.integer_interval,
       (SELECT json_agg(json_build_object(
                 'name', c.relname,
                 'definition', CASE WHEN m.amname <> 'btree' OR x.indexprs IS NOT NULL OR x.indpred IS NOT NULL
                                      OR x.indnkeyatts <> x.indnatts
                                    THEN split_part(pg_get_indexdef(c.oid), format(
                                      ' ON %I.%I ', a.materialization_hypertable_schema,
                                      a.materialization_hypertable_name), 2) ELSE '' END,
                 'columns', (SELECT json_agg(json_build_object(
                                'column', t.attname, 'descending', (x.indoption[k.place - 1] & 1) = 1,
                                'nulls_first', (x.indoption[k.place - 1] & 2) = 2) ORDER BY k.place)
                             FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, place)
                             JOIN pg_catalog.pg_attribute AS t ON t.attrelid = x.indrelid AND t.attnum = k.number))
               ORDER BY c.relname)
        FROM pg_catalog.pg_index AS x
        JOIN pg_catalog.pg_class AS c ON c.oid = x.indexrelid
        JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
        WHERE x.indrelid = format('%I.%I', a.materialization_hypertable_schema,
                                  a.materialization_hypertable_name)::regclass) AS indexes
FROM timescaledb_information.continuous_aggregates AS a
JOIN pg_catalog.pg_class AS v ON v.oid = format('%I.%I', a.view_schema, a.view_name)::regclass
JOIN _timescaledb_catalog.continuous_agg AS g
  ON g.user_view_schema = a.view_schema AND g.user_view_name = a.view_name
JOIN _timescaledb_catalog.hypertable AS r ON r.id = g.raw_hypertable_id
LEFT JOIN _timescaledb_catalog.continuous_agg AS p ON p.mat_hypertable_id = g.parent_mat_hypertable_id
LEFT JOIN _timescaledb_catalog.continuous_aggs_bucket_function AS b ON b.mat_hypertable_id = g.mat_hypertable_id
LEFT JOIN ({settings}) AS s
  ON s.relid = format('%I.%I', a.materialization_hypertable_schema, a.materialization_hypertable_name)::regclass
LEFT JOIN timescaledb_information.dimensions AS d
  ON d.hypertable_schema = a.materialization_hypertable_schema
 AND d.hypertable_name = a.materialization_hypertable_name AND d.dimension_number = 1
ORDER BY 1, 2
"""


def aggregates(cut_short: bool) -> str:
    """Return the query for all aggregates; cut_short: whether the server has a table for refreshes cut short."""
    pending = f"{_INVALID} UNION ALL {_CUT_SHORT}" if cut_short else _INVALID
    return _AGGREGATES.format(pending=pending, beginning=_BEGINNING, settings=_SETTINGS)


# The timezone of a job is in no view; _timescaledb_config.bgw_job is a table up to 2.24 and a view of the table later.
JOBS = """
SELECT j.job_id, j.proc_name, j.config, j.scheduled, j.max_retries,
       j.schedule_interval::text AS schedule_interval, j.max_runtime::text AS max_runtime,
       j.retry_period::text AS retry_period, b.timezone,
       CASE WHEN j.fixed_schedule THEN j.initial_start END AS initial_start,
       COALESCE(a.user_view_schema, h.schema_name) AS schema, COALESCE(a.user_view_name, h.table_name) AS name,
       (SELECT json_object_agg(e.key, CASE jsonb_typeof(e.value)
                 WHEN 'string' THEN to_jsonb((e.value #>> '{}')::interval::text) ELSE e.value END)
        FROM jsonb_each(j.config) AS e
        WHERE e.key IN ('drop_after', 'drop_created_before', 'compress_after', 'compress_created_before',
                        'start_offset', 'end_offset')) AS reach,
       COALESCE(f.consecutive_failures, 0) AS consecutive_failures
FROM timescaledb_information.jobs AS j
JOIN _timescaledb_config.bgw_job AS b ON b.id = j.job_id
JOIN _timescaledb_catalog.hypertable AS h
  ON h.id = COALESCE((j.config ->> 'hypertable_id')::int, (j.config ->> 'mat_hypertable_id')::int)
LEFT JOIN _timescaledb_catalog.continuous_agg AS a ON a.mat_hypertable_id = h.id
LEFT JOIN _timescaledb_internal.bgw_job_stat AS f ON f.job_id = j.job_id
WHERE j.job_id >= 1000 AND j.proc_schema IN ('_timescaledb_functions', '_timescaledb_internal')
  AND j.proc_name IN ('policy_compression', 'policy_retention', 'policy_refresh_continuous_aggregate')
ORDER BY j.job_id
"""

_TABLES = """
SELECT w.schema, w.name, c.relkind::text AS relkind,
       c.oid IN (SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i) AS child,
       c.oid IN (SELECT i.inhparent FROM pg_catalog.pg_inherits AS i) AS parent,
       (SELECT json_agg(json_build_array(t.attname, format_type(t.atttypid, NULL)) ORDER BY t.attnum)
        FROM pg_catalog.pg_attribute AS t WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped) AS columns
FROM (VALUES {wanted}) AS w(schema, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""


def tables(names: Iterable[QualifiedName]) -> str:
    """Return the query for what PostgreSQL knows of the named relations."""
    return _TABLES.format(wanted=_values(names))


def functions(names: Iterable[QualifiedName]) -> str:
    """Return the query for which of the named functions without arguments exist."""
    return (
        f"SELECT * FROM (VALUES {_values(names)}) AS w(schema, name) "
        "WHERE to_regprocedure(format('%I.%I()', w.schema, w.name)) IS NOT NULL"
    )


def occupied(names: Iterable[QualifiedName]) -> str:
    """Return the query for which of the named plain tables hold a row at all."""
    rows = [
        f"({quote_literal(item.schema)}, {quote_literal(item.name)}, EXISTS (SELECT FROM {item.sql}))" for item in names
    ]
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS v(schema, name, has_rows)"


def _values(names: Iterable[QualifiedName]) -> str:
    return ", ".join(f"({quote_literal(item.schema)}, {quote_literal(item.name)})" for item in names)


_SIZES = """
SELECT c.hypertable_schema AS schema, c.hypertable_name AS name, count(*) AS chunks,
       count(*) FILTER (WHERE c.is_compressed) AS compressed_chunks,
       min(c.range_start)::text AS range_start, max(c.range_end)::text AS range_end,
       {extension}.hypertable_size(format('%I.%I', c.hypertable_schema, c.hypertable_name)::regclass) AS bytes
FROM timescaledb_information.chunks AS c
GROUP BY c.hypertable_schema, c.hypertable_name
ORDER BY 1, 2
"""

JOB_HEALTH = """
SELECT j.job_id, j.application_name, j.schema, j.name, j.proc_name, j.scheduled, j.next_start,
       s.last_run_started_at, s.last_run_status, s.total_runs, s.total_failures
FROM ({jobs}) AS j
LEFT JOIN timescaledb_information.job_stats AS s ON s.job_id = j.job_id
ORDER BY j.job_id
""".format(
    jobs=JOBS.replace("SELECT j.job_id,", "SELECT j.application_name, j.next_start::text AS next_start, j.job_id,", 1)
)


def sizes(extension: str) -> str:
    """Return the query for chunks and bytes of every hypertable; an aggregate's stand under what stores it."""
    return _SIZES.format(extension=quote_identifier(extension))
