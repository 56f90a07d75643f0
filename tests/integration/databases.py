"""Databases for tests: a sandbox of their own, and one on every server that TIMESCALEDB_TEST_DSN names.

TIMESCALEDB_TEST_DSN holds addresses (postgresql://...) of superusers, separated by spaces.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import conninfo

ADDRESSES = os.environ.get("TIMESCALEDB_TEST_DSN", "").split()


@dataclass(frozen=True)
class Database:
    """A database with TimescaleDB in it and nothing else, and how to log in to it."""

    host: str
    port: int
    user: str
    password: str
    name: str
    ssl_mode: str

    @property
    def dsn(self) -> str:
        """For psycopg, psql and everything else that uses libpq."""
        return conninfo.make_conninfo(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password or None,
            dbname=self.name,
            sslmode=self.ssl_mode,
        )

    @property
    def login_options(self) -> dict[str, Any]:
        """The options by which modules log in."""
        return {
            "login_host": self.host,
            "login_port": self.port,
            "login_user": self.user,
            "login_password": self.password,
            "login_db": self.name,
            "ssl_mode": self.ssl_mode,
        }

    @property
    def login_variables(self) -> dict[str, Any]:
        """The variables by which roles log in."""
        options = {**self.login_options, "login_ssl_mode": self.ssl_mode}
        return {f"timescaledb_{name}": value for name, value in options.items() if name.startswith("login_")}

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Open a connection that commits every statement. Close it: a sandbox has only one."""
        return psycopg.connect(self.dsn, autocommit=True, **options)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows, none when it has no result."""
        with self.connect() as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, sql: str, *parameters: Any) -> Any:
        """The one value that `sql` returns."""
        ((value,),) = self.query(sql, *parameters)
        return value


@contextlib.contextmanager
def create_database(address: str) -> Iterator[Database]:
    """Create a database on the server at `address`, put TimescaleDB in it, and drop it in the end."""
    parts = conninfo.conninfo_to_dict(address)
    database = Database(
        host=str(parts.get("host", "127.0.0.1")),
        port=int(parts.get("port", 5432)),
        user=str(parts.get("user", "postgres")),
        password=str(parts.get("password", "")),
        name=f"test_{secrets.token_hex(6)}",
        ssl_mode=str(parts.get("sslmode", "prefer")),
    )
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {database.name}")
        try:
            database.query("CREATE EXTENSION IF NOT EXISTS timescaledb")
            yield database
        finally:
            server.execute(f"DROP DATABASE {database.name} WITH (FORCE)")
