"""What every task would load for itself is loaded once; see callback_plugins."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Look what the process of a task finds loaded
      ansible.builtin.debug:
        msg: "{{ {} | loaded }}"
"""
FILTER = """
import os
class FilterModule:
    def filters(self):
        with open(os.environ["LOADS"], "a") as file:
            file.write(f"{os.getpid()}\\n")
        return {"loaded": bool}
"""


def count_loads(folder: Path, **environment: str) -> int:
    """Run a play of three tasks; how many processes have loaded a filter plugin."""
    (folder / "filter_plugins").mkdir()
    (folder / "filter_plugins" / "counted.py").write_text(FILTER, encoding="utf-8")
    (folder / "play.yml").write_text(PLAY + PLAY.split("tasks:\n")[1] * 2, encoding="utf-8")
    known = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "LOADS": str(folder / "loads"), **environment}
    command = ["ansible-playbook", "--inventory", "localhost,", "--connection", "local", str(folder / "play.yml")]
    done = subprocess.run(command, env=known, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return len(set((folder / "loads").read_text(encoding="utf-8").split()))


def test_tasks_find_filters_loaded(tmp_path: Path) -> None:
    assert count_loads(tmp_path) == 1


def test_without_the_plugin_every_task_loads_them(tmp_path: Path) -> None:
    assert count_loads(tmp_path, ANSIBLE_CALLBACKS_ENABLED="ansible.posix.timer") >= 3


def test_it_has_a_page() -> None:
    done = subprocess.run(
        ["ansible-doc", "--json", "--type", "callback", "timescaledb_preload"],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["timescaledb_preload"]["doc"]["short_description"]
