"""The server on which the integration tests run: an embedded one, started for the test run and erased after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.databases import ADDRESSES, Database, create_database
from tests.integration.sandboxes import Server, run_sandbox
from tests.integration.servers import Site, plan_site


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


@pytest.fixture(scope="module", params=ADDRESSES or [""], ids=lambda target: target.rpartition("@")[2] or "no-server")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A database and roles yet to come on every server that is given; a sandbox has one user and one connection."""
    if not request.param:
        pytest.skip("roles and logins need a server with more than one connection: set TIMESCALEDB_TEST_DSN")
    with plan_site(request.param) as site:
        yield site
