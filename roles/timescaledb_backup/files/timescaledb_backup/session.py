# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One session with a server, through psql, which is there wherever pg_dump is: statements in, rows as mappings out."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import tempfile
from typing import IO, Any, Dict, Iterator, List, cast

from .errors import BackupError
from .files import bound_to_this_process, quiet_environment

Row = Dict[str, Any]


def quote_identifier(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """A text as SQL takes it, whatever standard_conforming_strings says."""
    escaped = text.replace("'", "''")
    return f" E'{escaped}'".replace("\\", "\\\\") if "\\" in text else f"'{escaped}'"


def connection_string(**values: str) -> str:
    """Where to connect to, as PostgreSQL's programs take it; a bare name with = in it would be taken for all of it."""
    quoted = ((key, value.replace("\\", "\\\\").replace("'", "\\'")) for key, value in values.items() if value)
    return " ".join(f"{key}='{value}'" for key, value in quoted)


class Session:
    """An open session. What goes wrong is a BackupError in the server's words."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors
        self._input = cast(IO[bytes], process.stdin)
        self._output = cast(IO[bytes], process.stdout)

    def run(self, *statements: str) -> None:
        """Run statements, one an argument, up to the first that fails."""
        for statement in statements:
            self._ask(statement)

    def rows(self, query: str) -> List[Row]:
        """The rows of a query, its columns by name, values as JSON has them."""
        lines = self._ask(f"SELECT pg_catalog.to_jsonb(t)::text FROM ({query}) AS t")
        return [json.loads(line) for line in lines]

    def row(self, query: str) -> Row:
        """The only row of a query."""
        found = self.rows(query)
        if len(found) != 1:
            raise BackupError(f"The server answered with {len(found)} rows where one was expected: {query}")
        return found[0]

    def value(self, query: str) -> Any:
        """The only value of the only row of a query."""
        return next(iter(self.row(query).values()))

    def _ask(self, statement: str) -> List[str]:
        mark = secrets.token_hex(8)
        tail = f"\n;\n\\echo {mark} :ERROR\n\\echo :LAST_ERROR_MESSAGE\n\\echo {mark} end\n"
        try:
            self._input.write((statement.rstrip().rstrip(";") + tail).encode())
            self._input.flush()
        except OSError as error:
            raise self._ended() from error
        answer = self._read_until(f"{mark} true", f"{mark} false")
        message = self._read_until(f"{mark} end")
        if answer.pop() == f"{mark} true":
            raise BackupError(f"The server refused: {' '.join(message[:-1])}")
        return answer

    def _read_until(self, *marks: str) -> List[str]:
        lines: List[str] = []
        while not lines or lines[-1] not in marks:
            line = self._output.readline()
            if not line:
                raise self._ended()
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))
        return lines

    def _ended(self) -> BackupError:
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").splitlines()
        told = [line.strip() for line in said if "FATAL: " in line or "ERROR: " in line] or said[-4:]
        return BackupError("The session ended: " + (" ".join(map(str.strip, told)).strip() or "no reason was given"))


@contextlib.contextmanager
def connect(bindir: str, socket: str, port: int, user: str, database: str) -> Iterator[Session]:
    """A session for as long as the block lasts; a transaction that is open then is rolled back."""
    command = [os.path.join(bindir, "psql"), "-X", "--quiet", "--no-align", "--tuples-only", "--no-password"]
    command += ["--host", socket, "--port", str(port), "--username", user]
    command.append(f"--dbname={connection_string(dbname=database)}")
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
            bound_to_this_process(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=quiet_environment(),
        )
        session = Session(process, errors)
        try:
            # A database may be in another encoding; what it says is read as UTF-8.
            session.run("SET client_encoding TO 'UTF8'")
            # What functions print depends on these; names are always written in full.
            session.run("SET search_path TO pg_catalog", "SET IntervalStyle TO postgres", "SET TimeZone TO 'UTC'")
            session.run("SET DateStyle TO ISO", "SET extra_float_digits TO 1", "SET statement_timeout TO 0")
            yield session
        finally:
            with contextlib.suppress(OSError):
                session._input.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            session._output.close()
