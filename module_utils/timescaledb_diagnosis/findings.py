# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is looked at, in the order in which one thing explains the next."""

from __future__ import annotations

from typing import List

from .compression import look_at_compression
from .jobs import look_at_jobs
from .model import NOTICE, Facts, Finding
from .rights import look_at_rights
from .server import look_at_extension, look_at_server
from .speed import look_at_speed


def diagnose(facts: Facts) -> List[Finding]:
    """Return what is wrong, problems before notices; what cannot be asked without the extension is not."""
    found = [*look_at_extension(facts.server), *look_at_rights(facts)]
    if facts.server.at_work:
        found += [*look_at_server(facts), *look_at_compression(facts), *look_at_jobs(facts)]
    found += look_at_speed(facts)
    return sorted(found, key=lambda finding: finding.severity == NOTICE)
