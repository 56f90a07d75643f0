# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles may not do and should."""

from __future__ import annotations

from typing import Iterator

from .model import NOTICE, Facts, Finding, RoleRights

_SHOWN = 5


def look_at_rights(facts: Facts) -> Iterator[Finding]:
    """Yield which roles are kept from creating in a schema, from using it, and from reading what is in it."""
    for role in facts.missing_roles:
        yield Finding(
            "role_missing",
            f"there is no role {role}",
            "pg_roles does not list it",
            "run playbooks/create_database.yml, or correct the name",
        )
    for rights in facts.rights:
        yield from _look_at_schema(rights, rights.role in facts.creating)
        yield from _look_at_relations(rights)
    if facts.strays:
        shown = ", ".join(f"{relation} ({owner})" for relation, owner in facts.strays[:_SHOWN])
        yield Finding(
            "foreign_owner",
            f"not everything belongs to {facts.owner}, so it can neither change that nor grant rights on it",
            shown + _more(len(facts.strays)),
            f"as a superuser, ALTER TABLE or ALTER VIEW ... OWNER TO {facts.owner}",
            NOTICE,
        )


def _look_at_schema(rights: RoleRights, creating: bool) -> Iterator[Finding]:
    if not rights.uses:
        yield Finding(
            "schema_not_usable",
            f"permission denied for schema {rights.schema}: role {rights.role} may not use it",
            f"{rights.role} lacks USAGE on schema {rights.schema}, which belongs to {rights.schema_owner}",
            f"GRANT USAGE ON SCHEMA {rights.schema} TO {rights.role}; for groups and logins, "
            "playbooks/create_database.yml does it",
        )
    elif creating and not rights.creates:
        yield Finding(
            "schema_not_creatable",
            f"permission denied for schema {rights.schema}: role {rights.role} may not create tables in it",
            f"{rights.role} lacks CREATE on schema {rights.schema}, which belongs to {rights.schema_owner}; since "
            "PostgreSQL 15 not everybody has it",
            f"work as the owner (timescaledb_login_session_role), or GRANT CREATE ON SCHEMA {rights.schema} TO "
            f"{rights.role}",
        )


def _look_at_relations(rights: RoleRights) -> Iterator[Finding]:
    if rights.unreadable_count and rights.uses:
        yield Finding(
            "relation_not_readable",
            f"permission denied: role {rights.role} may not read everything in schema {rights.schema}",
            ", ".join(rights.unreadable[:_SHOWN]) + _more(rights.unreadable_count),
            "run playbooks/grant_access.yml, or GRANT SELECT on these",
        )


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""
