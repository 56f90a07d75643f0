"""Which steps lead from the sandbox as found to the sandbox as wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible.module_utils.timescaledb_sandbox.model import (
    FolderKind,
    Observed,
    Settings,
    Step,
    describe_found,
    describe_started,
    plan_absent,
    plan_started,
    plan_stopped,
)

WANTED = Settings(port=54320, database="aetherlens", queue_seconds=10.0, program="p" * 64, packages="q" * 64)
NOTHING = Observed(FolderKind.ABSENT)
STOPPED = Observed(FolderKind.SANDBOX, running=False, settings=WANTED, packages=WANTED.packages)
RUNNING = replace(STOPPED, running=True)


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        pytest.param(NOTHING, [Step.INSTALL, Step.START], id="nothing-there"),
        pytest.param(replace(NOTHING, node=False), [Step.NODE, Step.INSTALL, Step.START], id="no-node-there"),
        pytest.param(STOPPED, [Step.START], id="stopped"),
        pytest.param(RUNNING, [], id="as-wanted"),
        pytest.param(replace(RUNNING, node=False), [], id="as-wanted-and-node-gone"),
        pytest.param(replace(STOPPED, packages=None), [Step.INSTALL, Step.START], id="installation-interrupted"),
        pytest.param(replace(STOPPED, packages="old"), [Step.INSTALL, Step.START], id="stopped-with-old-packages"),
        pytest.param(replace(RUNNING, settings=None), [Step.STOP, Step.START], id="settings-lost"),
        *(
            pytest.param(
                replace(RUNNING, settings=replace(WANTED, **{name: value})), [Step.STOP, Step.START], id=f"other-{name}"
            )
            for name, value in {"port": 1, "database": "x", "queue_seconds": 1.0, "program": "old"}.items()
        ),
        pytest.param(
            replace(RUNNING, settings=replace(WANTED, packages="old"), packages="old"),
            [Step.STOP, Step.INSTALL, Step.START],
            id="other-packages",
        ),
    ],
)
def test_a_start_takes_these_steps(found: Observed, steps: list[Step]) -> None:
    assert plan_started(WANTED, found) == steps


@pytest.mark.parametrize(
    ("found", "to_stop", "to_erase"),
    [
        pytest.param(NOTHING, [], [], id="nothing-there"),
        pytest.param(STOPPED, [], [Step.ERASE], id="stopped"),
        pytest.param(RUNNING, [Step.STOP], [Step.STOP, Step.ERASE], id="running"),
    ],
)
def test_an_end_takes_these_steps(found: Observed, to_stop: list[Step], to_erase: list[Step]) -> None:
    assert (plan_stopped(found), plan_absent(found)) == (to_stop, to_erase)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        pytest.param(NOTHING, {"state": "absent"}, id="nothing-there"),
        pytest.param(STOPPED, {"state": "stopped"}, id="stopped"),
        pytest.param(RUNNING, describe_started(WANTED), id="running"),
    ],
)
def test_a_diff_shows_what_was_found(found: Observed, shown: dict[str, object]) -> None:
    assert describe_found(found) == shown
