"""What the checks look at: the scenario's machine from inside, and its pooler from the controller, as a client."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import testinfra
import yaml
from psycopg.rows import dict_row
from server import Login, Server

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def read_scenario() -> dict[str, Any]:
    """What the scenario's steps leave behind: where packages come from, the container, its ports, the phase."""
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
def secrets() -> dict[str, str]:
    """The passwords of the login roles."""
    content: dict[str, str] = json.loads((FOLDER / "secrets.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def machine(scenario: dict[str, Any]) -> Any:
    """The server's machine, as root."""
    return testinfra.get_host(f"docker://{scenario['container']}")


@pytest.fixture(scope="session")
def server(scenario: dict[str, Any]) -> Server:
    """The database, asked by its superuser on the server's own socket."""
    return Server(testinfra.get_host(f"docker://postgres@{scenario['container']}"))


@pytest.fixture(scope="session")
def console(machine: Any) -> Callable[..., Any]:
    """Asks the console of the pooler on its socket, as a system user."""

    def ask(command: str, user: str = "pgbouncer", role: str = "") -> Any:
        psql = "runuser -u %s -- psql -X -A -t -h /run/pgbouncer -p 6432 -U %s -d pgbouncer -c %s"
        return machine.run(psql, user, role or user, command)

    return ask


@pytest.fixture(scope="session")
def address(scenario: dict[str, Any], secrets: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """How a user gets to the pooler from the controller, over TLS unless something else is said."""

    def keywords(user: str, **changes: object) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": scenario["ports"][6432],
            "dbname": "aetherlens",
            "user": user,
            "password": secrets.get(user.removeprefix("molecule_"), ""),
            "sslmode": "require",
            "connect_timeout": 20,
        } | changes

    return keywords


@pytest.fixture
def login(address: Callable[..., dict[str, Any]]) -> Iterator[Login]:
    """Logs in through the pooler."""
    opened = []

    def connect(user: str, **changes: object) -> psycopg.Connection[dict[str, Any]]:
        connection = psycopg.connect(**address(user, **changes), autocommit=True, row_factory=dict_row)
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def pytest_configure(config: pytest.Config) -> None:
    """Watch the whole session, and know the marks."""
    config.addinivalue_line("markers", "phase(name): only in this phase of the scenario")
    config.pluginmanager.register(PassedChecks())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what belongs to another phase; the scenario's last step knows how many checks must remain."""
    phase = read_scenario()["phase"]
    other = [item for item in items if any(mark.args[0] != phase for mark in item.iter_markers("phase"))]
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
