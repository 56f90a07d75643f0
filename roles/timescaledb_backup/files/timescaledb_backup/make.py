# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup, from lock to summary. Nothing partial is offered; nothing is pruned before the new one is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import Any, Callable, ContextManager, Dict, List, NamedTuple, Optional

from . import files
from .census import read_alembic_revision, read_roles, read_sequences, read_versions, take_census
from .config import Config
from .crypt import encrypt
from .dump import CHANGED, DISTURBED, GLOBALS, HARMLESS, choose_compression, dump_command, dump_globals, name_dump
from .errors import BackupError, SpaceError
from .manifest import Manifest
from .moments import now, to_text
from .offsite import copy_offsite
from .properties import properties_query
from .prune import prune
from .session import Session, connect
from .shelf import Shelf
from .unfinished import sweep
from .verify import describe_files, read_to_the_end

ATTEMPTS = 3
PAUSE_SECONDS = 15.0
_MEGABYTE = 1024 * 1024
_GROWTH = 1.2
_COMPRESSED = 0.5  # of the database, where no earlier backup tells how large a dump is

Say = Callable[[str], None]


class Summary(NamedTuple):
    """What a run came to."""

    name: str
    bytes: int
    seconds: float
    pruned: List[str]


def make_backup(config: Config, say: Say) -> Summary:
    """Make a backup and prune what is not kept. Raises BackupError; whatever was there before is there still."""
    begin = time.monotonic()
    os.makedirs(config.folder, mode=0o700, exist_ok=True)
    shelf = Shelf(config.folder, config.database)
    with files.lock(config.lock_file, f"making a backup of {config.database}"):
        for name in shelf.sweep():
            say(f"removed {name}, which a run that was killed had left")
        sweep(config, say)
        moment = now()
        name = shelf.choose_name(moment)
        folder = shelf.begin(name)
        try:
            manifest = _fill(config, shelf, folder, name, say)
            path = shelf.publish(name, manifest)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        say(f"{name} is whole")
        copy_offsite(config, path)
        pruned = prune(config)
    return Summary(name, manifest.bytes, time.monotonic() - begin, pruned)


def _fill(config: Config, shelf: Shelf, folder: str, name: str, say: Say) -> Manifest:
    began, begin = now(), time.monotonic()
    compression = choose_compression(config)
    facts = _dump(config, shelf, folder, compression, say)
    dump_globals(config, folder)
    if config.encryption_recipients:
        encrypt(os.path.join(folder, GLOBALS), config.encryption_recipients)
    for relative in files.list_files(folder):
        os.chmod(os.path.join(folder, relative), 0o600)
    files.sync_tree(folder)
    say("reading it back to its end")
    entries = read_to_the_end(config, folder)
    described = describe_files(folder)
    return Manifest(
        name=name,
        sequence=shelf.next_sequence(),
        began=to_text(began),
        finished=to_text(now()),
        seconds=round(time.monotonic() - begin, 1),
        format=config.format,
        compression=compression,
        files=described,
        bytes=files.size_of(folder),
        toc_entries=entries or None,
        declared=config.declared,
        **facts,
    )


def _dump(config: Config, shelf: Shelf, folder: str, compression: str, say: Say) -> Dict[str, Any]:
    """Dump; once more if a table was changed or locked meanwhile, and once more."""
    for _ in range(ATTEMPTS - 1):
        try:
            return _dump_once(config, shelf, folder, compression, say)
        except BackupError as error:
            if not DISTURBED.search(str(error)):
                raise
            say(f"something else was at work on a table, trying again in {PAUSE_SECONDS:.0f} seconds: {error}")
            _remove(os.path.join(folder, name_dump(config, compression)))
            time.sleep(PAUSE_SECONDS)
    return _dump_once(config, shelf, folder, compression, say)


def _dump_once(config: Config, shelf: Shelf, folder: str, compression: str, say: Say) -> Dict[str, Any]:
    """Dump and count at the same time, in one snapshot; what goes into the manifest of it."""
    with open_session(config) as session:
        check_space(config, shelf, session)
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = session.value("SELECT pg_export_snapshot()")
        sequences = read_sequences(session)  # before pg_dump does, for no snapshot holds them
        say(f"dumping {config.database}, format {config.format}, compression {compression}")
        program = files.Program(dump_command(config, folder, snapshot, compression))
        try:
            facts = read_facts(config, session)
            say("counted what it holds")
            program.finish(HARMLESS, say)
            check_unchanged(session)
        finally:
            program.stop()
    facts["census"]["sequences"] = sequences
    return facts


def check_unchanged(session: Session) -> None:
    """Raise BackupError where a table is no longer what it was in the session's snapshot.

    Compressing a chunk empties it, and an emptied table is empty for older snapshots as well. Once pg_dump and the
    counting hold their locks this cannot happen any more; before it can, and rows would be missing from both.
    """
    rows = session.rows(
        "SELECT n.nspname || '.' || c.relname AS name"
        " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'm') AND c.relfilenode <> 0"
        " AND n.nspname !~ '^(pg_|_timescaledb_(catalog|config|cache))' AND n.nspname <> 'information_schema'"
        " AND pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode"
    )
    if rows:
        raise BackupError(f"{rows[0]['name']} {CHANGED}.")


def open_session(config: Config, database: Optional[str] = None) -> ContextManager[Session]:
    """A session with the configured server, with the configured database unless another is named."""
    return connect(config.bindir, config.socket, config.port, config.user, database or config.database)


def read_facts(config: Config, session: Session) -> Dict[str, Any]:
    """What a manifest says of the database a session is in."""
    versions = read_versions(session)
    extension = {"version": versions["timescaledb"], "edition": versions["edition"]}
    place = session.row(
        "SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype,"
        " datlocprovider::text AS locale_provider,"
        " coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,"  # the latter before 17
        " pg_database_size(oid) AS bytes FROM pg_database AS d WHERE datname = current_database()"
    )
    return {
        "database": {
            "name": config.database,
            **place,
            "roles": read_roles(session),
            "properties": session.row(properties_query(config.database)),
        },
        "postgresql": {"version": versions["postgresql"], "text": versions["postgresql_text"]},
        "timescaledb": {**extension, "default_version": versions["default_version"]} if extension["version"] else None,
        "alembic_revision": read_alembic_revision(session),
        "census": take_census(session),
    }


def check_space(config: Config, shelf: Shelf, session: Session) -> None:
    """Raise SpaceError where another backup does not fit, judged by the last one, or by the database."""
    earlier = [backup.manifest.bytes for backup in shelf.list_backups() if backup.manifest]
    expected = (
        earlier[-1] * _GROWTH if earlier else session.value("SELECT pg_database_size(current_database())") * _COMPRESSED
    )
    needed = int(expected) + config.least_free_mb * _MEGABYTE
    free = files.free_bytes(config.folder)
    if free < needed:
        raise SpaceError(
            f"{config.folder} has {free // _MEGABYTE} MB free, and about {needed // _MEGABYTE} MB are needed, of which "
            f"least_free_mb are {config.least_free_mb}; nothing was begun, and no backup was deleted."
        )


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
