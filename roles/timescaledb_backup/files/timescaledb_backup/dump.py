# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's own programs write a database and its cluster's roles into files."""

from __future__ import annotations

import os
import re
from typing import List

from . import files
from .config import Config
from .errors import BackupError
from .session import connection_string

DATABASE = "database"
GLOBALS = "globals.sql"
ROLES = "roles.sql"
CUSTOM_FILE = "database.dump"
PLAIN_FILE = "database.sql"
PLAIN_SUFFIXES = {"gzip": ".gz", "none": ""}

# TimescaleDB's catalog refers to itself in circles, which pg_dump remarks about and which does not matter here.
HARMLESS = (
    "warning: there are circular foreign-key constraints on this table:",
    "detail: hypertable",
    "detail: chunk",
    "detail: continuous_agg",
    "hint: You might not be able to restore the dump without using --disable-triggers",
    "hint: Consider using a full dump instead of a --data-only dump",
)
CHANGED = "was emptied or written anew after the snapshot"
# Policies and migrations were at work on a table between the snapshot and the dump of it.
DISTURBED = re.compile(
    r"could not obtain lock on relation|canceling statement due to (lock|statement) timeout"
    rf'|could not open relation with OID|relation ".*" does not exist|{CHANGED}'
)


def choose_compression(config: Config) -> str:
    """The compression to use: what is configured, or the best that this pg_dump has."""
    if config.compression != "auto":
        return config.compression
    return "zstd:3" if config.format != "plain" and has_zstd(config) else "gzip:6"


def has_zstd(config: Config) -> bool:
    """Whether PostgreSQL's programs were built with zstd and can be told to use it.

    pg_dump looks at this option before it connects. So it is asked to connect to nowhere, and whether it comes so far.
    """
    command = [
        config.program("pg_dump"),
        "--compress=zstd",
        "--format=custom",
        "--file=/dev/null",
        "--host=/nonexistent",
        f"--username={config.user}",
    ]
    try:
        files.run(command)
    except BackupError as error:
        return "/nonexistent" in str(error) and "compress" not in str(error)
    return False


def major_version(config: Config) -> int:
    """The major version of PostgreSQL's programs."""
    said = files.run([config.program("pg_dump"), "--version"])
    found = re.search(r" (\d+)", said)
    if found is None:
        raise BackupError(f"{config.program('pg_dump')} says it is {said.strip()!r}, which is no version.")
    return int(found.group(1))


def name_dump(config: Config, compression: str) -> str:
    """The name of the file or folder that the dump is written to."""
    if config.format == "custom":
        return CUSTOM_FILE
    if config.format == "directory":
        return DATABASE
    return PLAIN_FILE + PLAIN_SUFFIXES[compression.partition(":")[0]]


def dump_command(config: Config, folder: str, snapshot: str, compression: str) -> List[str]:
    """The command that dumps what a snapshot sees."""
    command = [config.program("pg_dump"), *config.login()]
    command += [f"--dbname={connection_string(dbname=config.database)}"]
    command += [
        f"--format={config.format}",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={config.lock_wait_timeout}",
    ]
    command += [f"--file={os.path.join(folder, name_dump(config, compression))}"]
    command += [f"--compress={compression_option(config, compression)}"]
    return command + ([f"--jobs={config.jobs}"] if config.format == "directory" else [])


def compression_option(config: Config, compression: str) -> str:
    """How pg_dump is told: a method and a level since 16, only the level of gzip before."""
    method, _, level = compression.partition(":")
    if major_version(config) >= 16:
        return compression
    return level if method == "gzip" else "0"


def dump_globals(config: Config, folder: str) -> None:
    """Write the cluster's roles and tablespaces: once with the verifiers of passwords, once without."""
    command = [config.program("pg_dumpall"), *config.login()]
    files.run([*command, "--globals-only"], output=os.path.join(folder, GLOBALS))
    # A drill has roles, but must not touch the folders of tablespaces, which belong to the server.
    files.run([*command, "--roles-only", "--no-role-passwords"], output=os.path.join(folder, ROLES))
