"""Moments as PostgreSQL reckons them."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

from ansible.module_utils.timescaledb.values import Interval


def go_back(now: datetime, interval: Interval) -> datetime:
    """The moment an interval before another, by PostgreSQL's rules: months first, clipped to the length of a month."""
    months = now.year * 12 + now.month - 1 - interval.months
    year, month = divmod(months, 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    moved = now.replace(year=year, month=month + 1, day=day)
    return moved - timedelta(days=interval.days, microseconds=interval.microseconds)
