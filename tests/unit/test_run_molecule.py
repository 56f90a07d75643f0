"""Scenarios that start containers are told from those that do not, and never left out silently."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import build_base_image  # noqa: E402 - scripts/ is a folder of programs, not a package
import run_molecule  # noqa: E402
from docker_engine import EngineError  # noqa: E402


@contextmanager
def refuse() -> Iterator[str]:
    """An engine that cannot be had."""
    raise EngineError("No Docker engine answers.")
    yield ""


def test_only_scenarios_with_platforms_need_an_engine(tmp_path: Path) -> None:
    for name, platforms in {"contained": "[{name: host}]", "plain": "[]", "plainer": "null"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "molecule.yml").write_text(f"platforms: {platforms}\n")
    assert run_molecule.find_scenarios(tmp_path) == {"contained": True, "plain": False, "plainer": False}


def test_the_sandbox_needs_no_engine() -> None:
    assert run_molecule.find_scenarios(ROOT / "molecule")["sandbox"] is False


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (["default", "sandbox"], [])),
        (["sandbox"], (["sandbox"], [])),
        (["--destroy=never"], (["default", "sandbox"], ["--destroy=never"])),
        (["default", "--", "--destroy=never"], (["default"], ["--destroy=never"])),
    ],
)
def test_arguments_are_scenarios_or_molecules(arguments: list[str], expected: tuple[list[str], list[str]]) -> None:
    assert run_molecule.split_arguments(arguments, ["default", "sandbox"]) == expected


def test_scenarios_that_take_long_run_when_they_or_all_are_named() -> None:
    known = [*run_molecule.ON_REQUEST, "default"]
    assert set(run_molecule.ON_REQUEST) < set(run_molecule.find_scenarios(ROOT / "molecule"))
    assert run_molecule.split_arguments([], known) == (["default"], [])
    assert run_molecule.split_arguments(known, known) == (known, [])
    assert run_molecule.split_arguments(["all", "--debug"], known) == (known, ["--debug"])


def test_what_is_left_out_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WITHOUT_DOCKER", "1")
    monkeypatch.setattr(sys, "argv", ["run_molecule.py", "default"])
    assert run_molecule.main() == 0
    said = capsys.readouterr().err
    assert "LEFT OUT, because WITHOUT_DOCKER is set: default" in said
    assert 'NOT RUN, they run when they are named: make molecule ARGS="container docker_host pooler"' in said


class TestLanes:
    @pytest.fixture
    def molecule(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """A molecule that waits for another of its kind, and fails in the scenario that is called wrong."""
        script = """#!/bin/sh
        touch "$MEET/$4"; echo "this is $4"
        for _ in $(seq 100); do test "$(ls "$MEET" | wc -l)" -ge "$TOGETHER" && break; sleep 0.05; done
        test "$(ls "$MEET" | wc -l)" -ge "$TOGETHER" && test "$4" != wrong
        """
        (tmp_path / "molecule").write_text(script)
        (tmp_path / "molecule").chmod(0o755)
        (tmp_path / "meet").mkdir()
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return {"PATH": os.environ["PATH"], "MEET": str(tmp_path / "meet")}

    def test_two_scenarios_run_at_a_time(self, molecule: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        assert run_molecule.run_scenarios(["one", "two", "three"], [], {**molecule, "TOGETHER": "2"}) == 0
        said = capsys.readouterr().out
        assert all(f"this is {name}\n\n=== molecule {name} passed" in said for name in ("one", "two", "three"))

    def test_none_is_begun_after_one_has_failed(self, molecule: dict[str, str]) -> None:
        environment = {**molecule, "TOGETHER": "1", "MOLECULE_LANES": "1"}
        assert run_molecule.run_scenarios(["one", "wrong", "never"], [], environment) == 1
        assert sorted(os.listdir(molecule["MEET"])) == ["one", "wrong"]
        environment = {**molecule, "TOGETHER": "2"}
        assert run_molecule.run_scenarios(["wrong", "wrong", "never"], [], environment) == 1
        assert sorted(os.listdir(molecule["MEET"])) == ["one", "wrong"]


def test_without_an_engine_the_run_fails_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_molecule, "engine", refuse)
    assert run_molecule.run_in_containers(["default"], [], {}) == 1
    assert "WITHOUT_DOCKER=1" in capsys.readouterr().err


class TestImageName:
    @pytest.fixture
    def recipe(self, tmp_path: Path) -> Path:
        """A recipe of two files."""
        (tmp_path / "packages.txt").write_text("systemd\n")
        (tmp_path / "configure.sh").write_text("true\n")
        return tmp_path

    def test_stays_with_the_recipe(self, recipe: Path) -> None:
        assert build_base_image.name_image(recipe, "") == build_base_image.name_image(recipe, "")

    @pytest.mark.parametrize("file", ["packages.txt", "configure.sh", "another.txt"])
    def test_changes_with_every_file(self, recipe: Path, file: str) -> None:
        before = build_base_image.name_image(recipe, "")
        (recipe / file).write_text("something else\n")
        assert build_base_image.name_image(recipe, "") != before

    def test_changes_with_the_origin(self, recipe: Path) -> None:
        assert build_base_image.name_image(recipe, "") != build_base_image.name_image(recipe, "debian:trixie")


def test_a_failing_program_is_told_with_its_words() -> None:
    with pytest.raises(build_base_image.BuildError, match="no such thing"):
        build_base_image.run("sh", "-c", "echo no such thing >&2; exit 1")


def test_the_recipe_is_valid_shell() -> None:
    subprocess.run(["sh", "-n", str(build_base_image.RECIPE / "configure.sh")], check=True)
