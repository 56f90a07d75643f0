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
    query = QUERY.format(table=table).replace("avg(value) AS", "max(value) AS max_value, avg(value) AS")

    message = bench.refuse("continuous_aggregate", name=name, query=query)
    assert message.startswith(f"query: {name} would be dropped with ") and "[rebuild_aggregate]" in message
    foreseen = bench.do("continuous_aggregate", name=name, query=query, check=True)
    rebuilt = bench.do(
        "continuous_aggregate", name=name, query=query, allow=["rebuild_aggregate"], refresh_after_create=True
    )
    assert actions(rebuilt)[: len(actions(foreseen))] == actions(foreseen)
    after = bench.declared(name)
    assert "max_value" in after["query"] and {**before, "query": ""} == {**after, "query": ""}
    assert bench.database.value(f"SELECT count(max_value) FROM {name}") > 0
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
