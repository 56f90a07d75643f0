# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a whole database into the model, in a constant number of statements."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import Iterable, Iterator, Tuple

from ..capabilities import APACHE, COMMUNITY, OLDEST, Capabilities
from ..declaration import Declaration
from ..errors import ServerError, UnsupportedError
from ..model import Database, Table
from ..names import QualifiedName
from ..session import Session
from ..values import Interval, parse_interval
from . import queries, rows
from .rehearsal import rehearse


@contextmanager
def reading(consequence: str) -> Iterator[None]:
    """Explain a lock that ends a reading; consequence says what has become of the database."""
    try:
        yield
    except ServerError as error:
        if error.sqlstate != "55P03":
            raise
        raise ServerError(
            f"reading the database did not get its locks in time, something holds a table ({error}); {consequence}",
            error.sqlstate,
        ) from None


def read_capabilities(session: Session) -> Capabilities:
    """Return what the server is. Raises UnsupportedError where TimescaleDB is missing, too old or being restored."""
    row = session.row(queries.SERVER)
    if row["version"] is None:
        raise UnsupportedError(
            "database {0} has no extension timescaledb; create it first (CREATE EXTENSION timescaledb)".format(
                row["database"]
            ),
            curable=True,
        )
    if row["license"] is None:
        raise UnsupportedError(
            "the server does not load TimescaleDB; add timescaledb to shared_preload_libraries and restart it"
        )
    found = Capabilities(
        version_text=row["version"],
        edition=APACHE if row["license"] == "apache" else COMMUNITY,
        postgres=row["postgres"],
        lock_slots=row["lock_slots"],
        default_chunk_interval=parse_interval(row["default_chunk_interval"] or "") or Interval(days=7),
        schema=row["schema"],
        keeps_refreshes_cut_short=row["cut_short"],
    )
    if found.version < OLDEST:
        raise UnsupportedError("TimescaleDB {0} was found; 2.15 or newer is needed".format(row["version"]))
    if row["restoring"] == "on":
        raise UnsupportedError(
            "database {0} is in restoring mode (timescaledb.restoring = on); finish the restore with "
            "SELECT timescaledb_post_restore()".format(row["database"])
        )
    return found


def read_database(session: Session, declaration: Declaration, capabilities: Capabilities) -> Database:
    """Return everything a plan for the declaration looks at; call inside a transaction, which it leaves as it was."""
    session.execute("SET LOCAL intervalstyle = 'postgres'")
    session.execute("SET LOCAL timezone = 'UTC'")
    found = rows.policies(session.rows(queries.JOBS))
    aggregates = queries.aggregates(capabilities.keeps_refreshes_cut_short)
    database = Database(
        hypertables=tuple(rows.hypertable(row, found, capabilities) for row in session.rows(queries.HYPERTABLES)),
        aggregates=tuple(rows.aggregate(row, found, capabilities) for row in session.rows(aggregates)),
    )
    declared = [item.name for item in declaration.relations]
    if declared:
        database = replace(database, tables=_read_tables(session, declared, database, declaration))
    called = [item.integer_now_func for item in declaration.hypertables if item.integer_now_func is not None]
    if called:
        found_functions = session.rows(queries.functions(called))
        database = replace(
            database, functions=frozenset(QualifiedName(row["schema"], row["name"]) for row in found_functions)
        )
    queried = [(item.name, item.query) for item in declaration.aggregates if item.query and not item.absent]
    return replace(database, rehearsals=rehearse(session, [(name, str(query)) for name, query in queried]))


def _read_tables(
    session: Session, names: Iterable[QualifiedName], database: Database, declaration: Declaration
) -> Tuple[Table, ...]:
    found = session.rows(queries.tables(names))
    kinds = {item.name: "hypertable" for item in database.hypertables}
    kinds.update({item.name: "continuous aggregate" for item in database.aggregates})
    to_convert = {item.name for item in declaration.hypertables if not item.absent}
    plain = [
        QualifiedName(row["schema"], row["name"])
        for row in found
        if row["relkind"] == "r" and QualifiedName(row["schema"], row["name"]) in to_convert - set(kinds)
    ]
    holding = session.rows(queries.occupied(plain)) if plain else []
    filled = {QualifiedName(row["schema"], row["name"]) for row in holding if row["has_rows"]}
    tables = []
    for row in found:
        name = QualifiedName(row["schema"], row["name"])
        tables.append(rows.table(row, kinds.get(name), name in filled))
    return tuple(tables)
