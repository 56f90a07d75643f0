# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From roles as wanted and as found to statements. Pure; what is random comes in from outside."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

from ..timescaledb.errors import DeclarationError
from ..timescaledb.names import quote_identifier, quote_literal
from .model import Cluster, Membership, Role, Statement, WantedRole
from .scram import is_password_of

# What no declared role ever has. Each is said when it has to be taken back.
_NEVER = ("superuser", "createdb", "createrole", "replication", "bypassrls")
MASK = "'********'"
GRANTORS_SINCE = 160000

MakeVerifier = Callable[[str], str]


def plan_roles(
    wanted: Sequence[WantedRole], found: Cluster, make_verifier: MakeVerifier, reset_passwords: bool = False
) -> List[Statement]:
    """Return the statements that bring the roles to what is declared: attributes, memberships, removals, passwords.

    Those with secrets come last, so that whoever runs them can keep them, and nothing else, out of a log.
    reset_passwords: set declared passwords even where nobody can see whether they are set already
    Raises DeclarationError for what may not be managed.
    """
    _check(wanted, found)
    statements: List[Statement] = []
    present = [role for role in wanted if not role.absent]
    for role in sorted(present, key=lambda item: bool(item.groups)):
        statements += _attributes(role, found.roles.get(role.name))
    for role in present:
        statements += _memberships(role, found)
    gone = [role.name for role in wanted if role.absent and role.name in found.roles]
    statements += [Statement(f"DROP ROLE {quote_identifier(name)}") for name in gone]
    for role in present:
        statements += _password(role, found.roles.get(role.name), found, make_verifier, reset_passwords)
    return statements


def unseen_passwords(wanted: Sequence[WantedRole], found: Cluster) -> List[str]:
    """Return the roles whose passwords are declared, and nobody can see whether they are set."""
    if found.passwords_readable:
        return []
    return [role.name for role in wanted if role.password is not None and role.name in found.roles and not role.absent]


def _check(wanted: Sequence[WantedRole], found: Cluster) -> None:
    declared = {role.name for role in wanted if not role.absent}
    for role in wanted:
        known = found.roles.get(role.name)
        if role.name == found.user or (known is not None and known.builtin):
            who = "the role this task logs in as" if role.name == found.user else "a role of the server itself"
            raise DeclarationError(role.path, f"{role.name} is {who}, which is not managed; accepted is another name")
        for group in role.groups:
            if group not in declared and group not in found.roles:
                raise DeclarationError(
                    f"{role.path}.groups",
                    f"there is no role {group!r}; accepted are {', '.join(sorted(declared - {role.name}))} and roles "
                    "the server has",
                )


def _attributes(role: WantedRole, known: Optional[Role]) -> List[Statement]:
    name = quote_identifier(role.name)
    if known is None:
        words = ["LOGIN" if role.login else "NOLOGIN"]
        words += [f"CONNECTION LIMIT {role.connection_limit}"] if role.connection_limit != -1 else []
        return [Statement(f"CREATE ROLE {name} {' '.join(words)}")]
    words = ["NO" + attribute.upper() for attribute in _NEVER if getattr(known, attribute)]
    words += [] if known.inherit else ["INHERIT"]
    if known.login != role.login:
        words.append("LOGIN" if role.login else "NOLOGIN")
    if known.connection_limit != role.connection_limit:
        words.append(f"CONNECTION LIMIT {role.connection_limit}")
    return [Statement(f"ALTER ROLE {name} {' '.join(words)}")] if words else []


def _password(
    role: WantedRole, known: Optional[Role], found: Cluster, make_verifier: MakeVerifier, reset: bool
) -> List[Statement]:
    name = quote_identifier(role.name)
    kept = known.password if known is not None else None
    if role.password is None:
        return [Statement(f"ALTER ROLE {name} PASSWORD NULL")] if kept is not None else []
    seen = known is None or found.passwords_readable
    if (seen and kept is not None and is_password_of(role.password, kept)) or not (seen or reset):
        return []
    begin = f"ALTER ROLE {name} PASSWORD "
    return [Statement(begin + quote_literal(make_verifier(role.password)), begin + MASK)]


def _memberships(role: WantedRole, found: Cluster) -> List[Statement]:
    known = found.roles.get(role.name)
    has: Sequence[Membership] = known.memberships if known is not None else ()
    name = quote_identifier(role.name)
    statements = []
    for item in has:
        if item.group not in role.groups:
            statements.append(Statement(f"REVOKE {quote_identifier(item.group)} FROM {name}{_by(item, found)}"))
        elif item.admin:
            statements.append(
                Statement(f"REVOKE ADMIN OPTION FOR {quote_identifier(item.group)} FROM {name}{_by(item, found)}")
            )
    for group in role.groups:
        rows = [item for item in has if item.group == group]
        if not any(item.inherit and item.settable for item in rows):
            options = " WITH INHERIT TRUE, SET TRUE" if rows and found.postgres >= GRANTORS_SINCE else ""
            statements.append(Statement(f"GRANT {quote_identifier(group)} TO {name}{options}"))
    return statements


def _by(item: Membership, found: Cluster) -> str:
    """From PostgreSQL 16 on a membership is only taken back in the name of who granted it."""
    known = found.postgres >= GRANTORS_SINCE and item.grantor
    return f" GRANTED BY {quote_identifier(item.grantor)}" if known else ""


def describe_found(wanted: Sequence[WantedRole], found: Cluster) -> Dict[str, Any]:
    """Return the declared roles as they are, for a diff; passwords only as whether they are the declared ones."""
    return {role.name: _describe(role, found.roles[role.name], found) for role in wanted if role.name in found.roles}


def describe_wanted(wanted: Sequence[WantedRole], found: Cluster) -> Dict[str, Any]:
    """Return the declared roles as they will be, in the same shape."""
    after = {}
    for role in wanted:
        if role.absent:
            continue
        entry: Dict[str, Any] = {"login": role.login, "groups": sorted(role.groups)}
        if role.connection_limit != -1:
            entry["connection_limit"] = role.connection_limit
        unseen = role.name in found.roles and not found.passwords_readable
        entry["password"] = "unseen" if unseen else "none" if role.password is None else "as declared"
        after[role.name] = entry
    return after


def _describe(role: WantedRole, known: Role, found: Cluster) -> Dict[str, Any]:
    entry: Dict[str, Any] = {"login": known.login, "groups": list(known.groups)}
    if known.connection_limit != -1:
        entry["connection_limit"] = known.connection_limit
    entry.update({attribute: True for attribute in _NEVER if getattr(known, attribute)})
    if not known.inherit:
        entry["inherit"] = False
    admin = sorted(item.group for item in known.memberships if item.admin)
    if admin:
        entry["admin_of"] = admin
    entry["password"] = _describe_password(role, known, found)
    return entry


def _describe_password(role: WantedRole, known: Role, found: Cluster) -> str:
    if not found.passwords_readable:
        return "unseen"
    if known.password is None:
        return "none"
    declared = role.password is not None and is_password_of(role.password, known.password)
    return "as declared" if declared else "another"
