# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks whoever listens on a port who it is, in PostgreSQL's protocol. Needs no database driver."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from typing import Dict, Iterator, Tuple

APPLICATION = "timescaledb_sandbox"
TOO_MANY_CONNECTIONS = "53300"


@dataclass(frozen=True)
class Answer:
    """What came back: a session (`pid` is the server's), or the error that was given instead."""

    pid: int = 0
    sqlstate: str = ""
    message: str = ""

    @property
    def held(self) -> bool:
        """The sandbox serves another client."""
        return self.sqlstate == TOO_MANY_CONNECTIONS


class NoAnswerError(Exception):
    """Nothing listens, or what listens does not speak PostgreSQL's protocol."""


def ask(host: str, port: int, database: str, timeout_seconds: float) -> Answer:
    """Log in and out again; NoAnswerError after `timeout_seconds` of silence at the latest."""
    try:
        with socket.create_connection((host, port), timeout=timeout_seconds) as connection:
            connection.sendall(_startup(user="postgres", database=database, application_name=APPLICATION))
            answer = _read_answer(connection)
            connection.sendall(b"X\0\0\0\4")
            return answer
    except (OSError, struct.error) as error:
        raise NoAnswerError(str(error)) from error


def _startup(**parameters: str) -> bytes:
    body = b"".join(b"%s\0%s\0" % (name.encode(), value.encode()) for name, value in parameters.items())
    return struct.pack("!ii", len(body) + 9, 3 << 16) + body + b"\0"


def _read_answer(connection: socket.socket) -> Answer:
    pid = 0
    for kind, body in _messages(connection):
        if kind == b"E":
            fields = _error_fields(body)
            return Answer(sqlstate=fields.get("C", ""), message=fields.get("M", ""))
        if kind == b"R" and struct.unpack("!i", body[:4]) != (0,):
            return Answer(sqlstate="28000", message="a password is asked for")
        if kind == b"K":
            pid = struct.unpack("!i", body[:4])[0]
        if kind == b"Z":
            return Answer(pid=pid)
    raise NoAnswerError("the connection was closed")


def _messages(connection: socket.socket) -> Iterator[Tuple[bytes, bytes]]:
    with connection.makefile("rb") as stream:
        while True:
            head = stream.read(5)
            if len(head) < 5:
                return
            kind, length = struct.unpack("!ci", head)
            if not 4 <= length <= 1000000:
                raise NoAnswerError("another protocol is spoken there")
            yield kind, stream.read(length - 4)


def _error_fields(body: bytes) -> Dict[str, str]:
    texts = body.decode("utf-8", "replace").split("\0")
    return {text[0]: text[1:] for text in texts if text}


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            return False
    return True


def name_listener(port: int) -> str:
    """Which process listens on the port, as far as Linux lets this user see it; in words for a sentence."""
    sockets = set(_listening_sockets(port))
    for pid in filter(str.isdigit, os.listdir("/proc") if sockets else []):
        if sockets & set(_open_sockets(pid)):
            return f"process {pid} ({_command_line(pid)})"
    return "another process"


def _listening_sockets(port: int) -> Iterator[str]:
    """The kernel's names of the sockets that listen on `port`; state 0A is LISTEN."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{row[9]}]"


def _open_sockets(pid: str) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        for descriptor in os.listdir(folder):
            yield os.readlink(os.path.join(folder, descriptor))
    except OSError:  # another user's process, or one that has just ended
        return


def _command_line(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(200).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return "ended meanwhile"
