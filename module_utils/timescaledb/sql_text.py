# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at SQL text without understanding it: where literals and comments are, and what is left outside them."""

from __future__ import annotations

import re

from .errors import DeclarationError

# Everything inside which a semicolon or a name means nothing. Quoted identifiers are kept: they are names.
_OPAQUE = re.compile(
    r"""
    (?P<name>"(?:[^"]|"")*")                              # a quoted identifier
    | --[^\n]* | /\*(?:.|\n)*?\*/                         # comments
    | \b[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*'         # literals
    | (?P<tag>\$(?:[A-Za-z_]\w*)?\$)(?:.|\n)*?(?P=tag)    # dollar-quoted literals
    """,
    re.VERBOSE,
)
_STARTS = re.compile(r"\s*(select|with|values|table|\()", re.IGNORECASE)


def outline(sql: str) -> str:
    """Return the text with comments and literals blanked, quoted identifiers left."""
    return _OPAQUE.sub(lambda match: match.group("name") or " " * len(match.group(0)), sql)


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
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", outline(sql), re.IGNORECASE) is not None
