"""Whole servers for tests of what concerns more than a database: roles, passwords, who may connect."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import conninfo, sql

from tests.integration.programs import PlaybookRun, run_playbook


@dataclass(frozen=True)
class Site:
    """A database yet to come on a server that is there: its names, and the variables by which playbooks work on it."""

    address: str
    name: str = field(default_factory=lambda: f"test_{secrets.token_hex(4)}")

    @property
    def owner(self) -> str:
        """The role that is to own everything."""
        return f"{self.name}_owner"

    @property
    def writer(self) -> str:
        """The group that writes."""
        return f"{self.name}_writer"

    @property
    def reader(self) -> str:
        """The group that reads."""
        return f"{self.name}_reader"

    def role(self, name: str) -> str:
        """A role's name that no other test uses."""
        return f"{self.name}_{name}"

    @property
    def login(self) -> dict[str, Any]:
        """Where the server is and who its superuser is, by the names that modules and roles have for it."""
        parts = conninfo.conninfo_to_dict(self.address)
        return {
            "host": str(parts.get("host", "127.0.0.1")),
            "port": int(parts.get("port", 5432)),
            "user": str(parts.get("user", "postgres")),
            "password": str(parts.get("password", "")),
        }

    @property
    def variables(self) -> dict[str, Any]:
        """The connection contract, for a server that this project has installed."""
        return {
            "timescaledb_deployment": "host",
            **{f"timescaledb_login_{name}": value for name, value in self.login.items()},
            "timescaledb_login_db": self.name,
            "timescaledb_login_ssl_mode": "prefer",
            "timescaledb_login_session_role": self.owner,
            "timescaledb_migrations_run_on": "controller",
        }

    def play(self, playbook: str, *arguments: str, **variables: Any) -> PlaybookRun:
        """Run a playbook on it, whatever comes of it."""
        return run_playbook(playbook, {**self.variables, **variables}, *arguments)

    def connect(
        self, user: str = "", password: str = "", database: str = "", role: str = ""
    ) -> psycopg.Connection[Any]:
        """Open a connection that commits every statement, as the server's superuser where nobody is named."""
        login = {"user": user, "password": password} if user else {}
        dsn = conninfo.make_conninfo(self.address, dbname=database or self.name, connect_timeout=10, **login)
        connection = psycopg.connect(dsn, autocommit=True)
        if role:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        return connection

    def query(self, statement: str, *, database: str = "", **login: str) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows, none when it has no result."""
        with self.connect(database=database, **login) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *, database: str = "", **login: str) -> Any:
        """The one value that a statement returns."""
        ((value,),) = self.query(statement, database=database, **login)
        return value

    def on_server(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement that needs no database of ours."""
        return self.query(statement, database="postgres")

    @property
    def checks_passwords(self) -> bool:
        """Whether the server asks for passwords at all, rather than trusting everybody."""
        probe = self.role("probe")
        self.on_server(f"CREATE ROLE {probe} LOGIN")
        try:
            self.query("SELECT", user=probe, password=secrets.token_hex(8), database="postgres")
        except psycopg.OperationalError:
            return True
        else:
            return False
        finally:
            self.on_server(f"DROP ROLE {probe}")


@contextlib.contextmanager
def plan_site(address: str) -> Iterator[Site]:
    """Yield a site of which nothing is there yet; drop in the end what has come of it."""
    site = Site(address)
    try:
        yield site
    finally:
        site.on_server(f"DROP DATABASE IF EXISTS {site.name} WITH (FORCE)")
        roles = site.on_server(f"SELECT rolname FROM pg_roles WHERE starts_with(rolname, '{site.name}_')")
        for (role,) in roles:
            site.on_server(f"DROP OWNED BY {role}")
            site.on_server(f"DROP ROLE {role}")
