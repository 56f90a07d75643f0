# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a backup into an empty database, as fast as it can be had without harm to TimescaleDB's catalog.

A parallel pg_restore of everything breaks the catalog, whose tables refer to each other in circles. So tables are made
first; then the catalog's rows are copied, one table after the other; then the data, and each index once its table is
full, in parallel. Every job is off before the database leaves the restoring mode, and stays off until the caller, who
has compared, releases it.
"""

from __future__ import annotations

import os
import re
import tempfile
from typing import Callable, ContextManager, Dict, Iterable, List, Mapping, Optional, Tuple

from .census import read_alembic_revision, take_census
from .compare import differences
from .config import Config
from .dump import CUSTOM_FILE, DATABASE
from .errors import BackupError
from .files import run
from .jobs import hold_jobs
from .manifest import Manifest
from .plain import load_plain
from .session import Session, connect, connection_string, quote_identifier, quote_literal

CATALOG_ENTRY = re.compile(r"\d+; \d+ \d+ (?:TABLE DATA|SEQUENCE SET) _timescaledb_(?:catalog|config) ")
POST_RESTORE_CALLS = 3  # some versions leave the restoring mode only at the second
LARGEST_SORT_MB = 512
SMALLEST_SORT_MB = 64
FIRST_STATISTICS = "10"  # from a tenth of the rows that are usually looked at
HELD = {"jobs": ["scheduled"]}  # what differs until the jobs are released
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}

Say = Callable[[str], None]


def open_session(config: Config, database: str) -> ContextManager[Session]:
    """A session with one database of the configured server."""
    return connect(config.bindir, config.socket, config.port, config.user, database)


def create_database(session: Session, name: str, facts: Mapping[str, Optional[str]]) -> None:
    """Make an empty database with the encoding and locale of the first one."""
    provider = PROVIDERS[facts.get("locale_provider") or "c"]
    options = [f"ENCODING {quote_literal(str(facts['encoding']))}", f"LOCALE_PROVIDER {provider}"]
    options += [f"LC_COLLATE {quote_literal(str(facts['collate']))}", f"LC_CTYPE {quote_literal(str(facts['ctype']))}"]
    if provider != "libc" and facts.get("locale"):
        options.append(f"{provider.upper()}_LOCALE {quote_literal(str(facts['locale']))}")
    session.run(f"CREATE DATABASE {quote_identifier(name)} WITH TEMPLATE template0 {' '.join(options)}")


def load_backup(config: Config, database: str, folder: str, manifest: Manifest, jobs: int, say: Say) -> None:
    """Fill an empty database and gather first statistics; every job is off then. Raises BackupError."""
    schemas = sorted({facts["schema"] for facts in manifest.census["extensions"].values()} - {"public", "pg_catalog"})
    archive = find_archive(folder)
    contents = run([config.program("pg_restore"), "--list", archive]) if archive else ""
    with open_session(config, database) as session:
        if archive:
            _restore_schemas(config, database, archive, contents, schemas)
        else:
            session.run(*(f"CREATE SCHEMA {quote_identifier(name)}" for name in schemas))
        create_extensions(session, manifest.census["extensions"])
        if manifest.timescaledb is not None:
            session.rows(f"SELECT {extension_schema(manifest)}.timescaledb_pre_restore()")
    if archive:
        _restore_archive(config, database, archive, without_schemas(contents, schemas), jobs, say)
    else:
        load_plain(config, connection(database, load_settings(1)), folder, schemas)
    if manifest.timescaledb is not None:
        with open_session(config, database) as session:
            hold_jobs(session)
            leave_restoring_mode(session, extension_schema(manifest))
    say("gathering first statistics")
    _vacuumdb(config, database, jobs, manifest, {"default_statistics_target": FIRST_STATISTICS}, "--analyze-only")


def vacuum_database(config: Config, database: str, jobs: int, manifest: Manifest) -> None:
    """Gather statistics from as many rows as is usual, and make up for what autovacuum never will.

    Rows that load_backup() has copied are not counted, see load_settings(). This takes as long as reading the database,
    and hinders nobody who uses it. Raises BackupError.
    """
    _vacuumdb(config, database, jobs, manifest, {}, "--analyze")


def find_differences(config: Config, database: str, manifest: Manifest) -> List[str]:
    """How a restored database, its jobs still held, differs from what the manifest says."""
    with open_session(config, database) as session:
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = differences(manifest.census, take_census(session), HELD)
        revision = read_alembic_revision(session)
    if revision != manifest.alembic_revision:
        found.append(f"Alembic revision: {revision!r} instead of {manifest.alembic_revision!r}")
    return found


def find_archive(folder: str) -> Optional[str]:
    """The dump that pg_restore reads; None for plain SQL."""
    paths = [os.path.join(folder, name) for name in (CUSTOM_FILE, DATABASE)]
    return next((path for path in paths if os.path.exists(path)), None)


def load_settings(jobs: int) -> Dict[str, str]:
    """Settings of the sessions that load; after a crash all of it would be done anew.

    Without counting, autovacuum leaves the tables alone while they are filled and indexed, and nothing has to wait
    for it; vacuum_database() makes up for it.
    """
    megabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024**2
    sort = max(SMALLEST_SORT_MB, min(LARGEST_SORT_MB, megabytes // 8 // jobs))
    settings = {"synchronous_commit": "off", "maintenance_work_mem": f"{sort}MB", "track_counts": "off", "jit": "off"}
    return settings if jobs == 1 else {**settings, "max_parallel_maintenance_workers": "0"}


def connection(database: str, settings: Mapping[str, str]) -> str:
    """A database's name as PostgreSQL's programs take it, with settings for their sessions."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return connection_string(dbname=database, options=options)


def split_contents(contents: str) -> Tuple[str, str]:
    """The table of contents in two: rows of TimescaleDB's catalog, and everything else."""
    lines = [line for line in contents.splitlines() if line and not line.startswith(";")]
    catalog = [line for line in lines if CATALOG_ENTRY.match(line)]
    others = [line for line in lines if not CATALOG_ENTRY.match(line)]
    return _join(catalog), _join(others)


def only_schemas(contents: str, names: Iterable[str]) -> str:
    """The entries of the table of contents that make these schemas."""
    return _join(line for line in contents.splitlines() if _is_schema(line, names))


def without_schemas(contents: str, names: Iterable[str]) -> str:
    """The table of contents without the entries that make these schemas."""
    return _join(line for line in contents.splitlines() if not _is_schema(line, names))


def create_extensions(session: Session, extensions: Mapping[str, Mapping[str, str]]) -> None:
    """Create each extension at exactly its version, those that others need first."""
    waiting = [name for name in sorted(extensions, key=lambda name: name != "timescaledb") if name != "plpgsql"]
    while waiting:
        left, reason = [], ""
        for name in waiting:
            version, schema = extensions[name]["version"], extensions[name]["schema"]
            place = "" if schema == "pg_catalog" else f" SCHEMA {quote_identifier(schema)}"
            try:
                session.run(f"CREATE EXTENSION {quote_identifier(name)}{place} VERSION {quote_literal(version)}")
            except BackupError as error:
                left.append(name)
                reason = str(error)
        if len(left) == len(waiting):
            raise BackupError(f"The extension {', '.join(left)} could not be created: {reason}")
        waiting = left


def extension_schema(manifest: Manifest) -> str:
    """Where TimescaleDB's functions are."""
    return quote_identifier(manifest.census["extensions"]["timescaledb"]["schema"])


def leave_restoring_mode(session: Session, schema: str) -> None:
    """Have the database as it is in use. Raises BackupError where it insists on being restored."""
    for _ in range(POST_RESTORE_CALLS):
        session.rows(f"SELECT {schema}.timescaledb_post_restore()")
        if not is_restoring(session):
            return
    raise BackupError("TimescaleDB did not leave the restoring mode.")


def is_restoring(session: Session) -> bool:
    """Whether this or any later session of the database is in the restoring mode."""
    if session.value("SELECT current_setting('timescaledb.restoring', true) = 'on' AS restoring"):
        return True
    return bool(
        session.value(
            "SELECT EXISTS (SELECT FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase"
            " WHERE d.datname = current_database() AND 'timescaledb.restoring=on' = ANY (s.setconfig)) AS restoring"
        )
    )


def _restore_schemas(config: Config, database: str, archive: str, contents: str, schemas: List[str]) -> None:
    entries = only_schemas(contents, schemas)
    if entries:
        _pg_restore(config, database, archive, entries, {}, [])


def _restore_archive(config: Config, database: str, archive: str, contents: str, jobs: int, say: Say) -> None:
    catalog, others = split_contents(contents)
    settings = load_settings(jobs)
    say("making the tables")
    _pg_restore(config, database, archive, others, settings, ["--section=pre-data"])
    if catalog:
        _pg_restore(config, database, archive, catalog, settings, [])
    say(f"copying rows and making indexes, {jobs} at once")
    parallel = [f"--jobs={jobs}"] if jobs > 1 else []
    _pg_restore(config, database, archive, others, settings, ["--section=data", "--section=post-data", *parallel])


def _pg_restore(
    config: Config, database: str, archive: str, entries: str, settings: Mapping[str, str], options: List[str]
) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".list") as file:
        file.write(entries)
        file.flush()
        command = [
            config.program("pg_restore"),
            *config.login(),
            "--exit-on-error",
            f"--use-list={file.name}",
            *options,
        ]
        run([*command, f"--dbname={connection(database, settings)}", archive])


def _vacuumdb(
    config: Config, database: str, jobs: int, manifest: Manifest, settings: Mapping[str, str], option: str
) -> None:
    """Each table once. Of a hypertable TimescaleDB would make all of its chunks, which are in the list as well."""
    once = {} if manifest.timescaledb is None else {"timescaledb.restoring": "on"}  # in these sessions only
    command = [config.program("vacuumdb"), *config.login(), "--quiet", f"--jobs={jobs}", option]
    run([*command, connection(database, {**settings, **once})])


def _is_schema(line: str, names: Iterable[str]) -> bool:
    return any(re.match(rf"\d+; \d+ \d+ SCHEMA - {re.escape(name)} \S", line) for name in names)


def _join(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
