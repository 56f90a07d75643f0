# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: a database that a restore has put aside serves again."""

from __future__ import annotations

import re
import time
from typing import Optional

from . import files
from .config import Config
from .errors import UsageError
from .jobs import start_workers
from .load import Say, open_session
from .restore import Summary, Target, check_target, derive_name, exists
from .swap import swap
from .unfinished import MAINTENANCE, sweep


def swap_back(config: Config, kept: str, confirmation: Optional[str], say: Say) -> Summary:
    """Let a database that a restore has put aside serve again. Raises BackupError: then everything is as it was."""
    begin, serving = time.monotonic(), check_target(config, Target(None, confirmation))
    with files.lock(config.lock_file, f"swapping {config.database} back"):
        sweep(config, say)
        with open_session(config, MAINTENANCE) as session:
            if not re.fullmatch(r".+_(before|restored)_\d{8}_\d{6}(_\d+)?", kept) or not exists(session, kept):
                raise UsageError(f"{kept} was given; accepted is the name of a database that a restore has put aside.")
            aside = derive_name(session, serving, "restored") if exists(session, serving) else None
        swap(lambda: open_session(config, MAINTENANCE), serving, kept, aside)
        with open_session(config, serving) as restored:
            start_workers(restored)
    remarks = [f"what served meanwhile is kept as {aside}, closed; to drop it: dropdb {aside}"] if aside else []
    return Summary(kept, serving, time.monotonic() - begin, aside, remarks)
