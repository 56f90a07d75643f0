"""Sandboxes for tests: each in a folder and on a port of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from ansible.module_utils.timescaledb_sandbox.sandbox import HOST
from psycopg import conninfo

from tests.integration.programs import ROOT, run_module

ROLE = ROOT / "roles" / "timescaledb_sandbox"


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
        return conninfo.make_conninfo(
            host=self.host, port=self.port, dbname=self.database, user="postgres", sslmode="disable"
        )

    @property
    def pid(self) -> int:
        """The server's process."""
        return int((self.directory / "server.pid").read_text())

    @property
    def log(self) -> str:
        """What the server has said."""
        return (self.directory / "server.log").read_text()

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Open a connection that commits every statement, or as `options` of libpq and psycopg say. Close it."""
        return psycopg.connect(self.dsn, **{"autocommit": True, **options})

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows, none when it has no result."""
        with self.connect() as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, sql: str, *parameters: Any) -> Any:
        """The one value that `sql` returns."""
        ((value,),) = self.query(sql, *parameters)
        return value

    def kill(self) -> None:
        """Kill the server, which cannot do anything about it."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid))


@dataclass
class Place:
    """A place for a sandbox, and the module to start and end it with."""

    directory: Path
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill in what is not given; a port that is free now."""
        defaults = {
            "directory": str(self.directory),
            "source": str(ROLE / "files"),
            "node_requirements": str(ROOT / "requirements-node.txt"),
            "port": free_port(),
        }
        self.options = {**defaults, **self.options}

    @property
    def server(self) -> Server:
        """The server, when it runs."""
        return Server(HOST, self.options["port"], self.options.get("database", "aetherlens"), self.directory)

    def try_to(self, state: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module, with other options from now on; return its result, which may be a failure."""
        self.options.update(options)
        return run_module("timescaledb_sandbox", {**self.options, "state": state}, check=check, diff=True)

    def bring(self, state: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module as try_to() does, which has to succeed."""
        result = self.try_to(state, check=check, **options)
        assert not result.get("failed"), result["text"]
        return result

    def copy_source(self, folder: Path) -> Path:
        """Let the program come from a copy in `folder`, which a test may change."""
        shutil.copytree(ROLE / "files", folder)
        self.options["source"] = str(folder)
        return folder


@contextlib.contextmanager
def run_sandbox(directory: Path, **options: Any) -> Iterator[Server]:
    """Run a sandbox in `directory` and erase it in the end."""
    place = Place(directory, options)
    place.bring("started")
    try:
        yield place.server
    finally:
        place.bring("absent")


def free_port() -> int:
    """A port on which nothing listens at the moment."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def is_alive(pid: int) -> bool:
    """Whether a process does anything; one that has ended and waits for its parent to notice does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for `condition`; fail when it has not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.02)
