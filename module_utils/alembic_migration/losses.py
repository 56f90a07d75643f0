# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration's SQL would throw away. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Sequence

NAME = r'(?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+))*'
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
DROP_TABLE = re.compile(
    r"\b(?:DROP\s+(?:MATERIALIZED\s+VIEW|TABLE)(?:\s+IF\s+EXISTS)?|TRUNCATE(?:\s+TABLE)?)"
    rf"\s+((?:ONLY\s+)?{NAME}(?:\s*,\s*{NAME})*)",
    re.IGNORECASE,
)
ALTER_TABLE = re.compile(rf"\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?({NAME})([^;]*)", re.IGNORECASE)
DROP_COLUMN = re.compile(rf"\bDROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?({NAME})", re.IGNORECASE)


# Alembic's own; older versions show it as dropped on the way to the base.
VERSION_TABLE = "alembic_version"
# Up to here rows are counted, beyond it estimated: a migration must not read a whole table of measurements.
COUNTED_ROWS = 10_000


@dataclass(frozen=True)
class Loss:
    """A table, or one column of it, that would go.

    rows: how many are there; exact: whether they were counted, else it is an estimate, COUNTED_ROWS or more
    """

    table: str
    column: str = ""
    rows: int = 0
    exact: bool = True

    def describe(self) -> str:
        """As one reads it: `metrics (about 34560 rows)`."""
        name = f"column {self.column} of {self.table}" if self.column else self.table
        how_many = "" if self.exact else "about " if self.rows > COUNTED_ROWS else "more than "
        return f"{name} ({how_many}{self.rows} row{'' if self.rows == 1 else 's'})"


def find_losses(sql: str) -> List[Loss]:
    """Every table and column that `sql` drops or empties, in order, each once, without counting rows."""
    text = COMMENT.sub(" ", sql)
    found = [
        (match.start(), Loss(re.sub(r"(?i)^only\s+", "", name.strip())))
        for match in DROP_TABLE.finditer(text)
        for name in match.group(1).split(",")
    ]
    found += [
        (match.start(), Loss(match.group(1), column.group(1)))
        for match in ALTER_TABLE.finditer(text)
        for column in DROP_COLUMN.finditer(match.group(2))
    ]
    in_order = [loss for _, loss in sorted(found, key=lambda one: one[0]) if loss.table != VERSION_TABLE]
    return list(dict.fromkeys(in_order))


def describe_losses(losses: Sequence[Loss]) -> str:
    """All of `losses` on one line."""
    return ", ".join(loss.describe() for loss in losses)
