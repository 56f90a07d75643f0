"""Names and texts reach PostgreSQL as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timescaledb_backup.errors import BackupError
from timescaledb_backup.session import connect, connection_string, quote_identifier, quote_literal


@pytest.mark.parametrize(
    ("name", "quoted"), [("plain", '"plain"'), ('a "b" c', '"a ""b"" c"'), ("Größe; --", '"Größe; --"')]
)
def test_names_are_quoted(name: str, quoted: str) -> None:
    assert quote_identifier(name) == quoted


@pytest.mark.parametrize(("text", "quoted"), [("it's", "'it''s'"), ("a\\'b", " E'a\\\\''b'")])
def test_texts_are_quoted(text: str, quoted: str) -> None:
    assert quote_literal(text) == quoted


def test_a_name_is_never_taken_for_more_than_a_name() -> None:
    assert connection_string(dbname="a=b host=elsewhere") == "dbname='a=b host=elsewhere'"
    assert connection_string(dbname="it's \\", options="") == "dbname='it\\'s \\\\'"


@given(st.text(min_size=1))
def test_a_name_comes_back_as_libpq_reads_it(name: str) -> None:
    inner = connection_string(dbname=name)[len("dbname='") : -1]
    read, characters = "", iter(inner)
    for character in characters:
        assert character != "'"
        read += next(characters) if character == "\\" else character
    assert read == name


def test_a_program_that_ends_at_once_is_told_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "psql").write_text("#!/bin/sh\necho 'psql: error: no server' >&2\nexit 2\n")
    (tmp_path / "psql").chmod(0o755)
    session = connect(str(tmp_path), "/nowhere", 5432, "postgres", "home")
    with pytest.raises(BackupError, match="The session ended: psql: error: no server"), session:
        pass
