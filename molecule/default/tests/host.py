"""What the checks look at: the scenario's server, from inside its container and from the controller as a client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import testinfra
from psycopg.rows import dict_row
from scenario import FOLDER
from server import Login, LogPart, Server

LOG = "/var/log/postgresql/postgresql-17-main.log"


@pytest.fixture(scope="session")
def machine(scenario: dict[str, Any]) -> Any:
    """The server's machine, as root."""
    return testinfra.get_host(f"docker://{scenario['container']}")


@pytest.fixture(scope="session")
def server(scenario: dict[str, Any]) -> Server:
    """The database, asked by its superuser on the socket."""
    return Server(testinfra.get_host(f"docker://postgres@{scenario['container']}"))


@pytest.fixture(scope="session", autouse=True)
def log(machine: Any) -> Iterator[LogPart]:
    """What was logged between the last session of checks and this one."""
    noted = FOLDER / "log_end.json"
    begin = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else 0
    text = machine.check_output("tail --bytes=+%s %s", str(begin + 1), LOG)
    yield LogPart(begin, text.splitlines())
    noted.write_text(machine.check_output("stat --format=%%s %s", LOG), encoding="utf-8")


@pytest.fixture
def login(scenario: dict[str, Any], secrets: dict[str, str]) -> Iterator[Login]:
    """Logs in from the controller, over the network, with TLS unless something else is said."""
    opened = []

    def connect(user: str, **changes: object) -> psycopg.Connection[dict[str, Any]]:
        keywords = {
            "host": "127.0.0.1",
            "port": scenario["port"],
            "dbname": "aetherlens",
            "user": user,
            "password": secrets.get(user.removeprefix("molecule_"), ""),
            "sslmode": "require",
            "connect_timeout": 10,
        }
        connection = psycopg.connect(**(keywords | changes), autocommit=True, row_factory=dict_row)  # type: ignore[arg-type]
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()
