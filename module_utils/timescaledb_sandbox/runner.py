# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the module's parameters to its result; the only place that talks to Ansible."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

from ansible.module_utils.basic import AnsibleModule

from . import process
from .errors import SandboxError
from .folder import SandboxFolder
from .model import FolderKind, Observed, Step, describe_found, describe_started, plan_absent, plan_started, plan_stopped
from .sandbox import (
    HOST,
    Sandbox,
    check_settings,
    check_start,
    describe_crash,
    do_step,
    observe,
    observe_for_start,
    require_answer,
)

ARGUMENT_SPEC: Dict[str, Any] = {
    "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
    "directory": {"type": "path", "required": True},
    "port": {"type": "int", "default": 54320},
    "database": {"type": "str", "default": "aetherlens"},
    "queue_seconds": {"type": "float", "default": 10.0},
    "source": {"type": "path"},
    "node_requirements": {"type": "path"},
}
REQUIRED_IF = [("state", "started", ("source", "node_requirements"))]


def run_module(module: AnsibleModule) -> None:
    """Bring the sandbox to the state asked for."""
    try:
        result = start(module) if module.params["state"] == "started" else end(module)
    except SandboxError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"timescaledb_sandbox_directory: {module.params['directory']} cannot be used: {error}")
    module.exit_json(**result)


def start(module: AnsibleModule) -> Dict[str, Any]:
    """See to it that a server runs as declared; returns the module's result."""
    sandbox = Sandbox(**{name: value for name, value in module.params.items() if name != "state"})
    check_settings(sandbox)
    found = observe_for_start(sandbox)
    steps = plan_started(sandbox.settings(), found)
    if steps:
        check_start(sandbox, found)
    if module.check_mode:
        reachable = is_served(sandbox, found)
    else:
        found, steps = bring_up(module, sandbox, found.folder)
        reachable = True
    if reachable:
        require_answer(sandbox)
    return {
        "reachable": reachable,
        "host": HOST,
        "port": sandbox.port,
        "database": sandbox.database,
        **report(sandbox.folder, found, steps, describe_started(sandbox.settings())),
    }


def bring_up(module: AnsibleModule, sandbox: Sandbox, kind: FolderKind) -> Tuple[Observed, List[Step]]:
    """Look again with nobody else at work, then act; returns what was found and done. The folder was of this `kind`."""
    folder = sandbox.folder
    folder.make()
    with process.working_alone(folder):
        found = replace(observe_for_start(sandbox), folder=kind)
        crash = None if found.running else describe_crash(folder)
        if crash:
            module.warn(crash)
        steps = plan_started(sandbox.settings(), found)
        for step in steps:
            do_step(folder, step, sandbox)
    return found, steps


def is_served(sandbox: Sandbox, found: Observed) -> bool:
    """Whether the database can be reached as declared with what was found."""
    settings = found.settings
    return (
        found.running
        and settings is not None
        and (settings.port, settings.database) == (sandbox.port, sandbox.database)
    )


def end(module: AnsibleModule) -> Dict[str, Any]:
    """See to it that no server runs, or that nothing is left; returns the module's result."""
    state = module.params["state"]
    folder = SandboxFolder(module.params["directory"])
    plan = plan_stopped if state == "stopped" else plan_absent
    found = observe(folder)
    steps = plan(found)
    if steps and not module.check_mode:
        with process.working_alone(folder):
            found = observe(folder)
            steps = plan(found)
            for step in steps:
                do_step(folder, step)
    return {"reachable": False, **report(folder, found, steps, {"state": state})}


def report(folder: SandboxFolder, found: Observed, steps: List[Step], after: Dict[str, Any]) -> Dict[str, Any]:
    """What every state's result has."""
    before = describe_found(found)
    return {
        "changed": bool(steps),
        "steps": [step.value for step in steps],
        "directory": folder.root,
        "log": folder.log,
        "diff": {"before": before, "after": after if steps else before},
    }
