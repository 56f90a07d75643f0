# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible side: options in, result out."""

from __future__ import annotations

import traceback
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..timescaledb.errors import TimescaleError

try:
    import alembic  # noqa: F401
    import sqlalchemy  # noqa: F401
except ImportError:
    MISSING = traceback.format_exc()
else:
    MISSING = ""
    from .database import Login
    from .migrate import Outcome, Request, migrate

LOGIN_SPEC: Dict[str, Dict[str, Any]] = {
    "login_host": {"type": "str", "default": "127.0.0.1"},
    "login_port": {"type": "int", "default": 5432},
    "login_user": {"type": "str", "default": "postgres"},
    "login_password": {"type": "str", "default": "", "no_log": True},
    "login_db": {"type": "str", "required": True},
    "login_unix_socket": {"type": "str", "default": ""},
    "ssl_mode": {"type": "str", "default": "prefer"},
    "ca_cert": {"type": "path", "default": ""},
    "connect_timeout": {"type": "int", "default": 10},
}

ARGUMENT_SPEC: Dict[str, Dict[str, Any]] = {
    "script_location": {"type": "path", "required": True},
    "command": {"type": "str", "choices": ["upgrade", "downgrade"], "default": "upgrade"},
    "revision": {"type": "str", "default": "head"},
    "allow": {"type": "list", "elements": "str", "choices": ["drop_data"], "default": []},
    "lock_timeout": {"type": "str", "default": "10s"},
    "assume_empty": {"type": "bool", "default": False},
}


def run_module() -> None:
    """Run as the module alembic_migration."""
    module = AnsibleModule(argument_spec={**LOGIN_SPEC, **ARGUMENT_SPEC}, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("alembic and sqlalchemy"), exception=MISSING)
    if module.params["assume_empty"] and not module.check_mode:
        module.fail_json(msg="assume_empty: only check mode may assume; a run reads the database")
    try:
        outcome = migrate(build_request(module))
    except TimescaleError as error:
        module.fail_json(msg=str(error))
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(**build_result(outcome, with_diff=module._diff))


def build_request(module: AnsibleModule) -> Request:
    """The module's options as what the core takes."""
    params = module.params
    login = Login(
        host=params["login_host"],
        port=params["login_port"],
        user=params["login_user"],
        password=params["login_password"],
        database=params["login_db"],
        unix_socket=params["login_unix_socket"],
        ssl_mode=params["ssl_mode"],
        ca_cert=params["ca_cert"],
        connect_timeout=params["connect_timeout"],
    )
    return Request(
        login=login,
        script_location=params["script_location"],
        command=params["command"],
        revision=params["revision"],
        allow=params["allow"],
        lock_timeout=params["lock_timeout"],
        dry=module.check_mode,
        assume_empty=params["assume_empty"],
    )


def build_result(outcome: Outcome, *, with_diff: bool) -> Dict[str, Any]:
    """The module's result; revisions are text, null stands for the base."""
    plan = outcome.plan
    result: Dict[str, Any] = {
        "changed": bool(plan.steps),
        "command": plan.command,
        "current_revision": plan.current,
        "target_revision": plan.target,
        "revisions": [{"revision": step.name, "message": step.message} for step in plan.steps],
        "losses": [
            {"table": loss.table, "column": loss.column or None, "rows": loss.rows, "exact": loss.exact}
            for loss in outcome.losses
        ],
    }
    if with_diff:
        result["diff"] = {
            "before": "revision: {0}\n".format(plan.current or "base"),
            "after": "revision: {0}\n{1}".format(plan.target or "base", outcome.sql or ""),
        }
    return result
