# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database holds, as facts that a restored copy must have as well.

Sections, each a mapping from names to facts:

tables       rows of each table that is no hypertable
hypertables  dimensions, compression and number of chunks; those below aggregates go by the aggregate's name
chunks       rows of each range of a hypertable, by name and range, and how many of its chunks are compressed
aggregates   definition and settings of each continuous aggregate
jobs         policies and other jobs by number, without what only tells of runs
sequences    where each stood at the latest before the dump; no snapshot holds them
rights       owner and rights of each relation
objects      how many of each kind there are in each schema
extensions   versions and schemas

All of it is read in the transaction of the session it is given: within one snapshot, if that is repeatable-read.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Sequence

from .session import Row, Session, quote_identifier

Census = Dict[str, Dict[str, Any]]

_BATCH = 500

# Schemas whose content belongs to the server or to the extension.
_FOREIGN = "n.nspname !~ '^(pg_|_timescaledb_|timescaledb_)' AND n.nspname <> 'information_schema'"
_NOT_OF_AN_EXTENSION = (
    "NOT EXISTS (SELECT FROM pg_depend AS d"
    " WHERE d.classid = '{0}'::regclass AND d.objid = {1}.oid AND d.deptype = 'e')"
)

_TABLES = f"""
SELECT n.nspname AS schema, c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND {_FOREIGN} AND {_NOT_OF_AN_EXTENSION.format("pg_class", "c")}
"""

_SEQUENCES = f"""
SELECT n.nspname AS schema, c.relname AS name, s.seqincrement AS increment, s.seqcycle AS cycles
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_sequence AS s ON s.seqrelid = c.oid
WHERE c.relkind = 'S' AND {_FOREIGN} AND {_NOT_OF_AN_EXTENSION.format("pg_class", "c")}
"""

_RIGHTS = f"""
SELECT n.nspname AS schema, c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
       (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(c.relacl) AS a) AS acl
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {_FOREIGN} AND {_NOT_OF_AN_EXTENSION.format("pg_class", "c")}
"""

_OBJECTS = f"""
SELECT n.nspname AS schema, k.kind, count(*) AS count FROM pg_namespace AS n JOIN (
  SELECT relnamespace AS namespace, 'relations of kind ' || relkind::text AS kind FROM pg_class AS c
  WHERE {_NOT_OF_AN_EXTENSION.format("pg_class", "c")}
  UNION ALL SELECT connamespace, 'constraints of type ' || contype::text FROM pg_constraint
  UNION ALL SELECT pronamespace, 'functions' FROM pg_proc AS p WHERE {_NOT_OF_AN_EXTENSION.format("pg_proc", "p")}
  UNION ALL SELECT c.relnamespace, 'triggers' FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
            WHERE NOT t.tgisinternal
) AS k ON k.namespace = n.oid
WHERE {_FOREIGN} GROUP BY n.nspname, k.kind
"""

_EXTENSIONS = """
SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema
FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
"""

_HYPERTABLES = """
SELECT d.hypertable_schema, d.hypertable_name, json_agg(json_build_object(
         'column', column_name, 'type', column_type, 'interval', coalesce(time_interval::text, integer_interval::text),
         'now', integer_now_func, 'partitions', num_partitions) ORDER BY dimension_number) AS dimensions
FROM timescaledb_information.dimensions AS d GROUP BY 1, 2
"""

_COMPRESSION = """
SELECT h.schema_name AS hypertable_schema, h.table_name AS hypertable_name, s.segmentby, s.orderby, s.orderby_desc,
       s.orderby_nullsfirst
FROM _timescaledb_catalog.hypertable AS h
JOIN _timescaledb_catalog.compression_settings AS s
  ON s.relid = to_regclass(format('%I.%I', h.schema_name, h.table_name))
"""

_CHUNKS = """
SELECT hypertable_schema, hypertable_name, chunk_schema, chunk_name, is_compressed,
       coalesce(range_start::text, range_start_integer::text) AS range_start,
       coalesce(range_end::text, range_end_integer::text) AS range_end
FROM timescaledb_information.chunks
"""

_AGGREGATES = """
SELECT view_schema, view_name, materialization_hypertable_schema, materialization_hypertable_name, materialized_only,
       compression_enabled, view_definition
FROM timescaledb_information.continuous_aggregates
"""

_JOBS = """
SELECT j.job_id, j.application_name, j.proc_schema, j.proc_name, j.owner::text AS owner, j.scheduled, j.fixed_schedule,
       j.schedule_interval::text AS schedule_interval, j.max_runtime::text AS max_runtime, j.max_retries,
       j.retry_period::text AS retry_period, j.config, j.hypertable_schema, j.hypertable_name,
       j.initial_start::text AS initial_start, b.timezone
FROM timescaledb_information.jobs AS j LEFT JOIN _timescaledb_config.bgw_job AS b ON b.id = j.job_id
WHERE j.job_id >= 1000
"""


def take_census(session: Session) -> Census:
    """Count and describe everything the session's database holds. Raises BackupError."""
    extensions = {row["name"]: _pick(row, "version", "schema") for row in session.rows(_EXTENSIONS)}
    census = _census_of_relations(session)
    census["extensions"] = extensions
    if "timescaledb" in extensions:
        census.update(_census_of_timescaledb(session))
        for name in census["hypertables"]:
            census["tables"].pop(name, None)
    census["tables"] = _count_rows(session, [name.split("\0") for name in census["tables"]])
    return {section: {_readable(name): facts for name, facts in found.items()} for section, found in census.items()}


def read_versions(session: Session) -> Row:
    """PostgreSQL's and TimescaleDB's: postgresql (a number), postgresql_text, timescaledb, default_version, edition."""
    found = session.row(
        "SELECT current_setting('server_version_num')::int AS postgresql,"
        " current_setting('server_version') AS postgresql_text,"
        " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb,"
        " (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS default_version,"
        " current_setting('timescaledb.license', true) AS license"
    )
    edition = "apache" if found.pop("license") == "apache" else "community"
    return {
        **found,
        "edition": edition if found["timescaledb"] else None,
    }


def read_alembic_revision(session: Session) -> Any:
    """The revision the schema is at, None where Alembic does not manage it."""
    if session.value("SELECT to_regclass('public.alembic_version') IS NULL"):
        return None
    rows = session.rows("SELECT version_num FROM public.alembic_version ORDER BY version_num")
    return ", ".join(row["version_num"] for row in rows) or None


def read_roles(session: Session) -> List[str]:
    """The roles that own something in this database or have rights in it; those of the server itself left out."""
    rows = session.rows(
        "SELECT DISTINCT r.rolname AS name FROM pg_shdepend AS s JOIN pg_roles AS r ON r.oid = s.refobjid"
        " WHERE s.refclassid = 'pg_authid'::regclass AND r.rolname !~ '^pg_'"
        " AND (s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        "      OR s.classid = 'pg_database'::regclass"
        "         AND s.objid = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        " ORDER BY 1"
    )
    return [row["name"] for row in rows]


def read_sequences(session: Session) -> Dict[str, Any]:
    """Where each sequence stands now, whatever the snapshot, which way it goes, and whether it begins again."""
    sequences = session.rows(_SEQUENCES)
    found: Dict[str, Any] = {}
    for begin in range(0, len(sequences), _BATCH):
        batch = sequences[begin : begin + _BATCH]
        query = " UNION ALL ".join(
            f"SELECT {number} AS number, last_value, is_called"
            f" FROM {quote_identifier(row['schema'])}.{quote_identifier(row['name'])}"
            for number, row in enumerate(batch)
        )
        for row in session.rows(query):
            known = batch[row["number"]]
            name = f"{known['schema']}.{known['name']}"
            found[name] = {**_pick(known, "increment", "cycles"), **_pick(row, "last_value", "is_called")}
    return found


def _census_of_relations(session: Session) -> Census:
    return {
        "tables": {_key(row["schema"], row["name"]): {} for row in session.rows(_TABLES)},
        "sequences": read_sequences(session),
        "rights": {
            _key(row["schema"], row["name"]): {"owner": row["owner"], "acl": row["acl"]}
            for row in session.rows(_RIGHTS)
        },
        "objects": {_key(row["schema"], row["kind"]): {"count": row["count"]} for row in session.rows(_OBJECTS)},
    }


def _census_of_timescaledb(session: Session) -> Census:
    aggregates = session.rows(_AGGREGATES)
    named = {
        _key(row["materialization_hypertable_schema"], row["materialization_hypertable_name"]): _key(
            row["view_schema"], row["view_name"]
        )
        for row in aggregates
    }
    chunks = session.rows(_CHUNKS)
    return {
        "hypertables": _describe_hypertables(session, named, chunks),
        "chunks": _count_chunks(session, named, chunks),
        "aggregates": {
            _key(row["view_schema"], row["view_name"]): _pick(
                row, "view_definition", "materialized_only", "compression_enabled"
            )
            for row in aggregates
        },
        "jobs": {
            str(row["job_id"]): {key: value for key, value in row.items() if key != "job_id"}
            for row in session.rows(_JOBS)
        },
    }


def _describe_hypertables(session: Session, named: Mapping[str, str], chunks: Iterable[Row]) -> Dict[str, Any]:
    compression = {_hypertable(row, named): row for row in session.rows(_COMPRESSION)}
    counts: Dict[str, int] = {}
    for chunk in chunks:
        name = _hypertable(chunk, named)
        counts[name] = counts.get(name, 0) + 1
    described = {}
    for row in session.rows(_HYPERTABLES):
        name = _hypertable(row, named)
        settings = compression.get(name)
        described[name] = {
            "dimensions": row["dimensions"],
            "chunks": counts.get(name, 0),
            "compression": settings and _pick(settings, "segmentby", "orderby", "orderby_desc", "orderby_nullsfirst"),
        }
    return described


def _count_chunks(session: Session, named: Mapping[str, str], chunks: Sequence[Row]) -> Dict[str, Any]:
    rows = _count_rows(session, [[chunk["chunk_schema"], chunk["chunk_name"]] for chunk in chunks])
    counted: Dict[str, Any] = {}
    for chunk in chunks:
        name = f"{_hypertable(chunk, named)} [{chunk['range_start']}, {chunk['range_end']})"
        facts = counted.setdefault(name, {"rows": 0, "chunks": 0, "compressed": 0})
        facts["rows"] += rows[_key(chunk["chunk_schema"], chunk["chunk_name"])]["rows"]
        facts["chunks"] += 1
        facts["compressed"] += bool(chunk["is_compressed"])
    return counted


def _count_rows(session: Session, relations: Sequence[Sequence[str]]) -> Dict[str, Any]:
    """Rows of each relation; many in one statement, as a statement each would take minutes for thousands of chunks."""
    counted: Dict[str, Any] = {}
    for begin in range(0, len(relations), _BATCH):
        batch = relations[begin : begin + _BATCH]
        query = " UNION ALL ".join(
            f"SELECT {number} AS number, count(*) AS rows FROM {quote_identifier(schema)}.{quote_identifier(name)}"
            for number, (schema, name) in enumerate(batch)
        )
        for row in session.rows(query):
            counted[_key(*batch[row["number"]])] = {"rows": row["rows"]}
    return counted


def _hypertable(row: Row, named: Mapping[str, str]) -> str:
    key = _key(row["hypertable_schema"], row["hypertable_name"])
    return named.get(key, key)


def _key(schema: str, name: str) -> str:
    """A name in two parts, as one that cannot be confused with another."""
    return f"{schema}\0{name}"


def _readable(key: str) -> str:
    return key.replace("\0", ".")


def _pick(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names}
