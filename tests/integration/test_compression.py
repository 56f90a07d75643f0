"""timescaledb_compression on live servers."""

from __future__ import annotations

import pytest

from tests.integration.databases import Database
from tests.integration.objects import QUERY, Bench, actions


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


SETTINGS = {"segmentby": ["device_id"], "orderby": ["time DESC"], "compress_after": "7 days"}


def compress_all(bench: Bench, table: str) -> None:
    bench.database.query(f"SELECT compress_chunk(c) FROM show_chunks('{table}') AS c")


def test_create_repeat_change_check_remove_repeat(bench: Bench) -> None:
    table = bench.hypertable()

    before = bench.fingerprint()
    foreseen = bench.do("compression", name=table, **SETTINGS, check=True)
    assert bench.fingerprint() == before
    created = bench.do("compression", name=table, **SETTINGS)
    assert actions(created) == ["set_compression", "add_policy"]
    assert created["plan"] == foreseen["plan"] and created["diff"] == foreseen["diff"]
    assert not bench.do("compression", name=table, **SETTINGS)["changed"]
    assert not bench.do("compression", name=table, **{**SETTINGS, "compress_after": "168 hours"})["changed"]

    job = bench.job(table, "compression")
    changed = {**SETTINGS, "compress_after": "3 days"}
    assert actions(bench.do("compression", name=table, **changed, check=True)) == ["alter_policy"]
    assert bench.job(table, "compression") == job
    assert actions(bench.do("compression", name=table, **changed)) == ["alter_policy"]
    altered = bench.job(table, "compression")
    assert altered["job_id"] == job["job_id"] and altered["config"]["compress_after"] == "3 days"

    settings = bench.do("compression", name=table, segmentby=["device_id", "kind"])
    assert actions(settings) == ["set_compression"]
    shown = bench.declared(table)["compression"]
    assert (shown["segmentby"], shown["orderby"], shown["compress_after"]) == (
        ["device_id", "kind"],
        ["time DESC"],
        "3 days",
    )

    assert actions(bench.do("compression", name=table, policy_state="absent")) == ["remove_policy"]
    assert bench.jobs(table, "compression") == [] and "compression" in bench.declared(table)
    bench.do("compression", name=table, **SETTINGS)
    removed = bench.do("compression", name=table, state="absent")
    assert actions(removed) == ["remove_policy", "disable_compression"]
    assert "compression" not in bench.declared(table)
    assert not bench.do("compression", name=table, state="absent")["changed"]


def test_the_time_column_the_server_appends_is_no_difference(bench: Bench) -> None:
    table = bench.hypertable()
    settings = {"name": table, "segmentby": ["device_id"], "orderby": ["value"]}
    bench.do("compression", **settings)
    assert not bench.do("compression", **settings)["changed"]
    assert not bench.do("compression", **{**settings, "orderby": ["value ASC NULLS LAST", "time DESC"]})["changed"]
    assert bench.do("compression", **{**settings, "orderby": ["value DESC"]})["changed"]


def test_settings_left_to_the_server_stay_its_own(bench: Bench) -> None:
    table = bench.hypertable()
    assert actions(bench.do("compression", name=table)) == ["set_compression"]
    assert not bench.do("compression", name=table)["changed"]
    bench.fill(table, days=2)
    compress_all(bench, table)
    assert not bench.do("compression", name=table)["changed"]


def test_no_segmenting_is_something_one_can_declare(bench: Bench) -> None:
    table = bench.hypertable()
    bench.do("compression", name=table, segmentby=["device_id"], orderby=["time DESC"])
    assert bench.do("compression", name=table, segmentby=[], orderby=["time DESC"])["changed"]
    assert not bench.do("compression", name=table, segmentby=[], orderby=["time DESC"])["changed"]
    assert bench.declared(table)["compression"].get("segmentby", []) == []


def test_compressed_chunks_keep_their_settings_and_that_is_said(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=3)
    bench.do("compression", name=table, segmentby=["device_id"], orderby=["time DESC"])
    compress_all(bench, table)
    changed = bench.do("compression", name=table, segmentby=["kind"])
    assert any("keep the settings they were compressed with" in warning for warning in changed["warnings"])
    assert not bench.do("compression", name=table, segmentby=["kind"])["changed"]


def test_switching_off_with_compressed_chunks_needs_consent_and_loses_nothing(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=5)
    bench.do("compression", name=table, **SETTINGS)
    compress_all(bench, table)
    chunks, rows = bench.chunks(table), bench.database.value(f"SELECT count(*) FROM {table}")

    message = bench.refuse("compression", name=table, state="absent")
    assert f"{table} holds {chunks} chunks" in message and f"about {rows} rows" in message
    assert message.endswith("consent with allow: [decompress_chunks]; nothing has been changed")
    foreseen = bench.do("compression", name=table, state="absent", check=True)
    assert any("decompress_chunks" in warning for warning in foreseen["warnings"])

    bench.do("compression", name=table, state="absent", allow=["decompress_chunks"])
    assert bench.database.value(f"SELECT count(*) FROM {table}") == rows
    assert "compression" not in bench.declared(table)


def test_a_continuous_aggregate_is_compressed_the_same_way(bench: Bench) -> None:
    table = bench.hypertable()
    aggregate = f"{table}_hourly"
    refresh = {"start_offset": "1 day", "end_offset": "1 hour", "schedule_interval": "1 hour"}
    bench.do("continuous_aggregate", name=aggregate, query=QUERY.format(table=table), refresh=refresh)
    settings = {"name": aggregate, "segmentby": ["device_id"], "orderby": ["bucket DESC"], "compress_after": "30 days"}
    assert actions(bench.do("compression", **settings)) == ["set_compression", "add_policy"]
    assert not bench.do("compression", **settings)["changed"]
    job = bench.job(aggregate, "compression")["job_id"]
    assert actions(bench.do("compression", **{**settings, "compress_after": "40 days"})) == ["alter_policy"]
    assert bench.job(aggregate, "compression")["job_id"] == job
    assert bench.do("compression", name=aggregate, state="absent")["changed"]
    assert not bench.do("compression", name=aggregate, state="absent")["changed"]


def test_a_policy_that_goes_by_creation_time(bench: Bench) -> None:
    table = bench.hypertable()
    bench.do("compression", name=table, segmentby=["device_id"], compress_created_before="7 days")
    assert not bench.do("compression", name=table, compress_created_before="7 days")["changed"]
    switched = bench.do("compression", name=table, compress_after="7 days")
    assert actions(switched) == ["replace_policy"]
    assert any("new id" in warning for warning in switched["warnings"])
    assert not bench.do("compression", name=table, compress_after="7 days")["changed"]
