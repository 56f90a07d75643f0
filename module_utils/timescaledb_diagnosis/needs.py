# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory needs of a server that somebody else runs, held against what that server is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Tuple

from ..timescaledb.capabilities import OLDEST, parse_version
from .model import Server

POSTGRES = (15, 18)  # major versions
NEWEST = (2, 29)
# Minor versions that broke what extensions rely on; TimescaleDB crashes on them.
_BROKEN = {150009: "15.10", 160005: "16.6", 170001: "17.2"}


@dataclass(frozen=True)
class Relation:
    """A declared relation that is there: its owner, whether the session may act as that, and whether it may log in."""

    name: str
    owner: str
    alterable: bool
    owner_can_login: bool


@dataclass(frozen=True)
class Needs:
    """What is to be done there. community: the variables that need that edition; schemas: where tables are made."""

    community: Tuple[str, ...] = ()
    aggregates: bool = False
    policies: bool = False
    relations: Tuple[Relation, ...] = ()
    closed_schemas: Tuple[str, ...] = ()  # schemas in which the session may not create


def lacks(server: Server, needs: Needs) -> List[str]:
    """Return one sentence with its remedy for each thing the server or the session's role lacks."""
    return [*_versions(server), *_edition(server, needs), *_privileges(server, needs)]


def doubts(server: Server, remote: bool) -> List[str]:
    """Return what is no obstacle but should be known. remote: whether the server is reached over a network."""
    found = []
    if server.postgres // 10000 > POSTGRES[1]:
        found.append(f"PostgreSQL {server.postgres_text} is newer than what this was tested with ({POSTGRES[1]})")
    if server.version and parse_version(server.version)[:2] > NEWEST:
        newest = ".".join(map(str, NEWEST))
        found.append(f"TimescaleDB {server.version} is newer than what this was tested with ({newest})")
    if remote and not server.tls:
        found.append("the connection is not encrypted; set timescaledb_login_ssl_mode to verify-full")
    if server.standby:
        found.append("the server is a standby and takes no changes")
    return found


def _versions(server: Server) -> Iterator[str]:
    if server.postgres // 10000 < POSTGRES[0]:
        yield (
            f"PostgreSQL {server.postgres_text} was found; {POSTGRES[0]} to {POSTGRES[1]} are accepted: upgrade it, or "
            "name another server in timescaledb_login_host"
        )
    if server.postgres in _BROKEN:
        yield (
            f"PostgreSQL {server.postgres_text} was found, with which TimescaleDB crashes: update it to "
            f"{_BROKEN[server.postgres]} or newer"
        )
    if server.background_workers is None and server.license is None:
        if server.version is None and server.available is None:
            yield (
                "TimescaleDB is not installed on the server: install it there, choose it where a provider offers it, "
                "or "
                "let the role timescaledb_host do it (timescaledb_deployment: host)"
            )
        else:
            yield (
                "the server does not preload TimescaleDB: add timescaledb to its shared_preload_libraries and restart "
                "it"
            )
    elif server.version is None and not server.creates_extension:
        yield (
            f"database {server.database} has no extension timescaledb, and {server.login} may not create it: let a "
            f"superuser run CREATE EXTENSION timescaledb in it, or GRANT CREATE ON DATABASE {server.database} TO "
            f"{server.login}"
        )
    found = server.version or server.available
    if found is not None and parse_version(found) < OLDEST:
        oldest = ".".join(map(str, OLDEST[:2]))
        yield f"TimescaleDB {found} was found; {oldest} or newer is accepted: update it there"


def _edition(server: Server, needs: Needs) -> Iterator[str]:
    if server.edition == "apache" and needs.community:
        yield (
            "TimescaleDB {0} of the Apache edition was found, and the Community edition is needed for {1}: install it "
            "on the server (timescaledb.license = timescale), or declare hypertables only".format(
                server.version, ", ".join(needs.community)
            )
        )


def _privileges(server: Server, needs: Needs) -> Iterator[str]:
    for schema in needs.closed_schemas:
        yield (
            f"{server.user} may not create tables in schema {schema}: let its owner GRANT CREATE, USAGE ON SCHEMA "
            f"{schema} "
            f"TO {server.user}, or name a role that may in timescaledb_login_session_role"
        )
    if needs.aggregates and not server.makes_temporary:
        yield (
            f"{server.user} may not create temporary objects, by which aggregates' queries are rehearsed: let the "
            f"database's owner GRANT TEMPORARY ON DATABASE {server.database} TO {server.user}"
        )
    for relation in needs.relations:
        if not relation.alterable:
            yield (
                f"{relation.name} belongs to {relation.owner}, as which {server.user} may not act: GRANT "
                f"{relation.owner} TO {server.user}, or name {relation.owner} in timescaledb_login_session_role"
            )
    if needs.policies:
        yield from _sleepless(server, needs)


def _sleepless(server: Server, needs: Needs) -> Iterator[str]:
    """A policy runs in the name of the owner of its relation, who has to be able to log in."""
    owners = {relation.owner: relation.owner_can_login for relation in needs.relations}
    owners.setdefault(server.user, server.can_login)
    for owner, can_login in sorted(owners.items()):
        if not can_login:
            yield (
                f"{owner} may not log in, and TimescaleDB runs policies only of owners that may: ALTER ROLE {owner} "
                "LOGIN; "
                "without a password nobody can log in as it"
            )
