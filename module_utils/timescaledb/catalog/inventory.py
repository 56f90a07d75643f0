# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What timescaledb_info returns: a database as declarations, and figures about it."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence

from ..declaration import Declaration
from ..export import export_database
from ..names import QualifiedName, parse_name
from ..session import Session
from . import queries
from .snapshot import read_capabilities, read_database, reading


def read_inventory(session: Session, names: Optional[Sequence[str]], lock_timeout: int) -> Dict[str, Any]:
    """Return hypertables and continuous_aggregates as declarations, and server, relations and jobs as facts.

    names: the objects to return, all where it is None; lock_timeout in seconds, as sizes need locks
    """
    session.execute(f"SET lock_timeout = '{lock_timeout}s'")
    session.execute("BEGIN READ ONLY")
    with reading("nothing was to be changed"):
        return _read(session, names)


def _read(session: Session, names: Optional[Sequence[str]]) -> Dict[str, Any]:
    capabilities = read_capabilities(session)
    database = read_database(session, Declaration(), capabilities)
    present = [item.name for item in database.hypertables + database.aggregates]
    chosen = present if names is None else [parse_name(name, "names") for name in names]
    result: Dict[str, Any] = dict(export_database(database, chosen))
    result["server"] = {
        "timescaledb": capabilities.version_text,
        "edition": capabilities.edition,
        "postgresql": capabilities.postgres // 10000,
        "schema": capabilities.schema,
    }
    names_of = {item.storage: item.name for item in database.hypertables + database.aggregates}
    result["sizes"] = [
        _named(row, names_of[_own(row)])
        for row in session.rows(queries.sizes(capabilities.schema))
        if names_of.get(_own(row)) in chosen
    ]
    result["jobs"] = [_named(row, _own(row)) for row in session.rows(queries.JOB_HEALTH) if _own(row) in chosen]
    return result


def _own(row: Mapping[str, Any]) -> QualifiedName:
    return QualifiedName(row["schema"], row["name"])


def _named(row: Mapping[str, Any], name: QualifiedName) -> Dict[str, Any]:
    """Return a row with the object's name as a declaration has it, instead of schema and name apart."""
    return {**{key: value for key, value in row.items() if key != "schema"}, "name": str(name)}
