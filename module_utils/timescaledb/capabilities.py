# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server can do, by version and edition. Every behaviour break between versions is named here once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, Tuple

from .model import INTEGER_TYPES
from .values import Interval, Lag

COMMUNITY = "community"
APACHE = "apache"
OLDEST = (2, 15, 0)

Version = Tuple[int, int, int]


def parse_version(text: str) -> Version:
    """Read an extension version; a pre-release such as 2.23.0-dev counts as the release it leads to."""
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match.group(1)), int(match.group(2)), int(match.group(3) or 0)) if match else (0, 0, 0)


@dataclass(frozen=True)
class Capabilities:
    """A server: PostgreSQL's and TimescaleDB's version, the edition, and how many locks one transaction may hold."""

    version_text: str
    edition: str
    postgres: int  # server_version_num
    lock_slots: int = 6400
    default_chunk_interval: Interval = field(default_factory=lambda: Interval(days=7))
    schema: str = "public"  # where the extension's functions live
    keeps_refreshes_cut_short: bool = False  # in a catalog table of their own, from 2.20 or so on

    @property
    def version(self) -> Version:
        """The extension's version as numbers that compare."""
        return parse_version(self.version_text)

    @property
    def community(self) -> bool:
        """Whether the server has compression, aggregates and policies."""
        return self.edition == COMMUNITY

    @property
    def keeps_automatic_compression(self) -> bool:
        """Up to 2.21 the server stores the segmentby and orderby it chose; later it stores none and decides late."""
        return self.version < (2, 22, 0)

    @property
    def alters_created_before(self) -> bool:
        """Before 2.26.3 alter_job fails on policies that go by creation time."""
        return self.version >= (2, 26, 3)

    def chunk_interval_for(self, time_type: str) -> Lag:
        """The chunk interval the server gives a hypertable that declares none."""
        sizes: Dict[str, int] = INTEGER_TYPES
        return sizes.get(time_type, self.default_chunk_interval)
