"""Facts become findings: each cause its own, none where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.timescaledb_diagnosis.findings import diagnose
from ansible.module_utils.timescaledb_diagnosis.model import (
    BareKey,
    Compression,
    DeclaredQuery,
    Facts,
    Job,
    Reads,
    RoleRights,
    Server,
    Storage,
)

SERVER = Server(
    database="energy",
    user="o",
    login="o",
    postgres=170011,
    postgres_text="17.11",
    version="2.29.2",
    schema="public",
    available="2.29.2",
    license="timescale",
    restoring="off",
    background_workers=16,
    worker_processes=27,
    parallel_workers=8,
    schedulers=1,
)
JOB = Job(1000, "Columnstore Policy [1000]", "metrics", "o", True, "o", True, next_start="2026-01-01", overdue=-60)
METRICS = Compression(
    "metrics", True, chunks=5, compressed=4, job_id=1000, after="7 days", due=0, first_due="2026-01-08"
)
RIGHTS = RoleRights("o", "public", "pg_database_owner", creates=True, uses=True)


def facts(**changes: Any) -> Facts:
    """A healthy database, but for what is said."""
    healthy = Facts(server=SERVER, rights=(RIGHTS,), creating=("o",), compression=(METRICS,), jobs=(JOB,), chunks=5)
    return replace(healthy, **{"storage": {}, **changes})


def names(found: Facts) -> list[str]:
    """What is found, by name."""
    return [finding.name for finding in diagnose(found)]


def on(**changes: Any) -> Facts:
    """A database on a server of which something is different."""
    return facts(server=replace(SERVER, **changes))


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert diagnose(facts()) == []


@pytest.mark.parametrize(
    ("found", "name", "remedy"),
    [
        pytest.param(
            on(version=None, available=None, license=None, background_workers=None),
            "extension_not_installed",
            "install the package for PostgreSQL 17",
            id="not-installed",
        ),
        pytest.param(
            on(version=None, license=None, background_workers=None),
            "extension_not_preloaded",
            "shared_preload_libraries",
            id="not-preloaded",
        ),
        pytest.param(
            on(license=None, background_workers=None), "extension_not_preloaded", "restart", id="no-longer-preloaded"
        ),
        pytest.param(on(version=None, license=None), "extension_not_created", "CREATE EXTENSION", id="not-created"),
        pytest.param(on(files=False), "extension_without_files", "package of version 2.29.2", id="no-files"),
        pytest.param(on(version="2.14.2"), "extension_too_old", "newer version", id="too-old"),
        pytest.param(on(restoring="on"), "restoring", "timescaledb_post_restore", id="restoring"),
        pytest.param(on(standby=True), "standby", "primary", id="standby"),
        pytest.param(on(worker_processes=8), "worker_shortage", "max_worker_processes to 27", id="few-workers"),
        pytest.param(on(lock_slots=9), "lock_table_small", "max_locks_per_transaction", id="few-locks"),
        pytest.param(
            facts(rights=(replace(RIGHTS, creates=False),)), "schema_not_creatable", "GRANT CREATE", id="may-not-create"
        ),
        pytest.param(
            facts(rights=(replace(RIGHTS, uses=False),)), "schema_not_usable", "GRANT USAGE", id="may-not-use"
        ),
        pytest.param(
            facts(rights=(replace(RIGHTS, unreadable=("a", "b"), unreadable_count=2),)),
            "relation_not_readable",
            "grant_access.yml",
            id="may-not-read",
        ),
        pytest.param(facts(missing_roles=("r",)), "role_missing", "create_database.yml", id="no-such-role"),
        pytest.param(facts(owner="o", strays=(("t", "x"),)), "foreign_owner", "OWNER TO o", id="other-owner"),
        pytest.param(
            facts(declared_compression=("other",)), "compression_not_enabled", "apply_lifecycle.yml", id="not-applied"
        ),
        pytest.param(
            facts(compression=(replace(METRICS, compressed=2, job_id=None),)),
            "compression_without_policy",
            "add_compression_policy",
            id="no-policy",
        ),
        pytest.param(
            facts(compression=(replace(METRICS, compressed=0),)), "compression_not_due", "wait", id="nothing-due"
        ),
        pytest.param(
            facts(jobs=(replace(JOB, scheduled=False),)),
            "compression_policy_disabled",
            "alter_job(1000, scheduled => true)",
            id="policy-off",
        ),
    ],
)
def test_one_thing_that_is_wrong_is_one_finding(found: Facts, name: str, remedy: str) -> None:
    (finding,) = diagnose(found)
    assert finding.name == name
    assert remedy in finding.remedy
    assert finding.problem
    assert finding.evidence


@pytest.mark.parametrize(
    ("changes", "name", "evidence"),
    [
        ({"consecutive_failures": 3, "error": "disk full"}, "job_failing", "failed 3 times in a row: disk full"),
        ({"consecutive_failures": 3}, "job_failing", "job_errors"),
        ({"consecutive_failures": 5, "scheduled": False}, "job_switched_off", "failed 5 times"),
        ({"next_start": "-infinity"}, "job_stuck", "-infinity"),
        ({"running_for": 100000.0}, "job_stuck", "running for 28 hours"),
        ({"overdue": 3600.0}, "job_overdue", "60 minutes late"),
        ({"owner_can_login": False}, "job_owner_cannot_login", "NOLOGIN"),
        ({"relation_owner": "somebody"}, "job_owner_differs", "somebody"),
    ],
)
def test_what_keeps_a_job_from_its_work_is_told_of_it_and_of_what_waits(
    changes: dict[str, Any], name: str, evidence: str
) -> None:
    found = facts(jobs=(replace(JOB, **changes),), compression=(replace(METRICS, due=2),))
    told = {finding.problem.split(" ")[0]: finding for finding in diagnose(found)}
    assert told["job"].name == name
    assert evidence in told["job"].evidence
    if name != "job_owner_differs":
        assert told["chunks"].name == name
        assert "2 are due" in told["chunks"].evidence


def test_a_job_that_fails_for_the_minor_of_postgresql_is_told_which_to_have() -> None:
    error = 'cannot drop portal "" while it is being set up'
    (finding,) = diagnose(facts(jobs=(replace(JOB, consecutive_failures=3, error=error),)))
    assert "PostgreSQL 17.11" in finding.remedy


@pytest.mark.parametrize("changes", [{"overdue": 60.0}, {"overdue": 3600.0, "running_for": 30.0}, {"overdue": None}])
def test_a_job_that_is_a_little_late_or_at_work_is_left_in_peace(changes: dict[str, Any]) -> None:
    assert names(facts(jobs=(replace(JOB, **changes),))) == []


@pytest.mark.parametrize(
    ("changes", "name", "severity"),
    [
        ({"background_workers": None}, "no_background_workers", "notice"),
        ({"background_workers": 0}, "no_background_workers", "problem"),
        ({"schedulers": 0}, "no_scheduler", "problem"),
    ],
)
def test_that_nobody_runs_jobs_is_told_once_and_of_what_waits(
    changes: dict[str, Any], name: str, severity: str
) -> None:
    late = tuple(replace(JOB, job_id=number, overdue=3600.0) for number in (1000, 1001, 1002))
    found = diagnose(replace(on(**changes), jobs=late, compression=(replace(METRICS, due=1),)))
    assert [finding.name for finding in found] == [name, name]
    assert {finding.severity for finding in found} == {severity}
    assert found[0].problem.startswith("chunks of metrics are not compressing")


def test_who_may_not_see_schedulers_is_not_told_there_are_none() -> None:
    assert names(on(schedulers=None)) == []


def test_on_a_standby_jobs_are_late_for_a_reason() -> None:
    assert names(replace(on(standby=True, schedulers=0), jobs=(replace(JOB, overdue=9999.0),))) == ["standby"]


def test_aggregates_compressed_by_hand_need_no_policy() -> None:
    assert names(facts(compression=(replace(METRICS, job_id=None),))) == []


def test_compression_that_is_switched_off_is_no_business_of_ours() -> None:
    assert names(facts(compression=(replace(METRICS, enabled=False, compressed=0, job_id=None),))) == []


def test_problems_come_before_notices() -> None:
    found = diagnose(replace(on(worker_processes=8), rights=(replace(RIGHTS, uses=False),)))
    assert [finding.severity for finding in found] == ["problem", "notice"]


class TestSpeed:
    READS = Reads("devices", rows=20000, seq_scans=50, seq_rows=1_000_000, index_scans=3)

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            pytest.param({}, ["table_read_as_a_whole"], id="read-as-a-whole"),
            pytest.param({"rows": 5000}, [], id="a-small-table"),
            pytest.param({"seq_rows": 100_000}, [], id="a-few-times"),
            pytest.param({"index_scans": 50}, [], id="mostly-by-index"),
        ],
    )
    def test_a_table_is_read_as_a_whole(self, changes: dict[str, Any], expected: list[str]) -> None:
        assert names(facts(reads=(replace(self.READS, **changes),))) == expected

    def test_a_foreign_key_of_a_large_table_needs_an_index(self) -> None:
        key = BareKey("devices_room_fkey", "devices", ("room", "Floor"), "rooms")
        found = diagnose(facts(reads=(replace(self.READS, seq_rows=0),), bare_keys=(key,)))
        assert 'CREATE INDEX ON devices (room, "Floor")' in found[0].remedy
        assert names(facts(reads=(replace(self.READS, rows=10),), bare_keys=(key,))) == []


def scan(chunk: str, condition: str, rows: int) -> dict[str, Any]:
    """A plan's node that reads a chunk as a whole."""
    return {
        "Node Type": "Seq Scan",
        "Schema": "_timescaledb_internal",
        "Relation Name": chunk,
        "Filter": condition,
        "Plan Rows": rows,
    }


def chunk_of(rows: int) -> Storage:
    """What a chunk of metrics is."""
    return Storage("metrics", rows, "time", ("time", "device_id", "kind", "value", "Unit"))


STORAGE = {("_timescaledb_internal", name): chunk_of(9000) for name in ("c1", "c2")}


class TestDeclaredQueries:
    def findings(self, *nodes: dict[str, Any], **changes: Any) -> list[str]:
        """The remedies for a query whose plan appends nodes."""
        plan = {"Node Type": "Append", "Plans": list(nodes)}
        found = facts(queries=(DeclaredQuery("q", plan),), storage=STORAGE, **changes)
        return [finding.remedy.split(",  ")[0].split(", as a")[0] for finding in diagnose(found)]

    @pytest.mark.parametrize(
        ("condition", "index"),
        [
            ("(c1.device_id = 'x'::text)", "(device_id, time DESC)"),
            ("((c1.device_id)::text = 'x'::text)", "(device_id, time DESC)"),
            ("((c1.kind = 'p'::text) AND (c1.device_id = 'x'::text))", "(kind, device_id, time DESC)"),
            ("(c1.\"Unit\" = 'W'::text)", '("Unit", time DESC)'),
            ("(c1.kind = ANY ('{a,b}'::text[]))", "(kind, time DESC)"),
        ],
    )
    def test_get_an_index_on_what_they_compare(self, condition: str, index: str) -> None:
        assert self.findings(scan("c1", condition, 5), scan("c2", condition, 5)) == [f"CREATE INDEX ON metrics {index}"]

    def test_by_other_conditions_get_no_made_up_index(self) -> None:
        (remedy,) = self.findings(scan("c1", "(c1.value > 5)", 5), scan("c2", "(c1.value > 5)", 5))
        assert remedy == "create an index that it can use"

    def test_that_find_much_of_what_they_read_are_fine(self) -> None:
        assert self.findings(scan("c1", "(c1.kind = 'p')", 5000), scan("c2", "(c1.kind = 'p')", 5000)) == []

    def test_on_little_are_fine(self) -> None:
        assert self.findings(scan("c1", "(c1.kind = 'p')", 5)) == []

    def test_on_compressed_chunks_are_fine(self) -> None:
        below = {
            "Node Type": "Custom Scan",
            "Custom Plan Provider": "ColumnarScan",
            "Plans": [scan("c1", "(c1.kind = 'p')", 1), scan("c2", "(c1.kind = 'p')", 1)],
        }
        assert self.findings(below) == []

    def test_that_cannot_be_planned_are_told(self) -> None:
        (finding,) = diagnose(facts(queries=(DeclaredQuery("q", error="no such table"),)))
        assert (finding.name, finding.evidence) == ("query_not_planned", "no such table")
