"""What the checks look at: the scenario's server, from inside its container, from the engine, and as a client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import testinfra
from psycopg.rows import dict_row
from server import Login, Server

pytest_plugins = ["scenario"]


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
    """Know the mark."""
    config.addinivalue_line("markers", "compose: only where there is Compose")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs Compose where there is none; the scenario's last step knows how many checks must remain."""
    compose = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    other = [item for item in items if item.get_closest_marker("compose") and not compose]
    config.hook.pytest_deselected(items=other)
    items[:] = [item for item in items if item not in other]
