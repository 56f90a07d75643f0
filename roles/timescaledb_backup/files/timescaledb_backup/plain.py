# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL in files into a database, through psql."""

from __future__ import annotations

import contextlib
import gzip
import os
import subprocess
import tempfile
from typing import IO, Iterable, Iterator, List, Set

from .config import Config
from .dump import PLAIN_FILE
from .errors import BackupError
from .files import list_files, quiet_environment
from .session import quote_identifier

LAST_LINES = 3


def load_plain(config: Config, connection: str, folder: str, made: List[str]) -> None:
    """Run the SQL of a backup, except for what makes the schemas `made`. Raises BackupError with the server's words."""
    name = next((name for name in list_files(folder) if name.startswith(PLAIN_FILE)), None)
    if name is None:
        raise BackupError(f"{folder} holds no dump.")
    path = os.path.join(folder, name)
    skipped = {f"CREATE SCHEMA {name};\n".encode() for schema in made for name in (schema, quote_identifier(schema))}
    with gzip.open(path) if name.endswith(".gz") else open(path, "rb") as lines:
        _run(config, connection, _without(lines, skipped))


def run_sql(config: Config, connection: str, text: str) -> None:
    """Run SQL, up to the first error. Raises BackupError with the server's words."""
    _run(config, connection, [text.encode()])


def _run(config: Config, connection: str, lines: Iterable[bytes]) -> None:
    command = [config.program("psql"), *config.login(), "-X", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
            [*command, f"--dbname={connection}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=quiet_environment(),
        )
        try:
            _feed(process, lines)
        finally:
            process.wait()
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip().splitlines()
            raise BackupError(f"psql failed (exit code {process.returncode}): {'; '.join(said[-LAST_LINES:])}")


def _feed(process: subprocess.Popen[bytes], lines: Iterable[bytes]) -> None:
    target: IO[bytes] = process.stdin  # type: ignore[assignment]
    # Where psql ends early the pipe breaks, and psql says why.
    with contextlib.suppress(BrokenPipeError), target:
        for line in lines:
            target.write(line)


def _without(lines: Iterable[bytes], skipped: Set[bytes]) -> Iterator[bytes]:
    """The lines, without the first of each of these; rows that look the same come later."""
    for line in lines:
        if line in skipped:
            skipped.discard(line)
        else:
            yield line
