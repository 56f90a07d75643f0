# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options say, checked: every refusal names the variable, what was given and what is accepted."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

from ..timescaledb.errors import DeclarationError
from ..timescaledb.fields import Fields, items_of
from ..timescaledb.names import LONGEST_NAME, is_storable, parse_name
from .model import WantedGrants, WantedRole

RESERVED = ("public", "none", "current_role", "current_user", "session_user")


def parse_roles(value: object, path: str) -> Tuple[WantedRole, ...]:
    """Read a list of roles found under path."""
    roles: List[WantedRole] = []
    for fields in items_of(value, path):
        role = _parse_role(fields)
        if role.name in [earlier.name for earlier in roles]:
            raise DeclarationError(fields.path, "declared twice; accepted is once")
        roles.append(role)
    return tuple(roles)


def _parse_role(fields: Fields) -> WantedRole:
    name = check_role_name(fields.raw("name"), fields.at("name"))
    absent = fields.absent()
    login = bool(fields.boolean("login"))
    password = _password(fields)
    groups = fields.texts("groups") or ()
    limit = fields.integer("connection_limit", -1)
    fields.finish()
    if password is not None and not login:
        raise DeclarationError(fields.at("password"), "a role that may not log in needs no password")
    if name in groups:
        raise DeclarationError(fields.at("groups"), f"{name} cannot be in itself")
    return WantedRole(
        path=fields.path,
        name=name,
        login=login,
        password=password,
        groups=tuple(check_role_name(group, fields.at("groups"), builtin=True) for group in groups),
        connection_limit=-1 if limit is None else limit,
        absent=absent,
    )


def _password(fields: Fields) -> Any:
    """Read a password; what is wrong with one is said without saying it."""
    value = fields.raw("password")
    if value is None:
        return None
    if not isinstance(value, str) or not is_storable(value):
        raise DeclarationError(fields.at("password"), "what was given is no text; accepted is text")
    if not value:
        raise DeclarationError(
            fields.at("password"),
            "empty text was given; accepted is a password, from a vault or the environment, or leaving it out for a "
            "role that logs in without one",
        )
    return value


def check_role_name(value: object, path: str, builtin: bool = False) -> str:
    """Return a role's name; those of the server itself only where they are fine."""
    if not isinstance(value, str) or not value.strip() or not is_storable(value):
        raise DeclarationError(path, f"{value!r} is no role; accepted is its name")
    if len(value.encode("utf-8")) > LONGEST_NAME:
        raise DeclarationError(path, f"{value!r} is longer than PostgreSQL's {LONGEST_NAME} bytes")
    if value.lower() in RESERVED or (value.startswith("pg_") and not builtin):
        raise DeclarationError(path, f"{value!r} is a name PostgreSQL keeps for itself; accepted is another")
    return value


def parse_grants(params: Mapping[str, Any]) -> WantedGrants:
    """Read the options of timescaledb_grants."""
    groups = {key: check_role_name(params[key], key) for key in ("owner", "writer", "reader") if params[key]}
    if len(set(groups.values())) != len(groups):
        raise DeclarationError("owner", "owner, writer and reader are to be three roles")
    connecting = tuple(check_role_name(name, "connecting") for name in params["connecting"])
    revoked = tuple(check_role_name(name, "revoked") for name in params["revoked"])
    taken = [name for name in (*connecting, *revoked) if name in groups.values()]
    both = [name for name in revoked if name in connecting]
    if taken or both:
        raise DeclarationError("connecting", f"{(taken + both)[0]} is named for two things; accepted is one")
    return WantedGrants(
        owner=groups.get("owner", ""),
        writer=groups.get("writer", ""),
        reader=groups.get("reader", ""),
        connecting=connecting,
        revoked=revoked,
        schemas=_schemas(params["schemas"]),
        read_only=tuple(_relation(name) for name in params["read_only"]),
    )


def _schemas(names: Sequence[str]) -> Tuple[str, ...]:
    for name in names:
        if not name.strip() or not is_storable(name) or name.startswith(("pg_", "_timescaledb", "timescaledb_")):
            raise DeclarationError(
                "schemas", f"{name!r} is no schema of yours; accepted are those that hold your tables"
            )
    return tuple(names)


def _relation(text: str) -> Tuple[str, str]:
    name = parse_name(text, "read_only")
    return name.schema, name.name
