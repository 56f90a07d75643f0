# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One database takes the name of another, in one transaction.

ALTER DATABASE ... RENAME locks the database, and then waits some seconds for its sessions to end. Who connects
meanwhile waits for the lock, and learns afterwards that the name belongs to another database. A second session ends
those that are there; so neither a busy nor a stubborn client can hold up the exchange for ever.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Callable, ContextManager, Iterator, List, Optional

from .errors import BackupError
from .session import Session, quote_identifier, quote_literal

ATTEMPTS = 6  # in each the server waits five seconds for sessions to end
PAUSE_SECONDS = 0.1
STILL_USED = ("being accessed by other users", "lock timeout", "deadlock")

Connect = Callable[[], ContextManager[Session]]


def swap_statements(serving: str, replacement: str, aside: Optional[str]) -> List[str]:
    """What served is called `aside` and is closed; `replacement` serves instead. Without `aside` nothing served."""
    old, new = quote_identifier(serving), quote_identifier(replacement)
    statements = []
    if aside is not None:
        statements.append(f"ALTER DATABASE {old} RENAME TO {quote_identifier(aside)}")
    statements += [f"ALTER DATABASE {new} RENAME TO {old}", f"ALTER DATABASE {old} ALLOW_CONNECTIONS true"]
    if aside is not None:
        statements.append(f"ALTER DATABASE {quote_identifier(aside)} ALLOW_CONNECTIONS false")
    return statements


def swap(connect: Connect, serving: str, replacement: str, aside: Optional[str]) -> None:
    """Rename in one transaction, ending the sessions of both databases. BackupError: everything is as it was."""
    statements = swap_statements(serving, replacement, aside)
    names = [replacement] if aside is None else [serving, replacement]
    with connect() as session, connect() as helper, _ending_sessions(helper, names):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                session.run("BEGIN", "SET LOCAL lock_timeout TO '10s'", *statements, "COMMIT")
            except BackupError as error:
                session.run("ROLLBACK")
                if attempt == ATTEMPTS or not any(text in str(error) for text in STILL_USED):
                    raise BackupError(f"The database could not take the name {serving}: {error}") from error
            else:
                return


@contextlib.contextmanager
def _ending_sessions(session: Session, databases: List[str]) -> Iterator[None]:
    """End the sessions of these databases again and again, until the block is left."""
    names = ", ".join(quote_literal(name) for name in databases)
    query = (
        "SELECT count(pg_catalog.pg_terminate_backend(a.pid)) FROM pg_catalog.pg_stat_activity AS a "
        f"WHERE a.datname IN ({names}) AND a.pid <> pg_catalog.pg_backend_pid()"
    )
    done = threading.Event()

    def end_them() -> None:
        while not done.wait(PAUSE_SECONDS):
            with contextlib.suppress(BackupError):
                session.value(query)

    thread = threading.Thread(target=end_them, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
