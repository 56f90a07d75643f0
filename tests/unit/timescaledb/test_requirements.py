"""What a server must be for a declaration, what one is taken for that cannot be asked, and what versions can do."""

from __future__ import annotations

from typing import Any

import pytest

from ansible.module_utils.timescaledb.apply import foresee
from ansible.module_utils.timescaledb.capabilities import parse_version
from ansible.module_utils.timescaledb.errors import DeclarationError, UnsupportedError
from ansible.module_utils.timescaledb.foresee import ASSUMED, with_assumed_tables
from ansible.module_utils.timescaledb.model import Table
from ansible.module_utils.timescaledb.plan.planner import make_plan
from ansible.module_utils.timescaledb.requirements import check_requirements
from tests.unit.builders import (
    APACHE_SERVER,
    QUERY,
    TIMESTAMPTZ,
    database,
    declare,
    hypertable,
    kinds,
    name,
    server,
    table,
)

METRICS = {"name": "metrics", "time_column": "time"}
HOURLY = {"name": "hourly", "query": QUERY}


class TestTheApacheEdition:
    @pytest.mark.parametrize(
        ("hypertables", "aggregates"),
        [
            (None, None),
            (
                {**METRICS, "chunk_interval": "1 day", "hash_dimensions": [{"column": "a", "number_partitions": 2}]},
                None,
            ),
            ({**METRICS, "compression": {"state": "absent"}, "retention": {"state": "absent"}}, None),
            (None, {"name": "hourly", "state": "absent"}),
        ],
    )
    def test_has_hypertables_and_nothing_to_remove(self, hypertables: Any, aggregates: Any) -> None:
        check_requirements(declare(hypertables, aggregates), APACHE_SERVER)

    @pytest.mark.parametrize(
        ("hypertables", "aggregates", "objects"),
        [
            ({**METRICS, "compression": {}}, None, "hypertables[metrics].compression"),
            ({**METRICS, "retention": {"drop_after": "1 day"}}, None, "hypertables[metrics].retention"),
            (None, HOURLY, "continuous_aggregates[hourly]"),
            (None, {"name": "hourly"}, "continuous_aggregates[hourly]"),
            (
                {**METRICS, "compression": {}, "retention": {"drop_after": "1 day"}},
                HOURLY,
                "hypertables[metrics].compression, hypertables[metrics].retention, continuous_aggregates[hourly]",
            ),
        ],
    )
    def test_refuses_all_else_in_one_sentence(self, hypertables: Any, aggregates: Any, objects: str) -> None:
        declaration = declare(hypertables, aggregates)
        with pytest.raises(UnsupportedError) as refused:
            check_requirements(declaration, APACHE_SERVER)
        assert str(refused.value) == (
            "TimescaleDB 2.19.3 of the Apache edition was found, but the Community edition is needed for "
            f"{objects}; it comes from the vendor's package repository or images, or from a mirror of yours"
        )
        assert refused.value.curable is False
        check_requirements(declaration, server("2.19.3"))


class TestForeseeing:
    def test_takes_declared_tables_for_given_and_empty(self) -> None:
        declared = {
            **METRICS,
            "hash_dimensions": [{"column": "device_id", "number_partitions": 2}],
            "compression": {"segmentby": ["kind"], "orderby": ["value"]},
        }
        seen = with_assumed_tables(declare(declared), database())
        columns = {"device_id": "text", "kind": "text", "value": "text", "time": TIMESTAMPTZ}
        assert seen.tables == (Table(name("metrics"), "table", tuple(columns.items())),)

    def test_takes_time_for_what_the_chunk_interval_counts(self) -> None:
        (found,) = with_assumed_tables(declare({**METRICS, "chunk_interval": 1000}), database()).tables
        assert dict(found.columns) == {"time": "bigint"}

    @pytest.mark.parametrize("declared", [{"name": "metrics"}, {**METRICS, "state": "absent"}])
    def test_assumes_nothing_that_is_not_said(self, declared: Any) -> None:
        assert with_assumed_tables(declare(declared), database()).tables == ()

    def test_leaves_alone_what_is_there(self) -> None:
        on = database(table(), hypertable("other"))
        assert with_assumed_tables(declare([METRICS, {"name": "other", "time_column": "time"}]), on) == on

    def test_plans_everything_for_a_server_that_cannot_be_asked(self) -> None:
        declaration = declare(
            {**METRICS, "compression": {"segmentby": ["device_id"], "compress_after": "7 days"}},
            [
                {
                    **HOURLY,
                    "refresh": {"start_offset": "3 hours", "end_offset": "1 hour", "schedule_interval": "1 hour"},
                },
                {"name": "daily", "query": "SELECT time_bucket('1 day', bucket) FROM hourly GROUP BY 1"},
            ],
        )
        result = foresee(declaration).as_result()
        assert [step["action"] for step in result["plan"]] == [
            "create_hypertable",
            "create_aggregate",
            "create_aggregate",
            "set_compression",
            "add_policy",
            "add_policy",
        ]
        assert result["changed"] is True
        assert len(result["statements"]) == 6
        assert result["server"]["timescaledb"] == ASSUMED.version_text

    def test_still_refuses_what_cannot_be_meant(self) -> None:
        with pytest.raises(DeclarationError, match="it selects from no hypertable"):
            foresee(declare(METRICS, {**HOURLY, "query": "SELECT 1 FROM metrisc"}))

    def test_of_nothing_is_no_change(self) -> None:
        assert foresee(declare()).as_result()["changed"] is False


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.29.2", (2, 29, 2)),
        ("2.23.0-dev", (2, 23, 0)),
        ("2.15", (2, 15, 0)),
        ("2.20.0-beta1", (2, 20, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_a_version_is_read(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("version", "keeps", "alters"),
    [
        ("2.15.0", True, False),
        ("2.21.4", True, False),
        ("2.22.0", False, False),
        ("2.26.2", False, False),
        ("2.26.3", False, True),
        ("2.29.2", False, True),
    ],
)
def test_what_a_version_can_do(version: str, keeps: bool, alters: bool) -> None:
    assert server(version).keeps_automatic_compression is keeps
    assert server(version).alters_created_before is alters


def test_an_assumed_server_takes_every_plan() -> None:
    on = database(table())
    assert kinds(make_plan(declare(METRICS), on, ASSUMED)) == ["create_hypertable"]
