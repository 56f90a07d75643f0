# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at SQL text without understanding it: where literals and comments are, and what is left outside them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import FrozenSet, Match

from .errors import DeclarationError

# Everything inside which a semicolon or a name means nothing. Quoted identifiers are kept: they are names.
_OPAQUE = re.compile(
    r"""
    (?P<name>"(?:[^"]|"")*")                              # a quoted identifier
    | --[^\n]* | /\*(?:.|\n)*?\*/                         # comments
    | \b[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*'         # literals
    | (?<![\w$])(?P<tag>\$(?:[A-Za-z_]\w*)?\$)(?:.|\n)*?(?P=tag)    # dollar-quoted literals
    """,
    re.VERBOSE,
)
_STARTS = re.compile(r"\s*((select|with|values|table)\b|\()", re.IGNORECASE)
_WORD = re.compile(r'"((?:[^"]|"")*)"|([\w$]+)')


def outline(sql: str) -> str:
    """Return the text with comments and what is in literals blanked, quoted identifiers left."""
    return _OPAQUE.sub(_blanked, sql)


def _blanked(match: Match[str]) -> str:
    text = match.group(0)
    if match.group("name"):
        return text
    is_comment = text.startswith(("--", "/*"))
    return " " * len(text) if is_comment else "'" + " " * (len(text) - 2) + "'"


def single_select(sql: str, path: str) -> str:
    """Return the one SELECT of a text without trailing semicolon. Raises DeclarationError naming path."""
    bare = outline(sql)
    end = len(bare.rstrip().rstrip(";").rstrip())
    if ";" in re.sub(r'"(?:[^"]|"")*"', "", bare[:end]):
        raise DeclarationError(path, "several statements were given; accepted is one SELECT")
    if not _STARTS.match(bare):
        raise DeclarationError(path, f"{sql.strip()[:60]!r} was given; accepted is one SELECT")
    return sql[:end].strip()


def mentions(sql: str, name: str) -> bool:
    """Whether the text may refer to a relation of this name; a false yes is possible, a false no is not."""
    return name.lower() in _words(sql)


def selects_from(sql: str, name: str) -> bool:
    """Whether the name stands right behind FROM or JOIN, as far as that can be seen without understanding the text."""
    quoted = '"' + name.replace('"', '""') + '"'
    spelling = rf"(?:{re.escape(name)}(?![\w$])|{re.escape(quoted)})"
    schema = r'(?:(?:[\w$]+|"(?:[^"]|"")+")\s*\.\s*)?'
    return (
        re.search(rf"\b(?:from|join)\s+(?:only\s+)?\(*\s*{schema}{spelling}", outline(sql), re.IGNORECASE) is not None
    )


@lru_cache(maxsize=4096)
def _words(sql: str) -> FrozenSet[str]:
    """Return every word and quoted identifier of a text in lower case; a plan asks for each of them many times."""
    matches = _WORD.finditer(outline(sql))
    return frozenset((match.group(2) or match.group(1).replace('""', '"')).lower() for match in matches)
