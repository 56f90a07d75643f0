"""timescaledb_continuous_aggregate on live servers."""

from __future__ import annotations

import pytest

from tests.integration.databases import Database
from tests.integration.objects import QUERY, Bench, actions

REFRESH = {"start_offset": "3 hours", "end_offset": "1 hour", "schedule_interval": "1 hour"}


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def test_create_repeat_change_check_remove_repeat(bench: Bench) -> None:
    table = bench.hypertable()
    name = f"{table}_hourly"
    options = {"name": name, "query": QUERY.format(table=table), "materialized_only": False, "refresh": REFRESH}

    before = bench.fingerprint()
    foreseen = bench.do("continuous_aggregate", **options, check=True)
    assert bench.fingerprint() == before
    created = bench.do("continuous_aggregate", **options)
    assert actions(created) == ["create_aggregate", "add_policy"]
    assert created["plan"] == foreseen["plan"] and created["diff"] == foreseen["diff"]
    assert not bench.do("continuous_aggregate", **options)["changed"]
    (after,) = created["diff"]["after"]["continuous_aggregates"]
    assert after == {**bench.declared(name), "refresh": after["refresh"]}

    job = bench.job(name, "refresh")["job_id"]
    wider = {**options, "refresh": {**REFRESH, "start_offset": "6 hours"}}
    assert actions(bench.do("continuous_aggregate", **wider, check=True)) == ["alter_policy"]
    assert actions(bench.do("continuous_aggregate", **wider)) == ["alter_policy"]
    altered = bench.job(name, "refresh")
    assert altered["job_id"] == job and altered["config"]["start_offset"] == "6 hours"
    assert not bench.do("continuous_aggregate", **wider)["changed"]

    assert actions(bench.do("continuous_aggregate", name=name, materialized_only=True)) == ["set_materialized_only"]
    assert actions(bench.do("continuous_aggregate", name=name, chunk_interval="30 days")) == ["set_chunk_interval"]
    assert bench.declared(name)["chunk_interval"] == "30 days"

    assert actions(bench.do("continuous_aggregate", name=name, refresh={"state": "absent"})) == ["remove_policy"]
    assert not bench.do("continuous_aggregate", name=name, refresh={"state": "absent"})["changed"]

    assert "rebuild_aggregate" in bench.refuse("continuous_aggregate", name=name, state="absent")
    assert bench.do("continuous_aggregate", name=name, state="absent", allow=["rebuild_aggregate"])["changed"]
    assert not bench.do("continuous_aggregate", name=name, state="absent")["changed"]


def test_layout_comments_and_spelling_of_a_query_are_no_change(bench: Bench) -> None:
    table = bench.hypertable()
    name = f"{table}_hourly"
    bench.do("continuous_aggregate", name=name, query=QUERY.format(table=table))
    respelt = f"""
        -- the same, said otherwise; with a semicolon in a comment
        select time_bucket('60 minutes', "time") as bucket, device_id, avg(value) avg_value
        from public.{table} group by 1, 2;
        """
    assert not bench.do("continuous_aggregate", name=name, query=respelt)["changed"]


def test_a_changed_query_is_refused_then_rebuilt_with_everything_it_had(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=5)
    name = f"{table}_hourly"
    bench.do(
        "lifecycle",
        continuous_aggregates=[
            {
                "name": name,
                "query": QUERY.format(table=table),
                "materialized_only": False,
                "refresh_after_create": True,
                "refresh": REFRESH,
                "indexes": [{"name": f"{name}_by_value", "columns": ["avg_value DESC", "bucket"]}],
                "compression": {"segmentby": ["device_id"], "orderby": ["bucket DESC"], "compress_after": "30 days"},
                "retention": {"drop_after": "1 year"},
            }
        ],
    )
    before = bench.declared(name)
    belongings = (
        "SELECT to_jsonb(array[view_owner::text, obj_description(view_name::regclass, 'pg_class'), "
        "(SELECT relacl::text FROM pg_class WHERE oid = view_name::regclass)]) "
        "FROM timescaledb_information.continuous_aggregates WHERE view_name = %s"
    )
    if bench.database.value("SELECT to_regrole('keeper') IS NULL"):
        bench.database.query("CREATE ROLE keeper LOGIN")
    for statement in (
        f"GRANT SELECT ON {table} TO keeper",
        f"ALTER MATERIALIZED VIEW {name} OWNER TO keeper",
        f"COMMENT ON VIEW {name} IS 'it''s theirs'",
        f"GRANT SELECT ON {name} TO PUBLIC",
        f"CREATE INDEX {name}_hash ON {name} USING hash (device_id)",
    ):
        bench.database.query(statement)
    theirs = bench.database.value(belongings, name)
    query = QUERY.format(table=table).replace("avg(value) AS", "max(value) AS max_value, avg(value) AS")

    message = bench.refuse("continuous_aggregate", name=name, query=query)
    assert message.startswith(f"query: {name} would be dropped with ") and "[rebuild_aggregate]" in message
    foreseen = bench.do("continuous_aggregate", name=name, query=query, check=True)
    rebuilt = bench.do(
        "continuous_aggregate", name=name, query=query, allow=["rebuild_aggregate"], refresh_after_create=True
    )
    assert [item for item in actions(rebuilt) if item != "refresh_aggregate"] == actions(foreseen)
    after = bench.declared(name)
    assert "max_value" in after["query"] and {**before, "query": ""} == {**after, "query": ""}
    assert bench.database.value(f"SELECT count(max_value) FROM {name}") > 0
    assert bench.database.value(belongings, name) == theirs
    assert {bench.job(name, kind)["owner"] for kind in ("refresh", "compression", "retention")} == {"keeper"}
    assert bench.database.value("SELECT count(*) FROM pg_indexes WHERE indexname = %s", f"{name}_hash") > 0
    assert not bench.do("continuous_aggregate", name=name, query=query)["changed"]


def test_it_is_created_empty_and_filled_on_request_up_to_its_window(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=5)
    empty, filled = f"{table}_empty", f"{table}_filled"
    options = {"query": QUERY.format(table=table), "materialized_only": True, "refresh": REFRESH}
    bench.do("continuous_aggregate", name=empty, **options)
    assert bench.database.value(f"SELECT count(*) FROM {empty}") == 0
    result = bench.do("continuous_aggregate", name=filled, **options, refresh_after_create=True)
    assert actions(result)[-1] == "refresh_aggregate"
    assert bench.database.value(f"SELECT count(*) FROM {filled}") > 100
    newest = bench.database.value(f"SELECT now() - max(bucket) FROM {filled}")
    assert newest.total_seconds() >= 3600
    assert not bench.do("continuous_aggregate", name=filled, **options, refresh_after_create=True)["changed"]


def test_an_aggregate_on_an_aggregate_in_any_order(bench: Bench) -> None:
    table = bench.hypertable()
    hourly, daily = f"{table}_hourly", f"{table}_daily"
    declared = [
        {
            "name": daily,
            "query": f"SELECT time_bucket(INTERVAL '1 day', bucket) AS bucket, max(avg_value) AS peak "
            f"FROM {hourly} GROUP BY 1",
            "refresh": {"start_offset": "3 days", "end_offset": "1 day", "schedule_interval": "1 day"},
        },
        {"name": hourly, "query": QUERY.format(table=table), "refresh": REFRESH},
    ]
    created = bench.do("lifecycle", continuous_aggregates=declared)
    assert [action["object"] for action in created["plan"][:2]] == [hourly, daily]
    assert not bench.do("lifecycle", continuous_aggregates=declared)["changed"]

    changed = QUERY.format(table=table).replace("avg(value)", "avg(value + 0)")
    rebuilt = bench.do(
        "lifecycle",
        continuous_aggregates=declared,
        overrides={hourly: {"query": changed}},
        allow=["rebuild_aggregate"],
    )
    dropped = [action["object"] for action in rebuilt["plan"] if action["action"] == "drop_aggregate"]
    assert dropped == [daily, hourly]
    message = bench.refuse("continuous_aggregate", name=hourly, state="absent", allow=["rebuild_aggregate"])
    assert message.startswith(f"{hourly} cannot be dropped while continuous aggregate {daily} selects from it")
    message = bench.refuse("continuous_aggregate", name=hourly, query=QUERY.format(table=table))
    assert f"continuous aggregate {daily}: it selects from an aggregate whose query changed" in message


def test_indexes_are_created_changed_and_removed(bench: Bench) -> None:
    table = bench.hypertable()
    name = f"{table}_hourly"
    index = {"name": f"{name}_device", "columns": ["device_id", "bucket DESC"]}
    bench.do("continuous_aggregate", name=name, query=QUERY.format(table=table), indexes=[index])
    assert bench.declared(name)["indexes"] == [index]
    assert not bench.do("continuous_aggregate", name=name, indexes=[index])["changed"]
    other = {**index, "columns": ["bucket DESC", "device_id NULLS FIRST"]}
    assert actions(bench.do("continuous_aggregate", name=name, indexes=[other])) == ["drop_index", "create_index"]
    assert bench.declared(name)["indexes"] == [other]
    gone = {"name": index["name"], "state": "absent"}
    assert actions(bench.do("continuous_aggregate", name=name, indexes=[gone])) == ["drop_index"]
    assert not bench.do("continuous_aggregate", name=name, indexes=[gone])["changed"]


def test_an_open_window_is_declared_with_null(bench: Bench) -> None:
    table = bench.hypertable()
    name = f"{table}_hourly"
    refresh = {**REFRESH, "start_offset": None}
    bench.do("continuous_aggregate", name=name, query=QUERY.format(table=table), refresh=refresh)
    assert bench.job(name, "refresh")["config"]["start_offset"] is None
    assert not bench.do("continuous_aggregate", name=name, refresh=refresh)["changed"]
    assert bench.declared(name)["refresh"]["start_offset"] is None
    assert bench.do("continuous_aggregate", name=name, refresh=REFRESH)["changed"]
    assert not bench.do("continuous_aggregate", name=name, refresh=REFRESH)["changed"]
    assert bench.do("continuous_aggregate", name=name, refresh=refresh)["changed"]
    assert bench.job(name, "refresh")["config"]["start_offset"] is None


def test_a_refresh_window_below_two_buckets_is_refused_though_alter_job_would_take_it(bench: Bench) -> None:
    table = bench.hypertable()
    name = f"{table}_hourly"
    bench.do("continuous_aggregate", name=name, query=QUERY.format(table=table), refresh=REFRESH)
    message = bench.refuse("continuous_aggregate", name=name, refresh={"start_offset": "2 hours"})
    assert message.startswith("refresh: the window from start_offset '2 hours' to end_offset '1 hour' is too small")


@pytest.mark.parametrize("start", ["200 days", None], ids=["too far", "open"])
def test_a_refresh_that_reaches_beyond_retention_needs_consent(bench: Bench, start: str | None) -> None:
    table = bench.hypertable()
    bench.do("retention", name=table, drop_after="90 days")
    options = {
        "name": f"{table}_hourly",
        "query": QUERY.format(table=table),
        "refresh": {**REFRESH, "start_offset": start},
    }
    message = bench.refuse("continuous_aggregate", **options)
    assert "a refresh would erase the aggregate where its rows are gone" in message
    assert message.endswith("consent with allow: [erase_aggregates]; nothing has been changed")
    assert bench.do("continuous_aggregate", **options, allow=["erase_aggregates"])["changed"]
    later = bench.do("continuous_aggregate", **options)
    assert not later["changed"] and any("would erase" in warning for warning in later["warnings"])


def test_several_refresh_policies_are_reported_and_never_altered_by_guess(bench: Bench) -> None:
    if bench.version() < (2, 21):
        pytest.skip(f"TimescaleDB {bench.version()} allows one refresh policy an aggregate")
    table = bench.hypertable()
    name = f"{table}_hourly"
    bench.do("continuous_aggregate", name=name, query=QUERY.format(table=table), refresh=REFRESH)
    bench.database.query(
        f"SELECT add_continuous_aggregate_policy('{name}', start_offset => INTERVAL '30 days', "
        "end_offset => INTERVAL '10 days', schedule_interval => INTERVAL '1 day')"
    )
    same = bench.do("continuous_aggregate", name=name, refresh=REFRESH)
    assert not same["changed"] and any("has 2 refresh policies" in warning for warning in same["warnings"])
    message = bench.refuse("continuous_aggregate", name=name, refresh={**REFRESH, "start_offset": "5 hours"})
    assert "has 2 refresh policies" in message and "delete_job" in message


def test_old_rows_are_aggregated_before_retention_drops_them(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=60, devices=1)
    name = f"{table}_daily"
    declared = {
        "hypertables": [{"name": table, "retention": {"drop_after": "10 days"}}],
        "continuous_aggregates": [
            {
                "name": name,
                "query": f"SELECT time_bucket(INTERVAL '1 day', time) AS bucket, avg(value) AS v FROM {table} "
                "GROUP BY 1",
                "refresh_after_create": True,
                "refresh": {"start_offset": "3 days", "end_offset": "1 day", "schedule_interval": "1 day"},
            }
        ],
    }
    result = bench.do("lifecycle", **declared, allow=["drop_data"])
    assert actions(result) == ["create_aggregate", "add_policy", "refresh_aggregate", "add_policy"]
    assert result["transactions"] == 2
    bench.database.query(f"CALL run_job({bench.job(table, 'retention')['job_id']})")
    assert bench.chunks(table) <= 12
    assert bench.database.value(f"SELECT count(*) FROM {name}") >= 59
    assert not bench.do("lifecycle", **declared)["changed"]


def test_a_first_refresh_that_failed_is_made_up_for_by_the_next_run(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=5)
    function, name = f"f_{table}", f"{table}_daily"
    bench.database.query(
        f"CREATE FUNCTION {function}(float) RETURNS float LANGUAGE plpgsql IMMUTABLE AS "
        "$$ BEGIN IF now() > '2000-01-01' THEN RAISE 'not yet'; END IF; RETURN $1; END $$"
    )
    options = {
        "name": name,
        "query": f"SELECT time_bucket(INTERVAL '1 day', time) AS bucket, avg({function}(value)) AS v "
        f"FROM {table} GROUP BY 1",
        "materialized_only": True,
        "refresh_after_create": True,
    }
    failed = bench.run("continuous_aggregate", **options)
    assert failed["msg"].startswith(f"refresh_after_create: refresh aggregate of {name} was refused by the server: ")
    assert "everything before it is in place, this is not" in failed["msg"]
    assert "CALL " in failed["msg"]
    bench.database.query(
        f"CREATE OR REPLACE FUNCTION {function}(float) RETURNS float LANGUAGE sql IMMUTABLE AS 'SELECT $1'"
    )
    assert actions(bench.do("continuous_aggregate", **options)) == ["refresh_aggregate"]
    assert bench.database.value(f"SELECT count(*) FROM {name}") >= 5
    assert not bench.do("continuous_aggregate", **options)["changed"]


def test_an_aggregate_named_like_a_table_elsewhere_stands_in_for_nothing(bench: Bench) -> None:
    table = bench.hypertable()
    bench.database.query("CREATE SCHEMA IF NOT EXISTS reports")
    bench.do("retention", name=table, drop_after="5 days")
    query = f"SELECT time_bucket('1 hour', time) AS time, device_id, avg(value) AS value FROM {table} GROUP BY 1, 2"
    beyond = {"start_offset": "10 days", "end_offset": "1 hour", "schedule_interval": "1 hour"}
    message = bench.refuse(
        "lifecycle",
        continuous_aggregates=[
            {"name": f"reports.{table}", "query": query},
            {"name": f"{table}_hourly", "query": query, "refresh": beyond},
        ],
    )
    assert "[erase_aggregates]" in message


def test_parent_and_child_change_together_in_one_run(bench: Bench) -> None:
    table = bench.hypertable()
    parent, child = f"{table}_hourly", f"{table}_daily"
    declared = [
        {"name": parent, "query": QUERY.format(table=table)},
        {
            "name": child,
            "query": f"SELECT time_bucket('1 day', bucket) AS bucket, max(avg_value) AS m FROM {parent} GROUP BY 1",
        },
    ]
    bench.do("lifecycle", continuous_aggregates=declared)
    over = {
        parent: {"query": declared[0]["query"].replace("avg(value)", "max(value) AS top, avg(value)")},
        child: {"query": declared[1]["query"].replace("max(avg_value) AS m", "max(top) AS m")},
    }
    changed = bench.do("lifecycle", continuous_aggregates=declared, overrides=over, allow=["rebuild_aggregate"])
    assert actions(changed)[:4] == ["drop_aggregate", "drop_aggregate", "create_aggregate", "create_aggregate"]
    assert not bench.do("lifecycle", continuous_aggregates=declared, overrides=over)["changed"]


def test_a_retention_by_creation_time_counts_for_the_refresh_window_too(bench: Bench) -> None:
    table = bench.hypertable()
    bench.do("retention", name=table, drop_created_before="90 days")
    message = bench.refuse(
        "continuous_aggregate", name=f"{table}_hourly", query=QUERY.format(table=table),
        refresh={**REFRESH, "start_offset": None},
    )  # fmt: skip
    assert "[erase_aggregates]" in message


def test_absent_is_refused_for_what_is_no_aggregate(bench: Bench) -> None:
    table = bench.table()
    message = bench.refuse("continuous_aggregate", name=table, state="absent")
    assert message == f"state: {table} is a table; accepted for absent is a continuous aggregate"


def test_integer_time_has_windows_and_refreshes_of_its_own(bench: Bench) -> None:
    table = bench.table("tick bigint NOT NULL, value double precision")
    now = f"now_of_{table}"
    bench.database.query(f"CREATE FUNCTION {now}() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1000::bigint'")
    bench.do("hypertable", name=table, time_column="tick", chunk_interval="100", integer_now_func=now)
    bench.database.query(f"INSERT INTO {table} SELECT t, 1 FROM generate_series(0, 999) AS t")
    name = f"{table}_by_20"
    options = {
        "name": name,
        "query": f"SELECT time_bucket(20, tick) AS bucket, sum(value) AS total FROM {table} GROUP BY 1",
        "materialized_only": True,
        "refresh_after_create": True,
        "refresh": {"start_offset": 200, "end_offset": 100, "schedule_interval": "1 hour"},
    }
    bench.do("continuous_aggregate", **options)
    assert bench.database.value(f"SELECT max(bucket) FROM {name}") == 880
    assert not bench.do("continuous_aggregate", **options)["changed"]
    message = bench.refuse("continuous_aggregate", name=name, refresh={"start_offset": 130})
    assert message.startswith("refresh: the window from start_offset '130' to end_offset '100' is too small")
