# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading roles and rights, in a constant number of queries that name their columns."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Sequence

from ..timescaledb.errors import DeclarationError
from ..timescaledb.names import quote_literal
from ..timescaledb.session import Session
from .model import (
    DATABASE,
    DEFAULT_SEQUENCE,
    DEFAULT_TABLE,
    PUBLIC,
    SCHEMA,
    Cluster,
    Holding,
    Membership,
    Role,
    Target,
    WantedGrants,
    WantedRole,
)

_FIRST_ORDINARY = 16384  # roles below are made by initdb

_WHO = """
SELECT current_setting('server_version_num')::int AS postgres, current_user::text AS name, r.rolsuper AS superuser,
       has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS passwords_readable
FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user
"""

# Columns that only PostgreSQL 16 and newer have are read by name from the row as JSON.
_ROLES = """
SELECT r.rolname AS name, r.rolcanlogin AS login, r.rolsuper AS superuser, r.rolcreatedb AS createdb,
       r.rolcreaterole AS createrole, r.rolreplication AS replication, r.rolbypassrls AS bypassrls,
       r.rolinherit AS inherit, r.rolconnlimit AS connection_limit, r.oid::bigint < {ordinary} AS builtin,
       {password} AS password,
       (SELECT json_agg(json_build_object(
            'group', g.rolname, 'grantor', pg_get_userbyid(m.grantor), 'admin', m.admin_option,
            'inherit', COALESCE((to_jsonb(m) ->> 'inherit_option')::boolean, true),
            'settable', COALESCE((to_jsonb(m) ->> 'set_option')::boolean, true)) ORDER BY g.rolname, m.grantor)
        FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
        WHERE m.member = r.oid) AS memberships
FROM pg_catalog.pg_roles AS r WHERE r.rolname IN ({names})
"""
_PASSWORD = "(SELECT a.rolpassword FROM pg_catalog.pg_authid AS a WHERE a.oid = r.oid)"  # noqa: S105 - a column's name


def read_cluster(session: Session, wanted: Sequence[WantedRole]) -> Cluster:
    """Return the declared roles and their groups as the server has them."""
    who = session.row(_WHO)
    names = sorted({role.name for role in wanted} | {group for role in wanted for group in role.groups})
    query = _ROLES.format(
        ordinary=_FIRST_ORDINARY,
        password=_PASSWORD if who["passwords_readable"] else "NULL::text",
        names=_literals(names),
    )
    return Cluster(
        roles={row["name"]: _role(row) for row in (session.rows(query) if names else [])},
        postgres=who["postgres"],
        user=who["name"],
        superuser=who["superuser"],
        passwords_readable=who["passwords_readable"],
    )


def _role(row: Mapping[str, Any]) -> Role:
    fields = {key: value for key, value in row.items() if key != "memberships"}
    return Role(**fields, memberships=tuple(Membership(**item) for item in row["memberships"] or []))


def _rights(acl: str, unset: str) -> str:
    """What is held on an object, by grantee. unset: what an empty list stands for, as nobody granted anything yet."""
    return f"""
(SELECT json_agg(json_build_object('grantee', COALESCE(g.rolname, 'PUBLIC'), 'everybody', a.grantee = 0,
                                   'privilege', a.privilege_type, 'grantable', a.is_grantable))
 FROM aclexplode(COALESCE({acl}, {unset})) AS a LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = a.grantee
 WHERE a.grantee = 0 OR g.rolname IS NOT NULL) AS rights
"""


_DATABASE = (
    """
SELECT 'DATABASE' AS kind, d.datname AS schema, '' AS name, pg_get_userbyid(d.datdba) AS owner, false AS extension,
       pg_has_role(current_user, d.datdba, 'USAGE') AS grantable,"""
    + _rights("d.datacl", "acldefault('d', d.datdba)")
    + """
FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()
"""
)
_SCHEMAS = (
    """
SELECT 'SCHEMA' AS kind, n.nspname AS schema, '' AS name, pg_get_userbyid(n.nspowner) AS owner, false AS extension,
       pg_has_role(current_user, n.nspowner, 'USAGE') AS grantable,"""
    + _rights("n.nspacl", "acldefault('n', n.nspowner)")
    + """
FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ({schemas})
"""
)
_RELATIONS = (
    """
SELECT CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' WHEN c.relkind IN ('v', 'm') THEN 'VIEW' ELSE 'TABLE' END AS kind,
       n.nspname AS schema, c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
       EXISTS (SELECT FROM pg_catalog.pg_depend AS d
               WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') AS extension,
       pg_has_role(current_user, c.relowner, 'USAGE') AS grantable,"""
    + _rights("c.relacl", """acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner)""")
    + """
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ({schemas}) AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
"""
)
_DEFAULTS = (
    """
SELECT k.kind, n.nspname AS schema, '' AS name, {owner} AS owner, false AS extension,
       o.oid IS NULL OR pg_has_role(current_user, o.oid, 'USAGE') AS grantable,"""
    + _rights("d.defaclacl", "NULL")
    + """
FROM pg_catalog.pg_namespace AS n
CROSS JOIN (VALUES ('r'::"char", 'default of tables'), ('S', 'default of sequences')) AS k(type, kind)
LEFT JOIN pg_catalog.pg_roles AS o ON o.rolname = {owner}
LEFT JOIN pg_catalog.pg_default_acl AS d
  ON d.defaclrole = o.oid AND d.defaclnamespace = n.oid AND d.defaclobjtype = k.type
WHERE n.nspname IN ({schemas})
"""
)
_KNOWN = "SELECT r.rolname AS name FROM pg_catalog.pg_roles AS r WHERE r.rolname IN ({names})"


def read_holdings(session: Session, wanted: WantedGrants) -> List[Holding]:
    """Return what everybody holds on the database, the schemas, what is in them, and what will be made there."""
    schemas = _literals(wanted.schemas)
    rows = session.rows(_DATABASE)
    rows += session.rows(_SCHEMAS.format(schemas=schemas))
    missing = set(wanted.schemas) - {row["schema"] for row in rows if row["kind"] == SCHEMA}
    if missing:
        raise DeclarationError("schemas", f"there is no schema {sorted(missing)[0]!r} in this database")
    rows += session.rows(_RELATIONS.format(schemas=schemas))
    rows += session.rows(_DEFAULTS.format(schemas=schemas, owner=quote_literal(wanted.owner)))
    return sorted((_holding(row) for row in rows), key=lambda item: item.target)


def read_known_roles(session: Session, names: Iterable[str]) -> FrozenSet[str]:
    """Return which of the named roles there are."""
    return frozenset(row["name"] for row in session.rows(_KNOWN.format(names=_literals(names))))


def _holding(row: Mapping[str, Any]) -> Holding:
    rights: Dict[str, FrozenSet[str]] = {}
    for item in row["rights"] or []:
        if item["grantee"] == PUBLIC and not item["everybody"]:
            continue  # a role that happens to be called so
        privilege = item["privilege"] + ("*" if item["grantable"] else "")
        rights[item["grantee"]] = rights.get(item["grantee"], frozenset()) | {privilege}
    return Holding(
        Target(row["kind"], row["schema"], row["name"]), row["owner"], rights, row["grantable"], row["extension"]
    )


def _literals(names: Iterable[str]) -> str:
    return ", ".join(quote_literal(name) for name in names) or "''"


def assume_holdings(wanted: WantedGrants, database: str) -> List[Holding]:
    """Return what there is in a new database, for a check before it exists."""
    new = [Holding(Target(DATABASE, database), wanted.owner, {PUBLIC: frozenset({"CONNECT", "TEMPORARY"})})]
    for schema in wanted.schemas:
        new.append(Holding(Target(SCHEMA, schema), "pg_database_owner", {PUBLIC: frozenset({"USAGE"})}))
        new += [Holding(Target(kind, schema), wanted.owner, {}) for kind in (DEFAULT_TABLE, DEFAULT_SEQUENCE)]
    return new
