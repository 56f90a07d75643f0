"""What the checks of every scenario share: what its steps leave behind, the marks, and the count of what passed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])


def read_scenario() -> dict[str, Any]:
    """What the scenario's steps leave behind: where packages come from, the container, the phase, the overrides."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / "scenario.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the scenario keeps what is its own."""
    return FOLDER


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def scenario() -> dict[str, Any]:
    """What the scenario's steps leave behind."""
    return read_scenario()


@pytest.fixture(scope="session")
def secrets() -> dict[str, str]:
    """The passwords of the login roles."""
    content: dict[str, str] = json.loads((FOLDER / "secrets.json").read_text(encoding="utf-8"))
    return content


def pytest_configure(config: pytest.Config) -> None:
    """Watch the whole session, and know the marks."""
    config.addinivalue_line("markers", "edition(name): only where the server is of this edition")
    config.addinivalue_line("markers", "phase(name): only in this phase of the scenario")
    config.pluginmanager.register(PassedChecks())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for another edition or phase; the scenario's last step knows how many checks must remain."""
    scenario = read_scenario()
    here = {"edition": "apache" if scenario.get("path") == "distribution" else "community", "phase": scenario["phase"]}
    other = [
        item
        for item in items
        if any(mark.args[0] != here[mark.name] for name in here for mark in item.iter_markers(name))
    ]
    config.hook.pytest_deselected(items=other)
    items[:] = [item for item in items if item not in other]


class PassedChecks:
    """Counts the checks that passed, and notes the count for the scenario's last step, which expects all of them."""

    def __init__(self) -> None:
        self.count = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a check that ran to its end."""
        self.count += report.when == "call" and report.passed

    def pytest_sessionfinish(self) -> None:
        """Note the phase and the count."""
        with (FOLDER / "checks.jsonl").open("a", encoding="utf-8") as notes:
            notes.write(json.dumps({"phase": read_scenario()["phase"], "passed": self.count}) + "\n")
