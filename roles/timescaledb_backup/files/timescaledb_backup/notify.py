# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody is told that a run failed: by a webhook, by mail, or both."""

from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, List

from . import files
from .config import Config
from .errors import BackupError
from .status import read_status

SENDMAIL = "/usr/sbin/sendmail"
SECONDS = 20.0


def notify(config: Config, unit: str) -> str:
    """Tell everybody who is configured that a unit failed; what was told. Raises BackupError if one was not reached."""
    message = compose(config, unit)
    text = f"{message['unit']} failed on {message['host']}: {message['message']}"
    problems = []
    if config.notify.webhook:
        problems += _try(lambda address: _post(address, message), config.notify.webhook)
    if config.notify.mail:
        problems += _try(lambda address: _mail(address, text, message), config.notify.mail)
    if problems:
        raise BackupError(f"{text} Not everybody was told: {'; '.join(problems)}")
    return text


def compose(config: Config, unit: str) -> Dict[str, Any]:
    """What is told of the failure of a unit."""
    status = read_status(config)
    failure = status.get("last_failure") or {}
    return {
        "unit": unit,
        "host": socket.gethostname(),
        "database": config.database,
        "message": failure.get("message", "its journal says why."),
        "time": failure.get("time"),
        "last_backup": status.get("last_backup"),
        "last_proven": status.get("last_proven"),
    }


def _try(tell: Callable[[str], None], address: str) -> List[str]:
    try:
        tell(address)
    except (BackupError, OSError) as error:
        return [str(error)]
    return []


def _post(address: str, message: Dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - http(s), see config
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
            pass
    except urllib.error.URLError as error:
        # The address may hold a secret and is not told.
        raise BackupError(f"the webhook did not take it: {error.reason}") from None


def _mail(address: str, text: str, message: Dict[str, Any]) -> None:
    if not os.access(SENDMAIL, os.X_OK):
        raise BackupError(f"there is no {SENDMAIL} to send mail to {address} with")
    details = "\n".join(f"{key}: {json.dumps(value)}" for key, value in message.items())
    subject = " ".join(f"{message['unit']} failed on {message['host']}".split())
    files.run([SENDMAIL, "-t", "-i"], given=f"To: {address}\nSubject: {subject}\n\n{text}\n\n{details}\n")
