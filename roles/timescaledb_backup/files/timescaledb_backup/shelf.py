# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a database's backups: which there are, in which order, and what is known of each.

A backup is a folder that has its final name and a manifest; it gets both at once, by a rename. Names that begin with a
dot are being made or deleted. The order is that of the manifests' sequence numbers, whatever the clock said.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional

from . import files
from .errors import BackupError, DamageError, UsageError
from .manifest import FILE, Manifest, parse_manifest

DRILL_FILE = "drill.json"
LATEST = "latest"
PROVEN_LATEST = "proven-latest"
_PARTIAL = ".partial"
_DELETED = ".deleted-"


@dataclass(frozen=True)
class Backup:
    """One backup; `manifest` is None where it cannot be read, for the reason `problem`.

    drill: {"proven": bool, "finished": ISO 8601, "differences": [...]} of its newest drill, None before the first.
    """

    name: str
    path: str
    manifest: Optional[Manifest]
    drill: Optional[Mapping[str, Any]]
    problem: str = ""

    @property
    def proven(self) -> bool:
        """Whether its newest drill succeeded."""
        return self.drill is not None and self.drill.get("proven") is True

    @property
    def failed(self) -> bool:
        """Whether its newest drill failed, or its manifest cannot be read."""
        return self.manifest is None or (self.drill is not None and self.drill.get("proven") is not True)

    @property
    def sequence(self) -> int:
        """Its place in the order."""
        return self.manifest.sequence if self.manifest else 0

    def require_manifest(self) -> Manifest:
        """Its manifest. Raises DamageError where it cannot be read."""
        if self.manifest is None:
            raise DamageError(self.problem)
        return self.manifest


@dataclass(frozen=True)
class Shelf:
    """The backups of one database."""

    folder: str
    database: str

    def list_backups(self) -> List[Backup]:
        """All that have their final name, the oldest first. Raises BackupError where the folder cannot be read."""
        try:
            names = sorted(os.listdir(self.folder))
        except OSError as error:
            raise BackupError(f"{self.folder} cannot be read: {error.strerror}.") from error
        found = [self._read(name) for name in names if name.startswith(f"{self.database}-")]
        found = [backup for backup in found if self._is_mine(backup)]
        return sorted(found, key=lambda backup: (backup.sequence, backup.name))

    def find(self, which: str) -> Backup:
        """The backup that is meant: latest, proven-latest, or a name. Raises UsageError where there is none."""
        backups = self.list_backups()
        if which == LATEST:
            chosen = [backup for backup in backups if not backup.failed]
        elif which == PROVEN_LATEST:
            chosen = [backup for backup in backups if backup.proven]
        else:
            chosen = [backup for backup in backups if backup.name == which]
        if not chosen:
            there = ", ".join(backup.name for backup in backups[-3:]) or "nothing"
            raise UsageError(f"{self.folder} holds no backup {which}; the newest it holds: {there}.")
        return chosen[-1]

    def next_sequence(self) -> int:
        """One more than any backup has."""
        return max((backup.sequence for backup in self.list_backups()), default=0) + 1

    def choose_name(self, moment: datetime) -> str:
        """A name for a backup begun at that moment (UTC), which no other has."""
        base = f"{self.database}-{moment:%Y%m%dT%H%M%SZ}"
        candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, 1000))
        return next(name for name in candidates if not os.path.lexists(os.path.join(self.folder, name)))

    def begin(self, name: str) -> str:
        """Make the folder in which a backup is made; its path."""
        path = os.path.join(self.folder, f".{name}{_PARTIAL}")
        os.mkdir(path, 0o700)
        return path

    def publish(self, name: str, manifest: Manifest) -> str:
        """Give a backup that is whole its manifest and its name; the path of its folder."""
        partial = os.path.join(self.folder, f".{name}{_PARTIAL}")
        files.write_atomically(os.path.join(partial, FILE), manifest.to_text())
        files.sync_tree(partial)
        path = os.path.join(self.folder, name)
        os.rename(partial, path)
        files.sync(self.folder)
        return path

    def mark(self, name: str, verdict: Mapping[str, Any]) -> None:
        """Note beside a backup how its drill ended."""
        path = os.path.join(self.folder, name, DRILL_FILE)
        files.write_atomically(path, json.dumps(verdict, indent=1, sort_keys=True) + "\n")

    def delete(self, name: str) -> None:
        """Delete a backup: it is not offered any more from the first moment on."""
        doomed = os.path.join(self.folder, f"{_DELETED}{name}")
        os.rename(os.path.join(self.folder, name), doomed)
        files.sync(self.folder)
        files.remove_tree(doomed)

    def sweep(self) -> List[str]:
        """Remove what killed runs have left; their names. Only for whoever holds the lock."""
        partial = re.compile(rf"\.{re.escape(self.database)}-\d{{8}}T\d{{6}}Z(-\d+)?{re.escape(_PARTIAL)}")
        doomed = f"{_DELETED}{self.database}-"
        names = sorted(os.listdir(self.folder))
        left = [name for name in names if partial.fullmatch(name) or name.startswith(doomed)]
        for name in left:
            files.remove_tree(os.path.join(self.folder, name))
        return left

    def _is_mine(self, backup: Backup) -> bool:
        """Whether it is of this database, and not of one whose name begins the same way."""
        return backup.manifest is None or backup.manifest.database.get("name", self.database) == self.database

    def _read(self, name: str) -> Backup:
        path = os.path.join(self.folder, name)
        drill = _read_drill(os.path.join(path, DRILL_FILE))
        where = os.path.join(path, FILE)
        try:
            with open(where, encoding="utf-8") as file:
                return Backup(name, path, parse_manifest(file.read(), where), drill)
        except OSError as error:
            return Backup(name, path, None, drill, f"{where} cannot be read: {error.strerror}.")
        except UnicodeDecodeError as error:
            return Backup(name, path, None, drill, f"{where} is damaged: {error}.")
        except DamageError as error:
            return Backup(name, path, None, drill, str(error))


def _read_drill(path: str) -> Optional[Dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        content = None
    return content if isinstance(content, dict) else {"proven": False, "differences": [f"{path} is damaged"]}
