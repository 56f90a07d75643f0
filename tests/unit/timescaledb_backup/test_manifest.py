"""What was written is read again; what is damaged is told, and hides nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timescaledb_backup.errors import DamageError
from timescaledb_backup.manifest import FILE, parse_manifest, seal
from timescaledb_backup.moments import now
from timescaledb_backup.prune import plan_pruning
from timescaledb_backup.shelf import Shelf
from timescaledb_backup.status import describe

from tests.unit.timescaledb_backup.builders import configure, manifest, put

FILES = {"database.sql": {"bytes": 1, "sha256": "00"}}
WHOLE = manifest(files=FILES, toc_entries=3, declared={"retention": {"raw": "90 days"}})


def test_what_was_written_is_read_again() -> None:
    assert parse_manifest(WHOLE.to_text(), "it") == WHOLE


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": 2}, "it is of version 2, which this program does not know."),
        ({"sequence": "7"}, "it is damaged: sequence is '7'."),
        ({"census": None}, "it is damaged: census is None."),
        ({"finished": "yesterday"}, "'yesterday'"),
        ({"files": {"database.sql": {"sha256": "00"}}}, "it is damaged: 'bytes' is missing."),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_sentence(changes: dict[str, object], told: str) -> None:
    text = json.dumps(seal({**json.loads(WHOLE.to_text()), **changes}))
    with pytest.raises(DamageError) as caught:
        parse_manifest(text, "it")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "3", "{}", '{"version": 1}', "{"])
def test_what_is_no_manifest_is_damage(text: str) -> None:
    with pytest.raises(DamageError, match="it is damaged: "):
        parse_manifest(text, "it")


RAW = WHOLE.to_text().encode()


@given(place=st.integers(0, len(RAW) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_damage_and_stops_nothing(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    """Listing, pruning, verifying and the status go on with the other backups."""
    folder = tmp_path_factory.mktemp("shelf")
    config = configure(folder)
    put(config, "home-1", 1)
    damaged = bytearray(RAW)
    damaged[place] ^= 1 << bit
    (Path(put(config, "home-2", 2)) / FILE).write_bytes(damaged)
    backups = Shelf(config.folder, "home").list_backups()
    kept, doomed = plan_pruning(config, backups)
    assert "home-1" in kept
    assert doomed == []
    assert describe(backups, now())["good"] >= 1
    assert [backup.problem != "" for backup in backups if backup.name == "home-2"] == [True]


def test_another_count_than_was_written_is_damage() -> None:
    text = WHOLE.to_text().replace('"toc_entries": 3', '"toc_entries": 4')
    with pytest.raises(DamageError, match="it is damaged: it is not what its digest, sha256, was made of"):
        parse_manifest(text, "it")
