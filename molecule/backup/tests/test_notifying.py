"""Word of a failure: its service is confined, and yet mail gets to where only the group of sendmail may write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

UNIT = "timescaledb-backup@aetherlens.service"
SERVICE = f"timescaledb-backup-notify-aetherlens@{UNIT}.service"
SENDMAIL, DROP, SPOOL = "/usr/sbin/sendmail", "/usr/local/sbin/molecule-drop", "/var/spool/molecule"
SCRIPT = f'#!/bin/sh\\n[ "$*" = "-t -i" ] && exec {DROP} {SPOOL}/mail > /dev/null\\n'


@pytest.fixture
def mail(machine: Any) -> Iterator[str]:
    """Where mail is dropped, the way of Postfix: by a program in whose group's name alone that can be done."""
    assert not machine.file(SENDMAIL).exists
    machine.check_output("groupadd --force --system molecule-drop")
    machine.check_output(f"install --directory --group=molecule-drop --mode=1730 {SPOOL}")
    machine.check_output(f"install --group=molecule-drop --mode=2755 /usr/bin/tee {DROP}")
    machine.check_output(f"printf '{SCRIPT}' > {SENDMAIL} && chmod 755 {SENDMAIL}")
    yield f"{SPOOL}/mail"
    machine.check_output(f"rm -r {SENDMAIL} {DROP} {SPOOL} && groupdel molecule-drop && systemctl reset-failed")


def test_the_service_is_exposed_to_little(machine: Any) -> None:
    result = machine.run(f"systemd-analyze security --no-pager --threshold=20 '{SERVICE}'")
    assert result.rc == 0, result.stdout[-300:]


def test_mail_is_told_also_if_the_webhook_is_not(machine: Any, mail: str) -> None:
    assert machine.run(f"systemctl start '{SERVICE}'").rc != 0
    lines = machine.file(mail).content_string.splitlines()
    assert lines[0] == "To: root@localhost"
    assert lines[1].startswith(f"Subject: {UNIT} failed on ")
    journal = machine.check_output(f"journalctl --no-pager --output=cat --unit '{SERVICE}'")
    assert "Not everybody was told: the webhook did not take it" in journal
    assert "Traceback" not in journal
