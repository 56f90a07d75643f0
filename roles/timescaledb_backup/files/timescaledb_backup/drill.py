# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a backup can be restored: it is restored, into a cluster that is thrown away, and compared.

The host's server takes no part in it: its memory, its port and its workers are left alone.
"""

from __future__ import annotations

import dataclasses
import os
import re
import time
from typing import Dict, Iterable, List, NamedTuple

from . import files
from .cluster import Cluster, sweep_cluster, throw_away_cluster
from .config import Config
from .dump import ROLES
from .errors import BackupError, DamageError, SpaceError
from .load import Say, create_database, find_differences, load_backup, open_session
from .manifest import Manifest
from .moments import now, to_text
from .plain import run_sql
from .session import Session, quote_identifier
from .shelf import Backup, Shelf
from .verify import verify_backup

LEAST_LOCKS = 256
CONNECTIONS = 20
MEGABYTE = 1024 * 1024
GROWTH = 1.3  # of the database: its log of changes, and what sorting takes
BOOTSTRAP = "postgres"


class Verdict(NamedTuple):
    """How a drill ended; without differences the backup is proven."""

    name: str
    finished: str
    seconds: float
    differences: List[str]

    @property
    def proven(self) -> bool:
        return not self.differences

    def summary(self) -> str:
        """One line."""
        told = "is proven: it was restored and is as it was made" if self.proven else "failed"
        return f"{self.name} {told}, in {self.seconds:.1f} s"


def drill_backup(config: Config, which: str, say: Say) -> Verdict:
    """Restore a backup into a throw-away cluster, compare, and note the verdict beside the backup.

    Raises BackupError where the drill itself could not be held, which says nothing about the backup.
    """
    begin = time.monotonic()
    with files.lock(config.lock_file, f"drilling a backup of {config.database}"):
        cluster = place_cluster(config)
        sweep_cluster(cluster.folder)
        shelf = Shelf(config.folder, config.database)
        backup = shelf.find(which)
        found = _hold(config, cluster, backup, say)
        verdict = Verdict(backup.name, to_text(now()), round(time.monotonic() - begin, 1), found)
        shelf.mark(backup.name, {**verdict._asdict(), "proven": verdict.proven})
    return verdict


def place_cluster(config: Config) -> Cluster:
    """Where the cluster of a drill of this database is."""
    parent = config.drill.folder or config.state_folder
    return Cluster(os.path.join(parent, f"drill-{config.database}"), config.bindir, config.drill.port, config.user)


def _hold(config: Config, cluster: Cluster, backup: Backup, say: Say) -> List[str]:
    """What was found to differ, or to be damaged."""
    try:
        manifest = backup.require_manifest()
        say(f"reading {backup.name} to its end")
        verify_backup(config, backup)
    except DamageError as error:
        return [str(error)]
    check_space(config, cluster, manifest)
    say("starting a throw-away cluster")
    with throw_away_cluster(cluster, cluster_settings(config, manifest)):
        inside = dataclasses.replace(config, socket=cluster.socket, port=cluster.port)
        try:
            return _try_restoring(inside, backup, manifest, say)
        except SpaceError:
            raise
        except BackupError as error:
            return [f"it cannot be restored: {error}"]


def _try_restoring(config: Config, backup: Backup, manifest: Manifest, say: Say) -> List[str]:
    with open(os.path.join(backup.path, ROLES), encoding="utf-8") as file:
        run_sql(config, BOOTSTRAP, without_role(file.read(), config.user))
    with open_session(config, BOOTSTRAP) as session:
        create_database(session, config.database, manifest.database)
    load_backup(config, config.database, backup.path, manifest, config.jobs, say)
    say("comparing it with the manifest")
    found = find_differences(config, config.database, manifest)
    with open_session(config, config.database) as session:
        return found + query_aggregates(session, manifest.census.get("aggregates", {}))


def query_aggregates(session: Session, names: Iterable[str]) -> List[str]:
    """Ask each aggregate as its users would; a sentence for each that does not answer."""
    found = []
    there = "SELECT view_schema, view_name FROM timescaledb_information.continuous_aggregates"
    for row in session.rows(there) if list(names) else []:
        relation = f"{quote_identifier(row['view_schema'])}.{quote_identifier(row['view_name'])}"
        try:
            session.row(f"SELECT count(*) AS rows, max(a::text) AS last FROM {relation} AS a")
        except BackupError as error:
            found.append(f"aggregates: {row['view_schema']}.{row['view_name']} does not answer: {error}")
    return found


def cluster_settings(config: Config, manifest: Manifest) -> Dict[str, str]:
    """A small server that is quick because nothing has to survive, and runs no jobs."""
    locks = max(LEAST_LOCKS, (manifest.toc_entries or 0) * 2 // CONNECTIONS)
    settings = {
        "shared_buffers": f"{config.drill.memory_mb}MB",
        "max_connections": str(CONNECTIONS + 2 * config.jobs),
        "max_locks_per_transaction": str(locks),
        "dynamic_shared_memory_type": "mmap",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "512MB",
        "autovacuum": "off",
        "jit": "off",
        "restart_after_crash": "off",
        "log_destination": "stderr",
        "logging_collector": "off",
    }
    return {**settings, **_timescaledb_settings(manifest)}


def _timescaledb_settings(manifest: Manifest) -> Dict[str, str]:
    if manifest.timescaledb is None:
        return {}
    edition = {"apache": "apache", "community": "timescale"}[manifest.timescaledb["edition"]]
    return {
        "shared_preload_libraries": "timescaledb",
        "timescaledb.max_background_workers": "0",
        "timescaledb.telemetry_level": "off",
        "timescaledb.license": edition,
    }


def without_role(roles: str, name: str) -> str:
    """The roles without the one that the cluster was made with, and which is there already."""
    line = re.compile(rf'^CREATE ROLE ("?){re.escape(name)}\1;\n', re.MULTILINE)
    return line.sub("", roles, count=1)


def check_space(config: Config, cluster: Cluster, manifest: Manifest) -> None:
    """Raise SpaceError where the cluster has no room."""
    parent = os.path.dirname(cluster.folder)
    os.makedirs(parent, mode=0o700, exist_ok=True)
    needed = int(manifest.database["bytes"] * GROWTH) + config.least_free_mb * MEGABYTE
    free = files.free_bytes(parent)
    if free < needed:
        raise SpaceError(
            f"{parent} has {free // MEGABYTE} MB free, and a drill needs about {needed // MEGABYTE} MB, of which "
            f"least_free_mb are {config.least_free_mb}; nothing was begun."
        )
