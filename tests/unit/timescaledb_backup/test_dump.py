"""What pg_dump is told, and when a dump that failed is worth another try."""

from __future__ import annotations

from pathlib import Path

import pytest
from timescaledb_backup.config import Config
from timescaledb_backup.dump import DISTURBED, choose_compression, compression_option, dump_command, major_version
from timescaledb_backup.errors import BackupError

NOWHERE = 'connection to server on socket "/nonexistent/.s.PGSQL.5432" failed: No such file or directory'


def configure(folder: Path, version: str, refusal: str = NOWHERE, **changes: str) -> Config:
    """A configuration with a pg_dump that only says which version it is, and why it fails."""
    program = folder / "pg_dump"
    answer = f"[ $1 = --version ] && echo 'pg_dump (PostgreSQL) {version}' && exit"
    program.write_text(f"#!/bin/sh\n{answer}\ncat >&2 <<'E'\n{refusal}\nE\nexit 1\n")
    program.chmod(0o755)
    return Config(**{"database": "a=b", "folder": "/b", "state_folder": "/s", "bindir": str(folder), **changes})


def test_zstd_is_chosen_where_the_program_has_it(tmp_path: Path) -> None:
    assert choose_compression(configure(tmp_path, "17.12")) == "zstd:3"
    without = "pg_dump: error: could not initialize compression: this build does not support compression with ZSTD"
    assert choose_compression(configure(tmp_path, "17.12", without)) == "gzip:6"
    assert choose_compression(configure(tmp_path, "15.9", "invalid value for --compress")) == "gzip:6"


def test_what_is_configured_is_taken_and_plain_sql_is_for_everybody(tmp_path: Path) -> None:
    assert choose_compression(configure(tmp_path, "17.12", compression="none")) == "none"
    assert choose_compression(configure(tmp_path, "17.12", format="plain")) == "gzip:6"


@pytest.mark.parametrize(
    ("version", "given", "option"),
    [("17.12", "zstd:3", "zstd:3"), ("15.9", "gzip:6", "6"), ("15.9", "none", "0"), ("16.0", "none", "none")],
)
def test_older_programs_are_told_in_their_way(tmp_path: Path, version: str, given: str, option: str) -> None:
    assert compression_option(configure(tmp_path, version), given) == option


def test_a_version_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="which is no version"):
        major_version(configure(tmp_path, "devel"))


def test_a_dump_is_of_the_snapshot_and_parallel_where_it_can_be(tmp_path: Path) -> None:
    command = dump_command(configure(tmp_path, "17.12", format="directory"), "/f", "0003-1", "zstd:3")
    assert {"--snapshot=0003-1", "--jobs=2", "--dbname=dbname='a=b'", "--file=/f/database"} <= set(command)
    serial = dump_command(configure(tmp_path, "17.12"), "/f", "0003-1", "zstd:3")
    assert "--file=/f/database.dump" in serial
    assert not any(option.startswith("--jobs") for option in serial)


@pytest.mark.parametrize(
    ("message", "disturbed"),
    [
        ('pg_dump: error: could not obtain lock on relation "public.reading"', True),
        ("ERROR:  canceling statement due to lock timeout", True),
        ("ERROR:  could not open relation with OID 16412", True),
        ('ERROR:  relation "_timescaledb_internal._hyper_1_1_chunk" does not exist', True),
        ('FATAL:  database "home" does not exist', False),
        ("FATAL:  terminating connection due to administrator command", False),
        ("No space left on device", False),
    ],
)
def test_only_what_passes_is_tried_again(message: str, disturbed: bool) -> None:
    assert bool(DISTURBED.search(message)) is disturbed
