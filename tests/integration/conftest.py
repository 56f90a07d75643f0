"""The server on which the integration tests run: an embedded one, started for the test run and erased after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.databases import ADDRESSES, Database, create_database
from tests.integration.sandboxes import Server, run_sandbox


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
