"""Names of relations: what people write, what the server reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.names import QualifiedName, parse_name, quote_identifier, quote_literal
from tests.unit.timescaledb.strategies import qualified_names

FORM = (
    "accepted is a relation's name, or schema.name, with double quotes around a part that holds dots, quotes or spaces"
)


@pytest.mark.parametrize(
    ("text", "schema", "name"),
    [
        ("metrics", "public", "metrics"),
        ("app.metrics", "app", "metrics"),
        ("Metrics", "public", "Metrics"),
        ('"Metrics"', "public", "Metrics"),
        ('"my app"."my.metrics"', "my app", "my.metrics"),
        ('"say ""hi"""', "public", 'say "hi"'),
        ('app."it\'s"', "app", "it's"),
        (" app . metrics ", "app", "metrics"),
        ("métriques", "public", "métriques"),
        ("n" * 63, "public", "n" * 63),
    ],
)
def test_a_name_is_read(text: str, schema: str, name: str) -> None:
    assert parse_name(text, "x") == QualifiedName(schema, name)


@pytest.mark.parametrize(
    "text", ["a.b.c", "a.", ".a", ".", 'a"b', '"a', '""', "a b", "a..b", "metrics; drop table x", "a\x00b"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        parse_name(text, "hypertables[0].name")
    assert str(refused.value) == f"hypertables[0].name: {text!r} is no name; {FORM}"


@pytest.mark.parametrize("value", [None, "", "  ", 5, True, ["metrics"], {"name": "metrics"}])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(DeclarationError, match=r"^x: .* is no name; accepted is a relation's name, or schema\.name$"):
        parse_name(value, "x")


@pytest.mark.parametrize("name", ["n" * 64, "é" * 32, "s" * 64 + ".x", "x." + "n" * 64])
def test_a_name_longer_than_the_server_keeps_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match=r"^x: '[^']+' is longer than PostgreSQL's 63 bytes"):
        parse_name(name, "x")


@pytest.mark.parametrize("name", ['"a\x00b"', '"\ud800"'])
def test_a_character_the_server_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="holds a character PostgreSQL cannot store"):
        parse_name(name, "x")


def test_a_schema_given_apart_counts_where_the_name_has_none() -> None:
    assert parse_name("metrics", "x", "app") == QualifiedName("app", "metrics")
    assert parse_name("app.metrics", "x", "app") == QualifiedName("app", "metrics")
    with pytest.raises(DeclarationError) as refused:
        parse_name("app.metrics", "x", "other")
    assert str(refused.value) == "x: 'app.metrics' names a schema other than the one in schema, 'other'"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (QualifiedName("public", "metrics"), "metrics"),
        (QualifiedName("app", "metrics"), "app.metrics"),
        (QualifiedName("public", "Metrics"), '"Metrics"'),
        (QualifiedName("My App", 'a"b'), '"My App"."a""b"'),
    ],
)
def test_a_name_is_shown_without_what_goes_without_saying(name: QualifiedName, text: str) -> None:
    assert str(name) == text


@given(qualified_names)
def test_a_name_shown_is_read_back(name: QualifiedName) -> None:
    assert parse_name(str(name), "x") == name


@given(qualified_names)
def test_a_name_as_sql_is_two_quoted_parts(name: QualifiedName) -> None:
    quoted = r'"((?:[^"]|"")+)"'
    match = re.fullmatch(rf"{quoted}\.{quoted}", name.sql, re.DOTALL)
    assert match
    assert [part.replace('""', '"') for part in match.groups()] == [name.schema, name.name]


def read_literal(sql: str) -> str:
    """The text that a quoted literal stands for, by PostgreSQL's rules with standard_conforming_strings on."""
    match = re.fullmatch(r"\s*(E?)'((?:[^']|'')*)'", sql, re.DOTALL)
    assert match, sql
    text = match.group(2).replace("''", "'")
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) if match.group(1) else text


@given(st.text(alphabet=st.sampled_from("ab'\"\\ $\n"), max_size=20) | st.text(max_size=20))
def test_a_literal_stands_for_its_text(text: str) -> None:
    assert read_literal(quote_literal(text)) == text


def test_what_holds_a_backslash_is_the_same_whatever_standard_conforming_strings_says() -> None:
    assert quote_literal("a\\'b") == " E'a\\\\''b'"
    assert quote_literal("a'b") == "'a''b'"
    assert quote_identifier('a"b') == '"a""b"'
