"""What holds of every plan, whatever is declared and whatever is there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.execute import split
from ansible.module_utils.timescaledb.guard import (
    DECOMPRESS,
    DROP_DATA,
    REBUILD_AGGREGATE,
    Impact,
    judge,
    probes_for,
    unconsented,
)
from ansible.module_utils.timescaledb.model import RETENTION, ContinuousAggregate, Database, Policy
from ansible.module_utils.timescaledb.names import QualifiedName, quote_literal
from ansible.module_utils.timescaledb.plan.actions import PHASES, Action, Kind, Plan
from ansible.module_utils.timescaledb.plan.planner import make_plan
from ansible.module_utils.timescaledb.plan.policies import policies_of
from ansible.module_utils.timescaledb.plan.simulate import simulate
from ansible.module_utils.timescaledb.render import render_plan
from ansible.module_utils.timescaledb.report import describe_action
from ansible.module_utils.timescaledb.values import Interval
from tests.unit.timescaledb.moments import go_back
from tests.unit.timescaledb.servers import Server
from tests.unit.timescaledb.strategies import World, edits, states, worlds

SOME = Impact(1, "2026-01-01", "2026-01-08", 7, 8192)
MANY_LOCKS = 10**6


class Step:
    """A server at some state, and the plan for another."""

    def __init__(self, world: World, *run: Any) -> None:
        *applied, wanted = run
        self.server = Server(world)
        for state in applied:
            self.server.run(self.server.plan(state.parse()))
        self.declaration = wanted.parse()
        self.before = self.server.read(self.declaration)
        self.plan = make_plan(self.declaration, self.before, world.server)
        self.after = simulate(self.before, self.plan.actions)

    def __repr__(self) -> str:
        return f"Step({self.server.world!r}, to={self.declaration!r})"

    def positions(self, *kinds: Kind) -> dict[QualifiedName, int]:
        """Where in the plan the last action of such a kind stands, by relation."""
        return {item.relation: place for place, item in enumerate(self.plan.actions) if item.kind in kinds}


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Any first state, then any second one, which says what becomes of everything or leaves alone what it names not."""
    world = draw(worlds())
    first, prune = draw(states(world)), draw(st.booleans())
    if prune:
        return Step(world, first, draw(states(world, prune=True, absent=True)))
    read = Server(world).rehearse(first.parse())
    second = draw(edits(world, first, {name: dict(item.columns)["bucket"] for name, item in read.items()}))
    return Step(world, first, second)


@given(steps())
def test_planning_after_applying_is_empty(step: Step) -> None:
    world = step.server.world
    assert make_plan(step.declaration, step.after, world.server).actions == ()
    step.server.run(step.plan)
    assert step.server.plan(step.declaration).actions == ()


@given(st.data())
def test_any_two_states_converge_and_lead_back(data: st.DataObject) -> None:
    world = data.draw(worlds())
    one, other = data.draw(states(world, prune=True)), data.draw(states(world, prune=True))
    server = Server(world)
    for state in (one, other, one):
        server.run(server.plan(state.parse()))
        assert server.plan(state.parse()).actions == ()


@given(steps(), st.randoms(use_true_random=False))
def test_the_declared_order_does_not_matter(step: Step, random: Any) -> None:
    declaration = step.declaration
    hypertables = random.sample(declaration.hypertables, len(declaration.hypertables))
    shuffled = make_plan(replace(declaration, hypertables=tuple(hypertables)), step.before, step.server.world.server)
    assert sorted(map(repr, shuffled.actions)) == sorted(map(repr, step.plan.actions))
    assert sorted(map(repr, simulate(step.before, shuffled.actions).hypertables)) == sorted(
        map(repr, step.after.hypertables)
    )


@given(steps())
def test_the_same_input_makes_the_same_plan(step: Step) -> None:
    again = make_plan(step.declaration, step.before, step.server.world.server)
    assert repr(again) == repr(step.plan)


def test_the_same_input_makes_the_same_plan_in_another_process() -> None:
    program = """
import tests.conftest
from tests.unit.timescaledb.servers import Server
from tests.unit.timescaledb.strategies import TABLES, World, select
from tests.unit.builders import declare, table, server as capabilities
from ansible.module_utils.timescaledb.render import render_plan
keys = {"hash_dimensions": [{"column": c, "number_partitions": 2} for c in ("device_id", "kind", "value")],
        "retention": {"drop_after": "1 day", "config": dict.fromkeys("gfedcba", 1), "scheduled": False}}
tables = [table(str(name)) for name in TABLES]
declaration = declare([{"name": str(name), "time_column": "time", **keys} for name in TABLES],
                      [{"name": f"a{n}", "query": select(name, "time", 1, "avg")} for n, name in enumerate(TABLES)])
world = World(tuple(tables), (), "2.29.2")
plan = Server(world).plan(declaration)
for statement in render_plan(plan, Server(world).read(declaration), capabilities()):
    print(statement.text, statement.action)
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).resolve().parents[3],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) > 20


# Losing data


TODAY = datetime(2026, 3, 1)


def reach(database: Database, name: QualifiedName) -> dict[str, float]:
    """How far back chunks are kept by each clock, where something drops them; in seconds or as a number."""
    relation, found = database.relation(name), {}
    for policy in policies_of(relation, RETENTION) if relation else ():
        (key, lag), *_ = policy.window
        if policy.settings.scheduled is not False:
            real = isinstance(lag, Interval)
            found[key] = (TODAY - go_back(TODAY, lag)).total_seconds() if real else float(str(lag))
    return found


def reached_anew(before: Database, after: Database, name: QualifiedName) -> bool:
    """Whether something drops chunks that nothing dropped before."""
    old, new = reach(before, name), reach(after, name)
    another = present(before, name) not in (None, present(after, name))
    return any(lag < old.get(key, float("inf")) or (another and key == "drop_after") for key, lag in new.items())


def present(database: Database, name: QualifiedName) -> Any:
    """The function that tells the present of the hypertable beneath a relation."""
    aggregate, hypertable = database.aggregate(name), database.hypertable(name)
    return present(database, aggregate.source) if aggregate else hypertable and hypertable.integer_now_func


def losing(step: Step) -> Iterator[tuple[str, QualifiedName]]:
    """What the step may lose, by comparing the states alone: the consent that it takes, and of what."""
    dropped = step.positions(Kind.DROP_HYPERTABLE, Kind.DROP_AGGREGATE)
    for relation in step.before.hypertables + step.before.aggregates:
        name, kept = relation.name, step.after.relation(relation.name)
        same = isinstance(relation, ContinuousAggregate) and kept and kept.query == relation.query  # type: ignore[union-attr]
        if kept is None or (isinstance(relation, ContinuousAggregate) and not same):
            yield (REBUILD_AGGREGATE if isinstance(relation, ContinuousAggregate) else DROP_DATA), name
        elif name not in dropped:
            if reached_anew(step.before, step.after, name):
                yield DROP_DATA, name
            if relation.compression is not None and kept.compression is None:
                yield DECOMPRESS, name
    for table in step.before.tables:
        if table.kind == "table" and table.has_rows and reach(step.after, table.name):
            yield DROP_DATA, table.name


def findings_of(step: Step, impact: Impact = SOME) -> list[Any]:
    impacts = dict.fromkeys(probes_for(step.plan, step.before), impact)
    return list(judge(step.plan, step.before, impacts)[0])


@given(steps())
def test_nothing_is_lost_without_consent(step: Step) -> None:
    findings = findings_of(step)
    for consent, name in losing(step):
        told = [item for item in findings if item.consent == consent and str(name) in item.message]
        assert told, f"{consent} is not asked for {name}"
        others = [item for item in ("drop_data", "rebuild_aggregate", "decompress_chunks") if item != consent]
        assert unconsented(findings, others, "allow")


@given(steps())
def test_consent_is_asked_only_where_something_may_be_lost(step: Step) -> None:
    asked = {finding.consent for finding in findings_of(step)} - {"erase_aggregates"}
    lost = {consent for consent, _ in losing(step)}
    rebuilt = step.positions(Kind.DROP_AGGREGATE)
    assert asked == lost or (asked - lost == {REBUILD_AGGREGATE} and rebuilt)


@given(steps())
def test_where_nothing_would_be_lost_no_policy_asks_for_consent(step: Step) -> None:
    kinds = {finding.consent for finding in findings_of(step, Impact())}
    drops = {item.kind for item in step.plan.actions}
    assert DECOMPRESS not in kinds
    assert (DROP_DATA in kinds) == (Kind.DROP_HYPERTABLE in drops)
    assert (REBUILD_AGGREGATE in kinds) == (Kind.DROP_AGGREGATE in drops)


# Order


@given(steps())
def test_actions_run_phase_by_phase(step: Step) -> None:
    phases = [action.order for action in step.plan.actions]
    assert phases == sorted(phases)
    assert sorted(PHASES.values()) == list(range(len(Kind)))


@given(steps())
def test_what_others_need_comes_first_and_what_others_hang_on_goes_last(step: Step) -> None:
    dropped = step.positions(Kind.DROP_AGGREGATE, Kind.DROP_HYPERTABLE)
    for aggregate in step.before.aggregates:
        if aggregate.source in dropped:
            assert dropped[aggregate.name] < dropped[aggregate.source]
    created = step.positions(Kind.CREATE_AGGREGATE, Kind.CREATE_HYPERTABLE)
    for aggregate in step.after.aggregates:
        if aggregate.name in created and aggregate.source in created:
            assert created[aggregate.source] < created[aggregate.name]
    for name, place in step.positions(Kind.DISABLE_COMPRESSION).items():
        assert place > step.positions(Kind.REMOVE_POLICY).get(name, -1)
    for name, place in step.positions(Kind.SET_COMPRESSION).items():
        adding = [i for i, item in enumerate(step.plan.actions) if item.relation == name and is_policy(item)]
        assert all(place < i for i in adding)


@given(steps())
def test_what_deletes_is_armed_when_everything_else_is_in_place(step: Step) -> None:
    actions = step.plan.actions
    arming = [i for i, item in enumerate(actions) if is_policy(item) and item.after.kind == RETENTION]  # type: ignore[union-attr]
    assert arming == list(range(len(actions) - len(arming), len(actions)))
    others = [item.transactional for i, item in enumerate(actions) if i not in arming]
    assert others == sorted(others, reverse=True)


def is_policy(action: Action) -> bool:
    return isinstance(action.after, Policy)


# SQL

OPAQUE = re.compile(r"""E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)


@given(steps())
def test_every_plan_is_rendered_with_names_and_texts_quoted(step: Step) -> None:
    statements = render_plan(step.plan, step.before, step.server.world.server)
    assert {id(item.action) for item in statements} == {id(item) for item in step.plan.actions}
    for statement in statements:
        detail = statement.action.detail
        bare = OPAQUE.sub("_", statement.text.replace(detail, "") if detail else statement.text)
        assert not re.search(r"""['"\\;$]|--|/\*""", bare), statement.text
        if statement.action.kind in (Kind.REMOVE_POLICY, Kind.ALTER_POLICY, Kind.DISABLE_COMPRESSION, Kind.DROP_INDEX):
            continue
        parts = (statement.action.relation.sql, quote_literal(statement.action.relation.sql).strip())
        if "current_setting" not in bare and not statement.text.startswith('SELECT "public".delete_job'):
            assert any(part in statement.text for part in parts), statement.text


@given(steps(), st.integers(1, 400))
def test_transactions_hold_every_statement_once_and_families_whole(step: Step, slots: int) -> None:
    statements = render_plan(step.plan, step.before, step.server.world.server)
    inside = [item for item in statements if item.transactional]
    parts = split(inside, step.before, slots)
    assert sorted(map(id, (item for part in parts for item in part))) == sorted(map(id, inside))
    roots = [{root(step, item.action.relation) for item in part} for part in parts]
    assert sum(map(len, roots)) == len(set().union(*roots))
    for part in parts:
        for name in {item.action.relation for item in part}:
            own = [item for item in part if item.action.relation == name]
            assert own == [item for item in inside if item.action.relation == name]
    whole = split(inside, step.before, MANY_LOCKS)
    assert whole == ((tuple(inside),) if inside else ())


def root(step: Step, name: QualifiedName) -> QualifiedName:
    """The hypertable beneath a relation, as it will be or else as it was."""
    aggregate = step.after.aggregate(name) or step.before.aggregate(name)
    return name if aggregate is None else root(step, aggregate.source)


def test_every_action_can_be_told_and_every_kind_is_met() -> None:
    met: set[Kind] = set()

    @settings(max_examples=300)
    @given(steps())
    def tell(step: Step) -> None:
        for action in step.plan.actions:
            told = describe_action(action)
            assert told["action"] == action.kind.value
            assert told["object"] == str(action.relation)
            assert told["declared_in"] == action.path != ""
            assert ("job_id" in told) == (isinstance(action.before, Policy))
            met.add(action.kind)

    tell()
    assert set(Kind) - met == {Kind.CREATE_HYPERTABLE}  # every first state has all tables


@pytest.mark.parametrize("text", ["SELECT 'a'' b\\' -- \"", 'x "a""b"'])
def test_quoting_is_seen_through(text: str) -> None:
    assert "a" not in OPAQUE.sub("_", text)


def test_an_empty_plan_loses_nothing() -> None:
    assert judge(Plan(), Database(), {}) == ((), ())
