"""The server on which the integration tests run: an embedded one, started for the test run and erased after it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible.module_utils.timescaledb_sandbox.model import plan_absent, plan_started
from ansible.module_utils.timescaledb_sandbox.sandbox import HOST, Sandbox, do_step, observe

from tests.integration.databases import ADDRESSES, Database, create_database

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """Where a test's database is. The user is postgres, who has no password."""

    host: str
    port: int
    database: str
    directory: Path

    @property
    def dsn(self) -> str:
        """For psycopg, psql and everything else that uses libpq."""
        return f"host={self.host} port={self.port} dbname={self.database} user=postgres sslmode=disable"


def free_port() -> int:
    """A port on which nothing listens at the moment."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def declare_sandbox(directory: Path, port: int, queue_seconds: float = 10) -> Sandbox:
    """The sandbox as the role declares it, in a folder and on a port of its own."""
    return Sandbox(
        directory=str(directory),
        source=str(ROOT / "roles" / "timescaledb_sandbox" / "files"),
        node_requirements=str(ROOT / "requirements-node.txt"),
        port=port,
        database="aetherlens",
        queue_seconds=queue_seconds,
    )


@contextlib.contextmanager
def run_sandbox(directory: Path, queue_seconds: float = 10) -> Iterator[Server]:
    """Run a sandbox in `directory` and erase it in the end."""
    sandbox = declare_sandbox(directory, free_port(), queue_seconds)
    folder = sandbox.folder
    folder.make()
    for step in plan_started(sandbox.settings(), observe(folder)):
        do_step(folder, step, sandbox)
    try:
        yield Server(HOST, sandbox.port, sandbox.database, directory)
    finally:
        for step in plan_absent(observe(folder)):
            do_step(folder, step)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An embedded TimescaleDB of this test run's own. It serves one connection at a time: close yours."""
    with run_sandbox(tmp_path_factory.mktemp("sandbox")) as server:
        yield server


@pytest.fixture(scope="module", params=["sandbox", *ADDRESSES], ids=lambda target: target.rpartition("@")[2])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An empty database with TimescaleDB for one test module: in a sandbox, then on every server that is given."""
    if request.param != "sandbox":
        with create_database(request.param) as database:
            yield database
        return
    with run_sandbox(tmp_path_factory.mktemp("sandbox")) as server:
        database = Database(server.host, server.port, "postgres", "", server.database, "disable")
        database.query("CREATE EXTENSION IF NOT EXISTS timescaledb")
        yield database
