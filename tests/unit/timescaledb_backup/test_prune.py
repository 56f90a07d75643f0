"""What is not kept goes, whole, and whatever happens meanwhile: what stays is whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from timescaledb_backup.config import Config, Keep
from timescaledb_backup.manifest import FILE
from timescaledb_backup.prune import plan_pruning, prune
from timescaledb_backup.shelf import Shelf
from timescaledb_backup.verify import verify_backup

from tests.unit.timescaledb_backup.builders import configure, names, put

KILLS = 20
OLD_ONES = 15
PARTS = 15
# Prunes, and kills itself before the given step of it; a step is a file or folder that is renamed or removed.
PROGRAM = """
import os, signal, sys, timescaledb_backup.config as c, timescaledb_backup.prune as p
steps = []
def count(event, _):
    if event in ("os.rename", "os.remove", "os.rmdir"):
        steps.append(event)
        if len(steps) == int(sys.argv[3]): os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
p.prune(c.Config("home", sys.argv[1], sys.argv[2], "/nonexistent", keep=c.Keep(2)))
print(len(steps))
"""


def test_what_is_not_kept_goes_the_oldest_first(tmp_path: Path) -> None:
    config = configure(tmp_path)
    for number in (1, 2, 3, 4):
        put(config, f"home-{number}", number)
    assert prune(config) == ["home-1", "home-2"]
    assert names(config) == ["home-3", "home-4"]
    assert prune(config) == []


def test_what_nobody_knows_is_not_deleted_and_not_counted(tmp_path: Path) -> None:
    config = configure(tmp_path, keep=Keep(1))
    for number in (1, 2, 3):
        put(config, f"home-{number}", number)
    (tmp_path / "backups" / "home-3" / FILE).write_text("{")
    kept, doomed = plan_pruning(config, Shelf(config.folder, "home").list_backups())
    assert doomed == ["home-1"]
    assert kept["home-3"] == "its manifest cannot be read"


def test_killed_at_any_moment_what_stays_is_whole_and_the_next_run_finishes(tmp_path: Path) -> None:
    config = configure(tmp_path)
    keepers = ["home-101", "home-102"]
    for number, name in enumerate(keepers, 101):
        put(config, name, number)
    fill_up(config)
    steps = int(run(config, 0).stdout)
    assert steps > OLD_ONES * PARTS
    assert names(config) == keepers
    for step in [1, *random.Random(7).sample(range(2, steps + 1), KILLS - 1)]:  # noqa: S311 - moments, no secret
        fill_up(config)
        assert run(config, step).returncode == -signal.SIGKILL
        found = names(config)
        assert found[-2:] == keepers
        for backup in Shelf(config.folder, "home").list_backups():
            assert backup.manifest is not None
            assert len(list(Path(backup.path).iterdir())) in (3, 3 + PARTS)
        Shelf(config.folder, "home").sweep()
        assert prune(config) == found[:-2]
        assert sorted(path.name for path in Path(config.folder).iterdir()) == keepers
    for backup in Shelf(config.folder, "home").list_backups():
        verify_backup(config, backup)


def fill_up(config: Config) -> None:
    """Have many old backups of many files each."""
    for number in range(1, OLD_ONES + 1):
        folder = put(config, f"home-{number:03}", number)
        for part in range(PARTS):
            (folder / f"{part}.dat").write_text("data")


def run(config: Config, step: int) -> subprocess.CompletedProcess[str]:
    """Prune in a process of its own, killed at this step."""
    folder = Path(sys.modules["timescaledb_backup"].__path__[0]).parent
    command = [sys.executable, "-c", PROGRAM, config.folder, config.state_folder, str(step)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(folder)})
