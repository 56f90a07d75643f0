"""No password is anywhere it could be read by somebody whom it does not concern."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def passwords(secrets: dict[str, str]) -> list[str]:
    """What to look for."""
    assert len(set(secrets.values())) == 3
    assert all(len(password) >= 20 and password.isalnum() for password in secrets.values())
    return list(secrets.values())


def test_the_engine_tells_none(inspected: dict[str, Any], scenario: dict[str, Any], passwords: list[str]) -> None:
    image = subprocess.run(["docker", "history", "--no-trunc", inspected["Image"]], capture_output=True, check=True)
    log = subprocess.run(["docker", "logs", scenario["container"]], capture_output=True, check=True)
    texts = [json.dumps(inspected), *(part.decode() for part in (image.stdout, log.stdout, log.stderr))]
    assert "POSTGRES_PASSWORD_FILE" in texts[0]
    assert [password for password in passwords for text in texts if password in text] == []


def test_none_is_an_argument_of_a_process(machine: Any, passwords: list[str]) -> None:
    processes = machine.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "postgres" in processes
    assert [password for password in passwords if password in processes] == []


def test_one_file_of_the_host_has_the_superusers_and_nobody_else_reads_it(
    folder: Path, secrets: dict[str, str], passwords: list[str]
) -> None:
    files = [path for path in (folder / "server").rglob("*") if path.is_file()]
    assert folder / "server/compose.yaml" in files
    holding = [path for path in files for password in passwords if password.encode() in path.read_bytes()]
    assert holding == [folder / "server/secrets/password"]
    assert holding[0].read_text(encoding="utf-8") == secrets["superuser"]
    assert holding[0].stat().st_mode & 0o777 == 0o600
    assert holding[0].parent.stat().st_mode & 0o777 == 0o700


def test_no_log_of_the_controller_holds_one(folder: Path, passwords: list[str]) -> None:
    logs = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("secrets.json", "password")]
    assert folder / "ansible.log" in logs
    assert [path for path in logs for password in passwords if password.encode() in path.read_bytes()] == []


def test_that_search_finds_one_that_is_there(folder: Path, passwords: list[str]) -> None:
    planted = folder / "planted"
    planted.write_text(f"noise {passwords[0]} noise", encoding="utf-8")
    try:
        with pytest.raises(AssertionError):
            test_no_log_of_the_controller_holds_one(folder, passwords)
    finally:
        planted.unlink()
