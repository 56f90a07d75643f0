"""Monitoring reads how old the last backup and the last proven one are, and what failed last."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from timescaledb_backup.shelf import Shelf
from timescaledb_backup.status import FILE, describe, read_status, write_status

from tests.unit.timescaledb_backup.builders import configure, put

MOMENT = datetime(2026, 11, 3, 2, 31, tzinfo=UTC)
DAY = 24 * 60 * 60


def describe_shelf(config: Any) -> dict[str, Any]:
    return describe(Shelf(config.folder, "home").list_backups(), MOMENT)


def test_without_backups_there_is_no_last_one(tmp_path: Path) -> None:
    found = describe_shelf(configure(tmp_path))
    assert (found["backups"], found["last_backup"], found["last_proven"]) == (0, None, None)


def test_the_last_one_and_the_last_proven_one_with_their_ages(tmp_path: Path) -> None:
    config = configure(tmp_path)
    put(config, "home-1", 1)
    put(config, "home-2", 2, finished="2026-11-02T02:31:00Z")
    put(config, "home-3", 3)
    shelf = Shelf(config.folder, "home")
    shelf.mark("home-1", {"proven": True, "finished": "2026-11-01T04:00:00Z"})
    shelf.mark("home-3", {"proven": False, "finished": "2026-11-01T04:00:00Z"})
    found = describe_shelf(config)
    assert (found["backups"], found["good"], found["failed"]) == (3, 2, 1)
    assert (found["last_backup"]["name"], found["last_backup"]["age_seconds"]) == ("home-2", DAY)
    assert (found["last_proven"]["name"], found["last_proven"]["age_seconds"]) == ("home-1", 2 * DAY)
    assert found["last_proven"]["drilled"] == "2026-11-01T04:00:00Z"


def test_the_last_failure_stays_told_when_a_later_run_succeeds(tmp_path: Path) -> None:
    config = configure(tmp_path)
    write_status(config, "The disk is full.", "make")
    write_status(config)
    found = read_status(config)
    assert found["last_failure"]["message"] == "The disk is full."
    assert found["last_failure"]["command"] == "make"
    assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{"])
def test_a_status_that_cannot_be_read_is_written_anew(tmp_path: Path, content: bytes) -> None:
    config = configure(tmp_path)
    (tmp_path / "state" / FILE).write_bytes(content)
    assert read_status(config) == {}
    write_status(config)
    assert json.loads((tmp_path / "state" / FILE).read_text())["database"] == "home"


def test_a_verdict_without_a_time_does_not_stop_the_status(tmp_path: Path) -> None:
    config = configure(tmp_path)
    put(config, "home-1", 1)
    Shelf(config.folder, "home").mark("home-1", {"proven": True})
    assert describe_shelf(config)["last_proven"]["name"] == "home-1"
