"""What the checks look at: the scenario's live sandbox, through one connection, as its inventory says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import testinfra
import yaml
from psycopg.rows import dict_row

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the scenario keeps what is its own."""
    return FOLDER


@pytest.fixture(scope="session")
def sandbox() -> Any:
    """The host `sandbox` of the inventory, as testinfra sees it."""
    return testinfra.get_host("ansible://sandbox")


@pytest.fixture(scope="session")
def scenario() -> dict[str, Any]:
    """What the scenario's steps leave behind: its port, its phase, its overrides."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / "scenario.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def phase(scenario: dict[str, Any]) -> str:
    """How far the scenario has come: declared, edited or repaired."""
    return str(scenario["phase"])


@pytest.fixture(scope="session")
def login(sandbox: Any) -> dict[str, Any]:
    """How to log in, as the inventory says once Ansible has evaluated it."""
    answer: dict[str, Any] = sandbox.ansible("ansible.builtin.debug", "var=molecule_login", check=False)
    return dict(answer["molecule_login"])


@pytest.fixture(scope="session")
def database(login: dict[str, Any]) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The one connection, in autocommit."""
    with psycopg.connect(**login, autocommit=True, row_factory=dict_row, connect_timeout=30) as connection:
        yield connection


class PassedChecks:
    """Counts the checks that passed, and notes the count for the scenario's last step, which expects all of them."""

    def __init__(self) -> None:
        self.count = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a check that ran to its end."""
        self.count += report.when == "call" and report.passed

    def pytest_sessionfinish(self) -> None:
        """Note the phase and the count."""
        scenario = yaml.safe_load((FOLDER / "scenario.yml").read_text(encoding="utf-8"))
        with (FOLDER / "checks.jsonl").open("a", encoding="utf-8") as notes:
            notes.write(json.dumps({"phase": scenario["phase"], "passed": self.count}) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """Watch the whole session."""
    config.pluginmanager.register(PassedChecks())
