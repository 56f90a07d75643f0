"""A pooler as its clients see it, from the controller, and as its system users do, on its socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from server import Login


@pytest.fixture(scope="session")
def console(machine: Any, pooler_port: int) -> Callable[..., Any]:
    """Asks the console of the pooler on its socket, as a system user."""

    def ask(command: str, user: str = "pgbouncer", role: str = "") -> Any:
        psql = "runuser -u %s -- psql -X -A -t -h /run/pgbouncer -p %s -U %s -d pgbouncer -c %s"
        return machine.run(psql, user, str(pooler_port), role or user, command)

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
