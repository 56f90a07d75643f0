"""A second copy is compared with the first, and what fails is told with its target."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from timescaledb_backup import offsite
from timescaledb_backup.config import Offsite
from timescaledb_backup.errors import BackupError, DamageError

from tests.unit.timescaledb_backup.builders import configure, put

RSYNC = """#!/bin/sh
case $* in
*--dry-run*) echo "{told}";;
*) {copy};;
esac
"""


@pytest.fixture
def rsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of rsync, told what to do."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path / "bin" / "rsync"


def write(program: Path, told: str = "", copy: str = ":") -> None:
    program.write_text(RSYNC.format(told=told, copy=copy))
    program.chmod(0o755)


def copy(folder: Path, target: str = "host:/copies", kind: str = "rsync") -> None:
    config = configure(folder, offsite=Offsite(kind, target))
    offsite.copy_offsite(config, str(put(config, "home-1", 1)))


def test_nothing_is_copied_where_nothing_is_configured(tmp_path: Path, rsync: Path) -> None:
    write(rsync, copy="exit 9")
    config = configure(tmp_path)
    offsite.copy_offsite(config, str(put(config, "home-1", 1)))


def test_a_copy_that_is_the_same_is_done(tmp_path: Path, rsync: Path) -> None:
    write(rsync, told=".d..t...... home-1/")
    copy(tmp_path)


@pytest.mark.parametrize("line", ["<fc........ home-1/database.sql", ">f+++++++++ home-1/globals.sql"])
def test_a_copy_that_differs_is_damage(tmp_path: Path, rsync: Path, line: str) -> None:
    write(rsync, told=line)
    with pytest.raises(DamageError, match="The copy in host:/copies/ differs"):
        copy(tmp_path)


def test_a_failure_names_the_backup_and_the_target(tmp_path: Path, rsync: Path) -> None:
    write(rsync, copy="echo connection refused >&2; exit 12")
    told = r"home-1 is made, but not copied to host:/copies: rsync failed \(exit code 12\): connection refused"
    with pytest.raises(BackupError, match=told):
        copy(tmp_path)


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed here")
def test_rsync_itself_copies_everything(tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    copy(tmp_path, str(tmp_path / "copies"))
    assert sorted(path.name for path in (tmp_path / "copies" / "home-1").iterdir()) == [
        "database.sql", "globals.sql", "manifest.json",
    ]  # fmt: skip


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed here")
def test_rclone_itself_copies_everything(tmp_path: Path) -> None:
    copy(tmp_path, f":local:{tmp_path}/copies", "rclone")
    assert sorted(path.name for path in (tmp_path / "copies" / "home-1").iterdir()) == [
        "database.sql", "globals.sql", "manifest.json",
    ]  # fmt: skip


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed here")
def test_a_target_that_rclone_does_not_know_is_a_failure_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="home-1 is made, but not copied to nowhere:copies: rclone failed"):
        copy(tmp_path, "nowhere:copies", "rclone")


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed here")
def test_what_rclone_has_copied_wrong_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program before rclone changes a byte of every copy."""
    (tmp_path / "bin").mkdir()
    damaging = tmp_path / "bin" / "rclone"
    target = tmp_path / "copies" / "home-1" / "database.sql"
    damaging.write_text(f'#!/bin/sh\n[ "$1" != check ] || printf X | dd of={target} conv=notrunc 2>&-\n'
                        f'exec {shutil.which("rclone")} "$@"\n')  # fmt: skip
    damaging.chmod(0o755)
    monkeypatch.setenv("PATH", str(damaging.parent), prepend=":")
    with pytest.raises(BackupError, match=r"home-1 is made, but not copied to .*: rclone failed"):
        copy(tmp_path, f":local:{tmp_path}/copies", "rclone")
