# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sandbox should be, what it is, and the steps from one to the other. No I/O here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Dict, List, Optional


@dataclass(frozen=True)
class Settings:
    """How a server is started; two servers with equal settings are the same to their clients.

    program: a digest of the server's own files
    packages: a digest of the lock that pins its packages
    """

    port: int
    database: str
    queue_seconds: float
    program: str
    packages: str


class FolderKind(Enum):
    """What lies where the sandbox belongs."""

    ABSENT = "absent"
    SANDBOX = "sandbox"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Observed:
    """The sandbox as found.

    running: a server process lives, whether it answers or not
    settings: what that server, or the last one, was started with
    packages: digest of the lock whose packages are installed completely
    node: there is a Node.js to run it with; of interest for a start only
    """

    folder: FolderKind
    running: bool = False
    settings: Optional[Settings] = None
    packages: Optional[str] = None
    node: bool = True


class Step(Enum):
    """What may have to be done, in this order."""

    NODE = "install Node.js from PyPI"
    STOP = "stop the server"
    INSTALL = "install the packages of the lock"
    START = "start the server"
    ERASE = "erase the folder with all data"


def plan_started(wanted: Settings, found: Observed) -> List[Step]:
    """The steps after which a server with the `wanted` settings runs; none if one does."""
    if found.running and found.settings == wanted:
        return []
    steps = [] if found.node else [Step.NODE]
    if found.running:
        steps.append(Step.STOP)
    if found.packages != wanted.packages:
        steps.append(Step.INSTALL)
    return [*steps, Step.START]


def plan_stopped(found: Observed) -> List[Step]:
    """The steps after which no server runs."""
    return [Step.STOP] if found.running else []


def plan_absent(found: Observed) -> List[Step]:
    """The steps after which nothing is left of the sandbox."""
    return [] if found.folder is FolderKind.ABSENT else [*plan_stopped(found), Step.ERASE]


def describe_found(found: Observed) -> Dict[str, Any]:
    """One side of a diff: what there is."""
    if found.running and found.settings:
        return describe_started(found.settings)
    return {"state": "absent" if found.folder is FolderKind.ABSENT else "stopped"}


def describe_started(settings: Settings) -> Dict[str, Any]:
    """One side of a diff: a server with these settings."""
    digests = {"program": settings.program[:12], "packages": settings.packages[:12]}
    return {"state": "started", **asdict(settings), **digests}
