"""What runs on managed nodes runs on Python 3.8, the oldest that ansible-core 2.19 supports there."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "roles" / "timescaledb_backup" / "files"
SOURCES = sorted([*(ROOT / "library").glob("*.py"), *(ROOT / "module_utils").rglob("*.py"), *PROGRAM.rglob("*.py")])

BUILTIN_TYPES = {"dict", "frozenset", "list", "set", "tuple", "type"}


def find_runtime_generics(source: str) -> list[int]:
    """The lines that evaluate something like `list[int]` when they run: a TypeError before Python 3.9.

    Annotations are not evaluated under `from __future__ import annotations`.
    """
    tree = ast.parse(source, feature_version=(3, 8))
    in_annotations = {id(node) for annotation in walk_annotations(tree) for node in ast.walk(annotation)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in BUILTIN_TYPES
        and id(node) not in in_annotations
    ]


def walk_annotations(tree: ast.AST) -> Iterator[ast.AST]:
    """Every annotation of an argument, a return value or a variable."""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            annotation = getattr(node, name, None)
            if annotation is not None:
                yield annotation


def find_features_newer_than_38(*paths: Path) -> str:
    """What vermin says of the files; empty when the standard library of Python 3.8 has all they use."""
    command = ["vermin", "--quiet", "--no-tips", "--violations", "--target=3.8-", *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
class TestEveryFileForManagedNodes:
    def test_is_syntax_of_python_38(self, path: Path) -> None:
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 8))

    def test_leaves_annotations_unevaluated(self, path: Path) -> None:
        source = path.read_text(encoding="utf-8")
        is_empty = len(ast.parse(source).body) <= 1
        assert is_empty or "from __future__ import annotations" in source

    def test_evaluates_no_builtin_generic(self, path: Path) -> None:
        assert find_runtime_generics(path.read_text(encoding="utf-8")) == []


def test_the_standard_library_of_python_38_is_enough() -> None:
    assert find_features_newer_than_38(*SOURCES) == ""


@pytest.mark.parametrize("line", ["Pairs = list[int]", "x = cast(tuple[int, str], y)"])
def test_a_generic_evaluated_at_run_time_is_found(line: str) -> None:
    assert find_runtime_generics(line) == [1]


def test_a_generic_in_an_annotation_is_fine() -> None:
    assert find_runtime_generics("def f(a: list[int]) -> dict[str, int]:\n    b: set[str] = set()\n") == []


def test_a_newer_standard_library_is_found(tmp_path: Path) -> None:
    newer = tmp_path / "newer.py"
    newer.write_text("import zoneinfo\nprint('text'.removeprefix('t'))\n", encoding="utf-8")
    assert "zoneinfo" in find_features_newer_than_38(newer)
