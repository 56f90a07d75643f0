# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the modules to their results; the only place that talks to Ansible. Nothing here writes."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..timescaledb.arguments import LIFECYCLE_OPTIONS, LOGIN_OPTIONS, declared_lifecycle, login_parameters
from ..timescaledb.declaration import Declaration
from ..timescaledb.errors import DeclarationError, ServerError, TimescaleError
from ..timescaledb.fields import items_of
from ..timescaledb.requirements import needing_community
from ..timescaledb.session import Session, connect
from ..timescaledb.sql_text import single_select
from .findings import diagnose
from .model import NOTICE, Finding, Server
from .needs import Needs, doubts, lacks
from .reader import (
    Questions,
    explain_broken,
    read_closed_schemas,
    read_facts,
    read_readability,
    read_relations,
    read_server,
)

SCHEMAS: Dict[str, Any] = {"type": "list", "elements": "str", "default": ["public"]}
CONNECTION_SPEC: Dict[str, Any] = {**LOGIN_OPTIONS, **LIFECYCLE_OPTIONS, "schemas": SCHEMAS}
DIAGNOSIS_SPEC: Dict[str, Any] = {
    **LOGIN_OPTIONS,
    **LIFECYCLE_OPTIONS,
    "schemas": SCHEMAS,
    "owner": {"type": "str", "default": ""},
    "creating_roles": {"type": "list", "elements": "str", "default": []},
    "reading_roles": {"type": "list", "elements": "str", "default": []},
    "queries": {"type": "list", "elements": "dict", "default": []},
    "large_rows": {"type": "int", "default": 10000},
}
_LOCAL = ("", "127.0.0.1", "::1", "localhost")

Result = Dict[str, Any]


def run_connection_info(module: AnsibleModule) -> None:
    """Say who one is where, and what is missing there; exits through the module."""
    _run(module, _describe_connection)


def run_diagnosis(module: AnsibleModule) -> None:
    """Say what ails a database; exits through the module."""
    _run(module, _diagnose)


def _run(module: AnsibleModule, ask: Callable[[Session, Mapping[str, Any]], Tuple[Result, List[str]]]) -> None:
    try:
        with connect(login_parameters(module.params)) as session:
            session.execute("BEGIN READ ONLY")
            result, warnings = ask(session, module.params)
            session.execute("ROLLBACK")
    except TimescaleError as error:
        module.fail_json(msg=str(error))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(changed=False, **result)


def _describe_connection(session: Session, params: Mapping[str, Any]) -> Tuple[Result, List[str]]:
    declaration = declared_lifecycle(params)
    server = read_server(session)
    needs = Needs(
        community=tuple(needing_community(declaration)),
        aggregates=any(item.query and not item.absent for item in declaration.aggregates),
        policies=any(_has_policy(item) for item in declaration.relations),
        relations=read_relations(session, [item.name for item in declaration.relations if not item.absent]),
        closed_schemas=read_closed_schemas(session, server.user, params["schemas"]),
    )
    readable = read_readability(session, params["schemas"])
    result = {
        "login": {"user": server.login, "session_role": server.user, "superuser": server.superuser},
        "tls": {"used": server.tls, "version": server.tls_version, "cipher": server.tls_cipher},
        "server": _describe(server),
        "readable": [name for name, may in readable if may],
        "unreadable": [name for name, may in readable if not may],
        "problems": lacks(server, needs),
    }
    remote = not params["login_unix_socket"] and params["login_host"] not in _LOCAL
    return result, doubts(server, remote)


def _has_policy(relation: Any) -> bool:
    compression = relation.compression is not None and relation.compression.policy is not None
    return bool(compression or relation.retention is not None or getattr(relation, "refresh", None) is not None)


def _describe(server: Server) -> Result:
    return {
        "database": server.database,
        "address": server.address,
        "postgresql": server.postgres_text,
        "timescaledb": server.version,
        "available": server.available,
        "edition": server.edition,
        "standby": server.standby,
    }


def _diagnose(session: Session, params: Mapping[str, Any]) -> Tuple[Result, List[str]]:
    questions = _questions(params)
    try:
        facts = read_facts(session, questions)
    except ServerError as error:
        broken = explain_broken(error)
        if broken is None:
            raise
        return _report([broken]), []
    return _report(diagnose(facts)), []


def _questions(params: Mapping[str, Any]) -> Questions:
    declaration = declared_lifecycle(params)
    return Questions(
        schemas=tuple(params["schemas"]),
        owner=params["owner"],
        creating=tuple(params["creating_roles"]),
        using=tuple(params["reading_roles"]),
        compressed=_declared_compression(declaration),
        queries=_declared_queries(params["queries"]),
        large_rows=params["large_rows"],
    )


def _declared_compression(declaration: Declaration) -> Tuple[str, ...]:
    return tuple(
        str(item.name)
        for item in declaration.relations
        if not item.absent and item.compression is not None and not item.compression.absent
    )


def _declared_queries(value: object) -> Tuple[Tuple[str, str], ...]:
    queries: List[Tuple[str, str]] = []
    for item in items_of(value, "queries"):
        name, query = item.text("name"), item.text("query")
        item.finish()
        if name is None or query is None:
            raise DeclarationError(item.path, "accepted is a mapping with name and query")
        queries.append((name, single_select(query, item.at("query"))))
    return tuple(queries)


def _report(findings: List[Finding]) -> Result:
    notices = sum(finding.severity == NOTICE for finding in findings)
    return {
        "findings": [finding.as_result() for finding in findings],
        "report": [finding.as_text() for finding in findings],
        "problems": len(findings) - notices,
        "notices": notices,
    }
