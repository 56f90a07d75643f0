"""The small profile: the whole server, at work on the sample data with its policies running, fits into 512 MB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from server import Server

MEASURE = Path(__file__).with_name("measure_memory.py").read_text(encoding="utf-8")
LIMIT_MB = 512
QUERY = """
SELECT device_id, time_bucket(INTERVAL '1 day', time) AS day, avg(value), max(value), count(*)
FROM metrics GROUP BY device_id, day ORDER BY day, device_id
"""


def test_the_small_profile_stays_below_512_mb(
    server: Server, capsys: pytest.CaptureFixture[str], scenario: dict[str, Any]
) -> None:
    jobs = "" if scenario["path"] == "distribution" else due_jobs(server)
    command = "python3 -c %s %s %s %s"
    result = server.shell.run(command, MEASURE, server.database, QUERY, jobs)
    assert result.rc == 0, result.stderr
    found = json.loads(result.stdout)
    with capsys.disabled():
        print(f"\nmemory of the server: {found['peak_mb']:.0f} MB at most, in {found['processes']} processes")  # noqa: T201
    assert found["processes"] >= 8
    assert found["peak_mb"] < LIMIT_MB


def due_jobs(server: Server) -> str:
    """A statement that makes every policy due now."""
    jobs = "FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL"
    assert server.value(f"SELECT count(*) {jobs}") == 6
    return f"SELECT alter_job(job_id, next_start => now()) {jobs}"
