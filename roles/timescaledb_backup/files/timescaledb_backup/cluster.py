# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster to be thrown away: made by initdb, served by postgres on a socket of its own, removed whatever happens.

It shares nothing with the host's server: not the port, not a network address, not shared memory. What a killed run
leaves behind is found by its folder and removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from typing import Callable, Dict, Iterator, List, NamedTuple

from .errors import BackupError

START_SECONDS = 120.0
STOP_SECONDS = 30.0
LONGEST_SOCKET = 107  # what the kernel takes as the path of a UNIX socket
LOG_LINES = 5
PROGRAMS = ("postgres", "initdb", "psql", "pg_restore", "vacuumdb", "pg_isready")


class Cluster(NamedTuple):
    """Where a throw-away cluster is and how it is reached."""

    folder: str
    bindir: str
    port: int
    user: str

    @property
    def data(self) -> str:
        return os.path.join(self.folder, "data")

    @property
    def socket(self) -> str:
        return os.path.join(self.folder, "socket")

    @property
    def log(self) -> str:
        return os.path.join(self.folder, "log")

    def program(self, name: str) -> str:
        return os.path.join(self.bindir, name)


@contextlib.contextmanager
def throw_away_cluster(cluster: Cluster, settings: Dict[str, str]) -> Iterator[Cluster]:
    """A running cluster with these settings, without its folder once the block is left."""
    check_socket_path(cluster)
    sweep_cluster(cluster.folder)
    try:
        _make(cluster, settings)
        server = _start(cluster)
        try:
            yield cluster
        finally:
            _stop(server)
    finally:
        sweep_cluster(cluster.folder)


def check_socket_path(cluster: Cluster) -> None:
    """Refuse a folder whose socket the kernel could not name."""
    path = os.path.join(cluster.socket, f".s.PGSQL.{cluster.port}")
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        raise BackupError(
            f"The drill's folder {cluster.folder} is too long for a socket in it ({len(os.fsencode(path))} bytes, at "
            f"most {LONGEST_SOCKET}); set drill.folder to a shorter one."
        )


def sweep_cluster(folder: str) -> None:
    """End every process of a cluster in `folder`, and remove the folder; nothing is there: nothing happens."""
    if not os.path.isdir(folder):
        return
    _end_processes(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.isdir(folder):
        shutil.rmtree(folder)


def render_settings(settings: Dict[str, str]) -> str:
    """Lines for postgresql.conf."""
    quoted = ((name, str(value).replace("\\", "\\\\").replace("'", "''")) for name, value in settings.items())
    return "".join(f"{name} = '{value}'\n" for name, value in quoted)


def _make(cluster: Cluster, settings: Dict[str, str]) -> None:
    os.makedirs(cluster.socket, mode=0o700)
    os.chmod(cluster.folder, 0o700)
    command = [cluster.program("initdb"), "--pgdata", cluster.data, "--username", cluster.user]
    command += ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603
    if done.returncode:
        raise BackupError(f"initdb could not make the drill's cluster: {_last_line(done.stdout)}")
    with open(os.path.join(cluster.data, "postgresql.conf"), "a", encoding="utf-8") as file:
        file.write("\n" + render_settings({**settings, **_addresses(cluster)}))


def _addresses(cluster: Cluster) -> Dict[str, str]:
    return {"listen_addresses": "", "port": str(cluster.port), "unix_socket_directories": cluster.socket}


def _start(cluster: Cluster) -> subprocess.Popen[bytes]:
    with open(cluster.log, "ab") as log:
        server = subprocess.Popen(  # noqa: S603 - no shell
            [cluster.program("postgres"), "-D", cluster.data], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    ready = [cluster.program("pg_isready"), "--quiet", "--host", cluster.socket, "--port", str(cluster.port)]
    ready += ["--username", cluster.user]  # in a container, whoever calls it need not have a name
    answered = _wait_until(lambda: server.poll() is not None or subprocess.run(ready).returncode == 0, START_SECONDS)  # noqa: S603
    if answered and server.poll() is None:
        return server
    _stop(server)
    raise BackupError(f"The drill's cluster did not start: {_end_of_log(cluster)}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server at once; it is thrown away. It cleans up its shared memory, which a kill would not."""
    for number in (signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)
            return


def _end_processes(folder: str) -> None:
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in processes_of(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _wait_until(lambda: not processes_of(folder), STOP_SECONDS):
            return


def processes_of(folder: str) -> List[int]:
    """The programs of PostgreSQL which this user has started with a path in `folder` as an argument."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and _belongs(name, folder):
            found.append(int(name))
    return found


def _belongs(pid: str, folder: str) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            arguments = file.read().split(b"\0")
        owned = os.stat(f"/proc/{pid}").st_uid == os.getuid()
    except OSError:
        return False
    known = os.path.basename(arguments[0]).decode("utf-8", "replace") in PROGRAMS
    return owned and known and any(argument.startswith(os.fsencode(folder) + b"/") for argument in arguments)


def _wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _end_of_log(cluster: Cluster) -> str:
    try:
        with open(cluster.log, "rb") as file:
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return "it wrote no log"
    told = [line for line in lines if "FATAL" in line or "ERROR" in line or "HINT" in line] or lines
    return " ".join(told[-LOG_LINES:]) or "its log is empty"


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
