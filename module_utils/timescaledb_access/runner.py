# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the modules to their results; the only place that talks to Ansible."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..timescaledb.arguments import LOGIN_OPTIONS, login_parameters
from ..timescaledb.errors import DeclarationError, ServerError, TimescaleError
from ..timescaledb.session import Session, connect
from . import grants, roles
from .catalog import assume_holdings, read_cluster, read_holdings, read_known_roles
from .model import Cluster, Holding, Role, Statement, WantedGrants, WantedRole
from .parse import parse_grants, parse_roles
from .scram import SALT_BYTES, make_verifier

UNCHANGED = "nothing has been changed"
DEPENDENT = "2BP01"

ROLE_OPTIONS: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "login": {"type": "bool", "default": False},
    "password": {"type": "str", "no_log": True},
    "groups": {"type": "list", "elements": "str", "default": []},
    "connection_limit": {"type": "int", "default": -1},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
ROLES_SPEC: Dict[str, Any] = {
    **LOGIN_OPTIONS,
    "roles": {"type": "list", "elements": "dict", "options": ROLE_OPTIONS, "required": True},
    "reset_passwords": {"type": "bool", "no_log": False, "default": False},
    "assume_prerequisites": {"type": "bool", "default": False},
    "variable": {"type": "str", "default": "roles"},
}
GRANTS_SPEC: Dict[str, Any] = {
    **LOGIN_OPTIONS,
    "owner": {"type": "str", "required": True},
    "writer": {"type": "str", "default": ""},
    "reader": {"type": "str", "default": ""},
    "connecting": {"type": "list", "elements": "str", "default": []},
    "revoked": {"type": "list", "elements": "str", "default": []},
    "schemas": {"type": "list", "elements": "str", "default": ["public"]},
    "read_only": {"type": "list", "elements": "str", "default": []},
    "assume_prerequisites": {"type": "bool", "default": False},
}
# What keeps statements with a password's verifier in them out of the server's log and statistics.
_SILENCE = "; ".join(
    f"SET LOCAL {name} = {value}"
    for name, value in (
        ("log_statement", "none"),
        ("log_min_error_statement", "panic"),
        ("log_min_duration_statement", "-1"),
        ("log_min_duration_sample", "-1"),
        ("log_transaction_sample_rate", "0"),
        ("pg_stat_statements.track_utility", "off"),
    )
)

Result = Dict[str, Any]


def run_roles(module: AnsibleModule) -> None:
    """Bring roles to what is declared; exits through the module."""
    _run(module, _apply_roles)


def run_grants(module: AnsibleModule) -> None:
    """Bring rights to what is declared; exits through the module."""
    _run(module, _apply_grants)


def _run(module: AnsibleModule, apply: Callable[[AnsibleModule], Tuple[Result, List[str]]]) -> None:
    try:
        result, warnings = apply(module)
    except TimescaleError as error:
        module.fail_json(msg=str(error))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(**result)


def _connect(module: AnsibleModule) -> Optional[Session]:
    """Open a session; None for a check whose play would have brought up the server."""
    try:
        return connect(login_parameters(module.params))
    except ServerError:
        if module.check_mode and module.params["assume_prerequisites"]:
            return None
        raise


def _apply_roles(module: AnsibleModule) -> Tuple[Result, List[str]]:
    wanted = parse_roles(module.params["roles"], module.params["variable"])
    reset = module.params["reset_passwords"]
    session = _connect(module)
    if session is None:
        found = Cluster({group: Role(group, builtin=True) for role in wanted for group in role.groups})
        return _roles_result(wanted, found, roles.plan_roles(wanted, _without(found, wanted), _new_verifier)), []
    with session:
        session.execute("BEGIN")
        found = read_cluster(session, wanted)
        statements = roles.plan_roles(wanted, found, _new_verifier, reset)
        if statements and not module.check_mode:
            _execute(session, [item for item in statements if not item.shown])
            if found.superuser:
                session.execute(_SILENCE)
            _execute(session, [item for item in statements if item.shown])
            _require_nothing_left(roles.plan_roles(wanted, read_cluster(session, wanted), _new_verifier))
        session.execute("ROLLBACK" if module.check_mode else "COMMIT")
    return _roles_result(wanted, found, statements), _unseen(wanted, found, reset)


def _without(found: Cluster, wanted: Sequence[WantedRole]) -> Cluster:
    """Take what is declared as not there yet, and all other groups as there."""
    declared = {role.name for role in wanted}
    return Cluster({name: role for name, role in found.roles.items() if name not in declared})


def _roles_result(wanted: Sequence[WantedRole], found: Cluster, statements: Sequence[Statement]) -> Result:
    before = roles.describe_found(wanted, found)
    after = roles.describe_wanted(wanted, found) if statements else before
    return _result(statements, before, after)


def _unseen(wanted: Sequence[WantedRole], found: Cluster, reset: bool) -> List[str]:
    unseen = [] if reset else roles.unseen_passwords(wanted, found)
    return (
        [
            f"{found.user} may not see passwords, so those of {', '.join(unseen)} are left as they are; set "
            "reset_passwords for one run to set them again"
        ]
        if unseen
        else []
    )


def _new_verifier(password: str) -> str:
    return make_verifier(password, os.urandom(SALT_BYTES))


def _apply_grants(module: AnsibleModule) -> Tuple[Result, List[str]]:
    wanted = parse_grants(module.params)
    assumed = module.check_mode and module.params["assume_prerequisites"]
    session = _connect(module)
    if session is None:
        found = assume_holdings(wanted, module.params["login_db"])
        return _grants_result(wanted, found, grants.plan_grants(wanted, found)), []
    with session:
        session.execute("BEGIN")
        wanted = _known(session, wanted, assumed)
        found = read_holdings(session, wanted)
        statements = grants.plan_grants(wanted, found)
        if statements and not module.check_mode:
            _execute(session, statements)
            _require_nothing_left(grants.plan_grants(wanted, read_holdings(session, wanted)))
        session.execute("ROLLBACK" if module.check_mode else "COMMIT")
    warnings = [
        f"{grants.show_target(item.target)} belongs to {item.owner}, so its rights are left as they are"
        for item in grants.out_of_reach(found)
    ]
    return _grants_result(wanted, found, statements), warnings


def _known(session: Session, wanted: WantedGrants, assumed: bool) -> WantedGrants:
    """Forget who is to have nothing and is not there; require the others, unless earlier tasks would have made them."""
    named = [name for name in (wanted.owner, wanted.writer, wanted.reader, *wanted.connecting) if name]
    known = read_known_roles(session, [*named, *wanted.revoked])
    missing = [name for name in named if name not in known]
    if missing and not assumed:
        raise DeclarationError("owner", f"there is no role {missing[0]!r} on the server; {UNCHANGED}")
    revoked = tuple(name for name in wanted.revoked if name in known)
    return WantedGrants(**{**wanted.__dict__, "revoked": revoked})


def _grants_result(wanted: WantedGrants, found: Sequence[Holding], statements: Sequence[Statement]) -> Result:
    return _result(statements, grants.describe_before(wanted, found), grants.describe_after(wanted, found))


def _result(statements: Sequence[Statement], before: Result, after: Result) -> Result:
    shown = [str(statement) for statement in statements]
    return {"changed": bool(shown), "statements": shown, "diff": {"before": before, "after": after}}


def _execute(session: Session, statements: Sequence[Statement]) -> None:
    for statement in statements:
        try:
            session.execute(statement.text)
        except ServerError as error:
            cure = ", here or in another database: REASSIGN OWNED and DROP OWNED there" * (error.sqlstate == DEPENDENT)
            raise ServerError(f"the server refused {statement}: {error}{cure}; {UNCHANGED}", error.sqlstate) from None


def _require_nothing_left(left: Sequence[Statement]) -> None:
    if left:
        raise TimescaleError(
            f"the server took every statement, but {left[0]} would still be due, as somebody else granted what is to "
            f"be taken back, or nobody here may; do it as that role or as a superuser; {UNCHANGED}"
        )
