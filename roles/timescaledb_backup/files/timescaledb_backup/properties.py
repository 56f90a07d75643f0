# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database has besides its content: owner, rights, settings, connection limit, comment."""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .session import quote_identifier, quote_literal

# Settings which are lists of names: the server keeps them quoted already.
LISTS = {"local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces"}
RESTORING = "timescaledb.restoring"  # says that a restore is under way, not how the database is to be
ELEMENT = re.compile(r'"((?:[^"]|"")*)"|([^,\s"]+)')
UNLIMITED = -1

QUERY = """
SELECT pg_get_userbyid(d.datdba) AS owner, d.datconnlimit AS connection_limit,
       shobj_description(d.oid, 'pg_database') AS comment,
       (SELECT json_agg(json_build_array(CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
                                         a.privilege_type, a.is_grantable) ORDER BY a.grantee, a.privilege_type)
        FROM aclexplode(d.datacl) AS a) AS grants,
       (SELECT json_agg(json_build_array(CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END, c.entry)
                        ORDER BY s.setrole, c.entry)
        FROM pg_catalog.pg_db_role_setting AS s, unnest(s.setconfig) AS c(entry)
        WHERE s.setdatabase = d.oid) AS settings
FROM pg_catalog.pg_database AS d
WHERE d.datname = {name}
"""


class Properties(NamedTuple):
    """As the query finds them; grants None: nobody ever changed the rights."""

    owner: str
    connection_limit: int = UNLIMITED
    comment: Optional[str] = None
    grants: Optional[List[Tuple[Optional[str], str, bool]]] = None
    settings: List[Tuple[Optional[str], str]] = []  # noqa: RUF012 - never changed


def properties_query(database: str) -> str:
    """The query for the properties of one database."""
    return QUERY.format(name=quote_literal(database))


def read_properties(row: Dict[str, Any]) -> Properties:
    """A row of the query."""
    grants = row["grants"]
    return Properties(
        row["owner"],
        row["connection_limit"],
        row["comment"],
        None if grants is None else [(grantee, privilege, grantable) for grantee, privilege, grantable in grants],
        [(role, entry) for role, entry in row["settings"] or [] if entry.partition("=")[0] != RESTORING],
    )


def properties_statements(database: str, properties: Properties) -> List[str]:
    """What gives a new database these properties. The connection limit comes last."""
    name = quote_identifier(database)
    statements = [f"ALTER DATABASE {name} OWNER TO {quote_identifier(properties.owner)}"]
    statements += _grant_statements(name, properties)
    for role, entry in properties.settings:
        key, _, value = entry.partition("=")
        whom = f"DATABASE {name}" if role is None else f"ROLE {quote_identifier(role)} IN DATABASE {name}"
        statements.append(f"ALTER {whom} SET {_quote_setting(key)} TO {quote_setting_value(key, value)}")
    if properties.comment is not None:
        statements.append(f"COMMENT ON DATABASE {name} IS {quote_literal(properties.comment)}")
    if properties.connection_limit != UNLIMITED:
        statements.append(f"ALTER DATABASE {name} CONNECTION LIMIT {int(properties.connection_limit)}")
    return statements


def quote_setting_value(key: str, value: str) -> str:
    """A setting's value as SET takes it; that of a list is taken apart, for it is quoted already."""
    if key.lower() not in LISTS:
        return quote_literal(value)
    elements = [quoted.replace('""', '"') if quoted or not bare else bare for quoted, bare in ELEMENT.findall(value)]
    return ", ".join(quote_literal(element) for element in elements) or "''"


def _quote_setting(key: str) -> str:
    return ".".join(quote_identifier(part) for part in key.split("."))


def _grant_statements(name: str, properties: Properties) -> List[str]:
    if properties.grants is None:
        return []
    statements = [f"REVOKE ALL ON DATABASE {name} FROM PUBLIC, {quote_identifier(properties.owner)}"]
    for grantee, privilege, grantable in properties.grants:
        whom = "PUBLIC" if grantee is None else quote_identifier(grantee)
        option = " WITH GRANT OPTION" if grantable else ""
        statements.append(f"GRANT {privilege} ON DATABASE {name} TO {whom}{option}")
    return statements
