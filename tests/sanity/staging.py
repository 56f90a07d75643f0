"""A throw-away copy of the modules in the shape of a collection, the only shape `validate-modules` can check."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ansible_test

ROOT = Path(__file__).resolve().parents[2]
VALIDATE_MODULES = Path(ansible_test.__file__).parent / "_util/controller/sanity/validate-modules/validate.py"

NAMESPACE = "local.timescaledb"
STAGED_PACKAGES = f"ansible_collections.{NAMESPACE}.plugins.module_utils"
FOLDERS = {"library": "modules", "module_utils": "module_utils", "doc_fragments": "doc_fragments"}

OWN_PACKAGES = sorted(path.name for path in (ROOT / "module_utils").iterdir() if path.is_dir())

_IMPORT = re.compile(rf"\bansible\.module_utils\.({'|'.join(OWN_PACKAGES)})\b")
_FRAGMENTS = re.compile(r"^extends_documentation_fragment:(?P<names>.*(?:\n[ ]*-.*)*)", re.MULTILINE)
_MODULE_NAMES = "|".join(sorted(path.stem for path in (ROOT / "library").glob("*.py")))
_OWN_MODULE = re.compile(rf"(- module: |\bM\()({_MODULE_NAMES})\b")
_OWN_FRAGMENT = re.compile(r"(?<![\w.])timescaledb(?![\w])")


@dataclass(frozen=True)
class Finding:
    """What validate-modules says about one file, given by its path in this checkout."""

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        """One line, as in a compiler's output."""
        return f"{self.path}: {self.code}: {self.message}"


def rewrite_names(source: str) -> str:
    """Spell imports, fragments and modules that `source` refers to as they are spelt inside a collection."""
    source = _OWN_MODULE.sub(rf"\1{NAMESPACE}.\2", source)
    source = _IMPORT.sub(rf"{STAGED_PACKAGES}.\1", source)
    return _FRAGMENTS.sub(
        lambda found: "extends_documentation_fragment:" + _OWN_FRAGMENT.sub(f"{NAMESPACE}.timescaledb", found["names"]),
        source,
    )


def stage_collection(target: Path, change_module: Callable[[str], str] = lambda source: source) -> Path:
    """Copy the checkout's modules below `target`, each through `change_module`; return the collection's folder."""
    collection = target / "ansible_collections" / NAMESPACE.replace(".", "/")
    for folder, staged_folder in FOLDERS.items():
        staged = collection / "plugins" / staged_folder
        shutil.copytree(ROOT / folder, staged, ignore=shutil.ignore_patterns("__pycache__"))
        for path in staged.rglob("*.py"):
            source = rewrite_names(path.read_text(encoding="utf-8"))
            path.write_text(change_module(source) if folder == "library" else source, encoding="utf-8")
    return collection


def validate_modules(collection: Path) -> list[Finding]:
    """Run validate-modules, warnings included, over every module of the staged `collection`."""
    root = collection.parents[2]
    command = [
        *(sys.executable, str(VALIDATE_MODULES), "--format", "json", "--arg-spec", "--warnings"),
        *("--collection", str(collection.relative_to(root)), "--collection-version", "0.0.1"),
        "plugins/modules",
    ]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(root), "PYTHONPATH": str(root)}
    run = subprocess.run(command, cwd=collection, env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.startswith("{"), f"validate-modules did not report: {run.stderr}"
    assert not run.stderr, f"validate-modules complained: {run.stderr}"
    return [
        Finding(path.replace("plugins/modules", "library"), found["code"], " ".join(found["msg"].split()))
        for path, report in sorted(json.loads(run.stdout).items())
        for found in [*report["errors"], *report["warnings"]]
    ]
