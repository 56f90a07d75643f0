"""What the checks look at: the scenario's live sandbox, through one connection, as its inventory says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import testinfra
from psycopg.rows import dict_row

pytest_plugins = ["scenario"]


@pytest.fixture(scope="session")
def sandbox() -> Any:
    """The host `sandbox` of the inventory, as testinfra sees it."""
    return testinfra.get_host("ansible://sandbox")


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
