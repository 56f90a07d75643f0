"""The shape of the backup program: who may import whom, how long things may get; the standard library is enough."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import timescaledb_backup

from tests.unit.test_architecture import find_long_functions

FOLDER = Path(timescaledb_backup.__file__).parent
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
FILE_LINES = 300

# From top to bottom. A file imports from rows below its own, never from its own row or above.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("swap_back",),
    ("make", "restore", "drill", "notify"),
    ("unfinished",),
    ("load", "prune"),
    ("plain", "verify", "offsite", "swap", "jobs", "cluster", "census", "status"),
    ("dump", "crypt", "shelf", "identity", "container"),
    ("manifest", "config", "server"),
    ("properties", "suitability", "compare", "keep", "moments"),
    ("session",),
    ("files",),
    ("errors",),
)
ROWS = {name: row for row, names in enumerate(LAYERS) for name in names}
# The same input gives the same output: no server, no file, no clock.
PURE = ("properties", "suitability", "compare", "keep")


def read(name: str) -> str:
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def own_imports(source: str) -> list[str]:
    """The files of the package which a source imports."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.level]
    return [name for node in nodes for name in ([node.module] if node.module else [item.name for item in node.names])]


def other_imports(source: str) -> set[str]:
    """The modules from elsewhere which a source imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {item.name.split(".")[0] for item in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


def find_upward(name: str, source: str) -> list[str]:
    """The imports of a file that do not point downward."""
    return [target for target in own_imports(source) if ROWS[target] <= ROWS[name]]


def test_every_file_has_its_row_and_every_row_its_files() -> None:
    assert sorted(ROWS) == FILES


@pytest.mark.parametrize("name", FILES)
def test_imports_point_downward(name: str) -> None:
    assert find_upward(name, read(name)) == []


@pytest.mark.parametrize("name", FILES)
def test_files_and_functions_stay_short_and_need_nothing_installed(name: str) -> None:
    assert len(read(name).splitlines()) <= FILE_LINES
    assert find_long_functions(name, read(name)) == []
    assert other_imports(read(name)) <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", PURE)
def test_what_is_pure_touches_nothing(name: str) -> None:
    assert other_imports(read(name)) <= {"__future__", "datetime", "re", "typing"}
    assert set(own_imports(read(name))) <= {"session"}


def test_an_upward_import_would_be_found() -> None:
    assert find_upward("errors", "from . import files\nfrom .cli import main\n") == ["files", "cli"]
    assert find_upward("cli", "from .errors import BackupError\n") == []
    assert other_imports("import psycopg\nfrom os.path import join\n") == {"psycopg", "os"}
