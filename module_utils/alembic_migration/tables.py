# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables hold that a migration drops, and who needs them. Reads only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Sequence

from sqlalchemy import text

from .losses import COUNTED_ROWS, Loss

# Views and foreign keys of people's own; what TimescaleDB keeps in its schemas goes with the table.
DEPENDANTS = """
SELECT DISTINCT dependant::regclass::text
FROM (
    SELECT dependency.refobjid AS needed, rule.ev_class AS dependant
    FROM pg_catalog.pg_depend AS dependency
    JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = dependency.objid
    WHERE dependency.classid = 'pg_catalog.pg_rewrite'::regclass
        AND dependency.refclassid = 'pg_catalog.pg_class'::regclass
    UNION
    SELECT confrelid, conrelid FROM pg_catalog.pg_constraint WHERE contype = 'f'
) AS pairs
JOIN pg_catalog.pg_class AS relation ON relation.oid = dependant
WHERE needed = ANY (CAST(:tables AS regclass[]))
    AND dependant <> ALL (CAST(:tables AS regclass[]))
    AND relation.relnamespace::regnamespace::text !~ '^_timescaledb_'
ORDER BY 1
"""
AGGREGATES = """
SELECT format('%I.%I', view_schema, view_name)::regclass::text
FROM timescaledb_information.continuous_aggregates
WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = ANY (CAST(:tables AS regclass[]))
"""


def count_losses(connection: Any, losses: Sequence[Loss]) -> List[Loss]:
    """Those of `losses` whose tables exist and hold rows, with how many."""
    found = []
    for loss in losses:
        table = connection.execute(text("SELECT to_regclass(:name)::text"), {"name": loss.table}).scalar()
        if table:
            counted = count_rows(connection, table)
            found.append(replace(loss, rows=counted.rows, exact=counted.exact))
    return [loss for loss in found if loss.rows]


def count_rows(connection: Any, table: str) -> Loss:
    """How many rows `table` holds: counted while they are few, estimated beyond that.

    table: as the server spelt it when asked for a regclass, so quoted where need be
    """
    first_rows = f"SELECT FROM {table} LIMIT {COUNTED_ROWS + 1}"
    rows = connection.execute(text(f"SELECT count(*) FROM ({first_rows}) AS first_rows")).scalar()  # noqa: S608
    if rows <= COUNTED_ROWS:
        return Loss(table, rows=rows)
    estimate = connection.execute(text(find_estimate(connection)), {"name": table}).scalar()
    return Loss(table, rows=max(COUNTED_ROWS, int(estimate or 0)), exact=False)


def find_estimate(connection: Any) -> str:
    """The query that estimates rows: TimescaleDB's if it is there, for a hypertable's own statistics are empty."""
    function = connection.execute(text("SELECT to_regprocedure('approximate_row_count(regclass)')")).scalar()
    if function:
        return "SELECT approximate_row_count(CAST(:name AS regclass))"
    return "SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = CAST(:name AS regclass)"


def find_dependants(connection: Any, losses: Sequence[Loss]) -> List[str]:
    """Views, aggregates and tables that need the tables `losses` would drop, and are not dropped with them."""
    names = [loss.table for loss in losses if not loss.column]
    tables = [connection.execute(text("SELECT to_regclass(:name)::text"), {"name": name}).scalar() for name in names]
    present = {"tables": [table for table in tables if table]}
    found = set(connection.execute(text(DEPENDANTS), present).scalars())
    if connection.execute(text("SELECT to_regclass('timescaledb_information.continuous_aggregates')::text")).scalar():
        found.update(connection.execute(text(AGGREGATES), present).scalars())
    return sorted(found)
