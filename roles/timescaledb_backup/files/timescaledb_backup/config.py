# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the configuration of one database's backups says, checked, with the file and the key in every complaint."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from .errors import UsageError

FOLDER = "/etc/timescaledb-backup"
FORMATS = ("custom", "directory", "plain")
_COMPRESSION = re.compile(r"auto|none|(zstd|gzip):\d{1,2}")
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_DURATION = re.compile(r"\d+(ms|s|min|h|d)?")


@dataclass(frozen=True)
class Keep:
    """How many backups stay."""

    last: int = 7
    weekly: int = 0
    monthly: int = 0


@dataclass(frozen=True)
class Offsite:
    """Where a second copy of every backup goes, and with which program."""

    kind: str
    target: str
    options: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Drill:
    """The throw-away cluster of a drill."""

    folder: Optional[str] = None
    memory_mb: int = 128
    port: int = 5433


@dataclass(frozen=True)
class Notify:
    """Who is told of a failure, besides the journal."""

    mail: Optional[str] = None
    webhook: Optional[str] = None


@dataclass(frozen=True)
class Container:
    """Where the server runs, if not on the host itself; the programs of its image are used."""

    name: str
    engine: str = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Config:
    """The backups of one database."""

    database: str
    folder: str
    state_folder: str
    bindir: str
    socket: str = "/var/run/postgresql"
    port: int = 5432
    user: str = "postgres"
    container: Optional[Container] = None
    system_user: Optional[str] = None
    system_group: Optional[str] = None
    format: str = "custom"
    jobs: int = 2
    compression: str = "auto"
    keep: Keep = field(default_factory=Keep)
    least_free_mb: int = 1024
    lock_wait_timeout: str = "10min"
    encryption_recipients: Tuple[str, ...] = ()
    offsite: Optional[Offsite] = None
    drill: Drill = field(default_factory=Drill)
    notify: Notify = field(default_factory=Notify)
    declared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def temporary_folder(self) -> Optional[str]:
        """Where files are that programs have to find under the same path in a container; None: anywhere."""
        return os.path.join(self.state_folder, "tmp") if self.container else None

    @property
    def lock_file(self) -> str:
        """What one run at a time holds."""
        return os.path.join(self.state_folder, "lock")

    def program(self, name: str) -> str:
        """The path of one of PostgreSQL's programs."""
        return os.path.join(self.bindir, name)

    def login(self) -> List[str]:
        """How PostgreSQL's programs are told where to log in, and as whom."""
        return ["--host", self.socket, "--port", str(self.port), "--username", self.user, "--no-password"]


Check = Tuple[Callable[[Any], bool], str]


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _whole(least: int, most: int) -> Check:
    return (
        lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
        f"a whole number from {least} to {most}",
    )


_PATH: Check = (lambda value: _text(value) and value.startswith("/"), "an absolute path")
_NAME: Check = (_text, "a text")
_TEXTS: Check = (lambda value: isinstance(value, list) and all(map(_text, value)), "a list of texts")
_OPTIONAL_NAME: Check = (lambda value: value is None or _text(value), "a text or null")
_CHECKS: Dict[str, Check] = {
    "database": (
        lambda value: _text(value) and "/" not in value and not value.startswith("."),
        "the name of a database",
    ),
    "folder": _PATH,
    "state_folder": _PATH,
    "bindir": _PATH,
    "socket": _PATH,
    "port": _whole(1, 65535),
    "user": _NAME,
    "container.name": (
        lambda value: isinstance(value, str) and _CONTAINER.fullmatch(value) is not None,
        "the name of a container",
    ),
    "container.engine": (
        lambda value: _text(value) and value.startswith("unix:///"),
        "the socket of an engine on this host, such as unix:///var/run/docker.sock",
    ),
    "system_user": _OPTIONAL_NAME,
    "system_group": _OPTIONAL_NAME,
    "format": (lambda value: value in FORMATS, "custom, directory or plain"),
    "jobs": _whole(1, 64),
    "compression": (
        lambda value: isinstance(value, str) and _COMPRESSION.fullmatch(value) is not None,
        "auto, none, or zstd or gzip with a level such as zstd:3",
    ),
    "keep.last": _whole(1, 10000),
    "keep.weekly": _whole(0, 10000),
    "keep.monthly": _whole(0, 10000),
    "least_free_mb": _whole(0, 2**31),
    "lock_wait_timeout": (
        lambda value: isinstance(value, str) and _DURATION.fullmatch(value) is not None,
        "a duration such as 10min",
    ),
    "encryption_recipients": _TEXTS,
    "offsite.kind": (lambda value: value in ("rsync", "rclone"), "rsync or rclone"),
    "offsite.target": (lambda value: _text(value) and not value.startswith("-"), "where rsync or rclone copies to"),
    "offsite.options": _TEXTS,
    "drill.folder": (lambda value: value is None or _PATH[0](value), "an absolute path or null"),
    "drill.memory_mb": _whole(16, 1048576),
    "drill.port": _whole(1, 65535),
    "notify.mail": _OPTIONAL_NAME,
    "notify.webhook": (
        lambda value: value is None or (_text(value) and value.startswith(("http://", "https://"))),
        "an address that begins with http:// or https://, or null",
    ),
    "declared": (lambda value: isinstance(value, dict), "a mapping"),
}
_PARTS: Dict[str, Any] = {
    "keep": Keep, "offsite": Offsite, "drill": Drill, "notify": Notify, "container": Container,
}  # fmt: skip
_OPTIONAL_PARTS = ("offsite", "container")
_REQUIRED = ("database", "folder", "state_folder", "bindir")


def load_config(path: str) -> Config:
    """Read a configuration. Raises UsageError for a file that cannot be read or says what cannot be meant."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}.") from error
    return parse_config(content, path)


def parse_config(content: Any, path: str) -> Config:
    """Make a configuration of what a file holds. Raises UsageError."""
    if not isinstance(content, dict):
        raise UsageError(f"{path}: accepted is a mapping.")
    missing = [name for name in _REQUIRED if name not in content]
    if missing:
        raise UsageError(f"{path}: {missing[0]} is missing; accepted is {_CHECKS[missing[0]][1]}.")
    config = Config(**{key: _value(path, key, value, Config) for key, value in content.items()})
    if config.format == "plain" and config.compression.startswith("zstd"):
        raise UsageError(f"{path}: compression: zstd was given; accepted for format plain are auto, none and gzip.")
    return config


def _value(path: str, key: str, value: Any, owner: Any, prefix: str = "") -> Any:
    names = [item.name for item in dataclasses.fields(owner)]
    if key not in names:
        raise UsageError(f"{path}: {prefix}{key} is unknown; accepted are {', '.join(names)}.")
    part = _PARTS.get(key) if not prefix else None
    if part is not None:
        return _part(path, key, value, part)
    holds, accepted = _CHECKS[prefix + key]
    if not holds(value):
        raise UsageError(f"{path}: {prefix}{key}: {json.dumps(value)} was given; accepted is {accepted}.")
    return tuple(value) if isinstance(value, list) else value


def _part(path: str, key: str, value: Any, part: Any) -> Any:
    if value is None and key in _OPTIONAL_PARTS:
        return None
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {key}: {json.dumps(value)} was given; accepted is a mapping.")
    required = [item.name for item in dataclasses.fields(part) if item.default is dataclasses.MISSING]
    missing = [name for name in required if name not in value]
    if missing:
        raise UsageError(f"{path}: {key}.{missing[0]} is missing; accepted is {_CHECKS[f'{key}.{missing[0]}'][1]}.")
    return part(**{name: _value(path, name, item, part, f"{key}.") for name, item in value.items()})
