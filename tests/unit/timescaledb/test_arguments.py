"""Options of the modules as declarations: one object of a module is what the lifecycle calls the same."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from ansible.module_utils.timescaledb.arguments import (
    AGGREGATE_OPTIONS,
    COMPRESSION_OPTIONS,
    HYPERTABLE_OPTIONS,
    LIFECYCLE_OPTIONS,
    RETENTION_OPTIONS,
    RUN_OPTIONS,
    argument_spec,
    declared_aggregate,
    declared_compression,
    declared_hypertable,
    declared_lifecycle,
    declared_retention,
    login_parameters,
)
from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.model import Compression
from ansible.module_utils.timescaledb.plan.planner import make_plan
from tests.unit.builders import QUERY, compressing, database, declare, hypertable, kinds, plan_for, retention, server


def params(options: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Parameters as AnsibleModule hands them over: every option, those left out with their default or None."""
    assert set(given) <= set(options)
    return {name: given.get(name, option.get("default")) for name, option in options.items()}


def unplaced(value: Any) -> Any:
    """The same without the paths that tell where something was declared."""
    if isinstance(value, tuple):
        return tuple(unplaced(item) for item in value)
    if not is_dataclass(value):
        return value
    found = {item.name: unplaced(getattr(value, item.name)) for item in fields(value)}
    return (type(value), {**found, "path": ""})


def test_a_hypertable_is_declared_as_in_the_lifecycle() -> None:
    given = {
        "name": "metrics",
        "schema": "app",
        "time_column": "time",
        "chunk_interval": "7 days",
        "hash_dimensions": [{"column": "device_id", "number_partitions": 4}],
        "migrate_data": True,
        "create_default_indexes": False,
    }
    found = declared_hypertable(params(HYPERTABLE_OPTIONS, **given))
    assert unplaced(found) == unplaced(declare(given))


def test_an_aggregate_is_declared_as_in_the_lifecycle() -> None:
    given = {
        "name": "hourly",
        "query": QUERY,
        "materialized_only": False,
        "refresh": {"start_offset": None, "end_offset": "1 hour", "schedule_interval": "1 hour"},
        "indexes": [{"name": "i", "columns": ["device_id"]}],
        "refresh_after_create": True,
    }
    found = declared_aggregate(params(AGGREGATE_OPTIONS, **given))
    assert unplaced(found) == unplaced(declare(None, given))


def test_compression_and_retention_are_declared_as_in_the_lifecycle() -> None:
    job = {"schedule_interval": "1 hour", "config": {"a": 1}, "scheduled": False}
    compression = {"segmentby": ["device_id"], "orderby": [], "compress_after": "7 days", **job}
    found = declared_compression(params(COMPRESSION_OPTIONS, name="metrics", **compression))
    assert unplaced(found) == unplaced(declare({"name": "metrics", "compression": compression}))
    found = declared_retention(params(RETENTION_OPTIONS, name="metrics", drop_after="90 days", **job))
    assert unplaced(found) == unplaced(declare({"name": "metrics", "retention": {"drop_after": "90 days", **job}}))


@pytest.mark.parametrize("state", ["present", "absent"])
def test_the_state_of_a_part_is_not_that_of_the_relation(state: str) -> None:
    on = database(hypertable("metrics", retention("90 days"), compressing("7 days"), compression=Compression()))
    compression = declared_compression(
        params(COMPRESSION_OPTIONS, name="metrics", compress_after="7 days", state=state)
    )
    kept = declared_retention(params(RETENTION_OPTIONS, name="metrics", drop_after="90 days", state=state))
    gone = state == "absent"
    assert kinds(make_plan(compression, on, server())) == (["remove_policy", "disable_compression"] if gone else [])
    assert kinds(make_plan(kept, on, server())) == (["remove_policy"] if gone else [])


@pytest.mark.parametrize(
    ("declared", "options", "given", "sentence"),
    [
        (declared_retention, RETENTION_OPTIONS, {"drop_after": "90 dayz"}, "drop_after: text '90 dayz' was given"),
        (declared_compression, COMPRESSION_OPTIONS, {"orderby": ["a b c"]}, "orderby[0]: 'a b c' was given"),
        (
            declared_hypertable,
            HYPERTABLE_OPTIONS,
            {"chunk_interval": "-1 day"},
            "chunk_interval: text '-1 day' was given",
        ),
        (declared_aggregate, AGGREGATE_OPTIONS, {"query": "DROP TABLE x"}, "query: 'DROP TABLE x' was given"),
        (declared_aggregate, AGGREGATE_OPTIONS, {"refresh": {"every": "1 h"}}, "refresh.every: unknown key"),
        (declared_hypertable, HYPERTABLE_OPTIONS, {"name": 'a"b'}, "name: 'a\"b' is no name"),
    ],
)
def test_a_wrong_option_is_named_as_the_module_calls_it(
    declared: Any, options: dict[str, Any], given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DeclarationError) as refused:
        declared(params(options, **{"name": "metrics", **given}))
    assert str(refused.value).startswith(sentence)


def test_the_lifecycle_names_variables_as_the_role_does() -> None:
    wrong = [{"name": "metrics", "chunk_interval": "x"}]
    given = params(LIFECYCLE_OPTIONS, hypertables=wrong, variable_prefix="timescaledb_lifecycle_")
    with pytest.raises(DeclarationError, match=r"^timescaledb_lifecycle_hypertables\[metrics\]\.chunk_interval: "):
        declared_lifecycle(given)
    given = params(LIFECYCLE_OPTIONS, overrides={"metrics": {}}, variable_prefix="timescaledb_lifecycle_")
    with pytest.raises(DeclarationError, match=r"^timescaledb_lifecycle_overrides\[metrics\]: "):
        declared_lifecycle(given)


def test_the_lifecycle_declares_everything_at_once() -> None:
    given = params(
        LIFECYCLE_OPTIONS,
        hypertables=[{"name": "metrics", "retention": {"drop_after": "90 days"}}],
        continuous_aggregates=[{"name": "hourly", "query": QUERY}],
        overrides={"metrics": {"retention": {"drop_after": "60 days"}}},
        prune=["policies"],
    )
    expected = declare(
        {"name": "metrics", "retention": {"drop_after": "60 days"}},
        {"name": "hourly", "query": QUERY},
        prune=["policies"],
    )
    assert declared_lifecycle(given) == expected
    assert expected != replace(expected, prune=())


def test_every_module_can_log_in() -> None:
    spec = argument_spec(RETENTION_OPTIONS, RUN_OPTIONS)
    assert set(RETENTION_OPTIONS) | set(RUN_OPTIONS) < set(spec)
    given = {name: option.get("default", "x") for name, option in spec.items()}
    login = login_parameters({**given, "login_db": "aetherlens", "login_password": "secret"})
    assert (login.host, login.port, login.database, login.password) == ("127.0.0.1", 5432, "aetherlens", "secret")
    assert "secret" not in repr(login) + str(login) + login.where
    assert login.keywords()["password"] == "secret"


def test_nothing_declared_is_nothing_to_do() -> None:
    assert plan_for(database(hypertable("metrics", retention()))).actions == ()
