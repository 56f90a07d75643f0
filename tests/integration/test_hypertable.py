"""timescaledb_hypertable on live servers."""

from __future__ import annotations

import pytest

from tests.integration.databases import Database
from tests.integration.objects import Bench, actions


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def test_create_repeat_change_check_remove_repeat(bench: Bench) -> None:
    table = bench.table()
    options = {"name": table, "time_column": "time", "chunk_interval": "7 days"}

    before = bench.fingerprint()
    foreseen = bench.do("hypertable", **options, check=True)
    assert bench.fingerprint() == before
    created = bench.do("hypertable", **options)
    assert created["changed"] and actions(created) == ["create_hypertable"]
    assert created["plan"] == foreseen["plan"] and created["diff"] == foreseen["diff"]
    assert created["diff"]["after"]["hypertables"] == [bench.declared(table)]

    assert not bench.do("hypertable", **options)["changed"]
    assert not bench.do("hypertable", **{**options, "chunk_interval": "168 hours"})["changed"]

    assert bench.do("hypertable", **{**options, "chunk_interval": "1 day"}, check=True)["changed"]
    changed = bench.do("hypertable", **{**options, "chunk_interval": "1 day"})
    assert actions(changed) == ["set_chunk_interval"]
    assert any("new chunks only" in warning for warning in changed["warnings"])
    assert bench.declared(table)["chunk_interval"] == "1 day"

    assert "drop_data" in bench.refuse("hypertable", name=table, state="absent")
    assert bench.do("hypertable", name=table, state="absent", allow=["drop_data"])["changed"]
    assert bench.database.value("SELECT to_regclass(%s) IS NULL", table)
    assert not bench.do("hypertable", name=table, state="absent")["changed"]


def test_chunks_that_exist_keep_their_range(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=3)
    before = bench.chunks(table)
    bench.do("hypertable", name=table, chunk_interval="7 days")
    assert bench.chunks(table) == before


def test_rows_move_into_chunks_only_where_that_is_asked_for(bench: Bench) -> None:
    table = bench.table()
    bench.fill(table, days=3)
    rows = bench.database.value(f"SELECT count(*) FROM {table}")
    options = {"name": table, "time_column": "time", "chunk_interval": "1 day"}
    assert bench.refuse("hypertable", **options).startswith(f"migrate_data: {table} holds rows already")
    assert "holds rows already" in bench.refuse("hypertable", **options, check=True)
    bench.do("hypertable", **options, migrate_data=True)
    assert bench.chunks(table) >= 3
    assert bench.database.value(f"SELECT count(*) FROM ONLY {table}") == 0
    assert bench.database.value(f"SELECT count(*) FROM {table}") == rows


def test_a_hash_dimension_is_added_changed_and_kept(bench: Bench) -> None:
    table = bench.hypertable()
    dimension = {"column": "device_id", "number_partitions": 2}
    assert actions(bench.do("hypertable", name=table, hash_dimensions=[dimension])) == ["add_dimension"]
    assert not bench.do("hypertable", name=table, hash_dimensions=[dimension])["changed"]
    more = {**dimension, "number_partitions": 4}
    assert actions(bench.do("hypertable", name=table, hash_dimensions=[more])) == ["set_number_partitions"]
    assert not bench.do("hypertable", name=table, hash_dimensions=[more])["changed"]
    assert not bench.do("hypertable", name=table)["changed"]
    assert bench.declared(table)["hash_dimensions"] == [more]


def test_integer_time_with_its_own_present(bench: Bench) -> None:
    table = bench.table("tick bigint NOT NULL, value double precision")
    now = f"now_of_{table}"
    bench.database.query(f"CREATE FUNCTION {now}() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 10000::bigint'")
    created = bench.do("hypertable", name=table, time_column="tick", chunk_interval="1000", integer_now_func=now)
    assert actions(created) == ["create_hypertable", "set_integer_now_func"]
    assert bench.declared(table) == {
        "name": table,
        "time_column": "tick",
        "chunk_interval": 1000,
        "integer_now_func": now,
    }
    bench.database.query(f"INSERT INTO {table} SELECT t, 1 FROM generate_series(0, 9999, 10) AS t")
    message = bench.refuse("retention", name=table, drop_after="5000")
    assert "5 chunks, 0 to 5000, about" in message and "consent with allow: [drop_data]" in message
    bench.do("retention", name=table, drop_after="5000", allow=["drop_data"])
    assert not bench.do("retention", name=table, drop_after="5000")["changed"]
    bench.database.query(f"CALL run_job({bench.job(table, 'retention')['job_id']})")
    assert bench.database.value(f"SELECT min(tick) FROM {table}") == 5000
    assert "accepted is a whole number" in bench.refuse("retention", name=table, drop_after="90 days")


def test_a_policy_on_integer_time_needs_a_present(bench: Bench) -> None:
    table = bench.table("tick integer NOT NULL, value double precision")
    bench.do("hypertable", name=table, time_column="tick", chunk_interval="1000")
    assert bench.refuse("retention", name=table, drop_after="5000").startswith("integer_now_func: nothing was given")


@pytest.mark.parametrize("name", ['Upper Case "quoted"', "two.parts", "select", "ünïcode", "it's"])
def test_any_name_postgresql_takes(bench: Bench, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    bench.database.query(f'CREATE TABLE {quoted} ("Time" timestamptz NOT NULL, "De""vice" text, value float)')
    options = {"name": quoted, "time_column": "Time", "chunk_interval": "1 day"}
    assert bench.do("hypertable", **options)["changed"]
    assert not bench.do("hypertable", **options)["changed"]
    settings = {"name": quoted, "segmentby": ['De"vice'], "orderby": ['"Time" DESC'], "compress_after": "7 days"}
    assert bench.do("compression", **settings)["changed"]
    assert not bench.do("compression", **settings)["changed"]
    assert bench.do("retention", name=quoted, drop_after="90 days")["changed"]
    assert bench.do("hypertable", name=quoted, state="absent", allow=["drop_data"])["changed"]


def test_a_schema_other_than_the_default(bench: Bench) -> None:
    bench.database.query("CREATE SCHEMA IF NOT EXISTS elsewhere")
    bench.database.query("CREATE TABLE elsewhere.readings (time timestamptz NOT NULL, value float)")
    created = bench.do("hypertable", name="readings", schema="elsewhere", time_column="time")
    assert created["plan"][0]["object"] == "elsewhere.readings"
    assert not bench.do("hypertable", name="elsewhere.readings", time_column="time")["changed"]
    assert bench.do("hypertable", name="elsewhere.readings", state="absent", allow=["drop_data"])["changed"]


def test_what_can_never_be_changed_is_refused(bench: Bench) -> None:
    table = bench.hypertable()
    message = bench.refuse("hypertable", name=table, time_column="value")
    assert message == (
        f"time_column: 'value' was given, but {table} is partitioned by 'time'; the server can never change that, "
        "accepted is 'time'"
    )


def test_the_default_index_is_left_out_where_that_is_declared(bench: Bench) -> None:
    table = bench.table()
    bench.do("hypertable", name=table, time_column="time", create_default_indexes=False)
    assert bench.database.value("SELECT count(*) FROM pg_indexes WHERE tablename = %s", table) == 0
