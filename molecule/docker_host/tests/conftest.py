"""What the checks look at: the Docker host, as in the scenario default, and the server in its container there."""

from __future__ import annotations

from typing import Any

import pytest
import testinfra
from clients import address, console, login
from server import Server

__all__ = ["address", "console", "login"]

pytest_plugins = ["scenario", "host"]


@pytest.fixture(scope="session")
def server(scenario: dict[str, Any]) -> Server:
    """The database, asked by its superuser on the socket in the container."""
    return Server(testinfra.get_host(f"docker://postgres@{scenario['server']}"))


@pytest.fixture(scope="session")
def pooler_port(scenario: dict[str, Any]) -> int:
    """The pooler's port; its machine and the controller have one network."""
    port: int = scenario["ports"][6432]
    return port


@pytest.fixture(scope="session", autouse=True)
def log() -> None:
    """The engine keeps the server's log, not a file."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Checks belong to the first phase unless they name another."""
    for item in items:
        if item.get_closest_marker("phase") is None:
            item.add_marker(pytest.mark.phase("declared"))
