# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to a server. The only file that knows a database driver: psycopg 3, else psycopg2."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from .errors import ServerError
from .login_failures import explain_login
from .names import quote_identifier

driver: Any = None
PSYCOPG3 = False
MISSING_DRIVER = ""
try:
    import psycopg

    driver, PSYCOPG3 = psycopg, True
except ImportError:
    try:
        import psycopg2

        driver = psycopg2
    except ImportError as missing:
        MISSING_DRIVER = str(missing)

APPLICATION_NAME = "timescaledb_lifecycle"


@dataclass(frozen=True)
class LoginParameters:
    """How to reach a database. Times in seconds; the password never leaves this object but for the driver.

    session_role: the role to become after logging in, so that what is created belongs to it
    """

    host: str = ""
    port: int = 5432
    user: str = "postgres"
    password: str = ""
    database: str = "postgres"
    unix_socket: str = ""
    ssl_mode: str = "prefer"
    ca_cert: str = ""
    ssl_cert: str = ""
    ssl_key: str = ""
    session_role: str = ""
    connect_timeout: int = 15

    def __repr__(self) -> str:
        return f"LoginParameters({self.where})"

    @property
    def where(self) -> str:
        """The server and database in words, without secrets."""
        place = self.unix_socket or self.host or "the local socket"
        return f"{place} port {self.port} database {self.database} as {self.user}"

    def keywords(self) -> Dict[str, Any]:
        """Return libpq's connection keywords."""
        chosen = {
            "host": self.unix_socket or self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "dbname": self.database,
            "sslmode": self.ssl_mode,
            "sslrootcert": self.ca_cert,
            "sslcert": self.ssl_cert,
            "sslkey": self.ssl_key,
            "connect_timeout": self.connect_timeout,
            "application_name": APPLICATION_NAME,
        }
        return {name: value for name, value in chosen.items() if value != ""}

    @property
    def set_role(self) -> str:
        """The statement by which a session becomes the role whose objects it works on; empty for none."""
        return f"SET ROLE {quote_identifier(self.session_role)}" if self.session_role else ""

    def explain_role(self, reason: object) -> str:
        """Say why the session could not become its role."""
        return (
            f"session_role: logged in to {self.where}, but cannot become {self.session_role}: {reason}; create the "
            f"role, or let a superuser GRANT {quote_identifier(self.session_role)} TO {quote_identifier(self.user)}"
        )


class Session:
    """An open connection. Statements are sent as complete texts; what was sent is kept in statements."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.statements: List[str] = []
        self.count = 0

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; what was not committed is rolled back by the server."""
        self._connection.close()

    def execute(self, statement: str) -> None:
        """Run one statement, begin and commit included. Raises ServerError."""
        self._run(statement).close()

    def rows(self, query: str) -> List[Dict[str, Any]]:
        """Run a query and return its rows as mappings, every value as JSON has it. Raises ServerError."""
        cursor = self._run(f"SELECT row_to_json(t)::text FROM (\n{query}\n) AS t")
        with cursor:
            return [json.loads(row[0]) for row in cursor.fetchall()]

    def row(self, query: str) -> Dict[str, Any]:
        """Run a query that returns one row."""
        return self.rows(query)[0]

    def explain(self, query: str) -> Dict[str, Any]:
        """Return the plan of a query, which is not run. Raises ServerError."""
        with self._run(f"EXPLAIN (FORMAT JSON, VERBOSE) {query}") as cursor:
            found = cursor.fetchone()[0]
        plan: Dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        return plan

    def _run(self, statement: str) -> Any:
        self.count += 1
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement)
        except driver.Error as error:
            raise _translated(error) from None
        return cursor


def connect(login: LoginParameters) -> Session:
    """Open a session in autocommit, so that transactions begin and end where the caller says. Raises ServerError."""
    if driver is None:
        raise ServerError(
            "a PostgreSQL driver is needed on the machine that runs this task: install psycopg 3 or psycopg2 for its "
            f"Python ({MISSING_DRIVER})"
        )
    keywords = login.keywords()
    if PSYCOPG3:
        keywords["cursor_factory"] = driver.ClientCursor
    try:
        connection = driver.connect(**keywords)
        connection.autocommit = True
    except driver.Error as error:
        raise ServerError(explain_login(login.where, str(error))) from None
    session = Session(connection)
    if login.session_role:
        _become(session, login)
    return session


def _become(session: Session, login: LoginParameters) -> None:
    try:
        session.execute(login.set_role)
    except ServerError as error:
        session.close()
        raise ServerError(login.explain_role(error), error.sqlstate) from None


def _translated(error: Any) -> ServerError:
    code: Optional[str] = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return ServerError(_first_line(error), code or "")


def _first_line(error: Any) -> str:
    diagnosis = getattr(error, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    if primary:
        detail = getattr(diagnosis, "message_detail", None)
        hint = getattr(diagnosis, "message_hint", None)
        return ". ".join(part.rstrip(".") for part in (primary, detail, hint) if part)
    return " ".join(str(error).split())
