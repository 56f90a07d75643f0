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
def state() -> dict[str, Any]:
    """The scenario's own state: its port, its phase, its overrides."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / "state.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def phase(state: dict[str, Any]) -> str:
    """How far the scenario has come: declared, edited or repaired."""
    return str(state["phase"])


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


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Note how many checks passed in this phase; the scenario's last step counts them."""
    failed, collected = session.testsfailed, session.testscollected
    state = yaml.safe_load((FOLDER / "state.yml").read_text(encoding="utf-8"))
    with (FOLDER / "checks.jsonl").open("a", encoding="utf-8") as notes:
        notes.write(json.dumps({"phase": state["phase"], "passed": collected - failed}) + "\n")
