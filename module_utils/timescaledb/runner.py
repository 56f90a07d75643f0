# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's parameters to its result. The only place that knows Ansible."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from .apply import Options, apply, foresee
from .arguments import lock_timeout, login_parameters
from .catalog.inventory import read_inventory
from .declaration import Declaration
from .errors import ServerError, TimescaleError, UnsupportedError
from .report import Report
from .session import connect

Declare = Callable[[Mapping[str, Any]], Declaration]


def run_declaration(module: Any, declare: Declare) -> None:
    """Run a module that declares something; exits through the module."""
    try:
        declaration = declare(module.params)
        report = _report(module, declaration)
    except TimescaleError as error:
        module.fail_json(msg=str(error))
        return
    for warning in report.warnings:
        module.warn(warning)
    module.exit_json(**report.as_result())


def _report(module: Any, declaration: Declaration) -> Report:
    params = module.params
    options = Options(
        check=module.check_mode,
        assume_prerequisites=params["assume_prerequisites"],
        allow=tuple(params["allow"]),
        allow_variable=params.get("variable_prefix", "") + "allow",
        lock_timeout=lock_timeout(params),
    )
    foreseeable = options.check and options.assume_prerequisites
    try:
        session = connect(login_parameters(params))
    except ServerError:
        if foreseeable:
            return foresee(declaration)
        raise
    with session:
        try:
            return apply(session, declaration, options)
        except UnsupportedError as error:
            if foreseeable and error.curable:
                return foresee(declaration)
            raise


def run_info(module: Any) -> None:
    """Run timescaledb_info; exits through the module."""
    try:
        with connect(login_parameters(module.params)) as session:
            found: Dict[str, Any] = read_inventory(session, module.params["names"], lock_timeout(module.params))
    except TimescaleError as error:
        module.fail_json(msg=str(error))
        return
    module.exit_json(changed=False, **found)
