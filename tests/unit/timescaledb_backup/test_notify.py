"""Who is told of a failure is told what failed, where and why; who cannot be reached does not keep others from it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from timescaledb_backup import notify
from timescaledb_backup.config import Config, Notify
from timescaledb_backup.errors import BackupError
from timescaledb_backup.status import write_status

from tests.unit.timescaledb_backup.builders import configure, put

UNIT = "timescaledb-backup@home.service"


class Webhook(BaseHTTPRequestHandler):
    """Keeps what it is sent; refuses it where the path says so."""

    received: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append({"type": self.headers["Content-Type"], "body": body})
        self.send_response(500 if self.path == "/broken" else 204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base
        """Say nothing."""


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the webhook was sent."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(Webhook, "received", found, raising=False)
    return found


@pytest.fixture
def address(received: list[dict[str, Any]]) -> Iterator[str]:
    """Of a webhook."""
    assert received == []
    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def sendmail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of sendmail; what it was called with and given is in the file beside it."""
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; }} > {tmp_path}/mail\n')
    program.chmod(0o755)
    monkeypatch.setattr(notify, "SENDMAIL", str(program))
    return program


def configure_failure(folder: Path, **whom: str) -> Config:
    """Somebody to tell of the failure that is in the status."""
    config = configure(folder, notify=Notify(**whom))
    put(config, "home-1", 1)
    write_status(config, "The disk is full.", "make")
    return config


def test_a_webhook_takes_it_as_json(tmp_path: Path, address: str, received: list[dict[str, Any]]) -> None:
    text = notify.notify(configure_failure(tmp_path, webhook=f"{address}/hook"), UNIT)
    assert text.startswith(f"{UNIT} failed on ")
    assert text.endswith(": The disk is full.")
    (sent,) = received
    assert sent["type"] == "application/json"
    assert sent["body"]["unit"] == UNIT
    assert sent["body"]["database"] == "home"
    assert sent["body"]["message"] == "The disk is full."
    assert sent["body"]["last_backup"]["name"] == "home-1"
    assert sent["body"]["last_proven"] is None


def test_mail_has_one_line_of_subject_and_all_details(tmp_path: Path, sendmail: Path) -> None:
    config = configure_failure(tmp_path, mail="ops@example.org")
    notify.notify(config, "unit\nBcc: somebody@example.org")
    options, *lines = (sendmail.parent / "mail").read_text().splitlines()
    assert options == "-t -i"
    head = lines[: lines.index("")]
    assert head[0] == "To: ops@example.org"
    assert head[1].startswith("Subject: unit Bcc: somebody@example.org failed on ")
    assert len(head) == 2
    assert 'message: "The disk is full."' in lines


def test_a_unit_that_left_no_reason_points_to_the_journal(tmp_path: Path) -> None:
    assert notify.notify(configure(tmp_path), UNIT).endswith("its journal says why.")


def test_who_cannot_be_reached_is_told_of_without_the_address_and_the_others_are_reached(
    tmp_path: Path, sendmail: Path, address: str, received: list[dict[str, Any]]
) -> None:
    config = configure_failure(tmp_path, webhook=f"{address}/broken", mail="ops@example.org")
    with pytest.raises(BackupError, match="Not everybody was told: the webhook did not take it") as caught:
        notify.notify(config, UNIT)
    assert address not in str(caught.value)
    assert len(received) == 1
    assert (sendmail.parent / "mail").exists()


def test_without_a_mailer_that_is_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "SENDMAIL", str(tmp_path / "none"))
    with pytest.raises(BackupError, match=r"there is no .*/none to send mail to ops@example.org with"):
        notify.notify(configure_failure(tmp_path, mail="ops@example.org"), UNIT)


def test_a_mailer_that_fails_is_quoted(tmp_path: Path, sendmail: Path) -> None:
    sendmail.write_text("#!/bin/sh\necho no such relay >&2; exit 75\n")
    with pytest.raises(BackupError, match=r"sendmail failed \(exit code 75\): no such relay"):
        notify.notify(configure_failure(tmp_path, mail="ops@example.org"), UNIT)
