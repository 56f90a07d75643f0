# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups stay, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Callable, Dict, List, NamedTuple, Sequence


class Candidate(NamedTuple):
    """What the choice goes by; `began` is UTC. Good is what is whole and did not fail a drill."""

    name: str
    sequence: int
    began: datetime
    good: bool
    proven: bool


def choose_kept(candidates: Sequence[Candidate], last: int, weekly: int = 0, monthly: int = 0) -> Dict[str, str]:
    """Return the names of the backups that stay, each with the reason.

    The order is that of the sequence. Kept are the last good ones, the newest good one of each of the last weeks and
    months (ISO weeks and calendar months in which there was one), the newest that is proven, and bad ones, for looking
    at, as long as they are newer than the oldest of the last good ones. With too few good ones, all bad ones stay too.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.sequence, reverse=True)
    good = [candidate for candidate in ordered if candidate.good]
    kept: Dict[str, str] = {}
    for candidate in good[:last]:
        kept[candidate.name] = f"one of the last {last}"
    for reason, period, count in (("weekly", _week, weekly), ("monthly", _month, monthly)):
        for candidate in _newest_of_each(good, period)[:count]:
            kept.setdefault(candidate.name, reason)
    proven = next((candidate for candidate in good if candidate.proven), None)
    if proven is not None:
        kept.setdefault(proven.name, "the newest that is proven")
    oldest = good[last - 1].sequence if len(good) >= last else None
    for candidate in ordered:
        if not candidate.good and (oldest is None or candidate.sequence > oldest):
            kept[candidate.name] = "failed, kept to be looked at"
    return kept


def _newest_of_each(ordered: Sequence[Candidate], period: Callable[[datetime], object]) -> List[Candidate]:
    found: Dict[object, Candidate] = {}
    for candidate in ordered:
        found.setdefault(period(candidate.began), candidate)
    return list(found.values())


def _week(moment: datetime) -> object:
    return tuple(moment.isocalendar())[:2]


def _month(moment: datetime) -> object:
    return (moment.year, moment.month)
