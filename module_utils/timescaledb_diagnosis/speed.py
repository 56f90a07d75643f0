# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads far more than it finds."""

from __future__ import annotations

from typing import Iterator

from ..timescaledb.names import show_identifier
from .model import NOTICE, BareKey, Facts, Finding, Reads
from .plans import Waste, find_waste

_WHOLE_READINGS = 10  # how often everything was read before that means something


def look_at_speed(facts: Facts) -> Iterator[Finding]:
    """Yield declared queries that no index serves, tables that are read as a whole, foreign keys without an index."""
    for query in facts.queries:
        if query.error is not None:
            yield Finding(
                "query_not_planned",
                f"query {query.name} cannot be planned",
                query.error,
                "correct it in timescaledb_diagnosis_queries, or the tables it asks",
            )
        elif query.plan is not None:
            for waste in find_waste(query.plan, facts.storage, facts.large_rows):
                yield _slow_query(query.name, waste)
    large = {reads.name for reads in facts.reads if reads.rows >= facts.large_rows}
    for reads in facts.reads:
        if reads.name in large and _is_read_as_a_whole(reads):
            yield _read_as_a_whole(reads)
    for key in facts.bare_keys:
        if key.relation in large:
            yield _bare_key(key)


def _slow_query(name: str, waste: Waste) -> Finding:
    columns = ", ".join(waste.index)
    index = f"CREATE INDEX ON {waste.relation} ({columns})" if columns else "create an index that it can use"
    return Finding(
        "query_without_index",
        f"query {name} is slow for want of an index on {waste.relation}",
        f"it reads about {waste.read} rows to find about {waste.found}; condition: {waste.condition}",
        f"{index}, as a migration (make revision NAME=...), if nothing better serves it",
    )


def _is_read_as_a_whole(reads: Reads) -> bool:
    return reads.seq_rows >= _WHOLE_READINGS * reads.rows and reads.seq_scans > reads.index_scans


def _read_as_a_whole(reads: Reads) -> Finding:
    return Finding(
        "table_read_as_a_whole",
        f"queries on {reads.name} are slow for want of an index: it is mostly read as a whole",
        f"{reads.seq_scans} sequential scans read {reads.seq_rows} rows, {reads.index_scans} scans used an index, of "
        f"about {reads.rows} rows there are",
        "find the query (log_min_duration_statement, pg_stat_statements), see its plan with EXPLAIN, and give its "
        "condition an index, as a migration; fine if everything is meant to be read",
        NOTICE,
    )


def _bare_key(key: BareKey) -> Finding:
    columns = ", ".join(show_identifier(column) for column in key.columns)
    return Finding(
        "foreign_key_without_index",
        f"deleting from {key.parent} is slow for want of an index on {key.relation}",
        f"foreign key {key.name} refers by ({columns}), and no index begins with that",
        f"CREATE INDEX ON {key.relation} ({columns}), as a migration (make revision NAME=...)",
        NOTICE,
    )
