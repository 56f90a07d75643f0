"""The checks of every scenario can be collected, as its own molecule.yml has them found: not only after minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted(path.parent for path in (ROOT / "molecule").glob("*/tests") if any(path.glob("test_*.py")))
LEFT_BEHIND: dict[str, Any] = {"path": "mirror", "phase": "declared", "container": "none", "port": 1, "overrides": {}}


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 6


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda path: path.name)
def test_checks_can_be_collected(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "scenario.yml").write_text(yaml.safe_dump(LEFT_BEHIND), encoding="utf-8")
    given = {
        "MOLECULE_PROJECT_DIRECTORY": str(ROOT),
        "MOLECULE_SCENARIO_DIRECTORY": str(folder),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path),
    }
    verifier = yaml.safe_load((folder / "molecule.yml").read_text(encoding="utf-8")).get("verifier", {})
    for name, value in verifier.get("env", {}).items():
        for variable, meaning in list(given.items()):
            value = value.replace(f"${{{variable}}}", meaning)
        given[name] = value
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider", "tests"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env={**environment, **given}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "tests collected" in done.stdout
