"""What the checks ask: the database through psql inside the container, its log, and logins from elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

# Opens a connection as a user; keywords of libpq replace what it would say by itself.
Login = Callable[..., psycopg.Connection[dict[str, Any]]]


@dataclass(frozen=True)
class LogPart:
    """Lines of the server's log, and at which byte of the log they begin."""

    begin: int
    lines: list[str]


@dataclass(frozen=True)
class Server:
    """A machine on which commands run as the system user postgres."""

    shell: Any
    database: str = "aetherlens"

    def execute(self, statement: str) -> None:
        """Run one statement in a transaction of its own."""
        self._psql(statement)

    def execute_as(self, role: str, statement: str) -> None:
        """Run one statement as a role."""
        self._psql(f"SET ROLE {role}", statement)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query, with values as JSON has them."""
        answer = self._psql(f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) AS t")
        found: list[dict[str, Any]] = json.loads(answer)
        return found

    def value(self, query: str) -> Any:
        """The only value of the only row of a query."""
        rows = self.rows(query)
        assert len(rows) == 1, rows
        return next(iter(rows[0].values()))

    def wait_for(self, query: str, seconds: float) -> bool:
        """Ask until the answer is true; False when it is not within that time."""
        deadline = time.monotonic() + seconds
        while not self.value(query):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    def refusal_of(self, statement: str) -> str:
        """What the server says about a statement it refuses, which is rolled back if it does not."""
        result = self._run("BEGIN", statement, "ROLLBACK")
        assert result.rc != 0, f"the server took: {statement}"
        return str(result.stderr)

    def _psql(self, *statements: str) -> str:
        result = self._run(*statements)
        assert result.rc == 0, result.stderr
        return str(result.stdout)

    def _run(self, *statements: str) -> Any:
        command = "psql -X --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname %s"
        return self.shell.run(command + " --command %s" * len(statements), self.database, *statements)
