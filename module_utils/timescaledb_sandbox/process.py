# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's process: whether it lives, its start and its end.

A lock, not a PID, tells whether a server lives. It is taken here and inherited by the server, and the kernel gives it
back when the server is gone, however it went. So no PID of a dead server can be mistaken for a living one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from typing import Callable, Iterator, List, Optional, TypeVar

from .errors import SandboxError
from .folder import SandboxFolder, read_text

STOP_SECONDS = 20.0
KILL_SECONDS = 5.0
LOG_LINES = 15
LOG_BYTES = 1000000  # at the next start a longer log is set aside

Result = TypeVar("Result")


def is_running(folder: SandboxFolder) -> bool:
    """Whether a server of this folder lives."""
    if not os.path.exists(folder.server_lock):
        return False
    lock = _try_lock(folder.server_lock)
    if lock is None:
        return True
    os.close(lock)
    return False


def read_pid(folder: SandboxFolder) -> Optional[int]:
    """The PID in the PID file; without a server it is what a crashed one left behind."""
    text = (read_text(folder.pid) or "").strip()
    return int(text) if text.isdigit() else None


def _try_lock(path: str) -> Optional[int]:
    """An open, locked file, or None when another process has the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def working_alone(folder: SandboxFolder, timeout_seconds: float = 120) -> Iterator[None]:
    """Keep other runs from starting, stopping or erasing the same sandbox; SandboxError if one does so for too long."""
    lock = wait_for(lambda: _try_lock(folder.work_lock), timeout_seconds)
    if lock is None:
        raise SandboxError(f"Another run works on the sandbox in {folder.root}; try again when it has ended.")
    try:
        yield
    finally:
        os.close(lock)


def start(folder: SandboxFolder, command: List[str]) -> subprocess.Popen[bytes]:
    """Start the server so that it outlives this process, its output going to the log."""
    if os.path.exists(folder.log) and os.path.getsize(folder.log) > LOG_BYTES:
        os.replace(folder.log, folder.log + ".1")
    lock = _try_lock(folder.server_lock)
    if lock is None:
        raise SandboxError(f"A server of {folder.root} is running already.")
    try:
        with open(folder.log, "ab") as log:
            return subprocess.Popen(  # noqa: S603 - no shell
                command,
                cwd=folder.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )
    finally:
        os.close(lock)  # the server has its own copy of it


def stop(folder: SandboxFolder) -> None:
    """End the server: ask, wait, and if need be kill. SandboxError if it lives on."""
    for signal_number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        pid = wait_for(lambda: read_pid(folder), 2.0)
        if pid is None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)
        if wait_for(lambda: not is_running(folder) or None, seconds):
            forget(folder)
            return
    known = read_pid(folder) or "unknown"
    raise SandboxError(f"The sandbox's server (PID {known}) does not end; end it by hand, then try again.")


def forget(folder: SandboxFolder) -> None:
    """Remove the PID file of a server that has ended."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(folder.pid)


def wait_for(attempt: Callable[[], Optional[Result]], timeout_seconds: float) -> Optional[Result]:
    """The first result of `attempt` that is not None; None when there was none in time."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        result = attempt()
        if result is not None or time.monotonic() > deadline:
            return result
        time.sleep(0.05)


def last_lines(folder: SandboxFolder, count: int = LOG_LINES) -> List[str]:
    """The end of the log, each line cut to a length that can be read."""
    try:
        with open(folder.log, "rb") as file:
            file.seek(max(0, os.path.getsize(folder.log) - 100000))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line[:300] for line in text.splitlines() if line.strip()][-count:]
