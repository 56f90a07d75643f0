"""After the playbook has put the database back: it serves as before, its jobs run, what served is kept and closed."""

from __future__ import annotations

from typing import Any

import pytest
from server import Login, Server

pytestmark = pytest.mark.phase("restored")


def test_what_served_before_is_kept_and_closed(server: Server) -> None:
    kept = server.rows("SELECT datname, datallowconn FROM pg_database WHERE datname LIKE 'aetherlens_before_%'")
    assert [row["datallowconn"] for row in kept] == [False]


def test_nothing_is_left_of_the_restore_itself(server: Server) -> None:
    assert server.rows("SELECT datname FROM pg_database WHERE datname LIKE '%_restoring_%'") == []
    assert server.value("SELECT current_setting('timescaledb.restoring')") == "off"


def test_the_application_logs_in_and_writes(login: Login) -> None:
    with login("molecule_writer") as connection:
        connection.execute(
            "INSERT INTO metrics (time, device_id, metric_type, value, unit)"
            " VALUES (now(), 'sample-plug', 'power', 1, 'W')"
        )


def test_the_reader_still_only_reads(login: Login) -> None:
    connection = login("molecule_reader")
    assert connection.execute("SELECT count(*) AS rows FROM devices").fetchone() == {"rows": 5}
    assert not connection.execute("SELECT has_table_privilege('devices', 'UPDATE') AS may").fetchone()["may"]  # type: ignore[index]


@pytest.mark.edition("community")
def test_policies_are_released_and_run(server: Server) -> None:
    jobs = "FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL"
    assert server.value(f"SELECT bool_and(scheduled) {jobs}") is True
    server.execute(f"SELECT alter_job(job_id, next_start => now()) {jobs}")
    done = "SELECT count(*) = 6 FROM timescaledb_information.job_stats WHERE hypertable_name IS NOT NULL AND {}"
    assert server.wait_for(done.format("total_successes > 0"), 120)
    assert server.rows("SELECT * FROM timescaledb_information.job_errors WHERE job_id >= 1000") == []


def test_the_next_backup_is_made_and_proven(machine: Any) -> None:
    machine.check_output("systemctl start timescaledb-backup@aetherlens.service")
    machine.check_output("systemctl start timescaledb-backup-drill@aetherlens.service")
