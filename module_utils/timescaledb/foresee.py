# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode before anything exists: what earlier tasks of a play would have provided is taken as given."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List

from .capabilities import COMMUNITY, Capabilities
from .declaration import Declaration, WantedHypertable
from .model import Database, Table

# What an unreachable server is taken for: the newest release the project knows.
ASSUMED = Capabilities(version_text="2.29.2", edition=COMMUNITY, postgres=170000)


def with_assumed_tables(declaration: Declaration, database: Database) -> Database:
    """Return the database with an empty table for every declared hypertable that has none yet."""
    missing = [
        _table(wanted)
        for wanted in declaration.hypertables
        if wanted.time_column is not None and not wanted.absent and database.table(wanted.name) is None
    ]
    return replace(database, tables=database.tables + tuple(missing))


def _table(wanted: WantedHypertable) -> Table:
    """Return a table that has the columns the declaration speaks of, time typed as the chunk interval suggests."""
    named: List[str] = [dimension.column for dimension in wanted.hash_dimensions]
    if wanted.compression is not None:
        named += list(wanted.compression.segmentby or ())
        named += [item.column for item in wanted.compression.orderby or ()]
    columns: Dict[str, str] = dict.fromkeys(named, "text")
    columns[str(wanted.time_column)] = (
        "bigint" if isinstance(wanted.chunk_interval, int) else "timestamp with time zone"
    )
    return Table(wanted.name, "table", tuple(columns.items()))
