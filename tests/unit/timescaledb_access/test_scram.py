"""Passwords become what PostgreSQL keeps of them, and are recognised in it."""

from __future__ import annotations

import base64

import pytest
from ansible.module_utils.timescaledb_access.scram import is_password_of, is_verifier, make_verifier, prepare

# The example of RFC 7677.
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
PENCIL = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_a_verifier_is_that_of_the_standard() -> None:
    assert make_verifier("pencil", SALT) == PENCIL


def test_a_verifier_given_for_a_password_stays_what_it_is() -> None:
    assert make_verifier(PENCIL, b"other salt") == PENCIL
    assert is_verifier(PENCIL)
    assert not is_verifier("pencil")
    assert not is_verifier("SCRAM-SHA-256$x")


@pytest.mark.parametrize(
    ("password", "verifier", "expected"),
    [
        pytest.param("pencil", PENCIL, True, id="its-own"),
        pytest.param(PENCIL, PENCIL, True, id="the-verifier-itself"),
        pytest.param("Pencil", PENCIL, False, id="another"),
        pytest.param("pencil", "md5d41d8cd98f00b204e9800998ecf8427e", False, id="the-old-form"),
        pytest.param("pencil", "", False, id="none"),
        pytest.param("pencil", PENCIL.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "W22Za"), False, id="broken-salt"),
        pytest.param("pencil", make_verifier("pencil", SALT, 10), True, id="other-iterations"),
    ],
)
def test_a_password_is_recognised_in_a_verifier(password: str, verifier: str, expected: bool) -> None:
    assert is_password_of(password, verifier) is expected


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        pytest.param("plain ascii", "plain ascii", id="ascii"),
        pytest.param("I\u00adX", "IX", id="soft-hyphen-goes"),
        pytest.param("a\u00a0b", "a b", id="other-spaces-become-spaces"),
        pytest.param("\u2168", "IX", id="compatible-characters"),
        pytest.param("a\u0308", "\u00e4", id="composed"),
        pytest.param("a\u0007\u2168", "a\u0007\u2168", id="prohibited-is-kept-as-it-is"),
        pytest.param("\u06271", "\u06271", id="mixed-directions-are-kept-as-they-are"),
        pytest.param("\u00ad", "\u00ad", id="what-would-be-empty-is-kept-as-it-is"),
    ],
)
def test_a_password_is_prepared_as_postgresql_does(password: str, prepared: str) -> None:
    assert prepare(password) == prepared.encode("utf-8")
