"""The checks of this project notice what they are there to notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
README = "# Role\n\nBy hand.\n\n<!-- variables:begin -->\n<!-- variables:end -->\n\nMore by hand.\n"
OPTIONS = {
    "demo_port": {"type": "int", "description": ["Where it listens.", "Loopback | only."]},
    "demo_mode": {"type": "str", "choices": ["fast", "safe"], "description": "How it works."},
    "demo_rooms": {
        "type": "list",
        "elements": "dict",
        "description": "The rooms.",
        "options": {
            "name": {"type": "str", "required": True, "description": "What it is called."},
            "floor": {"type": "int", "default": 0, "description": "Where it is."},
        },
    },
    "demo_token": {"type": "str", "required": True, "description": "Who may enter."},
}
DEFAULTS = {"demo_port": 54320, "demo_mode": "", "demo_rooms": [{"name": "hall"}]}
TABLE = """\
| Variable | Type | Default | Meaning |
|---|---|---|---|
| `demo_port` | int | `54320` | Where it listens. Loopback \\| only. |
| `demo_mode` | str: `fast`, `safe` | `""` | How it works. |
| `demo_rooms` | list of dict | `[{name: hall}]` | The rooms. |
| `demo_rooms.name` | str | required | What it is called. |
| `demo_rooms.floor` | int | `0` | Where it is. |
| `demo_token` | str | required | Who may enter. |
"""


@pytest.fixture
def role(tmp_path: Path) -> Path:
    """A role with a README whose table has not been written yet, in a checkout of its own."""
    path = tmp_path / "roles" / "demo"
    for folder in ("tasks", "meta", "defaults"):
        (path / folder).mkdir(parents=True)
    write_yaml(path / "meta/argument_specs.yml", {"argument_specs": {"main": {"options": OPTIONS}}})
    write_yaml(path / "defaults/main.yml", DEFAULTS)
    (path / "README.md").write_text(README, encoding="utf-8")
    return path


def write_yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def run_script(name: str, role: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / name), "--root", str(role.parents[1]), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class TestBuildDocs:
    def test_writes_the_table_between_the_markers_and_leaves_the_rest(self, role: Path) -> None:
        run = run_script("build_docs.py", role)
        assert (run.returncode, run.stdout) == (0, "wrote roles/demo/README.md\n")
        expected = README.replace("begin -->\n", f"begin -->\n{TABLE}")
        assert (role / "README.md").read_text(encoding="utf-8") == expected

    def test_writes_nothing_the_second_time(self, role: Path) -> None:
        run_script("build_docs.py", role)
        assert run_script("build_docs.py", role).stdout == ""
        assert run_script("build_docs.py", role, "--check").returncode == 0

    def test_checking_names_a_stale_file_and_does_not_write_it(self, role: Path) -> None:
        run = run_script("build_docs.py", role, "--check")
        assert run.returncode == 1
        assert "roles/demo/README.md: its table is stale, run `make docs`" in run.stderr
        assert (role / "README.md").read_text(encoding="utf-8") == README

    def test_a_changed_default_makes_the_table_stale(self, role: Path) -> None:
        run_script("build_docs.py", role)
        write_yaml(role / "defaults/main.yml", {**DEFAULTS, "demo_port": 1})
        assert run_script("build_docs.py", role, "--check").returncode == 1

    def test_missing_markers_are_reported(self, role: Path) -> None:
        (role / "README.md").write_text("# Role\n", encoding="utf-8")
        run = run_script("build_docs.py", role)
        assert run.returncode == 1
        assert "roles/demo/README.md: put the two markers" in run.stderr

    def test_a_missing_readme_is_reported(self, role: Path) -> None:
        (role / "README.md").unlink()
        assert "roles/demo/README.md: missing" in run_script("build_docs.py", role).stderr


class TestLintRoleVariables:
    def test_passes_a_role_whose_files_agree(self, role: Path) -> None:
        run = run_script("lint_role_variables.py", role)
        assert (run.returncode, run.stdout) == (0, "variables of 1 role: specified and defaulted alike\n")

    @pytest.mark.parametrize(
        ("options", "defaults", "complaint"),
        [
            pytest.param({}, {"demo_extra": 1}, "demo_extra has a default and is missing from", id="unspecified"),
            pytest.param(
                {"demo_more": {"description": "x"}},
                {},
                "demo_more is specified, not required, and has no",
                id="no-default",
            ),
            pytest.param({}, {"demo_token": "x"}, "demo_token is required and yet has a default", id="both"),
            pytest.param(
                {"demo_port": {"default": 1, "description": "x"}},
                {},
                "demo_port writes its default a second",
                id="twice",
            ),
            pytest.param({"demo_port": {"type": "int"}}, {}, "demo_port has no description", id="undescribed"),
            pytest.param(
                {"demo_mode": {"description": "x", "options": {"depth": {}}}},
                {},
                "demo_mode.depth has no description",
                id="undescribed-nested",
            ),
        ],
    )
    def test_reports_a_disagreement(
        self, role: Path, options: dict[str, object], defaults: dict[str, object], complaint: str
    ) -> None:
        merged = {"argument_specs": {"main": {"options": {**OPTIONS, **options}}}}
        write_yaml(role / "meta/argument_specs.yml", merged)
        write_yaml(role / "defaults/main.yml", {**DEFAULTS, **defaults})
        run = run_script("lint_role_variables.py", role)
        assert run.returncode == 1
        assert [line for line in run.stdout.splitlines() if complaint in line] != []
        assert len(run.stdout.splitlines()) == 1

    def test_a_variable_that_roles_share_needs_no_default(self, role: Path) -> None:
        shared = {**OPTIONS, "login_host": {"description": "Set by the inventory."}}
        write_yaml(role / "meta/argument_specs.yml", {"argument_specs": {"main": {"options": shared}}})
        assert run_script("lint_role_variables.py", role).returncode == 0


class TestRunStages:
    def run(self, folder: Path, *stages: str) -> subprocess.CompletedProcess[str]:
        makefile = "one:\n\t@echo did one\ntwo:\n\t@exit 3\nthree:\n\t@echo did three\n"
        makefile += "slow:\n\t@sleep 1; echo did slow, after one\n"
        (folder / "Makefile").write_text(makefile, encoding="utf-8")
        command = ["bash", str(ROOT / "scripts/run_stages.sh"), *stages]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    def test_runs_all_and_says_how_long_each_took(self, tmp_path: Path) -> None:
        run = self.run(tmp_path, "one", "three")
        assert run.returncode == 0
        assert run.stdout.index("did one") < run.stdout.index("did three") < run.stdout.index("=== all passed")

    def test_runs_some_side_by_side_and_prints_one_after_the_other(self, tmp_path: Path) -> None:
        run = self.run(tmp_path, "slow+one", "three")
        assert run.returncode == 0
        said = [line for line in run.stdout.splitlines() if "did" in line or line.startswith("---")]
        assert said == ["--- slow", "did slow, after one", "--- one", "did one", "did three"]

    def test_fails_when_one_of_those_side_by_side_does(self, tmp_path: Path) -> None:
        run = self.run(tmp_path, "two+one", "three")
        assert run.returncode == 1
        assert "did one" in run.stdout
        assert "=== two+one FAILED" in run.stderr
        assert "did three" not in run.stdout

    def test_stops_at_the_first_failure_and_fails(self, tmp_path: Path) -> None:
        run = self.run(tmp_path, "one", "two", "three")
        assert run.returncode == 1
        assert "=== two FAILED" in run.stderr
        assert "did three" not in run.stdout
