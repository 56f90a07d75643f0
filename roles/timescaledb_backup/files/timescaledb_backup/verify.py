# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a backup is still what it was: every file read to its end, and every digest compared."""

from __future__ import annotations

import gzip
import os
import zlib
from typing import Dict, List, Mapping

from . import files
from .config import Config
from .dump import CUSTOM_FILE, DATABASE, HARMLESS
from .errors import BackupError, DamageError
from .manifest import FILE
from .shelf import DRILL_FILE, Backup

END_OF_DUMP = b"-- PostgreSQL database dump complete"
_NOTES = (FILE, DRILL_FILE, f"{DRILL_FILE}.partial")  # written about a backup, the latter where it was killed
_TAIL = 4096
_BLOCK = 1024 * 1024


def verify_backup(config: Config, backup: Backup) -> None:
    """Raise DamageError, with every file it is about, for a backup that is not what its manifest says."""
    manifest = backup.require_manifest()
    damages = compare_files(manifest.files, describe_files(backup.path))
    if damages:
        raise DamageError(f"{backup.name} is damaged: {'; '.join(damages)}.")
    read_to_the_end(config, backup.path)


def describe_files(folder: str) -> Dict[str, Dict[str, object]]:
    """Size and digest of every file of a backup, by its path in the backup's folder."""
    names = [name for name in files.list_files(folder) if name not in _NOTES]
    paths = {name: os.path.join(folder, name) for name in names}
    return {name: {"bytes": os.path.getsize(path), "sha256": files.digest(path)} for name, path in paths.items()}


def compare_files(expected: Mapping[str, Mapping[str, object]], found: Mapping[str, Mapping[str, object]]) -> List[str]:
    """What is wrong with the files that were found."""
    damages = []
    for name in sorted(set(expected) | set(found)):
        if name not in found:
            damages.append(f"{name} is missing")
        elif name not in expected:
            damages.append(f"{name} does not belong to it")
        elif found[name]["bytes"] != expected[name]["bytes"]:
            damages.append(f"{name} has {found[name]['bytes']} bytes instead of {expected[name]['bytes']}")
        elif found[name] != expected[name]:
            damages.append(f"{name} has another content")
    return damages


def read_to_the_end(config: Config, folder: str) -> int:
    """Read a dump as a restore would, to its last byte; the number of entries in its contents, 0 for plain SQL.

    Raises DamageError. The table of contents alone would not show that data is cut off.
    """
    for name in (CUSTOM_FILE, DATABASE):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return _read_archive(config, path)
    _read_plain(folder)
    return 0


def _read_archive(config: Config, path: str) -> int:
    program = config.program("pg_restore")
    try:
        listing = files.run([program, "--list", path])
        files.run([program, "--file=/dev/null", path], harmless=HARMLESS)
    except BackupError as error:
        raise DamageError(f"{path} cannot be read to its end: {error}") from error
    return sum(bool(line) and not line.startswith(";") for line in listing.splitlines())


def _read_plain(folder: str) -> None:
    name = next((name for name in files.list_files(folder) if name.startswith("database.sql")), None)
    if name is None:
        raise DamageError(f"{folder} holds no dump.")
    path, tail = os.path.join(folder, name), b""
    try:
        with gzip.open(path) if name.endswith(".gz") else open(path, "rb") as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                tail = (tail + block)[-_TAIL:]
    except (OSError, EOFError, zlib.error) as error:
        raise DamageError(f"{path} cannot be read to its end: {error}.") from error
    if END_OF_DUMP not in tail:
        raise DamageError(f"{path} does not end as a dump does; it is cut off.")
