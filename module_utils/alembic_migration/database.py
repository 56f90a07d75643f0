# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLAlchemy side: one connection, one transaction, what a refusal of the server means."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Optional, Sequence

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ..timescaledb.errors import ServerError
from ..timescaledb.login_failures import explain_login
from ..timescaledb.session import LoginParameters

try:
    # SQLAlchemy 1 has no dialect for psycopg 3, even where that is installed.
    import psycopg as driver
    import sqlalchemy.dialects.postgresql.psycopg

    DIALECT = "postgresql+psycopg"
except ImportError:
    import psycopg2 as driver  # type: ignore[no-redef]

    DIALECT = "postgresql+psycopg2"


class LoginError(ServerError):
    """There is no connection to be had."""


@contextmanager
def open_transaction(login: LoginParameters, lock_timeout: int, *, read_only: bool) -> Iterator[Any]:
    """Yield a connection inside one transaction: committed at the end, rolled back on any error, or when read_only.

    A writing transaction holds the advisory lock of migrations, so that two runs at once follow one another.
    Raises LoginError when there is no connection to be had; errors inside pass as they are.
    """
    # The parameters travel by a function, not an address, so no password can show up in a message.
    keywords = {**login.keywords(), "application_name": "alembic_migration"}
    engine = sqlalchemy.create_engine(
        DIALECT + "://", creator=lambda: driver.connect(**keywords), poolclass=NullPool, future=True
    )
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise LoginError(explain_login(login.where, str(error.orig))) from None
    with connection:
        transaction = connection.begin()
        if read_only:
            connection.execute(text("SET TRANSACTION READ ONLY"))
        become(connection, login)
        connection.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": f"{lock_timeout}s"})
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


def become(connection: Any, login: LoginParameters) -> None:
    """Become the role that is to own what the revisions create, where one is named."""
    if not login.session_role:
        return
    try:
        connection.execute(text(login.set_role.replace(":", "\\:")))
    except DBAPIError as error:
        primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
        raise LoginError(login.explain_role(primary or str(error.orig).strip())) from None


def explain_refusal(
    error: DBAPIError, running: Optional[str], dependants: Sequence[str], lock_timeout: int
) -> ServerError:
    """Say what the server refused while revision `running` was at work; the transaction has been rolled back.

    dependants: what is known to need the tables that the migration drops
    """
    diagnostics = getattr(error.orig, "diag", None)
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
    subject = f"revision {running}" if running else "the migration"
    if state == "55P03":
        reason = f"got no lock within {lock_timeout} s: another session uses what it changes, or another migration runs"
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
