# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading one mapping of a declaration: typed access by key, every refusal naming the variable's full path."""

from __future__ import annotations

import math
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import DeclarationError, under
from .names import QualifiedName, is_storable, parse_name
from .values import OPEN, Interval, Lag, Offset, OrderBy, parse_interval, parse_order

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a whole number"}
LARGEST = 2**63 - 1
INTERVAL_FORM = "an interval with a unit, such as '90 days' or '1 hour 30 minutes'"


def describe(value: object) -> str:
    """Return a value as an error message shows it: its kind, and itself where that is short."""
    if value is None:
        return "nothing"
    kind = _KINDS.get(type(value), "a " + type(value).__name__)
    if isinstance(value, (dict, list)):
        return kind
    shown = repr(value)
    return "{0} {1}".format(kind, shown if len(shown) <= 80 else shown[:77] + "...")


class Fields:
    """One mapping being read. Keys read once are known; finish() refuses all others."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            raise DeclarationError(path, f"{describe(value)} was given; accepted is a mapping")
        self.path = path
        self._value: Mapping[str, Any] = value
        self._known: List[str] = []

    def at(self, key: str) -> str:
        """The path of a key, for messages."""
        return under(self.path, key)

    def fail(self, key: str, accepted: str) -> DeclarationError:
        """The error for a key whose value is not what is accepted."""
        return DeclarationError(self.at(key), f"{describe(self._value.get(key))} was given; accepted is {accepted}")

    def has(self, key: str) -> bool:
        """Whether the key is there at all, be it with null."""
        self._known.append(key)
        return key in self._value

    def given(self) -> Dict[str, Any]:
        """Everything that was given, unread."""
        return dict(self._value)

    def raw(self, key: str) -> Any:
        """The value as given, or None."""
        self._known.append(key)
        return self._value.get(key)

    def finish(self) -> None:
        """Refuse every key nobody asked for."""
        unknown = sorted(str(key) for key in self._value if key not in self._known)
        if unknown:
            raise DeclarationError(
                self.at(unknown[0]), "unknown key; accepted are {0}".format(", ".join(sorted(set(self._known))))
            )

    def text(self, key: str) -> Optional[str]:
        """Read text that is more than blanks."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or not is_storable(value):
            raise self.fail(key, "text")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """Read one of the choices."""
        value = self.raw(key)
        if value is None:
            return default
        if value not in choices:
            raise self.fail(key, " or ".join(choices))
        return str(value)

    def absent(self) -> bool:
        """Whether state says absent."""
        return self.choice("state", ("present", "absent"), "present") == "absent"

    def boolean(self, key: str) -> Optional[bool]:
        """Read true or false, or a word YAML 1.1 and Ansible take for it."""
        value = self.raw(key)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        raise self.fail(key, "true or false")

    def integer(self, key: str, lowest: int, highest: int = 2**31 - 1) -> Optional[int]:
        """Read a whole number within limits."""
        value = self.raw(key)
        if value is None:
            return None
        number = _whole(value)
        if number is None or not lowest <= number <= highest:
            raise self.fail(key, f"a whole number from {lowest} to {highest}")
        return number

    def interval(self, key: str, zero: bool = False) -> Optional[Interval]:
        """Read an interval; never negative, and longer than zero unless zero is allowed."""
        value = self.raw(key)
        if value is None:
            return None
        interval = parse_interval(value) if isinstance(value, str) else None
        if interval is None or interval.total < 0 or (interval.total == 0 and not zero):
            raise self.fail(key, INTERVAL_FORM + (", not negative" if zero else ", longer than zero"))
        return interval

    def lag(self, key: str, zero: bool = False) -> Optional[Lag]:
        """Read an interval, or a whole number where time is an integer."""
        number = _whole(self.raw(key))
        if number is None:
            return self.interval(key, zero)
        if not (0 if zero else 1) <= number <= LARGEST:
            raise self.fail(key, f"a whole number from {0 if zero else 1} to {LARGEST}")
        return number

    def offset(self, key: str) -> Optional[Offset]:
        """Read one end of a refresh window; null means no limit, a missing key is None."""
        if self.has(key) and self._value[key] is None:
            return OPEN
        return self.lag(key, zero=True)

    def texts(self, key: str) -> Optional[Tuple[str, ...]]:
        """Read a list of distinct texts."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(
            isinstance(item, str) and item.strip() and is_storable(item) for item in value
        ):
            raise self.fail(key, "a list of names")
        if len(set(value)) != len(value):
            raise DeclarationError(self.at(key), "a name is listed twice; accepted is a list without repetition")
        return tuple(value)

    def ordering(self, key: str) -> Optional[Tuple[OrderBy, ...]]:
        """Read a list such as [time DESC, device_id]."""
        texts = self.texts(key)
        if texts is None:
            return None
        items: List[OrderBy] = []
        for number, text in enumerate(texts):
            item = parse_order(text)
            if item is None:
                raise DeclarationError(
                    f"{self.at(key)}[{number}]",
                    f"{text!r} was given; accepted is a column with an optional ASC or DESC and NULLS FIRST or LAST",
                )
            if item.column in [earlier.column for earlier in items]:
                raise DeclarationError(
                    f"{self.at(key)}[{number}]", f"column {item.column} is listed twice; accepted is once"
                )
            items.append(item)
        return tuple(items)

    def name(self, key: str) -> Optional[QualifiedName]:
        """Read the name of a relation or function."""
        value = self.raw(key)
        return None if value is None else parse_name(value, self.at(key))

    def mapping(self, key: str) -> Optional[Fields]:
        """Read a mapping, to be read itself."""
        value = self.raw(key)
        return None if value is None else Fields(value, self.at(key))

    def mappings(self, key: str, label: str = "name") -> List[Fields]:
        """Read a list of mappings with distinct labels, by which messages name them."""
        items = items_of(self.raw(key), self.at(key), label)
        seen: List[object] = []
        for item in items:
            value = item.given().get(label)
            if value is not None and value in seen:
                raise DeclarationError(item.path, "declared twice; accepted is once")
            seen.append(value)
        return items

    def scalars(self, key: str) -> Dict[str, Any]:
        """Read a mapping of plain values."""
        value = self.raw(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.fail(key, "a mapping")
        for name, item in value.items():
            if not _is_plain(name) or not _is_plain(item):
                accepted = "text, a number, true or false"
                raise DeclarationError(
                    under(self.at(key), str(name)), f"{describe(item)} was given; accepted is {accepted}"
                )
        return {str(name): item for name, item in value.items()}


def items_of(value: object, path: str, label: str = "name") -> List[Fields]:
    """Read a list of mappings found under path."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise DeclarationError(path, f"{describe(value)} was given; accepted is a list of mappings")
    return [Fields(item, f"{path}[{item_label(item, index, label)}]") for index, item in enumerate(value)]


def item_label(item: object, index: int, label: str = "name") -> str:
    """Return what names a list's item in a path: its own name, else its position."""
    name = item.get(label) if isinstance(item, Mapping) else None
    return name if isinstance(name, str) and name.strip() else str(index)


def _whole(value: object) -> Optional[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value):
        return int(value)
    return None


def _is_plain(value: object) -> bool:
    """Whether JSON and PostgreSQL can hold a value, and it is neither nothing nor a collection."""
    if isinstance(value, float):
        return math.isfinite(value)
    return is_storable(value) if isinstance(value, str) else isinstance(value, int)
