# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that survive a crash, locks, and programs that are run without a shell."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from .errors import BackupError, BusyError, SpaceError

_BLOCK = 1024 * 1024
_LAST_LINES = 5
_TOO_LONG = "Query was: "  # names every table there is
_REMOVALS = 10
_PAUSE_SECONDS = 0.5
_ABANDONED_SECONDS = 24 * 3600.0  # they are read within seconds


def sync(path: str) -> None:
    """Have a file or folder on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: str) -> None:
    """Have a folder with everything in it on disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(os.path.join(parent, name))
        sync(parent)


def write_atomically(path: str, text: str, mode: int = 0o600) -> None:
    """Replace a file by one that is whole, whatever happens meanwhile."""
    partial = f"{path}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    sync(os.path.dirname(path) or ".")


def list_files(folder: str) -> List[str]:
    """Every file below a folder, as paths relative to it, sorted."""
    found = [os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names]
    return sorted(os.path.relpath(path, folder) for path in found)


def digest(path: str) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            sha.update(block)
    return sha.hexdigest()


def size_of(folder: str) -> int:
    """Bytes of all files below a folder."""
    return sum(os.path.getsize(os.path.join(folder, name)) for name in list_files(folder))


def free_bytes(folder: str) -> int:
    """Bytes that this user may still write in a folder's file system."""
    return shutil.disk_usage(folder).free


def use_temporary_folder(folder: str) -> None:
    """Have temporary files here, and remove those that killed runs have left."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with contextlib.suppress(FileNotFoundError):
            if time.time() - os.path.getmtime(path) > _ABANDONED_SECONDS:
                os.remove(path)
    tempfile.tempdir = folder


def remove_tree(folder: str) -> None:
    """Remove a folder with everything in it, also where a program that is just ending still writes into it."""
    for _ in range(_REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(_PAUSE_SECONDS)
    shutil.rmtree(folder)


@contextlib.contextmanager
def lock(path: str, purpose: str) -> Iterator[None]:
    """Hold a lock; it ends with the process, however that ends. Raises BusyError, which says who holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(f"Another run is at work: {file.read().strip() or path}.") from None
        file.truncate(0)
        file.write(f"{purpose}, process {os.getpid()}")
        file.flush()
        yield


class Program:
    """A running program, without a shell, which reads what it is given, and ends with this one, however that ends.

    Raises BackupError if it cannot be run.
    """

    def __init__(self, command: Sequence[str], output: Optional[str] = None, given: str = "") -> None:
        self._name = os.path.basename(command[0])
        self._given = given.encode()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by finish()
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) if output else subprocess.PIPE
        try:
            self._process = subprocess.Popen(  # noqa: S603 - an argument list
                bound_to_this_process(command),
                stdin=subprocess.PIPE if given else subprocess.DEVNULL,
                stdout=descriptor,
                stderr=self._said,
                env=quiet_environment(),
            )
        except OSError as error:
            raise BackupError(f"{command[0]} cannot be run: {error.strerror}.") from error
        finally:
            if output:
                os.close(descriptor)

    def finish(self, harmless: Sequence[str] = (), say: Optional[Callable[[str], None]] = None) -> str:
        """Wait for its end; its standard output. Raises BackupError with the last lines it said if it fails.

        What it says without failing is passed on, besides lines that contain one of `harmless`.
        """
        output = self._process.communicate(self._given or None)[0] or b""
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace")
        self._said.close()
        lines = [line for line in said.splitlines() if line.strip() and not any(text in line for text in harmless)]
        if self._process.returncode:
            lines = _without_queries(lines, self._name)
            reason = "; ".join(lines[-_LAST_LINES:]) or said.strip() or "it said nothing"
            kind = SpaceError if os.strerror(errno.ENOSPC) in reason else BackupError
            raise kind(f"{self._name} failed (exit code {self._process.returncode}): {reason}")
        if say is not None:
            for line in lines:
                say(line)
        return output.decode("utf-8", "replace")

    def stop(self) -> None:
        """End it, if it has not ended by itself."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def run(command: Sequence[str], *, output: Optional[str] = None, harmless: Sequence[str] = (), given: str = "") -> str:
    """Run a program to its end; its standard output, "" where that goes into the new file `output` (0600).

    Raises BackupError as Program does.
    """
    return Program(command, output, given).finish(harmless)


def bound_to_this_process(command: Sequence[str]) -> List[str]:
    """The command as one that is ended when this process is killed; what is left of a run must not write on."""
    binder = shutil.which("setpriv")
    bound = binder is not None and shutil.which(command[0]) is not None
    return [binder, "--pdeathsig", "TERM", *command] if binder and bound else list(command)


def _without_queries(lines: Sequence[str], program: str) -> List[str]:
    """What a program said, without the statements, of many lines, which it was about to run."""
    kept, inside = [], False
    for line in lines:
        inside = _TOO_LONG in line or (inside and not line.startswith(f"{program}: "))
        kept += [] if inside else [line]
    return kept


def quiet_environment() -> Dict[str, str]:
    """The environment without what would send libpq elsewhere; messages in English, so that they can be recognised."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_MESSAGES": "C", "PGCONNECT_TIMEOUT": "30", "PGAPPNAME": "timescaledb-backup"}
