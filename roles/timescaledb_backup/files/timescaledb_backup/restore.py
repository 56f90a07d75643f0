# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup becomes a database again, beside what there is or in its place.

It is filled under a name of its own, compared with what the backup's manifest says, and only then given its name. So
whatever goes wrong, and whenever, what served before serves still.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, List, Mapping, NamedTuple, Optional

from . import files
from .config import Config
from .errors import BackupError, DamageError, RefusedError, SpaceError, UsageError
from .jobs import foresee_drops, release_jobs, start_workers, stop_workers
from .load import Say, create_database, extension_schema, find_differences, load_backup, open_session, vacuum_database
from .manifest import Manifest
from .properties import properties_query, properties_statements, read_properties
from .server import free_bytes, read_offer
from .session import Session, quote_identifier, quote_literal
from .shelf import Backup, Shelf
from .suitability import Needs, find_obstacles
from .swap import swap
from .unfinished import MAINTENANCE, Unfinished, forget, note, sweep
from .verify import verify_backup

LONGEST_NAME = 63
GROWTH = 1.1
MEGABYTE = 1024 * 1024
SHOWN = 10
RESERVED = (MAINTENANCE, "template0", "template1")


class Target(NamedTuple):
    """Where to: under a name that is free, or, without one, in the place of the configured database."""

    database: Optional[str] = None
    confirmation: Optional[str] = None


class Options(NamedTuple):
    """How: with the jobs left off, and how many processes at once."""

    hold_jobs: bool = False
    jobs: int = 2


class Summary(NamedTuple):
    """What became of it."""

    backup: str
    database: str
    seconds: float
    aside: Optional[str]  # the name of the database that served before
    remarks: List[str]

    def text(self) -> str:
        """The last lines of a run."""
        return "\n".join([f"{self.backup} is restored as {self.database} in {self.seconds:.1f} s", *self.remarks])


class Work(NamedTuple):
    """One restore under way."""

    config: Config
    backup: Backup
    manifest: Manifest
    name: str  # while it is not finished
    serving: str
    aside: Optional[str]
    options: Options
    say: Say


def restore_backup(config: Config, which: str, target: Target, options: Options, say: Say) -> Summary:
    """Restore a backup. Raises BackupError: then every database is as it was."""
    begin = time.monotonic()
    with files.lock(config.lock_file, f"restoring {config.database}"):
        backup = Shelf(config.folder, config.database).find(which)
        serving = check_target(config, target)
        sweep(config, say)
        with open_session(config, MAINTENANCE) as session:
            check_server(config, session, backup, serving, target)
            say(f"reading {backup.name} to its end")
            verify_backup(config, backup)
            work = _plan(config, session, backup, serving, options, say)
            note(config, Unfinished(work.name, serving))
            remarks = _carry_out(work, session)
    # Not under the lock: whoever wants the former database back does not wait for this.
    seconds = time.monotonic() - begin
    say(f"{serving} serves after {seconds:.1f} s; vacuuming it and gathering full statistics")
    remarks += _vacuum(work)
    return Summary(backup.name, serving, seconds, work.aside, remarks)


def check_target(config: Config, target: Target) -> str:
    """The name the database is to have. Raises RefusedError, UsageError."""
    serving = target.database or config.database
    if serving in RESERVED or len(serving.encode()) > LONGEST_NAME or "\0" in serving:
        raise UsageError(
            f"{serving} was given; accepted is a database's name of at most {LONGEST_NAME} bytes, and none of "
            f"{', '.join(RESERVED)}."
        )
    if target.database is None and target.confirmation != config.database:
        raise RefusedError(
            f"Restoring in place puts another database in the place of {config.database}; to confirm it give the name "
            f"once more, --confirm {config.database}; {target.confirmation or 'nothing'} was given."
        )
    return serving


def check_server(config: Config, session: Session, backup: Backup, serving: str, target: Target) -> None:
    """Raise RefusedError or SpaceError for what this server cannot hold."""
    manifest = backup.require_manifest()
    if target.database is not None and exists(session, serving):
        raise RefusedError(f"There is a database {serving} already: give another name, or drop it first.")
    obstacles = find_obstacles(describe_needs(config, manifest), read_offer(session))
    if obstacles:
        raise RefusedError(" ".join(obstacles))
    folder = session.value("SELECT current_setting('data_directory') AS folder")
    needed = int(manifest.database["bytes"] * GROWTH) + config.least_free_mb * MEGABYTE
    free = free_bytes(session)
    if free < needed:
        raise SpaceError(
            f"{folder} has {free // MEGABYTE} MB free, and about {needed // MEGABYTE} MB are needed, of which "
            f"least_free_mb are {config.least_free_mb}; nothing was begun."
        )


def describe_needs(config: Config, manifest: Manifest) -> Needs:
    """What the backup asks of a server."""
    extension: Any = manifest.timescaledb or {}
    others = {
        name: str(facts["version"])
        for name, facts in manifest.census["extensions"].items()
        if name not in ("timescaledb", "plpgsql")
    }
    return Needs(
        manifest.name,
        config.database,
        manifest.postgresql["version"] // 10000,
        extension.get("version"),
        extension.get("edition"),
        frozenset(manifest.database["roles"]),
        others,
    )


def exists(session: Session, database: str) -> bool:
    """Whether there is a database of that name."""
    return bool(
        session.value(f"SELECT EXISTS (SELECT FROM pg_database WHERE datname = {quote_literal(database)}) AS there")
    )


def derive_name(session: Session, database: str, purpose: str) -> str:
    """A free name that tells the database, the purpose and the time."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d_%H%M%S")
    for number in range(1, 1000):
        tail = f"_{purpose}_{stamp}" + ("" if number == 1 else f"_{number}")
        name = database.encode()[: LONGEST_NAME - len(tail)].decode("utf-8", "ignore") + tail
        if not exists(session, name):
            return name
    raise BackupError(f"No name is free for {database}.")


def _plan(config: Config, session: Session, backup: Backup, serving: str, options: Options, say: Say) -> Work:
    aside = derive_name(session, serving, "before") if exists(session, serving) else None
    name = derive_name(session, serving, "restoring")
    return Work(config, backup, backup.require_manifest(), name, serving, aside, options, say)


def _carry_out(work: Work, session: Session) -> List[str]:
    try:
        create_database(session, work.name, work.manifest.database)
        number = session.value(
            f"SELECT oid::bigint AS number FROM pg_database WHERE datname = {quote_literal(work.name)}"
        )
        note(work.config, Unfinished(work.name, work.serving, number))
        load_backup(work.config, work.name, work.backup.path, work.manifest, work.options.jobs, work.say)
        _compare(work)
        session.run(*properties_statements(work.name, _find_properties(work, session)))
        remarks = _release(work)
        swap(lambda: open_session(work.config, MAINTENANCE), work.serving, work.name, work.aside)
    except BaseException:
        _drop(work)
        raise
    if not work.options.hold_jobs:
        with open_session(work.config, work.serving) as restored:
            start_workers(restored)
    forget(work.config, work.name)
    return remarks + _describe_aside(work)


def _compare(work: Work) -> None:
    work.say("comparing it with the manifest")
    found = find_differences(work.config, work.name, work.manifest)
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise DamageError(f"What came out of {work.backup.name} is not what went in: {'; '.join(found[:SHOWN])}{more}.")


def _find_properties(work: Work, session: Session) -> Any:
    """In place they are those of the database that serves, as it is; else those that the manifest tells."""
    if work.aside is not None:
        return read_properties(session.row(properties_query(work.serving)))
    return read_properties(dict(work.manifest.database["properties"]))


def _release(work: Work) -> List[str]:
    """Have the jobs as the manifest says, with nothing yet that would run them; what there is to say about it."""
    if work.manifest.timescaledb is None:
        return []
    jobs = work.manifest.census["jobs"]
    with open_session(work.config, work.name) as restored:
        drops = foresee_drops(restored, extension_schema(work.manifest), jobs)
        if work.options.hold_jobs:
            return [describe_release(jobs), *drops]
        stop_workers(restored)
        release_jobs(restored, jobs)
    return drops


def describe_release(jobs: Mapping[str, Mapping[str, Any]]) -> str:
    """What to do about jobs that are held."""
    numbers = ", ".join(number for number, facts in jobs.items() if facts["scheduled"])
    if not numbers:
        return "it has no jobs that would run"
    return (
        "its jobs are held; to release them run in it: SELECT alter_job(job_id, scheduled => true) "
        f"FROM timescaledb_information.jobs WHERE job_id IN ({numbers})"
    )


def _drop(work: Work) -> None:
    """Leave nothing of a restore that failed; what cannot be dropped now is dropped by the next."""
    try:
        with open_session(work.config, MAINTENANCE) as session:
            session.run(f"DROP DATABASE IF EXISTS {quote_identifier(work.name)} WITH (FORCE)")
        forget(work.config, work.name)
    except (BackupError, OSError) as error:
        work.say(f"{work.name} could not be dropped, the next restore does it: {error}")


def _vacuum(work: Work) -> List[str]:
    """Afterwards, as it can be used already; so nothing that goes wrong here is a failure of the restore."""
    try:
        vacuum_database(work.config, work.serving, work.options.jobs, work.manifest)
    except BackupError as error:
        return [f"it could not be vacuumed, which makes some queries slower: {error} To do it: vacuumdb {work.serving}"]
    return []


def _describe_aside(work: Work) -> List[str]:
    if work.aside is None:
        return []
    program = f"timescaledb-backup --database {work.config.database}"
    return [
        f"what served before is kept as {work.aside}, closed; to drop it: dropdb {work.aside}",
        f"to have it back: {program} swap-back {work.aside} --confirm {work.serving}",
    ]
