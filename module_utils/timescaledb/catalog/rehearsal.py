# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsing declared queries: the server parses each as a temporary view, and its deparsed form is compared.

One statement rehearses any number of queries. Where an aggregate does not exist yet, or is about to change, its twin
bears its name, so that an aggregate built on it is rehearsed against what will be. But only where the bare name means
that aggregate or nothing at all: a twin must never stand in for another relation. All of it is rolled back.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, List, Mapping, Tuple

from ..model import Rehearsal
from ..names import QualifiedName, quote_literal
from ..session import Session

_SAVEPOINT = "timescaledb_rehearsal"
_SETTING = "timescaledb_lifecycle.rehearsal"

_BLOCK = """
DO $rehearsal$
DECLARE
  item jsonb;
  answers jsonb := '[]'::jsonb;
  own regclass;
  shown regclass;
  twin text;
  named text;
  columns jsonb;
  sources jsonb;
BEGIN
  SET LOCAL client_min_messages = error;
  FOR item IN SELECT value FROM jsonb_array_elements({items}::jsonb) LOOP
    BEGIN
      own := to_regclass(format('%I.%I', item ->> 'schema', item ->> 'name'));
      shown := to_regclass(quote_ident(item ->> 'name'));
      twin := CASE WHEN own IS NULL AND shown IS NULL THEN item ->> 'name' ELSE 'rehearsal ' || (item ->> 'number') END;
      EXECUTE format(E'CREATE TEMPORARY VIEW %I AS\\n%s', twin, item ->> 'query');
      named := CASE WHEN own IS NULL AND shown IS NULL THEN twin END;
      IF own = shown AND pg_get_viewdef(format('pg_temp.%I', twin)::regclass) IS DISTINCT FROM (
        SELECT a.view_definition FROM timescaledb_information.continuous_aggregates AS a
        WHERE a.view_schema = item ->> 'schema' AND a.view_name = item ->> 'name') THEN
        EXECUTE format(E'CREATE TEMPORARY VIEW %I AS\\n%s', item ->> 'name', item ->> 'query');
        named := item ->> 'name';
      END IF;
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
        'sources', sources, 'named', named);
    EXCEPTION WHEN OTHERS THEN
      answers := answers || jsonb_build_object('number', item -> 'number', 'error', SQLERRM, 'sqlstate', SQLSTATE);
    END;
  END LOOP;
  PERFORM set_config('{setting}', answers::text, false);
END
$rehearsal$
"""


def rehearse(
    session: Session, queries: Iterable[Tuple[QualifiedName, str]]
) -> Tuple[Tuple[QualifiedName, Rehearsal], ...]:
    """Return what the server makes of each query; call inside a transaction. Four statements, however many queries."""
    wanted: List[Tuple[QualifiedName, str]] = list(queries)
    if not wanted:
        return ()
    items = [
        {"number": number, "schema": name.schema, "name": name.name, "query": query}
        for number, (name, query) in enumerate(wanted)
    ]
    session.execute("SAVEPOINT " + _SAVEPOINT)
    session.execute(_BLOCK.format(items=quote_literal(json.dumps(items)).strip(), setting=_SETTING))
    answers = session.row(f"SELECT current_setting('{_SETTING}')::json AS answers")["answers"]
    session.execute("ROLLBACK TO SAVEPOINT " + _SAVEPOINT)
    twins = {answer["named"]: wanted[answer["number"]][0] for answer in answers if answer.get("named")}
    return tuple((wanted[answer["number"]][0], _rehearsal(answer, twins)) for answer in answers)


def _rehearsal(answer: Mapping[str, Any], twins: Mapping[str, QualifiedName]) -> Rehearsal:
    """Return one answer; a source without schema is the twin of an aggregate that is yet to come or to change."""
    if answer.get("sqlstate") == "42501" and "temporary" in answer["error"]:
        return Rehearsal(error=answer["error"] + ", which checking a query takes: GRANT TEMPORARY ON DATABASE")
    if "error" in answer:
        return Rehearsal(error=answer["error"], missing_relation=answer["sqlstate"] == "42P01")
    columns = tuple((name, column_type) for name, column_type in answer["columns"])
    sources = [
        QualifiedName(schema, name) if schema is not None else twins[name]
        for schema, name in answer["sources"]
        if schema is not None or name in twins
    ]
    return Rehearsal(query=answer["query"], columns=columns, sources=tuple(sources))
