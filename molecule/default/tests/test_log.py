"""What the server has logged since the last checks: everything Ansible did, and the workers, without an error.

The checks themselves provoke errors. So each session of checks notes where the log ends when it ends, and the next one
reads from there to where the log ended when that began.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from server import LogPart

# A server that is stopped or restarted says so to whom it disconnects; clients that come too early are told to wait.
ORDERLY = re.compile(
    r"terminating (connection|background worker \"[^\"]+\") due to administrator command"
    r"|the database system is (shutting down|starting up)"
)
# TimescaleDB would rather have text than varchar, of whatever length.
OPINION = re.compile(r"does not follow best practices")
# A job of the extension's own that the Apache edition has, does not have the code for, and does not let anybody stop.
APACHE = re.compile(r"\] ERROR: +functionality not supported under the current \"apache\" license")
SERIOUS = re.compile(r"\b(ERROR|FATAL|PANIC):")


def test_there_is_a_log(log: LogPart) -> None:
    assert len(log.lines) > 0 or log.begin > 0


def test_no_error_was_logged(log: LogPart, scenario: dict[str, Any]) -> None:
    expected = [ORDERLY, APACHE] if scenario["path"] == "distribution" else [ORDERLY]
    errors = [line for line in log.lines if SERIOUS.search(line)]
    assert [line for line in errors if not any(pattern.search(line) for pattern in expected)] == []


def test_no_warning_was_logged(log: LogPart) -> None:
    warnings = [line for line in log.lines if re.search(r"\bWARNING:", line)]
    assert [line for line in warnings if not OPINION.search(line)] == []


@pytest.mark.parametrize("word", ["listening on", "database system is ready", "connection authorized"])
def test_the_log_of_the_first_run_tells_what_happened(log: LogPart, word: str) -> None:
    assert log.begin > 0 or any(word in line for line in log.lines)
