# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as sentences, each kind with an exit code of its own.

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong usage or configuration; nothing was done |
| 3 | another run holds the lock |
| 4 | a backup is damaged, or what was restored differs from it |
| 5 | not enough space |
| 6 | refused: versions, edition or confirmation |
"""

from __future__ import annotations


class BackupError(Exception):
    """It failed, for the reason in the message: one sentence for people."""

    code = 1


class UsageError(BackupError):
    """The command line or the configuration cannot be meant."""

    code = 2


class BusyError(BackupError):
    """Another run is at work."""

    code = 3


class DamageError(BackupError):
    """A backup is not what it was when it was made, or what came out of it is not what went in."""

    code = 4


class SpaceError(BackupError):
    """There is too little room."""

    code = 5


class RefusedError(BackupError):
    """It could be done, and should not be."""

    code = 6
