"""A drill's cluster is like the server where that matters, and small, quick and idle where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from timescaledb_backup.config import Config, Drill
from timescaledb_backup.drill import Verdict, cluster_settings, place_cluster, without_role
from timescaledb_backup.manifest import Manifest

CONFIG = Config("home", "/backups", "/state", "/bin", drill=Drill(memory_mb=64, port=5544))


def manifest(**changes: Any) -> Manifest:
    facts: dict[str, Any] = {
        "name": "home-1", "sequence": 1, "began": "", "finished": "", "seconds": 1.0, "format": "custom",
        "compression": "none", "database": {}, "postgresql": {}, "alembic_revision": None, "census": {}, "files": {},
        "bytes": 1, "timescaledb": {"version": "2.29.2", "edition": "community", "default_version": "2.29.2"},
    }  # fmt: skip
    return Manifest(**{**facts, **changes})


def test_no_job_can_run_and_no_memory_is_shared_with_the_server() -> None:
    settings = cluster_settings(CONFIG, manifest())
    assert settings["timescaledb.max_background_workers"] == "0"
    assert settings["dynamic_shared_memory_type"] == "mmap"
    assert settings["shared_buffers"] == "64MB"
    assert settings["jit"] == "off"


@pytest.mark.parametrize(("edition", "license"), [("community", "timescale"), ("apache", "apache")])
def test_the_edition_is_that_of_the_backup(edition: str, license: str) -> None:  # noqa: A002 - the setting's name
    found = cluster_settings(CONFIG, manifest(timescaledb={"version": "2.29.2", "edition": edition}))
    assert found["timescaledb.license"] == license


def test_without_timescaledb_nothing_is_preloaded() -> None:
    assert not any("preload" in name for name in cluster_settings(CONFIG, manifest(timescaledb=None)))


def test_there_are_locks_for_every_relation_that_is_counted_at_once() -> None:
    many = cluster_settings(CONFIG, manifest(toc_entries=100000))
    assert int(many["max_locks_per_transaction"]) * int(many["max_connections"]) > 200000
    assert cluster_settings(CONFIG, manifest(toc_entries=None))["max_locks_per_transaction"] == "256"


def test_the_role_the_cluster_was_made_with_is_not_made_again() -> None:
    roles = 'CREATE ROLE owner;\nCREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER;\nCREATE ROLE "my role";\n'
    assert without_role(roles, "postgres") == roles.replace("CREATE ROLE postgres;\n", "")
    assert without_role(roles, "my role") == roles.replace('CREATE ROLE "my role";\n', "")


def test_the_folder_is_below_the_state_folder_unless_another_is_configured() -> None:
    assert place_cluster(CONFIG).folder == "/state/drill-home"
    assert place_cluster(CONFIG).port == 5544
    elsewhere = Config("home", "/backups", "/state", "/bin", drill=Drill(folder="/fast"))
    assert place_cluster(elsewhere).folder == "/fast/drill-home"


def test_a_single_difference_is_no_proof() -> None:
    assert Verdict("home-1", "", 1.0, []).proven
    assert not Verdict("home-1", "", 1.0, ["tables: a is missing"]).proven
    assert "failed" in Verdict("home-1", "", 1.0, ["tables: a is missing"]).summary()
