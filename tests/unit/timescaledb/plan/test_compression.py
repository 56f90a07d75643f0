"""Planning compression settings: what the server will store, and what is no difference to it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.model import Compression
from ansible.module_utils.timescaledb.plan.actions import Kind
from ansible.module_utils.timescaledb.plan.compression import FUTURE_ONLY
from ansible.module_utils.timescaledb.values import OrderBy
from tests.unit.builders import aggregate, compressing, database, hypertable, kinds, only, plan_for

TIME = OrderBy("time", descending=True, nulls_first=True)
VALUE = OrderBy("value")


def settings(before: Compression | None, **keys: Any) -> Any:
    """The settings that are planned, or None where nothing is to be done."""
    plan = plan_for(database(hypertable(compression=before)), {"name": "metrics", "compression": keys})
    if not plan.actions:
        return None
    action = only(plan)
    assert (action.kind, action.before) == (Kind.SET_COMPRESSION, before)
    return action.after


@pytest.mark.parametrize(
    ("keys", "after"),
    [
        ({}, Compression()),
        ({"segmentby": ["device_id"]}, Compression(("device_id",))),
        ({"segmentby": []}, Compression(())),
        ({"segmentby": ["kind", "device_id"]}, Compression(("kind", "device_id"))),
        ({"orderby": ["time DESC"]}, Compression(None, (TIME,))),
        ({"orderby": []}, Compression(None, (TIME,))),
        ({"orderby": ["value"]}, Compression(None, (VALUE, TIME))),
        ({"orderby": ["time"]}, Compression(None, (OrderBy("time"),))),
        ({"segmentby": ["device_id"], "orderby": ["value"]}, Compression(("device_id",), (VALUE, TIME))),
    ],
)
def test_it_is_switched_on_with_what_the_server_will_store(keys: dict[str, Any], after: Compression) -> None:
    assert settings(None, **keys) == after
    assert settings(after, **keys) is None


@pytest.mark.parametrize(
    ("before", "keys", "after"),
    [
        (Compression(("device_id",), (TIME,)), {}, None),
        (Compression(("device_id",), (TIME,)), {"segmentby": ["device_id"]}, None),
        (Compression(("device_id",), (TIME,)), {"orderby": ["time desc nulls first"]}, None),
        (Compression(("device_id",), (TIME,)), {"segmentby": ["kind"]}, Compression(("kind",), (TIME,))),
        (Compression(("device_id",), (TIME,)), {"orderby": ["value"]}, Compression(("device_id",), (VALUE, TIME))),
        (Compression(("device_id", "kind")), {"segmentby": ["kind", "device_id"]}, Compression(("kind", "device_id"))),
        (Compression(("device_id",)), {"segmentby": []}, Compression(())),
        (Compression((), (TIME,)), {"segmentby": []}, None),
        (Compression(None, (TIME,)), {"segmentby": []}, Compression((), (TIME,))),
        (Compression(), {"segmentby": []}, Compression(())),
    ],
)
def test_settings_are_laid_over_what_there_is(before: Compression, keys: dict[str, Any], after: Any) -> None:
    assert settings(before, **keys) == after


def test_changed_settings_are_for_chunks_to_come() -> None:
    on = database(hypertable(compression=Compression(("device_id",))))
    assert only(plan_for(on, {"name": "metrics", "compression": {"segmentby": ["kind"]}})).note == FUTURE_ONLY
    on = database(hypertable())
    assert only(plan_for(on, {"name": "metrics", "compression": {"segmentby": ["kind"]}})).note == ""


def test_absent_switches_it_off_after_its_policy_is_gone() -> None:
    before = Compression(("device_id",))
    on = database(hypertable("metrics", compressing(), compression=before))
    plan = plan_for(on, {"name": "metrics", "compression": {"state": "absent"}})
    assert kinds(plan) == ["remove_policy", "disable_compression"]
    assert (plan.actions[1].before, plan.actions[1].after) == (before, None)


def test_absent_where_it_is_off_is_nothing_to_do() -> None:
    assert plan_for(database(hypertable()), {"name": "metrics", "compression": {"state": "absent"}}).actions == ()


def test_its_policy_comes_and_goes_by_itself() -> None:
    on = database(hypertable("metrics", compressing(), compression=Compression(("device_id",))))
    keys = {"segmentby": ["device_id"], "policy_state": "absent"}
    assert kinds(plan_for(on, {"name": "metrics", "compression": keys})) == ["remove_policy"]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"segmentby": ["devise"]},
            "segmentby: metrics has no column 'devise'; accepted are device_id, kind, time, value",
        ),
        ({"orderby": ["valeu"]}, "orderby: metrics has no column 'valeu'; accepted are device_id, kind, time, value"),
        ({"segmentby": ["time"]}, "segmentby: time is the time column; accepted are the others"),
    ],
)
def test_a_column_that_cannot_serve_is_refused(keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        settings(None, **keys)
    assert str(refused.value) == f"hypertables[metrics].compression.{sentence}"


def test_an_aggregate_has_its_own_columns_and_its_own_time() -> None:
    on = database(hypertable(), aggregate())
    plan = plan_for(on, None, {"name": "hourly", "compression": {"segmentby": ["device_id"], "orderby": ["avg"]}})
    bucket = OrderBy("bucket", descending=True, nulls_first=True)
    assert only(plan).after == Compression(("device_id",), (OrderBy("avg"), bucket))
    with pytest.raises(DeclarationError) as refused:
        plan_for(on, None, {"name": "hourly", "compression": {"segmentby": ["kind"]}})
    assert str(refused.value) == (
        "continuous_aggregates[hourly].compression.segmentby: hourly has no column 'kind'; accepted are avg, bucket, "
        "device_id"
    )


@pytest.mark.parametrize(
    ("before", "keys", "key"),
    [
        (Compression(("device_id",), (OrderBy("kind"), TIME)), {"segmentby": ["kind"]}, "segmentby"),
        (Compression(("kind",), (TIME,)), {"orderby": ["kind"]}, "orderby"),
    ],
)
def test_a_column_cannot_be_in_both_lists_though_only_one_is_declared(
    before: Compression, keys: dict[str, Any], key: str
) -> None:
    with pytest.raises(DeclarationError) as refused:
        settings(before, **keys)
    assert str(refused.value) == (
        f"hypertables[metrics].compression.{key}: column kind of metrics is in the other list already; accepted is to "
        "declare both"
    )
