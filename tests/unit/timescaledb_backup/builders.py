"""Backups on disk, small enough for tests of what is done with files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from timescaledb_backup.config import Config, Keep
from timescaledb_backup.manifest import FILE, Manifest
from timescaledb_backup.shelf import Shelf
from timescaledb_backup.verify import describe_files

SQL = "-- some\nSELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n\n"


def configure(folder: Path, **changes: Any) -> Config:
    """A configuration with both its folders in place, which keeps two backups."""
    for name in ("backups", "state"):
        (folder / name).mkdir(exist_ok=True)
    facts = {"keep": Keep(2), "format": "plain", "compression": "none", **changes}
    return Config("home", str(folder / "backups"), str(folder / "state"), "/nonexistent", **facts)


def manifest(**changes: Any) -> Manifest:
    """A manifest of a backup that holds nothing."""
    facts: dict[str, Any] = {
        "name": "home-1", "sequence": 1, "began": "2026-11-01T02:30:00Z", "finished": "2026-11-01T02:31:00Z",
        "seconds": 60.0, "format": "plain", "compression": "none", "database": {"name": "home"}, "postgresql": {},
        "timescaledb": None, "alembic_revision": None, "census": {}, "files": {}, "bytes": 1,
    }  # fmt: skip
    return Manifest(**{**facts, **changes})


def put(config: Config, name: str, sequence: int, text: str = SQL, **changes: Any) -> Path:
    """Put a backup of plain SQL on the shelf; its folder."""
    folder = Path(config.folder) / name
    folder.mkdir(exist_ok=True)
    (folder / "database.sql").write_text(text)
    (folder / "globals.sql").write_text("CREATE ROLE owner;\n")
    made = manifest(name=name, sequence=sequence, files=describe_files(str(folder)), **changes)
    (folder / FILE).write_text(made.to_text())
    return folder


def names(config: Config) -> list[str]:
    """The backups that are offered, in their order."""
    return [backup.name for backup in Shelf(config.folder, config.database).list_backups()]
