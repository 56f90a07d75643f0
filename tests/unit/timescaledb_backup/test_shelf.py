"""What is offered is whole; the order is that of the sequence; what killed runs left is nobody's and goes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from timescaledb_backup.errors import BackupError, DamageError, UsageError
from timescaledb_backup.manifest import FILE
from timescaledb_backup.shelf import DRILL_FILE, Shelf

from tests.unit.timescaledb_backup.builders import configure, manifest, names, put

MOMENT = datetime(2026, 11, 27, 2, 30, tzinfo=UTC)


def shelf(folder: Path) -> Shelf:
    return Shelf(configure(folder).folder, "home")


def test_a_backup_appears_when_it_is_whole_and_not_before(tmp_path: Path) -> None:
    config = configure(tmp_path)
    partial = Path(shelf(tmp_path).begin("home-1"))
    assert partial.stat().st_mode & 0o777 == 0o700
    assert names(config) == []
    shelf(tmp_path).publish("home-1", manifest())
    assert names(config) == ["home-1"]
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["home-1"]


def test_the_order_is_that_of_the_sequence_whatever_the_clock_said(tmp_path: Path) -> None:
    config = configure(tmp_path)
    put(config, "home-20990101T000000Z", 1, began="2099-01-01T00:00:00Z")
    put(config, "home-20200101T000000Z", 2, began="2020-01-01T00:00:00Z")
    assert names(config) == ["home-20990101T000000Z", "home-20200101T000000Z"]
    assert shelf(tmp_path).find("latest").name == "home-20200101T000000Z"
    assert shelf(tmp_path).next_sequence() == 3


def test_two_backups_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    config = configure(tmp_path)
    first = shelf(tmp_path).choose_name(MOMENT)
    put(config, first, 1)
    second = shelf(tmp_path).choose_name(MOMENT)
    assert first == "home-20261127T023000Z"
    assert second == "home-20261127T023000Z-2"


def test_the_latest_is_not_one_that_failed_and_the_proven_one_is_one_that_did_not(tmp_path: Path) -> None:
    config = configure(tmp_path)
    for number in (1, 2, 3):
        put(config, f"home-{number}", number)
    mine = shelf(tmp_path)
    with pytest.raises(UsageError, match=r"holds no backup proven-latest; the newest it holds: home-1, home-2, home-3"):
        mine.find("proven-latest")
    mine.mark("home-1", {"proven": True, "finished": "2026-11-02T00:00:00Z", "differences": []})
    mine.mark("home-3", {"proven": False, "finished": "2026-11-02T00:00:00Z", "differences": ["tables: a is missing"]})
    assert mine.find("latest").name == "home-2"
    assert mine.find("proven-latest").name == "home-1"
    assert mine.find("home-3").failed


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"[]", b"{", b'{"proven": "yes"}'])
def test_a_verdict_that_cannot_be_read_proves_nothing(tmp_path: Path, content: bytes) -> None:
    folder = put(configure(tmp_path), "home-1", 1)
    (folder / DRILL_FILE).write_bytes(content)
    found = shelf(tmp_path).find("home-1")
    assert found.failed
    assert not found.proven


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"{}"])
def test_a_backup_whose_manifest_cannot_be_read_is_listed_with_the_reason(tmp_path: Path, content: bytes) -> None:
    folder = put(configure(tmp_path), "home-1", 1)
    (folder / FILE).write_bytes(content)
    found = shelf(tmp_path).find("home-1")
    assert found.failed
    with pytest.raises(DamageError, match=f"{FILE} is damaged: "):
        found.require_manifest()


def test_a_backup_without_a_manifest_is_listed_with_the_reason(tmp_path: Path) -> None:
    (put(configure(tmp_path), "home-1", 1) / FILE).unlink()
    with pytest.raises(DamageError, match="cannot be read: No such file or directory"):
        shelf(tmp_path).find("home-1").require_manifest()


def test_backups_of_a_database_whose_name_begins_the_same_way_are_not_touched(tmp_path: Path) -> None:
    config = configure(tmp_path)
    put(config, "home-1", 1)
    put(config, "home-two-20261127T023000Z", 9, database={"name": "home-two"})
    other = tmp_path / "backups" / ".home-two-20261127T023000Z.partial"
    other.mkdir()
    assert names(config) == ["home-1"]
    assert shelf(tmp_path).sweep() == []
    assert other.exists()


def test_what_killed_runs_left_is_swept(tmp_path: Path) -> None:
    config = configure(tmp_path)
    put(config, "home-1", 1)
    left = [".deleted-home-20261101T000000Z", ".home-20261127T023000Z.partial", ".home-20261127T023000Z-2.partial"]
    for name in left:
        (tmp_path / "backups" / name / "database").mkdir(parents=True)
        (tmp_path / "backups" / name / "database" / "1.dat").write_text("half")
    assert shelf(tmp_path).sweep() == sorted(left)
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["home-1"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="/nowhere cannot be read: No such file or directory"):
        Shelf(str(tmp_path / "nowhere"), "home").list_backups()
