# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a server, in one transaction that writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..timescaledb.errors import ServerError
from ..timescaledb.names import QualifiedName
from ..timescaledb.session import Session
from . import queries
from .model import (
    BareKey,
    Compression,
    DeclaredQuery,
    Facts,
    Finding,
    Job,
    Reads,
    RoleRights,
    Server,
    Storage,
)
from .needs import Relation
from .plans import relations_of

_SHOWN = 20


@dataclass(frozen=True)
class Questions:
    """What to look at. creating: roles that are to create tables; using: roles that are to read everything."""

    schemas: Tuple[str, ...] = ("public",)
    owner: str = ""
    creating: Tuple[str, ...] = ()
    using: Tuple[str, ...] = ()
    compressed: Tuple[str, ...] = ()
    queries: Tuple[Tuple[str, str], ...] = ()
    large_rows: int = 10000


def read_server(session: Session) -> Server:
    """Return what the server is and who asks."""
    return Server(**session.row(queries.SERVER))


def explain_broken(error: ServerError) -> Optional[Finding]:
    """Return what a server's refusal of the very first question means, None where it is something else."""
    said = str(error)
    if "could not access file" in said:
        return Finding(
            "extension_without_files",
            "the database uses a version of TimescaleDB whose library is not on the server",
            said,
            "install the package of that version, or ALTER EXTENSION timescaledb UPDATE as the first thing in psql -X",
        )
    if "must be preloaded" in said:
        return Finding(
            "extension_not_preloaded",
            "extension timescaledb cannot be used: the server does not preload its library",
            said.split("\n")[0],
            "add timescaledb to shared_preload_libraries and restart the server, as playbooks/install_server.yml does",
        )
    return None


def read_facts(session: Session, questions: Questions) -> Facts:
    """Return everything the diagnosis looks at; call inside a transaction, which is left as it was."""
    server = read_server(session)
    creating = questions.creating or (server.user,)
    roles = tuple(dict.fromkeys((*creating, *questions.using)))
    rights = session.rows(queries.rights(roles, questions.schemas))
    known = {row["role"] for row in rights}
    owner = questions.owner
    planned, storage = _read_plans(session, questions, server.at_work)
    facts: Dict[str, Any] = {
        "server": server,
        "rights": tuple(_rights(row) for row in rights),
        "creating": creating,
        "missing_roles": tuple(role for role in roles if role not in known),
        "owner": owner,
        "strays": _strays(session, questions) if owner else (),
        "declared_compression": questions.compressed,
        "reads": _named(Reads, session.rows(queries.reads(questions.schemas, server.at_work))),
        "bare_keys": tuple(_bare_key(row) for row in session.rows(queries.bare_keys(questions.schemas))),
        "queries": planned,
        "storage": storage,
        "large_rows": questions.large_rows,
    }
    if server.at_work:
        facts["compression"] = _named(Compression, session.rows(queries.COMPRESSION))
        facts["jobs"] = tuple(_job(row) for row in session.rows(queries.JOBS))
        facts["chunks"] = session.row(queries.CHUNKS)["chunks"]
    return Facts(**facts)


def read_relations(session: Session, names: Sequence[QualifiedName]) -> Tuple[Relation, ...]:
    """Return who owns the named relations that are there."""
    rows = session.rows(queries.relations(names)) if names else []
    return tuple(
        Relation(str(QualifiedName(row["schema"], row["name"])), row["owner"], row["alterable"], row["owner_can_login"])
        for row in rows
    )


def read_readability(session: Session, schemas: Sequence[str]) -> List[Tuple[str, bool]]:
    """Return everything in schemas, and whether the session may read it."""
    rows = session.rows(queries.relations_in(schemas))
    return [(str(QualifiedName(row["schema"], row["name"])), row["readable"]) for row in rows]


def read_closed_schemas(session: Session, user: str, schemas: Sequence[str]) -> Tuple[str, ...]:
    """Return the schemas in which the session may not create."""
    rows = session.rows(queries.rights([user], schemas))
    open_schemas = {row["schema"] for row in rows if row["creates"] and row["uses"]}
    return tuple(schema for schema in schemas if schema not in open_schemas)


def _rights(row: Mapping[str, Any]) -> RoleRights:
    names = tuple(row["unreadable"] or ())
    return RoleRights(**{**row, "unreadable": names[:_SHOWN], "unreadable_count": len(names)})


def _strays(session: Session, questions: Questions) -> Tuple[Tuple[str, str], ...]:
    rows = session.rows(queries.strays(questions.schemas, questions.owner))
    return tuple((row["relation"], row["owner"]) for row in rows)


def _named(kind: Any, rows: Sequence[Mapping[str, Any]]) -> Tuple[Any, ...]:
    """Return rows as objects, schema and name together."""
    known = {field.name for field in fields(kind)}
    return tuple(
        kind(**{**{key: value for key, value in row.items() if key in known}, "name": _name(row)}) for row in rows
    )


def _name(row: Mapping[str, Any]) -> str:
    return str(QualifiedName(row["schema"], row["name"]))


def _job(row: Mapping[str, Any]) -> Job:
    values = {key: value for key, value in row.items() if key not in ("schema", "name")}
    return Job(**values, relation=_name(row) if row["name"] else None)


def _bare_key(row: Mapping[str, Any]) -> BareKey:
    relation = str(QualifiedName(row["schema"], row["relation"]))
    return BareKey(row["name"], relation, tuple(row["columns"]), row["parent"])


def _read_plans(
    session: Session, questions: Questions, with_chunks: bool
) -> Tuple[Tuple[DeclaredQuery, ...], Dict[Tuple[str, str], Storage]]:
    """Plan the declared queries, none of which is run, and look up what they scan."""
    planned = tuple(_plan(session, name, query) for name, query in questions.queries)
    scanned = sorted({pair for item in planned if item.plan is not None for pair in relations_of(item.plan)})
    rows = session.rows(queries.storage(scanned, with_chunks)) if scanned else []
    return planned, {
        (row["schema"], row["name"]): Storage(
            str(QualifiedName(row["relation_schema"], row["relation"])),
            row["rows"],
            row["time_column"],
            tuple(row["columns"] or ()),
        )
        for row in rows
    }


def _plan(session: Session, name: str, query: str) -> DeclaredQuery:
    session.execute("SAVEPOINT planning")
    try:
        plan = session.explain(query)
    except ServerError as error:
        session.execute("ROLLBACK TO SAVEPOINT planning")
        return DeclaredQuery(name, error=str(error))
    session.execute("RELEASE SAVEPOINT planning")
    return DeclaredQuery(name, plan=plan)
