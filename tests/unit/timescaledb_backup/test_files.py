"""Files are whole or not there; one run at a time; programs tell why they failed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path

import pytest
from timescaledb_backup import files
from timescaledb_backup.errors import BackupError, BusyError, SpaceError


def test_a_file_is_replaced_whole_and_for_whom_it_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    files.write_atomically(str(path), "old")
    files.write_atomically(str(path), "new", 0o644)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [found.name for found in tmp_path.iterdir()] == ["status.json"]


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        files.write_atomically(str(tmp_path / "a"), "", 0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_digest_and_size_are_those_of_everything(tmp_path: Path) -> None:
    content = os.urandom(2 * 1024 * 1024 + 17)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(content)
    (tmp_path / "a").write_bytes(b"1")
    assert files.digest(str(tmp_path / "b" / "c")) == hashlib.sha256(content).hexdigest()
    assert files.list_files(str(tmp_path)) == ["a", "b/c"]
    assert files.size_of(str(tmp_path)) == len(content) + 1


def test_a_second_run_is_told_who_holds_the_lock_and_gets_it_afterwards(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    told = f"at work: making a backup of home, process {os.getpid()}"
    with files.lock(path, "making a backup of home"), pytest.raises(BusyError, match=told), files.lock(path, "pruning"):
        pass
    with files.lock(path, "pruning"):
        assert Path(path).read_text() == f"pruning, process {os.getpid()}"


def test_a_program_gives_its_output_and_reads_what_it_is_given() -> None:
    assert files.run(["cat"], given="grüße\n") == "grüße\n"


def test_output_goes_into_a_new_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "globals.sql"
    assert files.run(["echo", "secret"], output=str(path)) == ""
    assert path.read_text() == "secret\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        files.run(["echo", "other"], output=str(path))


def test_a_failure_has_the_programs_last_words() -> None:
    with pytest.raises(BackupError, match=r"sh failed \(exit code 3\): first; last"):
        files.run(["sh", "-c", "echo first >&2; echo last >&2; exit 3"])


def test_a_failure_without_words_is_told_too() -> None:
    with pytest.raises(BackupError, match=r"false failed \(exit code 1\): it said nothing"):
        files.run(["false"])


def test_a_full_disk_is_a_matter_of_space() -> None:
    with pytest.raises(SpaceError, match="No space left on device"):
        files.run(["sh", "-c", "cat /etc/passwd > /dev/full"])


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(BackupError, match="/nonexistent/pg_dump cannot be run: No such file or directory"):
        files.run(["/nonexistent/pg_dump"])


def test_remarks_are_passed_on_besides_the_harmless_ones() -> None:
    told: list[str] = []
    program = files.Program(["sh", "-c", "echo 'warning: known' >&2; echo 'warning: new' >&2"])
    program.finish(["known"], told.append)
    assert told == ["warning: new"]


def test_the_environment_does_not_send_libpq_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=other")
    found = files.quiet_environment()
    assert not {"PGHOST", "PGOPTIONS"} & set(found)
    assert found["LC_MESSAGES"] == "C"


def test_a_failure_is_told_without_the_statement_it_happened_in(tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    words = [
        "pg_dump: error: query failed: FATAL:  terminating connection",
        "pg_dump: detail: Query was: SELECT a",
        "  FROM b",
    ]
    program.write_text(
        "#!/bin/sh\n" + "".join(f"echo '{line}' >&2\n" for line in [*words, "pg_dump: hint: wait"]) + "exit 1\n"
    )
    program.chmod(0o755)
    with pytest.raises(BackupError) as failure:
        files.run([str(program)])
    assert str(failure.value).endswith(f"{words[0]}; pg_dump: hint: wait")


def test_temporary_files_are_where_a_container_sees_them_and_abandoned_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    folder = tmp_path / "tmp"
    files.use_temporary_folder(str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    for name, age in (("old.list", 25 * 3600), ("new.list", 60)):
        (folder / name).write_text("")
        os.utime(folder / name, (time.time() - age,) * 2)
    files.use_temporary_folder(str(folder))
    assert [found.name for found in folder.iterdir()] == ["new.list"]
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == folder
