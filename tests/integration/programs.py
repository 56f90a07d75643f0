"""Run this project's modules and playbooks as Ansible does, in a process of their own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args

ROOT = Path(__file__).resolve().parents[2]


def run_module(name: str, options: dict[str, Any], *, check: bool = False, diff: bool = False) -> dict[str, Any]:
    """Run the module `name`; return its result, in which `text` is all that it said."""
    arguments = {"ANSIBLE_MODULE_ARGS": {**options, "_ansible_check_mode": check, "_ansible_diff": diff}}
    run = subprocess.run(
        [sys.executable, str(ROOT / "library" / f"{name}.py")],
        input=json.dumps(arguments),
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts" / "import_path")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip(), run.stderr
    return {**json.loads(run.stdout), "text": run.stdout + run.stderr}


def run_in_process(name: str, options: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
    """Run the module `name` as run_module() does, but in this process, which takes a tenth of the time."""
    output = io.StringIO()
    warnings._global_warnings.clear()
    path = ROOT / "library" / f"{name}.py"
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    with patch_module_args(arguments), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        runpy.run_path(str(path), run_name="__main__")
    return {**json.loads(output.getvalue()), "text": output.getvalue()}


@dataclass(frozen=True)
class PlaybookRun:
    """What a run of ansible-playbook came to."""

    code: int
    output: str
    changed: int

    def require_success(self) -> PlaybookRun:
        """Fail with all of its output unless it succeeded."""
        assert self.code == 0, self.output
        return self


def run_playbook(name: str, variables: dict[str, Any], *arguments: str) -> PlaybookRun:
    """Run playbooks/`name`.yml with the default inventory and extra `variables`."""
    command = ["ansible-playbook", str(ROOT / "playbooks" / f"{name}.yml"), "-e", json.dumps(variables), *arguments]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    output = run.stdout + run.stderr
    changed = [int(word.removeprefix("changed=")) for word in output.split() if word.startswith("changed=")]
    return PlaybookRun(run.returncode, output, sum(changed))
