# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file for monitoring: how old the last backup is, how old the last one that is proven, and what failed last."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any, Dict, List, Optional

from . import files
from .config import Config
from .moments import now, parse, to_text
from .shelf import Backup, Shelf

FILE = "status.json"


def write_status(config: Config, failure: Optional[str] = None, purpose: str = "") -> None:
    """Write the status anew; `failure` is what went wrong in this run, None if nothing did."""
    path = os.path.join(config.state_folder, FILE)
    moment = now()
    status = describe(Shelf(config.folder, config.database).list_backups(), moment)
    status["last_failure"] = read_status(config).get("last_failure")
    if failure is not None:
        status["last_failure"] = {"time": to_text(moment), "command": purpose, "message": failure}
    files.write_atomically(path, json.dumps({"database": config.database, **status}, indent=1) + "\n", 0o644)


def read_status(config: Config) -> Dict[str, Any]:
    """What was written last; nothing where nothing was, or it cannot be read."""
    try:
        with open(os.path.join(config.state_folder, FILE), encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def describe(backups: List[Backup], moment: datetime) -> Dict[str, Any]:
    """The status of these backups, seen from a moment (UTC)."""
    good = [backup for backup in backups if not backup.failed]
    proven = [backup for backup in good if backup.proven]
    return {
        "written": to_text(moment),
        "backups": len(backups),
        "good": len(good),
        "failed": len(backups) - len(good),
        "last_backup": _describe_backup(good[-1], moment) if good else None,
        "last_proven": _describe_backup(proven[-1], moment) if proven else None,
    }


def _describe_backup(backup: Backup, moment: datetime) -> Dict[str, Any]:
    manifest = backup.require_manifest()
    finished = manifest.finished
    described = {
        "name": backup.name,
        "finished": finished,
        "age_seconds": int((moment - parse(finished)).total_seconds()),
        "bytes": manifest.bytes,
        "seconds": manifest.seconds,
    }
    if backup.proven and backup.drill is not None:
        described["drilled"] = backup.drill.get("finished")
    return described
