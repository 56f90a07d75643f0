# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible side: options in, result out."""

from __future__ import annotations

import traceback
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..timescaledb.arguments import LOGIN_OPTIONS, login_parameters
from ..timescaledb.errors import TimescaleError

try:
    import alembic  # noqa: F401
    import sqlalchemy  # noqa: F401
except ImportError:
    MISSING = traceback.format_exc()
else:
    MISSING = ""
    from .migrate import Outcome, Request, migrate

ARGUMENT_SPEC: Dict[str, Any] = {
    **LOGIN_OPTIONS,
    "script_location": {"type": "path", "required": True},
    "command": {"type": "str", "choices": ["upgrade", "downgrade"], "default": "upgrade"},
    "revision": {"type": "str", "default": "head"},
    "allow": {"type": "list", "elements": "str", "choices": ["drop_data"], "default": []},
    "lock_timeout": {"type": "int", "default": 30},
    "assume_prerequisites": {"type": "bool", "default": False},
}


def run_module(module: AnsibleModule) -> None:
    """Do what the module's options say; exits through the module."""
    if MISSING:
        module.fail_json(msg=missing_required_lib("alembic and sqlalchemy"), exception=MISSING)
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
    return Request(
        login=login_parameters(params),
        script_location=params["script_location"],
        command=params["command"],
        revision=params["revision"],
        allow=params["allow"],
        lock_timeout=params["lock_timeout"],
        dry=module.check_mode,
        assume_new=module.check_mode and params["assume_prerequisites"],
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
