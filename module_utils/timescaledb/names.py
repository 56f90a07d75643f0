# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of database objects and literals: parsing what people write, quoting what the server reads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import DeclarationError

DEFAULT_SCHEMA = "public"
LONGEST_NAME = 63  # bytes; PostgreSQL's NAMEDATALEN - 1

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")


def quote_identifier(name: str) -> str:
    """Quote an identifier always, so that no keyword list of any server version matters."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Quote a text literal for standard_conforming_strings on or off."""
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in quoted else quoted


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text at all: no zero byte, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def show_identifier(name: str) -> str:
    """Return an identifier as people write it: quoted only where it must be."""
    return name if _PLAIN.match(name) else quote_identifier(name)


@dataclass(frozen=True, order=True)
class QualifiedName:
    """A relation's or function's schema and name, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        """Return the name as people write it: without the default schema, quoted only where it must be."""
        if self.schema == DEFAULT_SCHEMA:
            return show_identifier(self.name)
        return show_identifier(self.schema) + "." + show_identifier(self.name)

    @property
    def sql(self) -> str:
        """The quoted form for use as an identifier in a statement."""
        return quote_identifier(self.schema) + "." + quote_identifier(self.name)

    @property
    def regclass(self) -> str:
        """The quoted form for use as a regclass argument."""
        return quote_literal(self.sql) + "::regclass"


_PART = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^".\s\x00]+))\s*(\.|\Z)')


def parse_name(text: object, path: str, schema: object = None) -> QualifiedName:
    """Read name, schema.name or "quoted".name; an unquoted part keeps its case.

    A schema given apart is used where the name has none. Raises DeclarationError naming path.
    """
    if not isinstance(text, str) or not text.strip():
        raise DeclarationError(path, f"{text!r} is no name; accepted is a relation's name, or schema.name")
    parts = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            break
        parts.append(match.group(1).replace('""', '"') if match.group(1) is not None else match.group(2))
        position = match.end()
        if match.group(3) == "":
            break
    if position < len(text) or not 1 <= len(parts) <= 2 or text.rstrip().endswith("."):
        raise DeclarationError(
            path,
            f"{text!r} is no name; accepted is a relation's name, or schema.name, with double quotes around a part "
            "that holds dots, quotes or spaces",
        )
    for part in [*parts, schema or DEFAULT_SCHEMA]:
        _check_part(part, path)
    if len(parts) == 2:
        if schema is not None and schema != parts[0]:
            raise DeclarationError(path, f"{text!r} names a schema other than the one in schema, {schema!r}")
        return QualifiedName(parts[0], parts[1])
    return QualifiedName(str(schema or DEFAULT_SCHEMA), parts[0])


def _check_part(part: object, path: str) -> None:
    if not isinstance(part, str):
        raise DeclarationError(path, f"{part!r} is no schema; accepted is its name")
    if not is_storable(part):
        raise DeclarationError(path, f"{part!r} holds a character PostgreSQL cannot store")
    if len(part.encode("utf-8")) > LONGEST_NAME:
        raise DeclarationError(path, f"{part!r} is longer than PostgreSQL's {LONGEST_NAME} bytes")
