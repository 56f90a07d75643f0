# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with a server and the extension on it."""

from __future__ import annotations

from typing import Iterator

from ..timescaledb.capabilities import OLDEST, parse_version
from .model import NOTICE, Facts, Finding, Server

_SPARE_PROCESSES = 3
_LOCKS_A_CHUNK = 2


def look_at_extension(server: Server) -> Iterator[Finding]:
    """Yield what keeps TimescaleDB from being there: not installed, not loaded, not created, without its files."""
    if server.version is None and server.available is None:
        yield Finding(
            "extension_not_installed",
            "extension timescaledb is not found: TimescaleDB is not installed on the server",
            "pg_available_extensions does not list timescaledb",
            f"install the package for PostgreSQL {server.postgres // 10000} on the server, preload it "
            "(playbooks/install_server.yml does both), then run playbooks/create_database.yml",
        )
    elif server.background_workers is None and server.license is None:
        yield Finding(
            "extension_not_preloaded",
            "extension timescaledb cannot be used: the server does not preload its library",
            "no parameter timescaledb.max_background_workers is known to the server",
            "add timescaledb to shared_preload_libraries and restart the server, as playbooks/install_server.yml does",
        )
    elif server.version is None:
        yield Finding(
            "extension_not_created",
            f"extension timescaledb is not found in database {server.database}: it was not created there",
            f"pg_extension of database {server.database} does not list it; version {server.available} is installed",
            "run playbooks/create_database.yml, or CREATE EXTENSION timescaledb in this very database",
        )
    elif not server.files:
        yield Finding(
            "extension_without_files",
            f"database {server.database} uses TimescaleDB {server.version}, whose files are not on the server",
            f"pg_available_extension_versions does not list {server.version}; {server.available} is the newest",
            f"install the package of version {server.version}, or ALTER EXTENSION timescaledb UPDATE as the first "
            "statement of psql -X",
        )
    elif parse_version(server.version) < OLDEST:
        yield Finding(
            "extension_too_old",
            f"TimescaleDB {server.version} is older than what this project works with",
            f"database {server.database} has extension version {server.version}",
            "back up, install a newer version, and update the extension",
        )


def look_at_server(facts: Facts) -> Iterator[Finding]:
    """Yield what makes a server with TimescaleDB do nothing by itself, or run out of something."""
    server = facts.server
    if server.restoring == "on":
        yield Finding(
            "restoring",
            f"database {server.database} is in restoring mode: no job runs, and inserts go astray",
            "timescaledb.restoring is on",
            "finish the restore with SELECT timescaledb_post_restore(), or drop the database if it is not whole",
        )
    if server.standby:
        yield Finding(
            "standby",
            "the server is a standby: it runs no jobs and takes no changes",
            "pg_is_in_recovery() is true",
            "ask the primary server",
            NOTICE,
        )
    yield from _look_at_workers(server)
    needed = _LOCKS_A_CHUNK * facts.chunks
    if needed > server.lock_slots:
        yield Finding(
            "lock_table_small",
            'the lock table is small for so many chunks; "out of shared memory" is what one will see',
            f"{facts.chunks} chunks may need {needed} locks, there is room for {server.lock_slots}",
            "raise max_locks_per_transaction and restart, or make chunks longer",
            NOTICE,
        )


def _look_at_workers(server: Server) -> Iterator[Finding]:
    workers = server.background_workers
    if workers is None:
        return
    least = _SPARE_PROCESSES + workers + server.parallel_workers
    if workers and server.worker_processes < least:
        yield Finding(
            "worker_shortage",
            'there are too few worker processes; "failed to start a background worker" is what the log will say',
            f"max_worker_processes is {server.worker_processes}, and {_SPARE_PROCESSES} + {workers} "
            f"(timescaledb.max_background_workers) + {server.parallel_workers} (max_parallel_workers) is {least}",
            f"set max_worker_processes to {least} and restart the server (the role timescaledb_host calculates it)",
            NOTICE,
        )
