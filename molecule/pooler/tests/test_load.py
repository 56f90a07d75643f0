"""Five hundred clients at once on a server with a hundred connections: none is refused, every answer is right."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from server import Server

pytestmark = pytest.mark.phase("declared")

CLIENTS = 500
LEAST_SECONDS = 5.0  # all of them are connected and at work for as long as that
TABLE = "molecule_load"


@dataclass
class Load:
    """What came of a run."""

    connected: int = 0
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    transactions: int = 0
    written: dict[int, int] = field(default_factory=dict)
    backends: set[int] = field(default_factory=set)


@pytest.fixture
def table(server: Server) -> Iterator[str]:
    """A table of the writer's, for the time of a run."""
    server.execute_as("aetherlens_owner", f"CREATE UNLOGGED TABLE {TABLE} (client int, number int)")
    server.execute(f"GRANT SELECT, INSERT ON {TABLE} TO molecule_writer")
    yield TABLE
    server.execute(f"DROP TABLE {TABLE}")


async def work(client: int, connection: psycopg.AsyncConnection[Any], load: Load, end: float) -> None:
    """Transactions of one client until the time is up, at least two; each looks at what the client itself has done."""
    number = 0
    while number < 2 or time.monotonic() < end:
        number += 1
        async with connection.transaction():
            await connection.execute(f"INSERT INTO {TABLE} VALUES (%s, %s)", (client, number))
            cursor = await connection.execute(
                f"SELECT count(*), max(number), %s::int * 7, pg_backend_pid() FROM {TABLE} WHERE client = %s",
                (client, client),
                prepare=True,
            )
            row = await cursor.fetchone()
        if row is None or row[:3] != (number, number, client * 7):
            load.wrong.append(f"client {client}, transaction {number}: {row}")
        else:
            load.backends.add(row[3])
        load.transactions += 1
        load.written[client] = number
        await asyncio.sleep(0.2)


async def run(keywords: dict[str, Any], clients: int) -> Load:
    """All clients connect; once everybody is in, or has been refused, all of them work."""
    load = Load()

    async def connect() -> psycopg.AsyncConnection[Any] | None:
        try:
            connection = await psycopg.AsyncConnection.connect(**keywords, autocommit=True)
        except psycopg.OperationalError as error:
            load.refused.append(str(error))
            return None
        load.connected += 1
        return connection

    found = await asyncio.gather(*(connect() for _ in range(clients)))
    connections = [connection for connection in found if connection]
    end = time.monotonic() + LEAST_SECONDS
    await asyncio.gather(*(work(client, connection, load, end) for client, connection in enumerate(connections)))
    await asyncio.gather(*(connection.close() for connection in connections))
    return load


def allow_files(files: int) -> None:
    """Let this process open as many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard), hard))


def test_five_hundred_clients_on_a_hundred_connections(
    server: Server, address: Callable[..., dict[str, Any]], table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    allow_files(CLIENTS + 200)
    most = server.value("SELECT current_setting('max_connections')::int")
    assert most == 100
    began = time.monotonic()
    load = asyncio.run(run(address("molecule_writer", connect_timeout=60), CLIENTS))
    seconds = time.monotonic() - began
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{load.connected} clients, {len(load.refused)} refused, {load.transactions} transactions,"
            f" {len(load.wrong)} wrong answers, {len(load.backends)} connections of the server, {seconds:.0f} s"
        )
    assert load.refused == []
    assert load.wrong == []
    assert load.connected == CLIENTS
    assert load.transactions >= 2 * CLIENTS
    assert 10 <= len(load.backends) <= 85
    # What was told to be written is there, of every client.
    rows = server.rows(f"SELECT client, count(*) AS n, max(number) AS last FROM {table} GROUP BY client")
    assert {row["client"]: (row["n"], row["last"]) for row in rows} == {
        client: (number, number) for client, number in load.written.items()
    }
    assert len(rows) == CLIENTS


def test_without_the_pooler_most_of_them_are_refused(
    scenario: dict[str, Any], address: Callable[..., dict[str, Any]]
) -> None:
    """So the run above would have noticed."""
    allow_files(CLIENTS + 200)

    async def connect_all() -> list[str]:
        keywords = address("molecule_writer", port=scenario["port"], sslmode="prefer", connect_timeout=60)
        tries = (psycopg.AsyncConnection.connect(**keywords, autocommit=True) for _ in range(130))
        found = await asyncio.gather(*tries, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in found if isinstance(one, psycopg.AsyncConnection)))
        return [str(one) for one in found if isinstance(one, psycopg.OperationalError)]

    refused = asyncio.run(connect_all())
    assert len(refused) >= 30
    assert any("too many clients" in words or "remaining connection slots" in words for words in refused)
