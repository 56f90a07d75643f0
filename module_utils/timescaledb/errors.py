# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as types. Every message is one sentence a person can act on."""

from __future__ import annotations


def under(path: str, key: str) -> str:
    """Return the path of a key inside a variable; at the top the key is the path."""
    return f"{path}.{key}" if path else key


def located(path: str, problem: str) -> str:
    """Return a sentence that names the variable it is about, where there is one."""
    return f"{path}: {problem}" if path else problem


class TimescaleError(Exception):
    """Base of everything the core raises on purpose; str() is the sentence shown to the user."""


class DeclarationError(TimescaleError):
    """The declaration cannot be meant, or does not fit the database; nothing has been written.

    path: the variable at fault, such as timescaledb_lifecycle_hypertables[metrics].retention.drop_after
    problem: what was given and what is accepted
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(located(path, problem))
        self.path = path
        self.problem = problem


class ServerError(TimescaleError):
    """The server refused or failed; sqlstate is its five-character code, or empty when there was no server."""

    def __init__(self, message: str, sqlstate: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class UnsupportedError(TimescaleError):
    """The server is of an edition or version that cannot hold what was declared.

    curable: whether an earlier task of a play would have put it right, as by creating the extension
    """

    def __init__(self, message: str, curable: bool = False) -> None:
        super().__init__(message)
        self.curable = curable


class GuardError(TimescaleError):
    """The plan would lose data or break an invariant and nobody consented; nothing has been written."""
