"""Transactions: one where it fits, else whole families together; and what is said when the server refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ansible.module_utils.timescaledb.errors import ServerError
from ansible.module_utils.timescaledb.execute import estimated_locks, run, split, stages
from ansible.module_utils.timescaledb.plan.actions import Action, Kind
from ansible.module_utils.timescaledb.render import Statement
from tests.unit.builders import aggregate, database, hypertable, name


def create(text: str) -> Statement:
    return Statement(f"create {text}", Action(Kind.CREATE_HYPERTABLE, name(text), after=hypertable(text), path="p"))


def create_over(text: str, source: str) -> Statement:
    after = aggregate(text, source=source)
    return Statement(f"create {text}", Action(Kind.CREATE_AGGREGATE, name(text), after=after, path="p"))


def set_interval(text: str) -> Statement:
    return Statement(f"set {text}", Action(Kind.SET_CHUNK_INTERVAL, name(text), path="p"))


def drop_over(text: str, source: str) -> Statement:
    before = aggregate(text, source=source)
    return Statement(f"drop {text}", Action(Kind.DROP_AGGREGATE, name(text), before, path="p"))


def texts(parts: Any) -> list[list[str]]:
    return [[item.text for item in part] for part in parts]


MANY = [create(f"t{number}") for number in range(5)]
PRICE = estimated_locks(MANY[:1])


class TestTransactions:
    @pytest.mark.parametrize("slots", [1, 100, 10**6])
    def test_of_nothing_are_none(self, slots: int) -> None:
        assert split([], database(), slots) == ()

    def test_are_one_where_the_lock_table_holds_it(self) -> None:
        statements = [*MANY, create_over("a", "t0"), set_interval("t4")]
        assert split(statements, database(), 10**6) == (tuple(statements),)

    def test_are_one_up_to_a_share_of_the_lock_table(self) -> None:
        needed = estimated_locks(MANY)
        assert len(split(MANY, database(), int(needed / 0.6) + 1)) == 1
        assert len(split(MANY, database(), needed)) > 1

    def test_are_else_as_few_as_hold_whole_families(self) -> None:
        two = int(2 * PRICE / 0.6) + 1
        assert texts(split(MANY, database(), two)) == [
            ["create t0", "create t1"],
            ["create t2", "create t3"],
            ["create t4"],
        ]

    def test_keep_a_hypertable_with_its_aggregates_new_and_old(self) -> None:
        statements = [
            drop_over("old", "t1"),
            *MANY[:2],
            create_over("hourly", "t0"),
            create_over("daily", "hourly"),
            set_interval("there"),
            set_interval("t0"),
        ]
        on = database(hypertable("t1"), aggregate("old", source="t1"), aggregate("there", source="old"))
        assert texts(split(statements, on, 1)) == [
            ["drop old", "create t1", "set there"],
            ["create t0", "create hourly", "create daily", "set t0"],
        ]

    def test_hold_a_family_however_large_it_is(self) -> None:
        statements = [create("t"), *(create_over(f"a{number}", "t") for number in range(50))]
        assert texts(split(statements, database(), 10)) == [[item.text for item in statements]]

    def test_keep_a_rebuilt_aggregate_with_what_it_stood_on_and_what_it_stands_on(self) -> None:
        statements = [drop_over("a", "t0"), create("t1"), create_over("a", "t1"), set_interval("t0")]
        parts = split(statements, database(hypertable("t0"), aggregate("a", source="t0")), 1)
        (home,) = [part for part in texts(parts) if "drop a" in part]
        assert home.index("drop a") < home.index("create a")


class FakeSession:
    """Takes statements, and refuses one."""

    def __init__(self, refused: str = "", sqlstate: str = "") -> None:
        self.refused = refused
        self.sqlstate = sqlstate
        self.sent: list[str] = []
        self.statements: list[str] = []

    def execute(self, statement: str) -> None:
        self.sent.append(statement)
        if statement == self.refused:
            raise ServerError("the server's words", self.sqlstate)


class TestRunning:
    def test_sends_one_statement_after_the_other(self) -> None:
        session: Any = FakeSession()
        run(session, MANY, "nothing has been changed")
        assert session.sent == session.statements == [item.text for item in MANY]

    @pytest.mark.parametrize(
        ("sqlstate", "words"),
        [
            (
                "55P03",
                "did not get its lock in time, something else is using the table (the server's words); nothing has "
                "been changed",
            ),
            (
                "53200",
                "found the server's lock table or memory full; raise max_locks_per_transaction (the server's words); "
                "nothing has been changed",
            ),
            ("42501", "was refused by the server: the server's words; nothing has been changed"),
            ("", "was refused by the server: the server's words; nothing has been changed"),
        ],
    )
    def test_that_fails_names_the_variable_and_what_has_become_of_the_rest(self, sqlstate: str, words: str) -> None:
        session: Any = FakeSession("create t2", sqlstate)
        with pytest.raises(ServerError) as failed:
            run(session, MANY, "nothing has been changed")
        assert str(failed.value) == f"p: create hypertable of t2 {words}"
        assert failed.value.sqlstate == sqlstate
        assert session.sent == ["create t0", "create t1", "create t2"]
        assert session.statements == ["create t0", "create t1"]


def refresh(text: str) -> Statement:
    return Statement(f"refresh {text}", Action(Kind.REFRESH_AGGREGATE, name(text), path="p"))


class TestStages:
    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("", ("", "", "")),
            ("cc", ("cc", "", "")),
            ("ccr", ("cc", "r", "")),
            ("ccrrc", ("cc", "rr", "c")),
            ("rc", ("", "r", "c")),
            ("rcr", ("", "rcr", "")),
        ],
    )
    def test_are_what_runs_in_transactions_what_runs_alone_and_what_waits_for_that(
        self, order: str, expected: tuple[str, str, str]
    ) -> None:
        made = {"c": create("t"), "r": refresh("a")}
        parts = stages([made[letter] for letter in order])
        assert ["".join(item.text[0] for item in part) for part in parts] == list(expected)


def test_every_chunk_that_goes_takes_locks_of_its_own() -> None:
    statement = Statement("drop t", Action(Kind.DROP_HYPERTABLE, name("t"), hypertable("t"), path="p"))
    other = create("u")
    many = {id(statement.action): 1000}
    assert estimated_locks([statement, other], many) >= estimated_locks([statement, other]) + 1000
    assert estimated_locks([other], many) == estimated_locks([other])
    slots = estimated_locks([statement, other]) * 10
    assert len(split([statement, other], database(hypertable("t")), slots)) == 1
    assert len(split([statement, other], database(hypertable("t")), slots, many)) == 2
