"""Whatever is asked and configured: one sentence and an exit code of the table, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import timescaledb_backup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from timescaledb_backup.cli import main
from timescaledb_backup.config import Config
from timescaledb_backup.files import lock
from timescaledb_backup.shelf import Shelf

from tests.unit.timescaledb_backup.builders import configure, names, put

CODES = range(7)
COMMANDS = ["make", "list", "verify", "drill", "restore", "globals", "prune", "status", "notify", "swap-back"]
WORDS = [*COMMANDS, "latest", "proven-latest", "home-1", "../home-1", "", "--json", "--dry-run", "--as", "--in-place",
         "--confirm", "--hold-jobs", "--jobs", "-1", "0", "x", "--help", "--identity", "home"]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A configuration on disk, and one backup; there is no PostgreSQL."""
    made = configure(tmp_path)
    put(made, "home-1", 1)
    (tmp_path / "home.json").write_text(json.dumps(content(made)))
    return made


def content(config: Config) -> dict[str, object]:
    return {
        "database": "home", "folder": config.folder, "state_folder": config.state_folder, "bindir": "/nonexistent",
        "format": "plain", "compression": "none", "keep": {"last": 1},
    }  # fmt: skip


def run(config: Config, *arguments: str) -> int:
    return main(["--config", f"{Path(config.folder).parent}/home.json", *arguments])


def test_lists_verifies_and_prints_globals(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "list", "--json") == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["home-1"]
    assert run(config, "list") == 0
    assert capsys.readouterr().out.split()[0] == "home-1"
    assert run(config, "verify") == 0
    assert capsys.readouterr().out == "home-1 is as it was made, to its last byte\n"
    assert run(config, "globals", "latest") == 0
    assert capsys.readouterr().out == "CREATE ROLE owner;\n"


def test_a_dry_run_deletes_nothing_and_says_what_would_go(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    put(config, "home-2", 2)
    assert run(config, "prune", "--dry-run") == 0
    assert capsys.readouterr().out == "home-1\n"
    assert names(config) == ["home-1", "home-2"]
    assert run(config, "prune") == 0
    assert names(config) == ["home-2"]


def test_each_kind_of_failure_has_its_code(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "verify", "home-9") == 2
    assert main(["--config", "/nonexistent/home.json", "list"]) == 2
    with lock(config.lock_file, "making a backup of home"):
        assert run(config, "prune") == 3
    (Path(config.folder) / "home-1" / "database.sql").write_text("other")
    assert run(config, "verify", "home-1") == 4
    assert run(config, "make") == 1
    told = capsys.readouterr().err.splitlines()
    assert told[1] == "/nonexistent/home.json cannot be read: No such file or directory."
    assert "Another run is at work: making a backup of home" in told[2]
    assert "home-1 is damaged: database.sql has 5 bytes instead of" in told[3]
    assert told[-1] == "/nonexistent/psql: No such file or directory."


def test_a_failure_of_making_is_noted_and_leaves_nothing(config: Config) -> None:
    assert run(config, "make") == 1
    status = json.loads((Path(config.state_folder) / "status.json").read_text())
    assert status["last_failure"]["command"] == "make"
    assert sorted(os.listdir(config.folder)) == ["home-1"]
    assert Shelf(config.folder, "home").find("latest").name == "home-1"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), max_size=6))
def test_any_command_line_ends_with_a_code_of_the_table(config: Config, words: list[str]) -> None:
    try:
        code = run(config, *words)
    except SystemExit as end:  # argparse
        code = int(end.code or 0)
    assert code in CODES


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(["", "/", "x", "plain", "zstd:3", "\0", "é"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["last", "kind", "x"]), inner),
    max_leaves=4,
)
KEYS = ["database", "format", "jobs", "keep", "offsite", "drill", "notify", "compression", "declared", "port", "other",
        "least_free_mb", "lock_wait_timeout", "encryption_recipients", "socket", "user"]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=2))
def test_any_configuration_is_taken_or_refused(config: Config, changes: dict[str, object]) -> None:
    path = Path(config.folder).parent / "changed.json"
    path.write_text(json.dumps({**content(config), **changes}))
    assert main(["--config", str(path), "list"]) in (0, 2)
    assert main(["--config", str(path), "prune", "--dry-run"]) in (0, 2)


@pytest.mark.parametrize("text", ["", "[", "[]", "3", "null", "\udcff", "[" * 100000])
def test_a_file_that_is_no_configuration_is_refused(config: Config, text: str) -> None:
    path = Path(config.folder).parent / "odd.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert main(["--config", str(path), "list"]) == 2


def test_a_reader_that_goes_away_is_no_traceback(config: Config) -> None:
    for number in range(2, 400):
        put(config, f"home-{number}", number)
    command = [sys.executable, "-m", "timescaledb_backup", "--config", f"{Path(config.folder).parent}/home.json"]
    folder = str(Path(timescaledb_backup.__file__).parents[1])
    with subprocess.Popen(
        [*command, "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PYTHONPATH": folder}
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
    assert "Traceback" not in said
    assert "Exception" not in said
