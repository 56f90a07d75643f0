"""No password is anywhere it could be read by somebody whom it does not concern."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FOLDERS = ["/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr/local", "/var", "/run"]  # noqa: S108 - only read
RECORD = "/var/local/molecule-processes.json"


@pytest.fixture(scope="module")
def needle(secrets: dict[str, str]) -> str:
    """What to look for: any of the passwords, as a pattern."""
    assert len(set(secrets.values())) >= 2
    assert all(len(password) >= 20 and password.isalnum() for password in secrets.values())
    return "|".join(secrets.values())


@pytest.fixture(scope="module")
def search(scenario: dict[str, Any], needle: str) -> Callable[[], list[str]]:
    """Finds the files that hold a password. It hands the passwords over on standard input, where nobody sees them."""
    grep = ["grep", "--recursive", "--devices=skip", "--files-with-matches", "--text", "--extended-regexp", "--file=-"]

    def run() -> list[str]:
        command = ["docker", "exec", "--interactive", scenario["container"], *grep, *FOLDERS]
        return subprocess.run(command, input=needle, capture_output=True, text=True, check=False).stdout.splitlines()

    return run


def test_no_file_of_the_server_holds_one(machine: Any, search: Callable[[], list[str]]) -> None:
    machine.run("journalctl --sync")
    assert search() == []


def test_that_search_finds_one_that_is_there(
    scenario: dict[str, Any], needle: str, search: Callable[[], list[str]]
) -> None:
    planted = "/var/local/molecule-planted"
    command = ["docker", "exec", "--interactive", scenario["container"]]
    subprocess.run([*command, "tee", planted], input=needle.split("|")[1], text=True, check=True, capture_output=True)
    try:
        assert search() == [planted]
    finally:
        subprocess.run([*command, "rm", planted], check=True)


def test_no_log_of_the_controller_holds_one(folder: Path, secrets: dict[str, str]) -> None:
    logs = [path for path in folder.rglob("*") if path.is_file() and path.name != "secrets.json"]
    assert folder / "ansible.log" in logs
    holding = [path for path in logs for password in secrets.values() if password.encode() in path.read_bytes()]
    assert holding == []


def test_no_process_ever_had_one_in_its_arguments(machine: Any, secrets: dict[str, str]) -> None:
    """A recorder has watched every run of Ansible on the server, see side_effects/record_processes.yml."""
    seen: list[str] = json.loads(machine.file(RECORD).content_string)
    assert any("postgres" in process for process in seen)
    assert [process for process in seen for password in secrets.values() if password in process] == []
