"""Services and timers: they are sound, they fire, they make up for what was missed, and failures are told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

SERVICES = ["timescaledb-backup@aetherlens", "timescaledb-backup-drill@aetherlens"]
NOTIFY = "timescaledb-backup-notify-aetherlens@x"
MAKE, DRILL = SERVICES
STATE = "/var/lib/timescaledb-backup/aetherlens"
FOLDER = "/var/backups/aetherlens"
RECEIVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open("/var/local/molecule-alert.json", "wb").write(body)
        self.send_response(204); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", 8099), Handler).handle_request()
"""


def wait_for(condition: Callable[[], Any], seconds: float = 90) -> Any:
    """Wait until something is so; return it."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(1)
    return answer


@pytest.fixture(scope="module")
def listed(machine: Any) -> Callable[[], list[dict[str, Any]]]:
    """What the program lists."""

    def ask() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(
            machine.check_output("runuser -u postgres -- timescaledb-backup --database aetherlens list --json")
        )
        return rows

    return ask


@pytest.fixture
def timer(machine: Any) -> Iterator[str]:
    """The timer of the backup, which is afterwards as it was."""
    drop_in = f"/run/systemd/system/{MAKE}.timer.d"
    yield drop_in
    machine.check_output(f"rm -rf '{drop_in}' && systemctl daemon-reload && systemctl restart '{MAKE}.timer'")


@pytest.mark.parametrize(
    "name", [*(f"{name}.{kind}" for name in SERVICES for kind in ("service", "timer")), f"{NOTIFY}.service"]
)
def test_a_unit_has_nothing_that_systemd_would_ignore(machine: Any, name: str) -> None:
    result = machine.run(f"systemd-analyze verify --man=no '{name}'")
    assert (result.rc, result.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_exposed_to_little(machine: Any, name: str) -> None:
    result = machine.run(f"systemd-analyze security --no-pager --threshold=20 '{name}.service'")
    assert result.rc == 0, result.stdout[-300:]


@pytest.mark.parametrize("name", SERVICES)
def test_a_timer_waits_for_its_time(machine: Any, name: str) -> None:
    assert machine.check_output(f"systemctl is-enabled '{name}.timer'") == "enabled"
    assert machine.check_output(f"systemctl is-active '{name}.timer'") == "active"
    assert machine.check_output(f"systemctl show --property=NextElapseUSecRealtime --value '{name}.timer'")


def test_a_backup_is_made_and_proven_by_its_services(machine: Any, listed: Callable[[], list[dict[str, Any]]]) -> None:
    before = len(listed())
    machine.check_output(f"systemctl start '{MAKE}.service'")
    assert len(listed()) == before + 1
    assert listed()[-1]["verdict"] == "not proven"
    machine.check_output(f"systemctl start '{DRILL}.service'")
    assert listed()[-1]["verdict"] == "proven"


def test_monitoring_reads_how_old_the_last_proven_backup_is(
    machine: Any, listed: Callable[[], list[dict[str, Any]]]
) -> None:
    status = json.loads(machine.check_output(f"runuser -u nobody -- cat {STATE}/status.json"))
    assert status["last_proven"]["name"] == status["last_backup"]["name"] == listed()[-1]["name"]
    assert 0 <= status["last_proven"]["age_seconds"] < 3600


def test_a_manifest_knows_what_was_declared(machine: Any, listed: Callable[[], list[dict[str, Any]]]) -> None:
    manifest = json.loads(machine.check_output(f"cat {FOLDER}/{listed()[-1]['name']}/manifest.json"))
    assert [table["name"] for table in manifest["declared"]["hypertables"]] == ["metrics"]
    assert manifest["alembic_revision"]
    assert manifest["census"]["tables"]["public.devices"] == {"rows": 5}
    assert sum(chunk["rows"] for name, chunk in manifest["census"]["chunks"].items() if "metrics [" in name) > 100000


@pytest.mark.parametrize(
    ("path", "mode"),
    [(FOLDER, "700 postgres"), (STATE, "755 postgres"), ("/etc/timescaledb-backup/aetherlens.json", "640 root")],
)
def test_files_are_readable_by_whom_they_concern(machine: Any, path: str, mode: str) -> None:
    assert machine.check_output(f"stat --format='%a %U' {path}") == mode


def test_everything_in_a_backup_is_the_backups_own(machine: Any) -> None:
    assert machine.check_output(f"find {FOLDER} -mindepth 1 -perm /077") == ""


def test_a_timer_fires(machine: Any, timer: str, listed: Callable[[], list[dict[str, Any]]]) -> None:
    newest = listed()[-1]["name"]
    content = "[Timer]\\nOnCalendar=\\nOnCalendar=*:*:0/5\\nAccuracySec=1s\\n"
    machine.check_output(f"mkdir -p '{timer}' && printf '{content}' > '{timer}/soon.conf'")
    machine.check_output(f"systemctl daemon-reload && systemctl restart '{MAKE}.timer'")
    wait_for(lambda: listed()[-1]["name"] != newest)


def test_a_backup_that_was_missed_is_made_up_for(
    machine: Any, timer: str, listed: Callable[[], list[dict[str, Any]]]
) -> None:
    wait_for(lambda: machine.run(f"systemctl is-active '{MAKE}.service'").stdout.strip() == "inactive")
    newest = listed()[-1]["name"]
    machine.check_output(f"systemctl stop '{MAKE}.timer'")
    machine.check_output(f"touch --date='3 days ago' '/var/lib/systemd/timers/stamp-{MAKE}.timer'")
    machine.check_output(
        f"mkdir -p '{timer}' && printf '[Timer]\\nAccuracySec=1s\\n' > '{timer}/soon.conf' && systemctl daemon-reload"
    )
    machine.check_output(f"systemctl start '{MAKE}.timer'")
    wait_for(lambda: listed()[-1]["name"] != newest)


def test_a_failure_is_told_by_exit_code_journal_and_webhook(machine: Any) -> None:
    wait_for(lambda: machine.run(f"systemctl is-active '{MAKE}.service'").stdout.strip() == "inactive")
    machine.check_output("systemd-run --unit=molecule-receiver python3 -c %s", RECEIVER)
    machine.check_output(f"systemd-run --unit=molecule-holder runuser -u postgres -- flock {STATE}/lock sleep 60")
    wait_for(lambda: machine.run(f"runuser -u postgres -- flock --nonblock {STATE}/lock true").rc != 0)
    try:
        assert machine.run(f"systemctl start '{MAKE}.service'").rc != 0
        assert machine.check_output(f"systemctl show --property=ExecMainStatus --value '{MAKE}.service'") == "3"
        alert = json.loads(wait_for(lambda: machine.run("cat /var/local/molecule-alert.json").stdout))
    finally:
        machine.run("systemctl stop molecule-holder.service molecule-receiver.service")
        machine.run("systemctl reset-failed; rm -f /var/local/molecule-alert.json")
    assert (alert["unit"], alert["database"]) == (f"{MAKE}.service", "aetherlens")
    assert alert["last_proven"]["name"].startswith("aetherlens-")
    journal = machine.check_output(f"journalctl --no-pager --unit '{MAKE}.service'")
    assert "Another run is at work" in journal
    assert "Traceback" not in journal


def test_the_webhooks_address_is_nowhere_but_in_the_configuration(machine: Any) -> None:
    machine.run("journalctl --sync")
    found = machine.run(
        "grep -rlI molecule-secret-path /etc /usr/local /var/lib/timescaledb-backup /run/systemd /tmp"
    ).stdout
    assert found.split() == ["/etc/timescaledb-backup/aetherlens.json"]
    assert "molecule-secret-path" not in machine.check_output("journalctl --no-pager --quiet")
