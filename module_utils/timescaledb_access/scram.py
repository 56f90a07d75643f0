# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords as PostgreSQL keeps them (SCRAM-SHA-256), made here, so that no server and no log ever sees a password."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata
from typing import Callable, Tuple

ITERATIONS = 4096  # PostgreSQL's own number, which it expects of clients that make verifiers
SALT_BYTES = 16

_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d{1,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
# RFC 4013, 2.3: what a prepared string may not hold.
_PROHIBITED: Tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def is_verifier(text: str) -> bool:
    """Whether a text is no password but what PostgreSQL keeps of one."""
    return _VERIFIER.fullmatch(text) is not None


def make_verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Return what PostgreSQL keeps of a password; a verifier is returned as it is."""
    if is_verifier(password):
        return password
    salted = hashlib.pbkdf2_hmac("sha256", prepare(password), salt, iterations)
    stored = hashlib.sha256(hmac.new(salted, b"Client Key", "sha256").digest()).digest()
    server = hmac.new(salted, b"Server Key", "sha256").digest()
    return f"SCRAM-SHA-256${iterations}:{_encode(salt)}${_encode(stored)}:{_encode(server)}"


def is_password_of(password: str, verifier: str) -> bool:
    """Whether the verifier is that of the password, or the very verifier that was given for a password."""
    found = _VERIFIER.fullmatch(verifier)
    if found is None:
        return False
    try:
        salt = base64.b64decode(found.group(2), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(make_verifier(password, salt, int(found.group(1))), verifier)


def prepare(password: str) -> bytes:
    """Return a password as PostgreSQL hashes it: by SASLprep where that is possible, else as it is."""
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if not prepared or any(test(character) for character in prepared for test in _PROHIBITED) or _mixed(prepared):
        return password.encode("utf-8")
    return prepared.encode("utf-8")


def _mixed(text: str) -> bool:
    """Whether a text breaks the rule on writing directions: right-to-left from its first to its last character."""
    if not any(stringprep.in_table_d1(character) for character in text):
        return False
    if any(stringprep.in_table_d2(character) for character in text):
        return True
    return not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1]))


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
