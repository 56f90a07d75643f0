"""Where a restore may go, what it says about jobs, and what it remembers of databases it has not finished."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from timescaledb_backup import restore
from timescaledb_backup.config import Config
from timescaledb_backup.errors import BackupError, RefusedError, UsageError
from timescaledb_backup.files import lock
from timescaledb_backup.restore import Target, check_target, describe_release
from timescaledb_backup.shelf import Backup
from timescaledb_backup.unfinished import Unfinished, forget, note, read_notes

from tests.unit.timescaledb_backup.builders import configure, manifest, put

CONFIG = Config("home", "/backups", "/state", "/bin")


def test_in_place_needs_the_name_once_more() -> None:
    assert check_target(CONFIG, Target(None, "home")) == "home"
    for given in (None, "", "Home", "other"):
        with pytest.raises(RefusedError, match="--confirm home"):
            check_target(CONFIG, Target(None, given))


def test_beside_needs_no_confirmation() -> None:
    assert check_target(CONFIG, Target("copy")) == "copy"


@pytest.mark.parametrize("name", ["postgres", "template0", "template1", "x" * 64, "ä" * 32, "a\0b"])
def test_names_that_cannot_be_used_are_told(name: str) -> None:
    with pytest.raises(UsageError, match="accepted is a database's name of at most 63 bytes"):
        check_target(CONFIG, Target(name))


def test_what_is_held_is_released_by_one_statement_that_leaves_out_what_was_off() -> None:
    said = describe_release({"1000": {"scheduled": True}, "1001": {"scheduled": False}, "1002": {"scheduled": True}})
    assert said.endswith("WHERE job_id IN (1000, 1002)")
    assert "alter_job(job_id, scheduled => true)" in said
    assert "no jobs" in describe_release({"1001": {"scheduled": False}})


def test_unfinished_databases_are_remembered_until_they_are_forgotten(tmp_path: Path) -> None:
    config = Config("home", "/backups", str(tmp_path), "/bin")
    assert read_notes(config) == []
    note(config, Unfinished("home_restoring_1", "home"))
    note(config, Unfinished("home_restoring_1", "home", 4711))
    note(config, Unfinished("home_restoring_2", "copy"))
    assert read_notes(config) == [Unfinished("home_restoring_1", "home", 4711), Unfinished("home_restoring_2", "copy")]
    forget(config, "home_restoring_1")
    assert read_notes(config) == [Unfinished("home_restoring_2", "copy")]


def test_what_could_not_be_vacuumed_is_a_remark_for_it_serves_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise BackupError("vacuumdb failed (exit code 1): no connection.")

    monkeypatch.setattr(restore, "vacuum_database", fail)
    config = configure(tmp_path)
    backup = Backup("home-1", "", manifest(), None)
    work = restore.Work(config, backup, manifest(), "home_restoring", "home", None, restore.Options(), lambda _: None)
    (told,) = restore._vacuum(work)
    assert "no connection. To do it: vacuumdb home" in told


def test_what_served_before_can_be_had_back_while_the_new_one_is_vacuumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(tmp_path)
    put(config, "home-1", 1)
    for name in ("sweep", "check_server", "verify_backup", "note"):
        monkeypatch.setattr(restore, name, lambda *_: None)
    monkeypatch.setattr(restore, "open_session", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(restore, "exists", lambda *_: False)
    monkeypatch.setattr(restore, "_carry_out", lambda *_: [])
    vacuumed = []

    def vacuum(_: Config, database: str, *_further: Any) -> None:
        with lock(config.lock_file, "swapping back"):
            vacuumed.append(database)

    monkeypatch.setattr(restore, "vacuum_database", vacuum)
    restore.restore_backup(config, "latest", Target("copy"), restore.Options(), lambda _: None)
    assert vacuumed == ["copy"]
