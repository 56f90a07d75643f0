"""A small database of its own with backups of its own, for trying to restore it, also where things go wrong."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from timescaledb_backup.manifest import seal

PROGRAM = "/usr/local/sbin/timescaledb-backup"
OWNER, READER = "restoring_owner", "restoring_reader"
OLDEST, DAYS = "2024-03-01", 20

PLAIN = f"""
CREATE TABLE device (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO device SELECT n, 'device ' || n FROM generate_series(1, 5) AS n;
CREATE TABLE reading (time timestamptz NOT NULL, device int NOT NULL REFERENCES device (id), value float NOT NULL);
SELECT create_hypertable('reading', 'time', chunk_time_interval => interval '1 day');
CREATE INDEX reading_device_time ON reading (device, time DESC);
INSERT INTO reading SELECT t, d, extract(hour FROM t) + d FROM generate_series('{OLDEST}'::timestamptz,
  '{OLDEST}'::timestamptz + interval '{DAYS} days' - interval '1 hour', interval '1 hour') AS t,
  generate_series(1, 5) AS d;
CREATE TABLE note (id serial PRIMARY KEY, body text);
INSERT INTO note (body) SELECT 'note ' || n FROM generate_series(1, 30) AS n;
GRANT SELECT ON reading TO {READER};
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {READER};
"""
# The retention policy is far shorter than the data is old; it was never run, for it begins in the future.
COMMUNITY = f"""
ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device',
  timescaledb.compress_orderby = 'time DESC');
SELECT compress_chunk(c) FROM show_chunks('reading', older_than => '{OLDEST}'::timestamptz + interval '8 days') AS c;
CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
  SELECT time_bucket('1 hour', time) AS bucket, device, avg(value) AS average FROM reading GROUP BY 1, 2 WITH NO DATA;
CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
  SELECT time_bucket('1 day', bucket) AS bucket, device, avg(average) AS average FROM hourly GROUP BY 1, 2 WITH NO DATA;
CALL refresh_continuous_aggregate('hourly', NULL, '{OLDEST}'::timestamptz + interval '15 days');
CALL refresh_continuous_aggregate('daily', NULL, '{OLDEST}'::timestamptz + interval '15 days');
SELECT add_retention_policy('reading', interval '30 days', schedule_interval => interval '1 day',
  initial_start => '2099-01-01');
SELECT add_compression_policy('reading', interval '4000 days', initial_start => '2099-01-01');
SELECT add_continuous_aggregate_policy('hourly', interval '3 days', interval '1 hour', interval '1 hour',
  initial_start => '2099-01-01', timezone => 'Europe/Berlin');
SELECT alter_job(add_continuous_aggregate_policy('daily', interval '9 days', interval '1 day', interval '1 day',
  initial_start => '2099-01-01'), scheduled => false);
"""


@dataclass(frozen=True)
class Place:
    """A database and where its backups are, on the machine of the scenario."""

    machine: Any
    name: str
    folder: str

    @property
    def config(self) -> str:
        return f"{self.folder}/config.json"

    @property
    def state(self) -> str:
        return f"{self.folder}/state"

    def as_postgres(self, *command: str) -> Any:
        """Run a command as the system user postgres; its result, whatever it is."""
        return self.machine.run("runuser -u postgres -- " + " ".join(map(shlex.quote, command)))

    def run(self, *arguments: str) -> Any:
        """Run the program."""
        return self.as_postgres(PROGRAM, "--config", self.config, *arguments)

    def succeed(self, *arguments: str) -> str:
        """Run the program, which must succeed; its last words."""
        done = self.run(*arguments)
        assert done.rc == 0, done.stderr
        return str(done.stdout)

    def refuse(self, code: int, *arguments: str) -> str:
        """Run the program, which must end with this code and one sentence; that sentence."""
        done = self.run(*arguments)
        assert done.rc == code, (done.rc, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        return str(done.stderr.strip().splitlines()[-1])

    def refuse_with_summary(self, code: int, *arguments: str) -> str:
        """Run the program, which must end with this code after a summary; its sentence."""
        done = self.run(*arguments)
        assert done.rc == code, (done.rc, done.stderr)
        assert done.stdout.strip()
        assert "Traceback" not in done.stderr
        return str(done.stderr.strip().splitlines()[-1])

    def sql(self, *statements: str, database: str | None = None) -> str:
        """Run statements; what they answer."""
        commands = [part for statement in statements for part in ("-c", statement)]
        done = self.as_postgres("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database or self.name, *commands)
        assert done.rc == 0, done.stderr
        return str(done.stdout.strip())

    def databases(self) -> list[str]:
        """The databases of that name, and those named after it."""
        query = f"SELECT datname FROM pg_database WHERE datname LIKE '{self.name}%' ORDER BY 1"
        return self.sql(query, database="postgres").splitlines()

    def write_config(self, **changes: Any) -> None:
        """Configure the program for this database."""
        found = {
            "database": self.name,
            "folder": f"{self.folder}/backups",
            "state_folder": self.state,
            "bindir": "/usr/lib/postgresql/17/bin",
            "least_free_mb": 10,
            **changes,
        }
        self.write(self.config, json.dumps(found))

    def write(self, path: str, text: str) -> None:
        """Write a file as postgres."""
        self.machine.check_output("printf %%s %s > %s && chown postgres %s", text, path, path)

    def manifest(self, backup: str) -> dict[str, Any]:
        """What the manifest of a backup says."""
        content: dict[str, Any] = json.loads(self.machine.check_output("cat %s", self.manifest_path(backup)))
        return content

    def manifest_path(self, backup: str) -> str:
        return f"{self.folder}/backups/{backup}/manifest.json"

    def make(self) -> str:
        """Make a backup; its name."""
        return self.succeed("make").split(":")[0]

    def doctored(self, backup: str, name: str, **changes: Any) -> str:
        """A copy of a backup under another name, with other values in its manifest: dotted keys, such as a.b.c."""
        copy = f"{self.name}-{name}"
        self.machine.check_output(
            "rm -rf %s/backups/%s && cp -a %s/backups/%s %s/backups/%s",
            self.folder,
            copy,
            self.folder,
            backup,
            self.folder,
            copy,
        )
        content = self.manifest(backup)
        content["name"] = copy
        for key, value in changes.items():
            part = content
            *parents, last = key.split("__")
            for parent in parents:
                part = part[parent]
            part[last] = value(part[last]) if callable(value) else value
        self.write(self.manifest_path(copy), json.dumps(seal(content)))
        return copy

    def is_whole(self, database: str) -> bool:
        """Whether a database answers and has everything."""
        rows = DAYS * 24 * 5
        query = f"SELECT (SELECT count(*) FROM reading) = {rows} AND (SELECT count(*) FROM note) = 30"
        return self.sql(query, database=database) == "t"


def create_place(machine: Any, name: str) -> Place:
    """Make the database, its roles and the folders."""
    place = Place(machine, name, f"/var/lib/{name}")
    remove_place(place)
    machine.check_output(
        "install -d -o postgres -m 700 %s %s/state %s/backups", place.folder, place.folder, place.folder
    )
    for role in (OWNER, READER):
        place.sql(f"CREATE ROLE {role} LOGIN", database="postgres")
    place.sql(f"CREATE DATABASE {name} OWNER {OWNER}", database="postgres")
    place.sql("CREATE EXTENSION IF NOT EXISTS timescaledb")
    community = place.sql("SELECT current_setting('timescaledb.license')") == "timescale"
    statements = PLAIN + (COMMUNITY if community else "")
    for statement in statements.split(";\n"):
        if statement.strip():
            place.sql(f"SET ROLE {OWNER}", statement)
    place.sql(
        f"ALTER DATABASE {name} SET timezone TO 'Europe/Berlin'",
        f'ALTER DATABASE {name} SET search_path TO "$user", public',
        f"ALTER ROLE {OWNER} IN DATABASE {name} SET work_mem TO '8MB'",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO {READER}",
        f"COMMENT ON DATABASE {name} IS 'it''s a try'",
        f"ALTER DATABASE {name} CONNECTION LIMIT 50",
    )
    place.write_config()
    return place


def remove_place(place: Place) -> None:
    """Leave nothing of it."""
    for database in place.databases() if place.as_postgres("psql", "-XAtqc", "SELECT 1").rc == 0 else []:
        place.sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)', database="postgres")
    for role in (OWNER, READER):
        place.sql(f"DROP ROLE IF EXISTS {role}", database="postgres")
    place.machine.check_output("rm -rf %s", place.folder)
