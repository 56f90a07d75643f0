"""Whatever happens to a file of a backup is found, and the file is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from timescaledb_backup.config import Config
from timescaledb_backup.errors import DamageError
from timescaledb_backup.shelf import Shelf
from timescaledb_backup.verify import compare_files, read_to_the_end, verify_backup

from tests.unit.timescaledb_backup.builders import SQL, configure, put


def verify(config: Config) -> None:
    verify_backup(config, Shelf(config.folder, config.database).find("home-1"))


def test_a_whole_backup_is_found_whole_also_after_its_drill(tmp_path: Path) -> None:
    config = configure(tmp_path)
    put(config, "home-1", 1)
    verify(config)
    Shelf(config.folder, "home").mark("home-1", {"proven": True})
    (tmp_path / "backups" / "home-1" / "drill.json.partial").write_text("{")
    verify(config)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("name", ["database.sql", "globals.sql"])
@pytest.mark.parametrize(
    ("damage", "told"), [(flip, "has another content"), (cut, "bytes instead of"), (Path.unlink, "is missing")]
)
def test_damage_is_found_and_named(tmp_path: Path, name: str, damage: object, told: str) -> None:
    config = configure(tmp_path)
    folder = put(config, "home-1", 1)
    assert callable(damage)
    damage(folder / name)
    with pytest.raises(DamageError, match=f"home-1 is damaged: {name} .*{told}"):
        verify(config)


def test_a_file_that_does_not_belong_to_it_is_told(tmp_path: Path) -> None:
    config = configure(tmp_path)
    (put(config, "home-1", 1) / "note.txt").write_text("hello")
    with pytest.raises(DamageError, match=r"note\.txt does not belong to it"):
        verify(config)


def test_every_damage_is_told() -> None:
    expected = {"a": {"bytes": 1, "sha256": "0"}, "b": {"bytes": 1, "sha256": "0"}}
    assert compare_files(expected, {"b": {"bytes": 1, "sha256": "1"}}) == ["a is missing", "b has another content"]


def test_plain_sql_that_is_cut_off_is_no_dump(tmp_path: Path) -> None:
    (tmp_path / "database.sql").write_text(SQL.partition("--\n-- Post")[0])
    with pytest.raises(DamageError, match="does not end as a dump does; it is cut off"):
        read_to_the_end(configure(tmp_path), str(tmp_path))


@pytest.mark.parametrize("cut_off", [1, 9, 20])
def test_compressed_sql_that_is_cut_off_is_no_dump(tmp_path: Path, cut_off: int) -> None:
    packed = gzip.compress(SQL.encode())
    (tmp_path / "database.sql.gz").write_bytes(packed)
    assert read_to_the_end(configure(tmp_path), str(tmp_path)) == 0
    (tmp_path / "database.sql.gz").write_bytes(packed[:-cut_off])
    with pytest.raises(DamageError, match="cannot be read to its end"):
        read_to_the_end(configure(tmp_path), str(tmp_path))


def test_a_folder_without_a_dump_is_told(tmp_path: Path) -> None:
    with pytest.raises(DamageError, match="holds no dump"):
        read_to_the_end(configure(tmp_path), str(tmp_path))
