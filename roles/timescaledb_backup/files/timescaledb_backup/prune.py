# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not kept any more is deleted."""

from __future__ import annotations

from typing import Dict, List, Tuple

from .config import Config
from .keep import Candidate, choose_kept
from .manifest import Manifest
from .moments import parse
from .shelf import Backup, Shelf


def plan_pruning(config: Config, backups: List[Backup]) -> Tuple[Dict[str, str], List[str]]:
    """The names that stay, with the reason, and those that go, the oldest first.

    Where a manifest cannot be read, nobody knows what a backup is; it is never deleted by itself.
    """
    known = [_candidate(backup, backup.manifest) for backup in backups if backup.manifest]
    kept = choose_kept(known, config.keep.last, config.keep.weekly, config.keep.monthly)
    kept.update({backup.name: "its manifest cannot be read" for backup in backups if not backup.manifest})
    return kept, [backup.name for backup in backups if backup.name not in kept]


def prune(config: Config) -> List[str]:
    """Delete what is not kept; the names. Only for whoever holds the lock."""
    shelf = Shelf(config.folder, config.database)
    doomed = plan_pruning(config, shelf.list_backups())[1]
    for name in doomed:
        shelf.delete(name)
    return doomed


def _candidate(backup: Backup, manifest: Manifest) -> Candidate:
    return Candidate(backup.name, manifest.sequence, parse(manifest.began), not backup.failed, backup.proven)
