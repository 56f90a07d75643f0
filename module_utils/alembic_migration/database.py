# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLAlchemy side: one connection, one transaction, what the tables hold, what the server's refusals mean."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Optional, Sequence

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ..timescaledb.errors import ServerError

try:
    import psycopg as driver

    DIALECT = "postgresql+psycopg"
except ImportError:
    import psycopg2 as driver  # type: ignore[no-redef]

    DIALECT = "postgresql+psycopg2"


@dataclass(frozen=True)
class Login:
    """Where the database is and who asks. A socket's directory takes the place of the host."""

    host: str
    port: int
    user: str
    password: str
    database: str
    unix_socket: str = ""
    ssl_mode: str = "prefer"
    ca_cert: str = ""
    connect_timeout: int = 10

    def to_libpq(self) -> Dict[str, Any]:
        """The connection parameters libpq knows, without the empty ones."""
        parameters = {
            "host": self.unix_socket or self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "dbname": self.database,
            "sslmode": self.ssl_mode,
            "sslrootcert": self.ca_cert,
            "connect_timeout": self.connect_timeout,
            "application_name": "alembic_migration",
        }
        return {name: value for name, value in parameters.items() if value}


@contextmanager
def open_transaction(login: Login, lock_timeout: str, *, read_only: bool) -> Iterator[Any]:
    """Yield a connection inside one transaction: committed at the end, rolled back on any error, or when read_only.

    A writing transaction holds the advisory lock of migrations, so that two runs at once follow one another.
    Raises ServerError when there is no connection to be had; errors inside pass as they are.
    """
    # The parameters travel by a function, not an address, so no password can show up in a message.
    engine = sqlalchemy.create_engine(
        DIALECT + "://", creator=lambda: driver.connect(**login.to_libpq()), poolclass=NullPool, future=True
    )
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise ServerError(f"cannot connect to {describe(login)}: {str(error.orig).strip()}") from error
    with connection:
        transaction = connection.begin()
        if read_only:
            connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": lock_timeout})
        if not read_only:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('alembic_migration', 0))"))
        try:
            yield connection
        except BaseException:
            transaction.rollback()
            raise
        if read_only:
            transaction.rollback()
        else:
            transaction.commit()


def describe(login: Login) -> str:
    """The address of the database as one reads it."""
    return f"database {login.database} at {login.unix_socket or login.host}, port {login.port}"


def explain_refusal(
    error: DBAPIError, running: Optional[str], dependants: Sequence[str], lock_timeout: str
) -> ServerError:
    """Say what the server refused while revision `running` was at work; the transaction has been rolled back.

    dependants: what is known to need the tables that the migration drops
    """
    diagnostics = getattr(error.orig, "diag", None)
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
    subject = f"revision {running}" if running else "the migration"
    if state == "55P03":
        reason = (
            f"got no lock within {lock_timeout}: another session uses what it changes, or another migration is running"
        )
    elif state == "2BP01":
        detail = (getattr(diagnostics, "message_detail", None) or "").split("\n")
        reason = (
            f"drops what other objects need ({'; '.join(dependants or detail)}); remove those first, "
            "continuous aggregates by state: absent"
        )
    else:
        primary = getattr(diagnostics, "message_primary", None) or str(error.orig).strip()
        reason = f"failed: {primary} (SQLSTATE {state})"
    return ServerError(f"{subject} {reason}; nothing was changed", state)
