# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsing declared queries: the server parses each as a temporary view, and its deparsed form is compared.

One statement rehearses any number of queries. A query of an aggregate that does not exist yet becomes a temporary view
of the same name, so that an aggregate built on it can be rehearsed too. All of it is rolled back.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, List, Mapping, Tuple

from ..model import Database, Rehearsal
from ..names import QualifiedName, quote_literal
from ..session import Session

_SAVEPOINT = "timescaledb_rehearsal"
_SETTING = "timescaledb_lifecycle.rehearsal"

_BLOCK = """
DO $rehearsal$
DECLARE
  item jsonb;
  answers jsonb := '[]'::jsonb;
  twin text;
  columns jsonb;
  sources jsonb;
BEGIN
  SET LOCAL client_min_messages = error;
  FOR item IN SELECT value FROM jsonb_array_elements({items}::jsonb) LOOP
    BEGIN
      twin := CASE WHEN (item ->> 'exists')::boolean THEN 'rehearsal ' || (item ->> 'number') ELSE item ->> 'name' END;
      EXECUTE format(E'CREATE TEMPORARY VIEW %I AS\\n%s', twin, item ->> 'query');
      SELECT jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, NULL)) ORDER BY a.attnum) INTO columns
      FROM pg_catalog.pg_attribute AS a
      WHERE a.attrelid = format('pg_temp.%I', twin)::regclass AND a.attnum > 0 AND NOT a.attisdropped;
      SELECT COALESCE(jsonb_agg(DISTINCT jsonb_build_array(
               CASE WHEN c.relpersistence <> 't' THEN n.nspname END, c.relname)), '[]'::jsonb) INTO sources
      FROM pg_catalog.pg_rewrite AS r
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
      JOIN pg_catalog.pg_class AS c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE r.ev_class = format('pg_temp.%I', twin)::regclass AND c.oid <> r.ev_class;
      answers := answers || jsonb_build_object(
        'number', item -> 'number', 'query', pg_get_viewdef(format('pg_temp.%I', twin)::regclass), 'columns', columns,
        'sources', sources);
    EXCEPTION WHEN OTHERS THEN
      answers := answers || jsonb_build_object('number', item -> 'number', 'error', SQLERRM, 'sqlstate', SQLSTATE);
    END;
  END LOOP;
  PERFORM set_config('{setting}', answers::text, false);
END
$rehearsal$
"""


def rehearse(
    session: Session, queries: Iterable[Tuple[QualifiedName, str]], database: Database
) -> Tuple[Tuple[QualifiedName, Rehearsal], ...]:
    """Return what the server makes of each query; call inside a transaction. Four statements, however many queries."""
    wanted: List[Tuple[QualifiedName, str]] = list(queries)
    if not wanted:
        return ()
    items = [
        {"number": number, "name": name.name, "query": query, "exists": database.table(name) is not None}
        for number, (name, query) in enumerate(wanted)
    ]
    session.execute("SAVEPOINT " + _SAVEPOINT)
    session.execute(_BLOCK.format(items=quote_literal(json.dumps(items)).strip(), setting=_SETTING))
    answers = session.row(f"SELECT current_setting('{_SETTING}')::json AS answers")["answers"]
    session.execute("ROLLBACK TO SAVEPOINT " + _SAVEPOINT)
    twins = {name.name: name for name, _query in wanted if database.table(name) is None}
    return tuple((wanted[answer["number"]][0], _rehearsal(answer, twins)) for answer in answers)


def _rehearsal(answer: Mapping[str, Any], twins: Mapping[str, QualifiedName]) -> Rehearsal:
    """Return one answer; a source without schema is the twin of an aggregate that is yet to come."""
    if "error" in answer:
        return Rehearsal(error=answer["error"], missing_relation=answer["sqlstate"] == "42P01")
    columns = tuple((name, column_type) for name, column_type in answer["columns"])
    sources = [
        QualifiedName(schema, name) if schema is not None else twins[name]
        for schema, name in answer["sources"]
        if schema is not None or name in twins
    ]
    return Rehearsal(query=answer["query"], columns=columns, sources=tuple(sources))
