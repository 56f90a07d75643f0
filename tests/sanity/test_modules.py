"""What modules document is what they accept: `validate-modules` and `ansible-doc` on every file in library/."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sanity.staging import ROOT, Finding, stage_collection, validate_modules

MODULES = sorted(path.stem for path in (ROOT / "library").glob("*.py"))
EXPECTED_MODULES = {
    "alembic_migration",
    "timescaledb_compression",
    "timescaledb_continuous_aggregate",
    "timescaledb_hypertable",
    "timescaledb_info",
    "timescaledb_lifecycle",
    "timescaledb_retention",
}
IGNORED = ROOT / "tests" / "sanity" / "ignore.txt"


def load_ignored() -> set[tuple[str, str]]:
    """The accepted findings, as (path, code); a line without its reason is an error."""
    accepted = set()
    for line in IGNORED.read_text(encoding="utf-8").splitlines():
        entry, _, reason = (part.strip() for part in line.partition("#"))
        if entry:
            assert reason, f"{IGNORED.name}: give the reason for accepting {entry}"
            path, code = entry.split()
            accepted.add((path, code))
    return accepted


def plant_undocumented_option(source: str) -> str:
    """Document an option that the module does not have."""
    planted = source.replace("\noptions:\n", "\noptions:\n  planted:\n    description: Not there.\n    type: int\n", 1)
    assert planted != source, "a module without options cannot be planted"
    return planted


@pytest.fixture(scope="module")
def documentation() -> dict[str, Any]:
    """Everything `ansible-doc` knows of the modules, by module."""
    run = subprocess.run(
        ["ansible-doc", "--json", "--type", "module", *MODULES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "WARNING" not in run.stderr, run.stderr
    content: dict[str, Any] = json.loads(run.stdout)
    return content


def test_the_modules_are_found() -> None:
    assert set(MODULES) >= EXPECTED_MODULES


def test_validate_modules_finds_nothing(tmp_path: Path) -> None:
    collection = stage_collection(tmp_path)
    assert len(list((collection / "plugins/modules").glob("*.py"))) == len(MODULES)
    ignored = load_ignored()
    findings = validate_modules(collection)
    assert [str(found) for found in findings if (found.path, found.code) not in ignored] == []
    assert ignored <= {(found.path, found.code) for found in findings}, f"{IGNORED.name} has lines for nothing"


def test_validate_modules_reports_a_mismatch_planted_in_each_module(tmp_path: Path) -> None:
    findings = validate_modules(stage_collection(tmp_path, plant_undocumented_option))
    found = {finding.path for finding in findings if is_about_planted_option(finding)}
    assert found == {f"library/{name}.py" for name in MODULES}


def is_about_planted_option(finding: Finding) -> bool:
    """Whether the finding says that the planted option is documented and not accepted."""
    return finding.code == "nonexistent-parameter-documented" and "planted" in finding.message


@pytest.mark.parametrize("name", MODULES)
class TestTheDocumentationOfEachModule:
    def test_is_rendered_with_every_option(self, name: str, documentation: dict[str, Any]) -> None:
        text = subprocess.run(
            ["ansible-doc", "--type", "module", name], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        options = documentation[name]["doc"]["options"]
        assert name in text
        assert [option for option in options if f"{option}" not in text] == []
        assert len(options) >= 1

    def test_says_how_check_mode_and_diff_behave(self, name: str, documentation: dict[str, Any]) -> None:
        attributes = documentation[name]["doc"].get("attributes", {})
        assert {"check_mode", "diff_mode"} <= attributes.keys()

    def test_lists_what_is_returned(self, name: str, documentation: dict[str, Any]) -> None:
        assert documentation[name]["return"]

    def test_shows_examples_that_use_existing_options(self, name: str, documentation: dict[str, Any]) -> None:
        tasks = [task for task in yaml.safe_load(documentation[name]["examples"]) if name in task]
        assert len(tasks) >= 1
        options = documentation[name]["doc"]["options"]
        unknown = [path for task in tasks for path in find_unknown_options(task[name] or {}, options)]
        assert unknown == []


def find_unknown_options(given: Mapping[str, Any], options: Mapping[str, Any], parent: str = "") -> Iterator[str]:
    """The dotted path of everything in `given` that `options` does not document."""
    for key, value in given.items():
        if key not in options:
            yield f"{parent}{key}"
            continue
        nested = options[key].get("suboptions")
        items = value if isinstance(value, list) else [value]
        for item in items:
            if nested and isinstance(item, Mapping):
                yield from find_unknown_options(item, nested, f"{parent}{key}.")


def test_an_example_with_an_unknown_option_is_found() -> None:
    options = {"items": {"suboptions": {"name": {}}}}
    assert list(find_unknown_options({"items": [{"name": "x", "nmae": "y"}], "sate": "present"}, options)) == [
        "items.nmae",
        "sate",
    ]
