# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments, always UTC."""

from __future__ import annotations

from datetime import datetime, timezone

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def now() -> datetime:
    """This moment, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def to_text(moment: datetime) -> str:
    """A moment in ISO 8601, such as 2026-11-27T02:30:00Z."""
    return moment.strftime(_FORMAT)


def parse(text: str) -> datetime:
    """The moment that to_text() wrote. Raises ValueError."""
    return datetime.strptime(text, _FORMAT).replace(tzinfo=timezone.utc)
