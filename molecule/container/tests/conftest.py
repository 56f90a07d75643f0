"""What the checks look at: the scenario's server, from inside its container, from the engine, and as a client."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import testinfra
import yaml
from psycopg.rows import dict_row
from server import Login, Server

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])


def read_scenario() -> dict[str, Any]:
    """What the scenario's steps leave behind: the images, the version, the container, the phase, the overrides."""
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
    """The passwords of the superuser and of the login roles."""
    content: dict[str, str] = json.loads((FOLDER / "secrets.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def inspected(scenario: dict[str, Any]) -> dict[str, Any]:
    """What the engine says of the container."""
    command = ["docker", "inspect", scenario["container"]]
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found[0]


@pytest.fixture(scope="session")
def machine(scenario: dict[str, Any]) -> Any:
    """The inside of the container, as root."""
    return testinfra.get_host(f"docker://{scenario['container']}")


@pytest.fixture(scope="session")
def server(scenario: dict[str, Any]) -> Server:
    """The database, asked by its superuser on the socket."""
    return Server(testinfra.get_host(f"docker://postgres@{scenario['container']}"))


@pytest.fixture
def login(scenario: dict[str, Any], secrets: dict[str, str]) -> Iterator[Login]:
    """Logs in from the host, at the published port."""
    opened = []

    def connect(user: str, **changes: object) -> psycopg.Connection[dict[str, Any]]:
        keywords = {
            "host": "127.0.0.1",
            "port": scenario["port"],
            "dbname": "aetherlens",
            "user": user,
            "password": secrets.get("superuser" if user == "postgres" else user.removeprefix("molecule_"), ""),
            "connect_timeout": 10,
        }
        connection = psycopg.connect(**(keywords | changes), autocommit=True, row_factory=dict_row)  # type: ignore[arg-type]
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def pytest_configure(config: pytest.Config) -> None:
    """Watch the whole session, and know the marks."""
    config.addinivalue_line("markers", "edition(name): only where the server is of this edition")
    config.addinivalue_line("markers", "compose: only where there is Compose")
    config.pluginmanager.register(PassedChecks())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not there, edition or Compose; the scenario's last step knows how many checks must remain."""
    compose = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    edition = "apache" if read_scenario()["path"] == "distribution" else "community"
    other = [
        item
        for item in items
        if any(mark.args[0] != edition for mark in item.iter_markers("edition"))
        or (item.get_closest_marker("compose") and not compose)
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
