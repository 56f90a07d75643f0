"""ansible-lint really checks the options of this project's own modules: it skips a module that it cannot import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = """\
---
- name: Look at the database
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Use one module
      {module}:
        login_db: aetherlens
        {option}: 5
"""


def lint(folder: Path, module: str, option: str) -> subprocess.CompletedProcess[str]:
    """Lint a playbook that gives `option` to `module`."""
    (folder / "look.yml").write_text(PLAYBOOK.format(module=module, option=option), encoding="utf-8")
    command = [sys.executable, str(ROOT / "scripts/run_ansible_lint.py"), "-c", str(ROOT / ".ansible-lint"), "look.yml"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["timescaledb_info", "alembic_migration"])
def test_a_misspelt_option_of_an_own_module_is_reported(tmp_path: Path, module: str) -> None:
    run = lint(tmp_path, module, "connect_timeuot")
    assert run.returncode == 2
    assert "args[module]" in run.stdout
    assert "connect_timeuot" in run.stdout


@pytest.mark.parametrize("module", ["timescaledb_info"])
def test_a_correct_option_of_an_own_module_is_accepted(tmp_path: Path, module: str) -> None:
    run = lint(tmp_path, module, "connect_timeout")
    assert run.returncode == 0, run.stdout + run.stderr
