"""The checkout agrees with itself: locks, bounds, roles, commands, budgets."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_collections
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())
PLAYBOOKS = sorted([ROOT / "site.yml", *(ROOT / "playbooks").glob("*.yml")])
TASK_FILES = sorted((ROOT / "roles").glob("*/tasks/**/*.yml"))
INVENTORIES = sorted(path for path in (ROOT / "inventory").iterdir() if path.is_dir() and path.name != "declared")
PYTHON_LOCKS = ["requirements.txt", "requirements-dev.txt", "requirements-node.txt"]
NODE_LOCKS = [
    path for path in (ROOT / "roles").glob("*/files/**/package-lock.json") if "node_modules" not in path.parts
]

TASK_FILE_LINES = 80
PLAYBOOK_LINES = 40


def read(name: str) -> str:
    """The text of one file of the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def load_yaml(path: Path) -> Any:
    """The content of one YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def pinned_versions(lock: str) -> dict[str, str]:
    """Versions by distribution name, as pinned in a lock file."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", read(lock), re.MULTILINE))


def relative(path: Path) -> str:
    """The path as one writes it, from the root of the checkout."""
    return str(path.relative_to(ROOT))


class TestLocks:
    def test_name_no_host(self) -> None:
        for name in PYTHON_LOCKS:
            assert not re.search(r"://|^--?(index|extra-index|find-links|trusted-host|i |f )", read(name), re.MULTILINE)
        for path in NODE_LOCKS:
            packages = json.loads(path.read_text(encoding="utf-8"))["packages"]
            assert [name for name, package in packages.items() if "resolved" in package] == []
        assert len(NODE_LOCKS) >= 1

    def test_hash_everything(self) -> None:
        for name in PYTHON_LOCKS:
            pins = re.findall(r"^[a-z0-9._-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", read(name), re.MULTILINE)
            assert len(pins) == len(pinned_versions(name)) >= 1, name
        for path in NODE_LOCKS:
            packages = json.loads(path.read_text(encoding="utf-8"))["packages"]
            assert [name for name, package in packages.items() if name and "integrity" not in package] == []

    @pytest.mark.parametrize("lock", PYTHON_LOCKS)
    def test_pin_what_their_source_asks_for(self, lock: str) -> None:
        pins = pinned_versions(lock)
        lines = [line.partition("#")[0].strip() for line in read(lock.replace(".txt", ".in")).splitlines()]
        asked = [Requirement(line) for line in lines if line and not line.startswith("-")]
        missing = [str(ask) for ask in asked if not ask.specifier.contains(pins.get(ask.name.lower(), "0"))]
        assert len(asked) >= 1
        assert missing == [], f"run `make lock`: {lock} does not hold {missing}"

    def test_agree_on_what_running_needs(self) -> None:
        assert pinned_versions("requirements.txt").items() <= pinned_versions("requirements-dev.txt").items()


def test_collections_are_required_in_the_versions_that_the_ansible_package_bundles() -> None:
    required = load_yaml(ROOT / "requirements.yml")["collections"]
    assert len(required) >= 2
    for collection in required:
        folder = Path(ansible_collections.__path__[0], *collection["name"].split("."))
        bundled = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"]
        assert SpecifierSet(collection["version"]).contains(bundled), f"{collection['name']} {bundled} is bundled"
        assert {"<", ">="} == {item.operator for item in SpecifierSet(collection["version"])}, collection["name"]


class TestMakefile:
    TARGETS = re.findall(r"^([a-z][a-z-]*):", read("Makefile"), re.MULTILINE)

    def test_explains_and_declares_every_target(self) -> None:
        text = read("Makefile")
        assert len(self.TARGETS) >= 15
        assert sorted(self.TARGETS) == sorted(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))
        assert sorted(self.TARGETS) == sorted(re.findall(r"^\.PHONY: ([a-z-]+)$", text, re.MULTILINE))

    def test_lists_its_targets_when_called_without_one(self) -> None:
        help_text = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert [target for target in self.TARGETS if f"make {target} " not in help_text] == []

    def test_is_described_in_the_guide_for_developers(self) -> None:
        guide = read("DEVELOPMENT.md")
        assert [target for target in self.TARGETS if f"`make {target}" not in guide] == []
        assert set(re.findall(r"`make ([a-z][a-z-]*)", guide)) <= set(self.TARGETS)

    def test_says_which_python_it_needs(self, tmp_path: Path) -> None:
        old = tmp_path / "python3"
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n', encoding="utf-8")
        old.chmod(0o755)
        command = ["make", "setup", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode != 0
        assert f"Python 3.11 or newer is needed and '{old}' is Python 3.9.2." in run.stderr
        assert not (tmp_path / "venv").exists()

    def test_is_what_continuous_integration_calls(self) -> None:
        assert "make test" in read(".ci/run")
        assert os.access(ROOT / ".ci/run", os.X_OK)


class TestLintPosture:
    def test_skips_no_rule_of_ansible_lint(self) -> None:
        settings = load_yaml(ROOT / ".ansible-lint")
        assert (settings["profile"], settings["strict"]) == ("production", True)
        assert (settings["skip_list"], settings["warn_list"]) == ([], [])

    def test_gives_a_reason_with_every_exception(self) -> None:
        paths = [*TASK_FILES, *PLAYBOOKS, *(ROOT / "roles").glob("*/*/*.yml")]
        lines = [(path, line) for path in set(paths) for line in path.read_text(encoding="utf-8").splitlines()]
        exceptions = [(path, line) for path, line in lines if "noqa" in line]
        bare = [(relative(path), line) for path, line in exceptions if not re.search(r"noqa:? \S+ +[-#(] *\w", line)]
        assert bare == [], "write `# noqa: rule - reason`"


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
class TestEveryRole:
    @pytest.mark.parametrize("name", ["README.md", "meta/argument_specs.yml", "meta/main.yml", "tasks/main.yml"])
    def test_has_the_same_files(self, role: Path, name: str) -> None:
        assert (role / name).is_file()

    def test_depends_on_no_other_role(self, role: Path) -> None:
        assert not load_yaml(role / "meta/main.yml").get("dependencies")


@pytest.mark.parametrize("path", TASK_FILES, ids=relative)
def test_a_file_of_tasks_is_one_stage(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= TASK_FILE_LINES


@pytest.mark.parametrize("path", PLAYBOOKS, ids=relative)
def test_a_playbook_is_a_list_of_roles(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= PLAYBOOK_LINES


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.name)
def test_every_inventory_links_to_the_one_declaration(inventory: Path) -> None:
    link = inventory / "group_vars/all/lifecycle.yml"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "inventory/declared/lifecycle.yml"


def strings(value: Any) -> Iterator[str]:
    """Every text in the content of a YAML file."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from strings(part)


def test_no_expression_means_a_newline_where_ansible_reads_a_backslash() -> None:
    """Only double quotes of YAML make one: in every other way of writing it, Ansible keeps the two characters."""
    files = [*PLAYBOOKS, *(ROOT / "roles").glob("*/[dhtv]*/**/*.yml"), *(ROOT / "inventory").rglob("*.yml")]
    texts = [(relative(path), text) for path in files for text in strings(load_yaml(path))]
    assert len(texts) > 1000
    assert [found for found in texts if re.search(r"""{{[^}]*(['"])\\n\1""", found[1])] == []


def test_every_source_file_states_its_licence() -> None:
    sources = [*(ROOT / "library").glob("*.py"), *(ROOT / "module_utils").rglob("*.py")]
    assert len(sources) >= 10
    texts = {relative(path): path.read_text(encoding="utf-8") for path in sources}
    statement = "SPDX-License-Identifier: GPL-3.0-or-later"
    assert [name for name, text in texts.items() if text and statement not in text] == []


def test_there_is_something_to_look_at() -> None:
    assert len(ROLES) >= 4
    assert len(TASK_FILES) >= len(ROLES)
    assert len(PLAYBOOKS) >= 4
    assert len(INVENTORIES) >= 1
