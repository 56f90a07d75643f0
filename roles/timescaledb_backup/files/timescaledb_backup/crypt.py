# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only holders of a key can read, by age."""

from __future__ import annotations

import os
from typing import Optional, Sequence

from . import files
from .errors import BackupError, RefusedError

SUFFIX = ".age"


def encrypt(path: str, recipients: Sequence[str]) -> str:
    """Replace a file by its encrypted form; the new path. Raises BackupError."""
    encrypted = path + SUFFIX
    options = [option for recipient in recipients for option in ("--recipient", recipient)]
    files.run(["age", "--encrypt", *options, "--output", encrypted, path])
    os.chmod(encrypted, 0o600)
    os.remove(path)
    return encrypted


def decrypt(path: str, identity: Optional[str]) -> str:
    """The content of an encrypted file. Raises RefusedError without a key, BackupError with a wrong one."""
    if identity is None:
        raise RefusedError(f"{path} is encrypted: give the file with the key as --identity FILE.")
    if not os.path.isfile(identity):
        raise BackupError(f"There is no key in {identity}.")
    return files.run(["age", "--decrypt", "--identity", identity, path])
