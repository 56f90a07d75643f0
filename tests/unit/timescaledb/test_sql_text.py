"""SQL text looked at from outside: one SELECT or several statements, and which names it mentions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.names import quote_identifier, quote_literal
from ansible.module_utils.timescaledb.sql_text import mentions, outline, single_select
from tests.unit.timescaledb.strategies import raw_names


@pytest.mark.parametrize(
    ("sql", "kept"),
    [
        ("SELECT 1", "SELECT 1"),
        ("  select 1 ;\n", "select 1"),
        ("select 1;;", "select 1"),
        ("select 1; -- the end", "select 1"),
        ("-- first\nSELECT 1", "-- first\nSELECT 1"),
        ("/* ; */ WITH x AS (SELECT 1) SELECT * FROM x", "/* ; */ WITH x AS (SELECT 1) SELECT * FROM x"),
        ("(select 1)", "(select 1)"),
        ("select ';', E'\\';', $$;$$, $t$;$t$, 1", "select ';', E'\\';', $$;$$, $t$;$t$, 1"),
        ('select 1 as "a;b"', 'select 1 as "a;b"'),
        ("select $$;$$ ;", "select $$;$$"),
        ("select E'\\'' ; -- ';'", "select E'\\''"),
        ("select 'it''s; fine'", "select 'it''s; fine'"),
    ],
)
def test_one_select_is_taken_without_its_end(sql: str, kept: str) -> None:
    assert single_select(sql, "q") == kept


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; select 2",
        "select 1; drop table metrics;",
        "select 'a'; drop table x; select 'b'",
        'select "a"; select "b"',
        "select 1 /* */ ; drop table x",
        "select a$b$ from t; drop table x; select 1 as c$b$",
        "select date'x\\'; drop table x; --'",
    ],
)
def test_several_statements_are_refused(sql: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        single_select(sql, "continuous_aggregates[h].query")
    assert str(refused.value) == "continuous_aggregates[h].query: several statements were given; accepted is one SELECT"


@pytest.mark.parametrize(
    "sql", ["DROP TABLE metrics", "selectx", "insert into x select 1", "-- nothing", "metrics", "';'"]
)
def test_what_is_no_select_is_refused(sql: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        single_select(sql, "q")
    assert str(refused.value) == f"q: {sql!r} was given; accepted is one SELECT"


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("select * from metrics", "metrics"),
        ("select * from app.metrics m", "metrics"),
        ("select * from METRICS", "metrics"),
        ('select * from "Metrics"', "Metrics"),
        ('select * from "my metrics"', "my metrics"),
        ('select * from "say ""hi"""', 'say "hi"'),
        ("select*from metrics,devices", "devices"),
        ("select * from x$y", "x$y"),
        ("select * from métriques", "métriques"),
    ],
)
def test_a_mention_is_found(sql: str, name: str) -> None:
    assert mentions(sql, name)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from metrics_hourly",
        "select * from my_metrics",
        "select 'metrics'",
        "select 1 -- metrics",
        "select /* metrics */ 1",
        "select $$metrics$$",
        'select "my metrics"',
        "select metrics$x",
    ],
)
def test_what_only_looks_like_a_mention_is_none(sql: str) -> None:
    assert not mentions(sql, "metrics")


@given(raw_names, st.text(alphabet="ab' \"$;-", max_size=8))
def test_a_quoted_name_is_always_found_and_a_literal_never(name: str, other: str) -> None:
    assert mentions(f"SELECT {quote_literal(other)} FROM {quote_identifier(name)} -- {name}", name)
    assert not mentions(f"SELECT {quote_literal('metrics' + other)} FROM x /* metrics */", "metrics")


@given(st.text(alphabet="ae'\"$-*/;\\\n E", max_size=30))
def test_an_outline_is_as_long_as_its_text(sql: str) -> None:
    assert len(outline(sql)) == len(sql)
