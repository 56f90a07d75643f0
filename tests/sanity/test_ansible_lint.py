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
        {options}
"""


def lint(folder: Path, module: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Lint a playbook that gives `options` to `module`."""
    lines = [f"{name}: {value}" for name, value in options.items()]
    text = PLAYBOOK.format(module=module, options="\n        ".join(lines))
    (folder / "look.yml").write_text(text, encoding="utf-8")
    command = [sys.executable, str(ROOT / "scripts/run_ansible_lint.py"), "-c", str(ROOT / ".ansible-lint"), "look.yml"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


MINIMAL = {
    "alembic_migration": {"login_db": "aetherlens", "script_location": "/srv/migrations"},
    "timescaledb_info": {"login_db": "aetherlens"},
    "timescaledb_sandbox": {"state": "absent", "directory": "/srv/sandbox"},
}


@pytest.mark.parametrize("module", MINIMAL)
class TestOptionsOfAnOwnModule:
    def test_are_accepted_when_they_exist(self, tmp_path: Path, module: str) -> None:
        run = lint(tmp_path, module, **MINIMAL[module])
        assert run.returncode == 0, run.stdout + run.stderr

    def test_are_reported_when_misspelt(self, tmp_path: Path, module: str) -> None:
        run = lint(tmp_path, module, **MINIMAL[module], connect_timeuot=5)
        assert run.returncode == 2
        assert "args[module]" in run.stdout
        assert "connect_timeuot" in run.stdout
