"""timescaledb_retention on live servers."""

from __future__ import annotations

import json

import pytest

from tests.integration.databases import Database
from tests.integration.objects import QUERY, Bench, actions


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def test_create_repeat_change_check_remove_repeat(bench: Bench) -> None:
    table = bench.hypertable()

    before = bench.fingerprint()
    foreseen = bench.do("retention", name=table, drop_after="90 days", check=True)
    assert bench.fingerprint() == before
    created = bench.do("retention", name=table, drop_after="90 days")
    assert actions(created) == ["add_policy"]
    assert created["plan"] == foreseen["plan"] and created["diff"] == foreseen["diff"]
    for same in ("90 days", "2160 hours", "3 months", "P90D"):
        assert not bench.do("retention", name=table, drop_after=same)["changed"], same

    job = bench.job(table, "retention")
    assert actions(bench.do("retention", name=table, drop_after="120 days", check=True)) == ["alter_policy"]
    assert bench.job(table, "retention") == job
    altered = bench.do("retention", name=table, drop_after="120 days")
    assert altered["plan"][0]["job_id"] == job["job_id"]
    assert bench.job(table, "retention") == {**job, "config": {**job["config"], "drop_after": "120 days"}}

    assert actions(bench.do("retention", name=table, state="absent")) == ["remove_policy"]
    assert bench.jobs(table, "retention") == []
    assert not bench.do("retention", name=table, state="absent")["changed"]


def test_a_retention_that_reaches_chunks_is_refused_with_what_it_would_drop(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=10)
    message = bench.refuse("retention", name=table, drop_after="5 days")
    doomed = bench.database.value(
        "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = %s "
        "AND range_end <= now() - INTERVAL '5 days'",
        table,
    )
    assert doomed >= 4
    assert message.startswith(f"drop_after: '5 days' would drop {doomed} chunks, ")
    assert " to " in message and " rows (estimated), " in message
    assert message.endswith(f"B of {table}; consent with allow: [drop_data]; nothing has been changed")

    foreseen = bench.do("retention", name=table, drop_after="5 days", check=True)
    assert actions(foreseen) == ["add_policy"]
    assert any(f"would drop {doomed} chunks" in warning for warning in foreseen["warnings"])


def test_it_drops_exactly_the_chunks_that_were_announced(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=10)
    before = bench.chunks(table)
    allowed = bench.do("retention", name=table, drop_after="5 days", allow=["drop_data"])
    (announced,) = [warning for warning in allowed["warnings"] if "would drop" in warning]
    assert bench.chunks(table) == before
    bench.database.query(f"CALL run_job({bench.job(table, 'retention')['job_id']})")
    assert f"would drop {before - bench.chunks(table)} chunks" in announced


def test_a_shorter_retention_is_refused_and_a_longer_one_is_not(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=10)
    bench.do("retention", name=table, drop_after="30 days")
    assert "would drop" in bench.refuse("retention", name=table, drop_after="3 days")
    assert bench.do("retention", name=table, drop_after="20 days")["changed"]
    bench.do("retention", name=table, drop_after="3 days", allow=["drop_data"])
    assert bench.do("retention", name=table, drop_after="4 days")["changed"]


def test_compressed_rows_are_counted_too(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=10)
    bench.do("compression", name=table, segmentby=["device_id"], orderby=["time DESC"])
    bench.database.query(f"SELECT compress_chunk(c) FROM show_chunks('{table}') AS c")
    rows = bench.database.value(
        f"SELECT count(*) FROM {table} WHERE time < (SELECT max(range_end) FROM timescaledb_information.chunks "
        "WHERE hypertable_name = %s AND range_end <= now() - INTERVAL '5 days')",
        table,
    )
    assert f"about {rows} rows (estimated)" in bench.refuse("retention", name=table, drop_after="5 days")


def test_switching_a_sleeping_retention_on_is_guarded_like_a_new_one(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=10)
    bench.do("retention", name=table, drop_after="5 days", scheduled=False)
    assert bench.job(table, "retention")["scheduled"] is False
    assert not bench.do("retention", name=table, drop_after="5 days")["changed"]
    assert "would drop" in bench.refuse("retention", name=table, drop_after="5 days", scheduled=True)
    bench.do("retention", name=table, drop_after="5 days", scheduled=True, allow=["drop_data"])
    assert bench.job(table, "retention")["scheduled"] is True


def test_what_is_not_declared_survives_a_change(bench: Bench) -> None:
    table = bench.hypertable()
    bench.do(
        "retention",
        name=table,
        drop_after="90 days",
        schedule_interval="1 day",
        initial_start="2026-01-01 03:00:00+00",
        timezone="Europe/Berlin",
        max_retries=7,
        config={"verbose_log": True},
    )
    job = bench.job(table, "retention")
    assert (job["timezone"], job["max_retries"], job["fixed_schedule"]) == ("Europe/Berlin", 7, True)
    assert job["config"]["verbose_log"] is True
    bench.database.query(
        "SELECT alter_job(job_id, config => config || '{\"noted_by\": \"someone\"}', timezone => 'Europe/Berlin') "
        "FROM timescaledb_information.jobs WHERE job_id = %s",
        job["job_id"],
    )
    bench.do("retention", name=table, drop_after="120 days")
    after = bench.job(table, "retention")
    kept = ("job_id", "timezone", "max_retries", "retry_period", "schedule_interval", "initial_start", "fixed_schedule")
    assert {key: after[key] for key in kept} == {key: job[key] for key in kept}
    assert after["config"] == {**job["config"], "noted_by": "someone", "drop_after": "120 days"}


def test_every_setting_of_the_job_can_be_changed_in_place(bench: Bench) -> None:
    table = bench.hypertable()
    bench.do("retention", name=table, drop_after="90 days")
    job = bench.job(table, "retention")["job_id"]
    for option, value in {
        "schedule_interval": "12 hours",
        "max_runtime": "10 minutes",
        "max_retries": 3,
        "retry_period": "2 minutes",
        "scheduled": False,
        "initial_start": "2026-01-01 03:00:00+00",
        "timezone": "Europe/Berlin",
        "config": {"verbose_log": True},
    }.items():
        assert actions(bench.do("retention", name=table, **{option: value})) == ["alter_policy"], option
        assert not bench.do("retention", name=table, **{option: value})["changed"], option
        assert bench.declared(table)["retention"][option] in (value, "2026-01-01T03:00:00+00:00")
    assert bench.job(table, "retention")["job_id"] == job


def test_a_policy_by_creation_time_is_changed_on_every_version(bench: Bench) -> None:
    table = bench.hypertable()
    bench.do("retention", name=table, drop_created_before="90 days")
    changed = bench.do("retention", name=table, drop_created_before="120 days")
    assert actions(changed) == ["alter_policy" if bench.version() >= (2, 26, 3) else "replace_policy"]
    assert bench.job(table, "retention")["config"]["drop_created_before"] == "120 days"
    assert actions(bench.do("retention", name=table, drop_after="120 days")) == ["replace_policy"]
    assert not bench.do("retention", name=table, drop_after="120 days")["changed"]


def test_a_job_the_scheduler_switched_off_is_reported_and_stays_off(bench: Bench) -> None:
    table = bench.hypertable()
    bench.do("retention", name=table, drop_after="90 days", max_retries=2)
    job = bench.job(table, "retention")["job_id"]
    bench.database.query("SELECT alter_job(%s, scheduled => false)", job)
    bench.database.query(
        "INSERT INTO _timescaledb_internal.bgw_job_stat (job_id, last_start, last_finish, next_start, "
        "last_successful_finish, last_run_success, total_runs, total_duration, total_duration_failures, "
        "total_successes, total_failures, total_crashes, consecutive_failures, consecutive_crashes, flags) "
        "SELECT %s, now(), now(), now(), '-infinity', false, 3, INTERVAL '0', INTERVAL '0', 0, 3, 0, 3, 0, 0",
        job,
    )
    result = bench.do("retention", name=table, drop_after="90 days")
    assert not result["changed"]
    assert any(f"the scheduler switched off job {job}" in warning for warning in result["warnings"])
    bench.do("retention", name=table, drop_after="120 days")
    assert bench.job(table, "retention")["scheduled"] is False


def test_an_aggregate_has_a_retention_of_its_own(bench: Bench) -> None:
    table = bench.hypertable()
    bench.fill(table, days=30)
    aggregate = f"{table}_hourly"
    bench.do(
        "continuous_aggregate", name=aggregate, query=QUERY.format(table=table), chunk_interval="1 day",
        refresh_after_create=True,
    )  # fmt: skip
    assert f"of {aggregate}; consent" in bench.refuse("retention", name=aggregate, drop_after="10 days")
    bench.do("retention", name=aggregate, drop_after="1 year")
    assert not bench.do("retention", name=aggregate, drop_after="12 months")["changed"]
    job = bench.job(aggregate, "retention")["job_id"]
    bench.do("retention", name=aggregate, drop_after="2 years")
    assert bench.job(aggregate, "retention")["job_id"] == job
    assert bench.jobs(table, "retention") == []


def test_rows_that_would_go_with_the_migration_are_counted(bench: Bench) -> None:
    table = bench.table()
    bench.fill(table, days=10, devices=1)
    declared = {"name": table, "time_column": "time", "migrate_data": True, "retention": {"drop_after": "5 days"}}
    message = bench.refuse("lifecycle", hypertables=[declared])
    assert "about 121 rows" in message and "[drop_data]" in message, json.dumps(message)
