# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points in time, as a job's initial_start has them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from .errors import DeclarationError

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*(?:(Z|UTC)|([+-])(\d\d):?(\d\d)?)\Z",
    re.IGNORECASE,
)


def parse_timestamp(text: str, path: str) -> str:
    """Read an ISO 8601 time with its offset and return it in UTC, such as 2026-01-01T03:00:00+00:00."""
    match = _FORM.match(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        year, month, day, hour, minute, second = (int(group or 0) for group in match.groups()[:6])
        offset = timedelta(hours=int(match.group(10) or 0), minutes=int(match.group(11) or 0))
        zone = timezone(-offset if match.group(9) == "-" else offset)
        micro = int((match.group(7) or "0").ljust(6, "0"))
        return datetime(year, month, day, hour, minute, second, micro, zone).astimezone(timezone.utc).isoformat()
    except (ValueError, OverflowError):
        raise DeclarationError(
            path,
            f"{text!r} was given; accepted is a time with its offset, such as '2026-01-01 03:00:00+00:00'",
        ) from None
