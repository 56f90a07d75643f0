"""pgAdmin, for development: who reaches it, and in a real browser what is seen of the database."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from server import Server

EMAIL = "developer@pgadmin.localhost"


@pytest.fixture(scope="module")
def seen(machine: Any, scenario: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What Chromium on the machine shows; pictures of it are beside the scenario's other files."""
    asked = {
        "url": "http://localhost:5050",
        "email": EMAIL,
        "password": machine.file("/etc/pgadmin/password").content_string,
        "path": ["Servers", "aetherlens", "Databases", "aetherlens", "Schemas", "public", "Tables"],
        "table": "metrics",
        "folder": "/var/local/pictures",
    }
    inside = ["docker", "exec", "--interactive", scenario["container"]]
    command = [*inside, "timeout", "240", "python3", "/usr/local/sbin/browse_pgadmin.py"]
    result = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False)
    subprocess.run(
        ["docker", "cp", f"{scenario['container']}:/var/local/pictures", str(folder)],
        check=False,
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    found: dict[str, Any] = json.loads(result.stdout)
    return found


class TestItsSystem:
    def test_runs_and_comes_back_after_a_reboot(self, machine: Any) -> None:
        service = machine.service("pgadmin")
        assert service.is_running
        assert service.is_enabled

    def test_listens_on_the_loopback_address_only(self, machine: Any) -> None:
        lines = machine.check_output("ss --listening --tcp --numeric --no-header").splitlines()
        assert [line.split()[3] for line in lines if line.split()[3].endswith(":5050")] == ["127.0.0.1:5050"]

    def test_its_unit_has_no_mistake_and_is_confined(self, machine: Any) -> None:
        result = machine.run("systemd-analyze verify --man=no pgadmin.service")
        assert (result.rc, result.stderr) == (0, "")
        confined = machine.run("systemd-analyze security --no-pager --threshold=20 pgadmin.service")
        assert confined.rc == 0, confined.stdout[-300:]

    def test_its_program_is_not_its_own_to_change(self, machine: Any) -> None:
        result = machine.run("runuser -u pgadmin -- find /opt/pgadmin /etc/pgadmin -writable -not -type l")
        assert result.stdout == ""

    @pytest.mark.parametrize(("path", "mode"), [("/var/lib/pgadmin", 0o700), ("/var/lib/pgadmin/pgadmin4.db", 0o600)])
    def test_its_data_is_its_own(self, machine: Any, path: str, mode: int) -> None:
        assert (machine.file(path).user, machine.file(path).mode) == ("pgadmin", mode)

    def test_its_role_has_no_password_and_is_no_superuser(self, server: Server) -> None:
        rows = server.rows("SELECT rolsuper, rolcreaterole, rolpassword FROM pg_authid WHERE rolname = 'pgadmin'")
        assert rows == [{"rolsuper": False, "rolcreaterole": False, "rolpassword": None}]


@pytest.mark.phase("declared")
class TestInABrowser:
    def test_whoever_comes_has_to_log_in(self, seen: dict[str, Any]) -> None:
        assert "/login" in seen["login"]

    def test_the_server_is_there_and_asks_for_no_password(self, seen: dict[str, Any]) -> None:
        assert seen["passwords_asked"] == 0

    def test_the_table_is_shown_with_its_rows(self, seen: dict[str, Any], server: Server) -> None:
        assert len(seen["rows"]) >= 5
        columns = [
            row["name"]
            for row in server.rows(
                "SELECT attname AS name FROM pg_attribute WHERE attrelid = 'metrics'::regclass AND attnum > 0"
            )
        ]
        assert len(columns) >= 4
        headings = " ".join(seen["headings"])
        assert [column for column in columns if column not in headings] == []
        devices = {row["id"] for row in server.rows("SELECT DISTINCT device_id::text AS id FROM metrics")}
        assert all(devices & set(row) for row in seen["rows"])


def test_a_wrong_password_does_not_get_in(machine: Any) -> None:
    program = """
import http.cookiejar, re, sys, urllib.parse, urllib.request
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
page = opener.open("http://127.0.0.1:5050/login").read().decode()
token = re.search(r'csrfToken[^A-Za-z0-9]+([A-Za-z0-9_.-]{40,})', page).group(1)
form = {"email": "developer@pgadmin.localhost", "password": "not the password", "csrf_token": token,
        "internal_button": "Login"}
answer = opener.open("http://127.0.0.1:5050/authenticate/login", urllib.parse.urlencode(form).encode())
print(answer.geturl())
print(opener.open("http://127.0.0.1:5050/browser/").geturl())
"""
    result = machine.run("python3 -c %s", program)
    assert result.rc == 0, result.stderr
    assert all("/login" in line for line in result.stdout.splitlines()), result.stdout
