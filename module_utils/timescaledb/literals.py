# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values, orderings and calls as SQL text."""

from __future__ import annotations

from typing import Any, Iterable

from .model import INTEGER_TYPES
from .names import quote_identifier, quote_literal
from .values import OPEN, Interval, Offset, OrderBy


def interval_literal(interval: Interval) -> str:
    """Return an interval as a typed literal."""
    return f"INTERVAL {quote_literal(str(interval))}"


def literal(value: Any) -> str:
    """Return a value as SQL: intervals typed, texts quoted, null for nothing and for no limit."""
    if value is None or value is OPEN:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Interval):
        return interval_literal(value)
    return str(value) if isinstance(value, (int, float)) else quote_literal(str(value))


def offset_literal(value: Offset, time_type: str) -> str:
    """Return one end of a window, typed as the server wants it for a time column of this type."""
    kind = time_type if time_type in INTEGER_TYPES else "interval"
    if value is OPEN:
        return f"NULL::{kind}"
    return f"{value}::{kind}" if isinstance(value, int) else literal(value)


def order_list(items: Iterable[OrderBy]) -> str:
    """Return an ordering as SQL."""
    texts = []
    for item in items:
        text = quote_identifier(item.column) + (" DESC" if item.descending else " ASC")
        texts.append(text + (" NULLS FIRST" if item.nulls_first else " NULLS LAST"))
    return ", ".join(texts)


def call(schema: str, function: str, *arguments: str, **named: str) -> str:
    """Return a call of one of the extension's functions; arguments are SQL already, schema is unquoted."""
    parts = [*arguments, *(f"{name} => {value}" for name, value in named.items())]
    return "{0}.{1}({2})".format(quote_identifier(schema), function, ", ".join(parts))
