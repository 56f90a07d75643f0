# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions, and the way from the one a database is at to the one that is wanted. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Set, Tuple

from ..timescaledb.errors import DeclarationError

BASE = ""
RELATIVE = re.compile(r"([+-])([0-9]+)")


@dataclass(frozen=True)
class Revision:
    """One migration script: its name, the first line of its text, and the names of those it builds on."""

    name: str
    message: str
    parents: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The revisions to run, in order. `current` and `target` are None at the base, before the first revision."""

    command: str
    current: Optional[str]
    target: Optional[str]
    steps: Tuple[Revision, ...]


def plan_way(history: Sequence[Revision], command: str, wanted: str, applied: Sequence[str]) -> Plan:
    """Plan the way to `wanted` for a database whose alembic_version holds `applied`.

    history: all revisions, each after its parents
    command: upgrade or downgrade; the other direction is refused, not taken
    Raises DeclarationError naming what is accepted.
    """
    current = find_current(history, applied)
    target = find_target(history, command, wanted, current)
    below_current, below_target = collect_below(history, current), collect_below(history, target)
    if command == "upgrade":
        if not below_current <= below_target:
            raise DeclarationError("revision", describe_wrong_way(wanted, target, current, "ahead of", "downgrade"))
        steps = [step for step in history if step.name in below_target - below_current]
    else:
        if not below_target <= below_current:
            raise DeclarationError("revision", describe_wrong_way(wanted, target, current, "behind", "upgrade"))
        steps = [step for step in reversed(history) if step.name in below_current - below_target]
    return Plan(command, current, target, tuple(steps))


def find_current(history: Sequence[Revision], applied: Sequence[str]) -> Optional[str]:
    """The one revision the database is at, None for none; DeclarationError when the scripts do not know it."""
    unknown = sorted(set(applied) - {revision.name for revision in history})
    if unknown:
        raise DeclarationError(
            "script_location",
            "the database is at revision {0}, which is not among the revisions here ({1}): newer code has migrated it, "
            "so run that code".format(", ".join(unknown), list_names(history)),
        )
    if len(applied) > 1:
        raise DeclarationError(
            "script_location",
            "the database is at several revisions at once ({0}); bring it to one with the alembic command".format(
                ", ".join(sorted(applied))
            ),
        )
    return applied[0] if applied else None


def find_target(history: Sequence[Revision], command: str, wanted: str, current: Optional[str]) -> Optional[str]:
    """Resolve head, base, a name or a number of steps such as -1."""
    relative = RELATIVE.fullmatch(wanted)
    if relative:
        return find_relative(history, command, wanted, current)
    if wanted == "base":
        return None
    if wanted == "head":
        return find_head(history)
    if wanted in {revision.name for revision in history}:
        return wanted
    quoted = [revision.name for revision in history if wanted.isdigit() and revision.name.lstrip("0") == wanted]
    hint = f"; in YAML write it with quotes: '{quoted[0]}'" if quoted else ""
    raise DeclarationError(
        "revision",
        f"'{wanted}' is none of the accepted ones: head, base, {list_names(history)}, "
        f"or a number of steps such as -1{hint}",
    )


def find_head(history: Sequence[Revision]) -> Optional[str]:
    """The newest revision; DeclarationError when there are several, for then nobody can say which is meant."""
    parents = {parent for revision in history for parent in revision.parents}
    heads = [revision.name for revision in history if revision.name not in parents]
    if len(heads) > 1:
        raise DeclarationError(
            "script_location",
            "the revisions have several heads ({0}), so 'head' means nothing: let one follow the other by its "
            "down_revision".format(", ".join(sorted(heads))),
        )
    return heads[0] if heads else None


def find_relative(history: Sequence[Revision], command: str, wanted: str, current: Optional[str]) -> Optional[str]:
    """The revision so many steps up or down from `current`."""
    sign, count = wanted[0], int(wanted[1:])
    if (sign == "+") != (command == "upgrade"):
        fitting = "+1" if command == "upgrade" else "-1"
        raise DeclarationError("revision", f"'{wanted}' does not go with {command}; write {fitting}")
    if sign == "+":
        head = find_head(history)
        below = collect_below(history, current)
        way = [r.name for r in history if r.name in collect_below(history, head) - below]
    else:
        way = [r.name for r in reversed(history) if r.name in collect_below(history, current)][1:]
        way += [BASE] if current else []
    if count > len(way):
        raise DeclarationError(
            "revision", "'{0}' goes too far: from {1} there are {2} steps".format(wanted, current or "base", len(way))
        )
    return (way[count - 1] or None) if count else current


def collect_below(history: Sequence[Revision], name: Optional[str]) -> Set[str]:
    """`name` and everything it builds on; nothing for the base."""
    parents: Dict[str, Tuple[str, ...]] = {revision.name: revision.parents for revision in history}
    found: Set[str] = set()
    waiting = [name] if name else []
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(parents.get(one, ()))
    return found


def describe_wrong_way(wanted: str, target: Optional[str], current: Optional[str], relation: str, command: str) -> str:
    """Say that the database lies on the other side of what is wanted."""
    return "the database is at {0}, which is {1} {2}; to go there set the command to {3}".format(
        current or "base", relation, target or wanted, command
    )


def list_names(history: Sequence[Revision]) -> str:
    """The names of all revisions, as one reads them."""
    return ", ".join(revision.name for revision in history) or "none"
