"""What the checks look at: the scenario's server and its backups, from inside its container."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from server import Server

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def read_scenario() -> dict[str, Any]:
    """What the scenario's steps leave behind: where packages come from, the container, the phase."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / "scenario.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the scenario keeps what is its own."""
    return FOLDER


@pytest.fixture(scope="session")
def scenario() -> dict[str, Any]:
    """What the scenario's steps leave behind."""
    return read_scenario()


@pytest.fixture(scope="session")
def machine(scenario: dict[str, Any]) -> Any:
    """The server's machine, as root."""
    return testinfra.get_host(f"docker://{scenario['container']}")


@pytest.fixture(scope="session")
def postgres(scenario: dict[str, Any]) -> Any:
    """The server's machine, as the system user postgres, who makes backups."""
    return testinfra.get_host(f"docker://postgres@{scenario['container']}")


@pytest.fixture(scope="session")
def server(postgres: Any) -> Server:
    """The database, asked by its superuser on the socket."""
    return Server(postgres)


def pytest_configure(config: pytest.Config) -> None:
    """Watch the whole session, and know the marks."""
    config.addinivalue_line("markers", "edition(name): only where the server is of this edition")
    config.addinivalue_line("markers", "after_restore: only once the database was brought back, and only then")
    config.pluginmanager.register(PassedChecks())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of another edition or phase; the scenario's last step knows how many checks must remain."""
    scenario = read_scenario()
    edition = "apache" if scenario["path"] == "distribution" else "community"
    restored = scenario["phase"] == "restored"

    def fits(item: pytest.Item) -> bool:
        editions = [mark.args[0] for mark in item.iter_markers("edition")]
        return set(editions) <= {edition} and (item.get_closest_marker("after_restore") is not None) == restored

    config.hook.pytest_deselected(items=[item for item in items if not fits(item)])
    items[:] = [item for item in items if fits(item)]


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
