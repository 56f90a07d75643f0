# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How what a database holds differs from what a backup's manifest says, as sentences."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterator, List, Mapping

Census = Mapping[str, Mapping[str, Any]]

SEQUENCES = "sequences"

_NOTHING: Dict[str, Any] = {}


def differences(expected: Census, found: Census, ignoring: Mapping[str, Collection[str]] = _NOTHING) -> List[str]:
    """Return a sentence for each difference; `ignoring` names facts by section, such as {"jobs": ["scheduled"]}."""
    sections = sorted(set(expected) | set(found))
    return [
        sentence
        for section in sections
        for sentence in _section(
            section, expected.get(section, _NOTHING), found.get(section, _NOTHING), ignoring.get(section, ())
        )
    ]


def _section(
    section: str, expected: Mapping[str, Any], found: Mapping[str, Any], ignored: Collection[str]
) -> Iterator[str]:
    for name in sorted(set(expected) | set(found)):
        if name not in found:
            yield f"{section}: {name} is missing"
        elif name not in expected:
            yield f"{section}: {name} should not be there"
        elif section == SEQUENCES and is_further(expected[name], found[name]):
            continue
        else:
            yield from _object(f"{section}: {name}", expected[name], found[name], ignored)


def is_further(expected: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a sequence stands where it stood, or further on.

    No snapshot holds sequences: who writes while a backup is made draws numbers between the census and the dump.
    """
    same_kind = all(expected.get(fact) == found.get(fact) for fact in ("increment", "cycles"))
    if not same_kind or not all(isinstance(facts.get("last_value"), int) for facts in (expected, found)):
        return False
    way = (found["last_value"] - expected["last_value"]) * expected.get("increment", 1)
    advanced = way > 0 or (way == 0 and bool(found.get("is_called")) >= bool(expected.get("is_called")))
    return bool(advanced or expected.get("cycles"))


def _object(subject: str, expected: Any, found: Any, ignored: Collection[str]) -> Iterator[str]:
    if not isinstance(expected, Mapping) or not isinstance(found, Mapping):
        if expected != found:
            yield f"{subject}: {found!r} instead of {expected!r}"
        return
    for fact in sorted(set(expected) | set(found)):
        if fact not in ignored and expected.get(fact) != found.get(fact):
            yield f"{subject}: {fact} is {found.get(fact)!r} instead of {expected.get(fact)!r}"
