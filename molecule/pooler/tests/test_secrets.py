"""No password is anywhere it could be read by somebody whom it does not concern."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDERS = ["/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr/local", "/var", "/run"]  # noqa: S108 - only read
RECORD = "/var/local/molecule-processes.json"
# What this machine invents for itself, and where that is kept.
MADE = {"/etc/pgadmin/password": {"/etc/pgadmin/password"}}


@pytest.fixture(scope="module")
def passwords(machine: Any, secrets: dict[str, str]) -> dict[str, str]:
    """Every password there is: those of the inventory by name, and those made on the machine by path."""
    found = secrets | {path: machine.file(path).content_string for path in MADE}
    assert len(set(found.values())) == len(found) == 3
    assert all(len(password) >= 20 and password.isalnum() for password in found.values())
    return found


def search(container: str, password: str) -> set[str]:
    """The files that hold a password, which is handed over on standard input, where nobody sees it."""
    grep = ["grep", "--recursive", "--devices=skip", "--files-with-matches", "--text", "--fixed-strings", "--file=-"]
    command = ["docker", "exec", "--interactive", container, *grep, *FOLDERS]
    return set(subprocess.run(command, input=password, capture_output=True, text=True, check=False).stdout.splitlines())


def test_no_file_holds_one_but_where_it_was_made(
    machine: Any, scenario: dict[str, Any], passwords: dict[str, str]
) -> None:
    machine.run("journalctl --sync")
    for name, password in passwords.items():
        assert search(scenario["container"], password) == MADE.get(name, set()), name


@pytest.mark.parametrize("path", MADE)
def test_where_it_was_made_only_root_can_read_it(machine: Any, path: str) -> None:
    assert (machine.file(path).user, machine.file(path).mode) == ("root", 0o600)


def test_no_log_of_the_controller_holds_one(folder: Path, passwords: dict[str, str]) -> None:
    logs = [path for path in folder.rglob("*") if path.is_file() and path.name != "secrets.json"]
    assert folder / "ansible.log" in logs
    holding = [path for path in logs for password in passwords.values() if password.encode() in path.read_bytes()]
    assert holding == []


def test_no_process_ever_had_one_in_its_arguments(machine: Any, passwords: dict[str, str]) -> None:
    """A recorder has watched every run of Ansible on the machine, see side_effects/record_processes.yml."""
    seen: list[str] = json.loads(machine.file(RECORD).content_string)
    assert any("pgbouncer" in process for process in seen)
    assert any("gunicorn" in process for process in seen)
    assert [process for process in seen for password in passwords.values() if password in process] == []
