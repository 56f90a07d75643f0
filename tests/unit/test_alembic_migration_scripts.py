"""Loading and rendering scripts, without a database."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.module_utils.alembic_migration.losses import find_losses
from ansible.module_utils.alembic_migration.plan import plan_way
from ansible.module_utils.alembic_migration.scripts import Scripts

from ansible.module_utils.timescaledb.errors import DeclarationError

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "files" / "migrations"
SCRIPT = """
from alembic import op
revision = "{revision}"
down_revision = {down!r}
def upgrade():
    {upgrade}
def downgrade():
    {downgrade}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped environment."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "100% own", ignore=shutil.ignore_patterns("__pycache__")))


def add(folder: Path, revision: str, down: str | None, upgrade: str = "pass", downgrade: str = "pass") -> None:
    text = SCRIPT.format(revision=revision, down=down, upgrade=upgrade, downgrade=downgrade)
    (folder / "versions" / f"{revision}_{len(list((folder / 'versions').iterdir()))}.py").write_text(text)


def render(folder: Path, command: str, wanted: str, *applied: str) -> str:
    scripts = Scripts(str(folder))
    return scripts.render(plan_way(scripts.history, command, wanted, applied))


def new_revision(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "new_revision.py"), name, "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_shipped_revisions_are_numbered_without_gaps_and_named_after_their_files() -> None:
    scripts = Scripts(str(SHIPPED))
    numbers = [revision.name for revision in scripts.history]
    assert numbers == [f"{number:03}" for number in range(1, len(numbers) + 1)]
    files = sorted(path.name for path in (SHIPPED / "versions").glob("*.py"))
    assert [name.split("_")[0] for name in files] == numbers
    assert all(revision.message for revision in scripts.history)


def test_a_script_renders_as_sql_without_a_database() -> None:
    sql = render(SHIPPED, "upgrade", "002", "001")
    assert "CREATE TABLE metrics" in sql
    assert "COMMENT ON COLUMN metrics.time" in sql
    assert "UPDATE alembic_version SET version_num='002'" in sql
    assert "CREATE TABLE devices" not in sql


def test_every_shipped_revision_undoes_itself_and_says_what_it_drops() -> None:
    sql = render(SHIPPED, "downgrade", "base", "003")
    tables = {loss.table for loss in find_losses(sql)}
    assert tables == {"metrics", "devices", "users", "api_tokens", "rate_schedules", "alerts", "plugins"}


def test_loading_leaves_no_compiled_files_behind(folder: Path) -> None:
    render(folder, "upgrade", "head")
    assert not list(folder.rglob("__pycache__"))


def test_two_scripts_with_one_number_are_refused(folder: Path) -> None:
    add(folder, "003", "002")
    with pytest.raises(DeclarationError, match="Revision 003 is present more than once"):
        Scripts(str(folder))


def test_two_heads_are_refused_by_name(folder: Path) -> None:
    add(folder, "004", "003")
    add(folder, "005", "003")
    with pytest.raises(DeclarationError, match=r"several heads \(004, 005\)"):
        render(folder, "upgrade", "head")


def test_a_gap_is_refused(folder: Path) -> None:
    add(folder, "009", "008")
    with pytest.raises(DeclarationError, match="script_location"):
        Scripts(str(folder))


@pytest.mark.parametrize("line", ["import not_installed", "def broken(:", "raise RuntimeError('no')"])
def test_a_script_that_cannot_be_loaded_is_one_sentence(folder: Path, line: str) -> None:
    (folder / "versions" / "004_broken.py").write_text(line + "\n")
    with pytest.raises(DeclarationError, match=r"a script in .* failed with"):
        Scripts(str(folder))


def test_a_script_that_asks_the_database_cannot_be_rendered_and_is_named(folder: Path) -> None:
    add(folder, "004", "003", upgrade="op.get_bind().exec_driver_sql('SELECT 1').scalar()")
    with pytest.raises(DeclarationError, match=r"revision 004 in .* failed with"):
        render(folder, "upgrade", "head", "003")


def test_an_environment_that_runs_nothing_is_told(folder: Path) -> None:
    (folder / "env.py").write_text("")
    with pytest.raises(DeclarationError, match="runs no migrations"):
        render(folder, "upgrade", "head")


def test_a_folder_without_an_environment_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"script_location: .* holds no env\.py"):
        Scripts(str(tmp_path))


def test_what_scripts_print_does_not_reach_the_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder, "004", "003", upgrade="print('hello')")
    render(folder, "upgrade", "head")
    assert "hello" not in capsys.readouterr().out


def test_a_new_revision_takes_the_next_number_and_follows_the_last(folder: Path) -> None:
    for number, name in ((4, "Add rooms"), (5, "drop-models")):
        run = new_revision(folder, name)
        assert run.returncode == 0, run.stderr
        assert Path(run.stdout.strip()).name == f"{number:03}_{name.lower().replace(' ', '_').replace('-', '_')}.py"
    history = Scripts(str(folder)).history
    assert [(one.name, one.message, one.parents) for one in history[-2:]] == [
        ("004", "Add rooms", ("003",)),
        ("005", "Drop models", ("004",)),
    ]


def test_a_new_revision_does_nothing_silently(folder: Path) -> None:
    new_revision(folder, "add_rooms")
    with pytest.raises(DeclarationError, match=r"revision 004 in .* failed.*: write what changes"):
        render(folder, "upgrade", "head", "003")


@pytest.mark.parametrize("name", ["", "1st", "add/rooms", "rööms", "../escape"])
def test_a_bad_name_for_a_revision_is_refused(folder: Path, name: str) -> None:
    before = sorted((folder / "versions").glob("*.py"))
    run = new_revision(folder, name)
    assert run.returncode == 2
    assert "is no name for a revision" in run.stderr
    assert sorted((folder / "versions").glob("*.py")) == before
