# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second copy of a backup somewhere else, compared with the first."""

from __future__ import annotations

import os

from . import files
from .config import Config, Offsite
from .errors import BackupError, DamageError


def copy_offsite(config: Config, path: str) -> None:
    """Copy the folder of a backup to where the configuration says, if it does, and compare. Raises BackupError."""
    if config.offsite is None:
        return
    try:
        if config.offsite.kind == "rsync":
            _rsync(config.offsite, path)
        else:
            _rclone(config.offsite, path)
    except DamageError:
        raise
    except BackupError as error:
        raise BackupError(
            f"{os.path.basename(path)} is made, but not copied to {config.offsite.target}: {error}"
        ) from error


def _rsync(offsite: Offsite, path: str) -> None:
    target = offsite.target.rstrip("/") + "/"
    files.run(["rsync", "--archive", *offsite.options, path, target])
    check = ["--archive", "--checksum", "--dry-run", "--itemize-changes"]
    told = files.run(["rsync", *check, *offsite.options, path, target])
    different = [line for line in told.splitlines() if line[:1] in "<>c*" and line[1:2] in "fL"]
    if different:
        raise DamageError(f"The copy in {target} differs: {different[0]}")


def _rclone(offsite: Offsite, path: str) -> None:
    target = f"{offsite.target.rstrip('/')}/{os.path.basename(path)}"
    files.run(["rclone", "copy", "--quiet", *offsite.options, path, target])
    files.run(["rclone", "check", "--quiet", "--one-way", *offsite.options, path, target])
