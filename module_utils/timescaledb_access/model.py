# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and rights, as they are wanted and as they are found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Optional, Tuple

PUBLIC = "PUBLIC"
Privileges = FrozenSet[str]

# Everything the server may hold of a kind of object, in the order in which it is written.
DATABASE, SCHEMA, TABLE, VIEW, SEQUENCE = "DATABASE", "SCHEMA", "TABLE", "VIEW", "SEQUENCE"
DEFAULT_TABLE, DEFAULT_SEQUENCE = "default of tables", "default of sequences"
ORDER = (
    *("CONNECT", "CREATE", "TEMPORARY", "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    *("MAINTAIN", "USAGE"),
)


@dataclass(frozen=True)
class Statement:
    """A statement, and how it is shown to people: without what is secret in it."""

    text: str
    shown: str = ""

    def __str__(self) -> str:
        """The statement without secrets."""
        return self.shown or self.text


@dataclass(frozen=True)
class Membership:
    """That a role is in a group. The grantor matters from PostgreSQL 16 on, as do inherit and settable."""

    group: str
    grantor: str = ""
    admin: bool = False
    inherit: bool = True
    settable: bool = True


@dataclass(frozen=True)
class Role:
    """A role of the server. password: its verifier, None for none or where it may not be read."""

    name: str
    login: bool = False
    superuser: bool = False
    createdb: bool = False
    createrole: bool = False
    replication: bool = False
    bypassrls: bool = False
    inherit: bool = True
    connection_limit: int = -1
    password: Optional[str] = None
    memberships: Tuple[Membership, ...] = ()
    builtin: bool = False

    @property
    def groups(self) -> Tuple[str, ...]:
        """The groups it is in, each once, by name."""
        return tuple(sorted({item.group for item in self.memberships}))


@dataclass(frozen=True)
class Cluster:
    """What was found: the roles asked for by name, PostgreSQL's version number, who asks and what that one may see."""

    roles: Dict[str, Role] = field(default_factory=dict)
    postgres: int = 170000
    user: str = ""
    superuser: bool = True
    passwords_readable: bool = True


@dataclass(frozen=True)
class WantedRole:
    """A role as declared at path. password: plain or a verifier, None for a role that has none."""

    path: str
    name: str
    login: bool = False
    password: Optional[str] = None
    groups: Tuple[str, ...] = ()
    connection_limit: int = -1
    absent: bool = False

    def __repr__(self) -> str:
        return f"WantedRole({self.name})"


@dataclass(frozen=True, order=True)
class Target:
    """Something rights are granted on. A default stands under its schema; a view is granted on as a table."""

    kind: str
    schema: str
    name: str = ""


@dataclass(frozen=True)
class Holding:
    """The rights found on a target: for each grantee its privileges, those it may pass on marked with a star."""

    target: Target
    owner: str
    rights: Dict[str, Privileges]
    grantable: bool = True  # whether who asks may grant on it
    extension: bool = False


@dataclass(frozen=True)
class Rule:
    """What a grantee must have on a target, and what it may have besides."""

    required: Privileges = frozenset()
    allowed: Privileges = frozenset()


@dataclass(frozen=True)
class WantedGrants:
    """Who is to have which access to a database and the named schemas.

    owner: owns and creates; writer, reader: groups; connecting: may connect and has nothing else of its own; revoked:
    has nothing; read_only: relations, as (schema, name), that the writer only reads
    """

    owner: str
    writer: str = ""
    reader: str = ""
    connecting: Tuple[str, ...] = ()
    revoked: Tuple[str, ...] = ()
    schemas: Tuple[str, ...] = ("public",)
    read_only: Tuple[Tuple[str, str], ...] = ()
