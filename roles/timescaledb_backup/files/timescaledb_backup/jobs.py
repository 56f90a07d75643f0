# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TimescaleDB's jobs in a database that was restored: held until it is known to be whole, then as they were.

A restored job looks as if it had never run, and would run at once. A retention policy would drop what is old, and in a
backup that is likely to be what it is restored for.
"""

from __future__ import annotations

from typing import Any, List, Mapping

from .session import Row, Session, quote_literal

FIRST_OF_USERS = 1000  # smaller numbers come with the extension

_RETENTION = """
SELECT j.job_id AS id, format('%I.%I', h.schema_name, h.table_name) AS relation,
       coalesce(a.user_view_schema || '.' || a.user_view_name, h.schema_name || '.' || h.table_name) AS name,
       j.config -> 'drop_after' AS drop_after, jsonb_typeof(j.config -> 'drop_after') AS kind,
       CASE WHEN d.integer_now_func IS NOT NULL
         THEN format('%I.%I()', d.integer_now_func_schema, d.integer_now_func) END AS present
FROM timescaledb_information.jobs AS j
JOIN _timescaledb_catalog.hypertable AS h ON h.id = (j.config ->> 'hypertable_id')::int
JOIN _timescaledb_catalog.dimension AS d ON d.hypertable_id = h.id AND d.interval_length IS NOT NULL
LEFT JOIN _timescaledb_catalog.continuous_agg AS a ON a.mat_hypertable_id = h.id
WHERE j.proc_name = 'policy_retention' AND j.config ? 'drop_after'
"""


def hold_jobs(session: Session) -> None:
    """Switch every job off."""
    session.run(f"UPDATE {_job_table(session)} SET scheduled = false WHERE id >= {FIRST_OF_USERS}")


def release_jobs(session: Session, jobs: Mapping[str, Mapping[str, Any]]) -> None:
    """Switch on those that were on. They run once start_workers() was called."""
    numbers = ", ".join(str(int(number)) for number, facts in jobs.items() if facts["scheduled"])
    if numbers:
        session.run(f"UPDATE {_job_table(session)} SET scheduled = true WHERE id IN ({numbers})")


def stop_workers(session: Session) -> None:
    """Have nothing run jobs in this database."""
    session.rows("SELECT _timescaledb_functions.stop_background_workers()")


def start_workers(session: Session) -> None:
    """Have the jobs of this database run, if it has TimescaleDB; said again it does no harm."""
    if session.value("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AS there"):
        session.rows("SELECT _timescaledb_functions.start_background_workers()")


def foresee_drops(session: Session, schema: str, jobs: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """What retention policies are going to drop at their next run, a sentence for each."""
    told = []
    for row in session.rows(_RETENTION):
        if jobs.get(str(row["id"]), {}).get("scheduled") and (row["kind"] == "string" or row["present"]):
            count = session.value(
                f"SELECT count(*) FROM {schema}.show_chunks({quote_literal(row['relation'])}::regclass, {_bound(row)})"
            )
            if count:
                told.append(f"the retention policy of {row['name']} drops {count} of its chunks at its next run")
    return told


def _bound(row: Row) -> str:
    if row["kind"] == "string":
        return f"older_than => {quote_literal(row['drop_after'])}::interval"
    return f"older_than => ({row['present']} - {int(row['drop_after'])})::bigint"


def _job_table(session: Session) -> str:
    """Since 2.25 the table lies in another schema, and a view has its old name."""
    moved = session.value("SELECT to_regclass('_timescaledb_catalog.bgw_job') IS NOT NULL AS moved")
    return "_timescaledb_catalog.bgw_job" if moved else "_timescaledb_config.bgw_job"
