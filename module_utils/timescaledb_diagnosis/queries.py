# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries. Every column is named; where PostgreSQL or TimescaleDB differ by version, only what all of them have."""

from __future__ import annotations

from typing import Iterable, Sequence, Tuple

from ..timescaledb.names import QualifiedName, quote_literal

# Asks nothing of the extension, so it works without it. Who logged in creates it; who the session is does all the rest.
SERVER = """
SELECT current_database() AS database, current_user::text AS "user", session_user::text AS login,
       current_setting('server_version_num')::int AS postgres, current_setting('server_version') AS postgres_text,
       r.rolsuper AS superuser, r.rolcanlogin AS can_login,
       e.extversion AS version, n.nspname AS schema, x.default_version AS available,
       COALESCE(v.trusted, false) AS trusted,
       e.extversion IS NULL OR EXISTS (
         SELECT FROM pg_available_extension_versions AS f WHERE f.name = 'timescaledb' AND f.version = e.extversion
       ) AS files,
       current_setting('timescaledb.license', true) AS license,
       current_setting('timescaledb.restoring', true) AS restoring,
       current_setting('timescaledb.max_background_workers', true)::int AS background_workers,
       current_setting('max_worker_processes')::int AS worker_processes,
       current_setting('max_parallel_workers')::int AS parallel_workers,
       current_setting('max_locks_per_transaction')::bigint
         * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
         AS lock_slots,
       pg_is_in_recovery() AS standby,
       CASE WHEN pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN (
         SELECT count(*) FROM pg_stat_activity AS a
         WHERE a.datname = current_database() AND a.backend_type = 'TimescaleDB Background Worker Scheduler'
       ) END AS schedulers,
       l.rolsuper OR (COALESCE(v.trusted, false) AND has_database_privilege(l.oid, d.oid, 'CREATE'))
         AS creates_extension,
       pg_has_role(current_user, d.datdba, 'USAGE') AS owns_database,
       has_database_privilege(d.oid, 'TEMPORARY') AS makes_temporary,
       COALESCE(s.ssl, false) AS tls, s.version AS tls_version, s.cipher AS tls_cipher,
       host(inet_server_addr()) AS address
FROM pg_catalog.pg_roles AS r
JOIN pg_catalog.pg_roles AS l ON l.rolname = session_user
JOIN pg_catalog.pg_database AS d ON d.datname = current_database()
LEFT JOIN pg_catalog.pg_extension AS e ON e.extname = 'timescaledb'
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
LEFT JOIN pg_catalog.pg_available_extensions AS x ON x.name = 'timescaledb'
LEFT JOIN pg_catalog.pg_available_extension_versions AS v ON v.name = 'timescaledb' AND v.version = x.default_version
LEFT JOIN pg_catalog.pg_stat_ssl AS s ON s.pid = pg_backend_pid()
WHERE r.rolname = current_user
"""

_RIGHTS = """
SELECT r.rolname AS role, n.nspname AS schema, pg_get_userbyid(n.nspowner) AS schema_owner,
       has_schema_privilege(r.oid, n.oid, 'CREATE') AS creates, has_schema_privilege(r.oid, n.oid, 'USAGE') AS uses,
       (SELECT json_agg(u.relname ORDER BY u.relname) FROM (
          SELECT c.relname FROM pg_catalog.pg_class AS c
          WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND NOT has_table_privilege(r.oid, c.oid, 'SELECT')) AS u) AS unreadable
FROM pg_catalog.pg_roles AS r CROSS JOIN pg_catalog.pg_namespace AS n
WHERE r.rolname IN ({roles}) AND n.nspname IN ({schemas})
ORDER BY 1, 2
"""

_STRAYS = """
SELECT c.relname AS relation, pg_get_userbyid(c.relowner) AS owner
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ({schemas}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_get_userbyid(c.relowner) <> {owner}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""

_RELATIONS = """
SELECT n.nspname AS schema, c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
       pg_has_role(current_user, c.relowner, 'USAGE') AS alterable, o.rolcanlogin AS owner_can_login,
       has_table_privilege(c.oid, 'SELECT') AS readable
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {where}
ORDER BY 1, 2
"""

# How far a policy reaches; where time is a number, only the server's own function knows the present.
COMPRESSION = """
SELECT COALESCE(a.view_schema, h.schema) AS schema, COALESCE(a.view_name, h.name) AS name, h.enabled,
       count(k.chunk_name) AS chunks, count(*) FILTER (WHERE k.is_compressed) AS compressed,
       p.job_id, COALESCE(p.config ->> 'compress_after', p.config ->> 'compress_created_before') AS after,
       CASE WHEN p.age IS NOT NULL THEN count(*) FILTER (
         WHERE NOT k.is_compressed
           AND p.age + CASE WHEN p.by_creation THEN k.chunk_creation_time ELSE k.range_end END < now()) END AS due,
       (min(p.age + CASE WHEN p.by_creation THEN k.chunk_creation_time ELSE k.range_end END)
        FILTER (WHERE NOT k.is_compressed))::text AS first_due
FROM (SELECT hypertable_schema AS schema, hypertable_name AS name, compression_enabled AS enabled
      FROM timescaledb_information.hypertables
      UNION ALL
      SELECT materialization_hypertable_schema, materialization_hypertable_name, compression_enabled
      FROM timescaledb_information.continuous_aggregates) AS h
JOIN _timescaledb_catalog.hypertable AS i ON i.schema_name = h.schema AND i.table_name = h.name
LEFT JOIN timescaledb_information.continuous_aggregates AS a
  ON a.materialization_hypertable_schema = h.schema AND a.materialization_hypertable_name = h.name
LEFT JOIN (
  SELECT j.job_id, j.config, (j.config ->> 'hypertable_id')::int AS hypertable_id,
         j.config ? 'compress_created_before' AS by_creation,
         CASE 'string'
           WHEN jsonb_typeof(j.config -> 'compress_after') THEN (j.config ->> 'compress_after')::interval
           WHEN jsonb_typeof(j.config -> 'compress_created_before')
           THEN (j.config ->> 'compress_created_before')::interval END AS age
  FROM timescaledb_information.jobs AS j WHERE j.proc_name = 'policy_compression' AND j.job_id >= 1000
) AS p ON p.hypertable_id = i.id
LEFT JOIN timescaledb_information.chunks AS k ON k.hypertable_schema = h.schema AND k.hypertable_name = h.name
GROUP BY 1, 2, h.enabled, p.job_id, p.config, p.age, p.by_creation
ORDER BY 1, 2
"""

JOBS = """
SELECT j.job_id, j.application_name AS title, j.owner::text AS owner, r.rolcanlogin AS owner_can_login, j.scheduled,
       COALESCE(a.user_view_schema, h.schema_name) AS schema, COALESCE(a.user_view_name, h.table_name) AS name,
       pg_get_userbyid(c.relowner) AS relation_owner, s.next_start::text AS next_start,
       CASE WHEN s.last_start > s.last_finish THEN extract(epoch FROM now() - s.last_start) END AS running_for,
       CASE WHEN isfinite(s.next_start) THEN extract(epoch FROM now() - s.next_start) END AS overdue,
       COALESCE(s.total_runs, 0) AS total_runs, COALESCE(s.consecutive_failures, 0) AS consecutive_failures,
       (SELECT e.err_message FROM timescaledb_information.job_errors AS e WHERE e.job_id = j.job_id
        ORDER BY e.start_time DESC LIMIT 1) AS error
FROM timescaledb_information.jobs AS j
JOIN pg_catalog.pg_roles AS r ON r.rolname = j.owner::text
LEFT JOIN _timescaledb_catalog.hypertable AS h
  ON h.id = COALESCE((j.config ->> 'hypertable_id')::int, (j.config ->> 'mat_hypertable_id')::int)
LEFT JOIN _timescaledb_catalog.continuous_agg AS a ON a.mat_hypertable_id = h.id
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = to_regclass(
  format('%I.%I', COALESCE(a.user_view_schema, h.schema_name), COALESCE(a.user_view_name, h.table_name)))
LEFT JOIN _timescaledb_internal.bgw_job_stat AS s ON s.job_id = j.job_id
WHERE j.job_id >= 1000
ORDER BY 1
"""

CHUNKS = "SELECT count(*) AS chunks FROM timescaledb_information.chunks"

# Chunks count for their hypertable. A table nobody has analysed yet is as large as statistics say.
_READS = """
SELECT COALESCE(k.hypertable_schema, t.schemaname) AS schema, COALESCE(k.hypertable_name, t.relname) AS name,
       sum(greatest(t.n_live_tup, 0)) AS rows, sum(t.seq_scan) AS seq_scans, sum(t.seq_tup_read) AS seq_rows,
       sum(COALESCE(t.idx_scan, 0)) AS index_scans
FROM pg_catalog.pg_stat_user_tables AS t
{chunks}
WHERE COALESCE(k.hypertable_schema, t.schemaname) IN ({schemas})
GROUP BY 1, 2
ORDER BY 1, 2
"""
_CHUNKS_OF = """
LEFT JOIN timescaledb_information.chunks AS k ON k.chunk_schema = t.schemaname AND k.chunk_name = t.relname
"""
_NO_CHUNKS = "LEFT JOIN (SELECT NULL AS hypertable_schema, NULL AS hypertable_name) AS k ON false"

_BARE_KEYS = """
SELECT f.conname AS name, n.nspname AS schema, c.relname AS relation, f.confrelid::regclass::text AS parent,
       (SELECT json_agg(t.attname ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY AS k(number, place)
        JOIN pg_catalog.pg_attribute AS t ON t.attrelid = f.conrelid AND t.attnum = k.number) AS columns
FROM pg_catalog.pg_constraint AS f
JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND n.nspname IN ({schemas})
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_index AS x
    WHERE x.indrelid = f.conrelid AND x.indpred IS NULL
      AND (x.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey)
ORDER BY 1
"""

# What the relations of a plan are; the rows of a chunk are those of the chunk. Of what nobody has counted yet, a row is
# taken to have a hundred bytes.
_STORAGE = """
SELECT w.schema, w.name, {owner_schema} AS relation_schema, {owner_name} AS relation,
       CASE WHEN c.reltuples < 0 AND COALESCE(t.n_live_tup, 0) = 0 THEN pg_relation_size(c.oid) / 100
            ELSE greatest(c.reltuples, t.n_live_tup)::bigint END AS rows, {time_column} AS time_column,
       (SELECT json_agg(b.attname ORDER BY b.attnum) FROM pg_catalog.pg_attribute AS b
        WHERE b.attrelid = c.oid AND b.attnum > 0 AND NOT b.attisdropped) AS columns
FROM (VALUES {wanted}) AS w(schema, name)
JOIN pg_catalog.pg_class AS c ON c.oid = to_regclass(format('%I.%I', w.schema, w.name))
LEFT JOIN pg_catalog.pg_stat_user_tables AS t ON t.relid = c.oid
{joins}
"""
_STORAGE_JOINS = """
LEFT JOIN timescaledb_information.chunks AS k ON k.chunk_schema = w.schema AND k.chunk_name = w.name
LEFT JOIN timescaledb_information.dimensions AS d
  ON d.hypertable_schema = COALESCE(k.hypertable_schema, w.schema)
 AND d.hypertable_name = COALESCE(k.hypertable_name, w.name) AND d.dimension_number = 1
"""


def rights(roles: Iterable[str], schemas: Iterable[str]) -> str:
    """Return the query for what roles may do in schemas."""
    return _RIGHTS.format(roles=_literals(roles), schemas=_literals(schemas))


def strays(schemas: Iterable[str], owner: str) -> str:
    """Return the query for what does not belong to its owner."""
    return _STRAYS.format(schemas=_literals(schemas), owner=quote_literal(owner))


def relations(names: Sequence[QualifiedName]) -> str:
    """Return the query for who owns the named relations, as far as they are there."""
    wanted = ", ".join(f"({quote_literal(name.schema)}, {quote_literal(name.name)})" for name in names)
    return _RELATIONS.format(where=f"(n.nspname, c.relname) IN ({wanted})")


def relations_in(schemas: Iterable[str]) -> str:
    """Return the same query for everything in schemas."""
    return _RELATIONS.format(where=f"n.nspname IN ({_literals(schemas)})")


def reads(schemas: Iterable[str], with_chunks: bool) -> str:
    """Return the query for how tables were read."""
    return _READS.format(schemas=_literals(schemas), chunks=_CHUNKS_OF if with_chunks else _NO_CHUNKS)


def bare_keys(schemas: Iterable[str]) -> str:
    """Return the query for foreign keys without an index."""
    return _BARE_KEYS.format(schemas=_literals(schemas))


def storage(names: Iterable[Tuple[str, str]], with_chunks: bool) -> str:
    """Return the query for what the relations of plans are."""
    wanted = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in names)
    if not with_chunks:
        return _STORAGE.format(
            wanted=wanted, joins="", owner_schema="w.schema", owner_name="w.name", time_column="NULL::text"
        )
    return _STORAGE.format(
        wanted=wanted,
        joins=_STORAGE_JOINS,
        owner_schema="COALESCE(k.hypertable_schema, w.schema)",
        owner_name="COALESCE(k.hypertable_name, w.name)",
        time_column="d.column_name",
    )


def _literals(names: Iterable[str]) -> str:
    return ", ".join(quote_literal(name) for name in names) or "''"
