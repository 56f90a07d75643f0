"""What the tests of the modules work on: tables of their own names, modules run against one database, what is there."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from tests.integration.databases import Database
from tests.integration.programs import run_in_process

COLUMNS = "time timestamptz NOT NULL, device_id text NOT NULL, kind text NOT NULL, value double precision NOT NULL"
QUERY = (
    "SELECT time_bucket(INTERVAL '1 hour', time) AS bucket, device_id, avg(value) AS avg_value "
    "FROM {table} GROUP BY bucket, device_id"
)
# Everything a run could write to, as one text: objects, settings, jobs with all they hold.
FINGERPRINT = """
SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
  SELECT format('%s %s %s', c.oid, c.relname, c.reloptions) AS line FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  UNION ALL SELECT to_jsonb(j)::text FROM _timescaledb_config.bgw_job AS j
  UNION ALL SELECT to_jsonb(d)::text FROM timescaledb_information.dimensions AS d
  UNION ALL SELECT to_jsonb(s)::text FROM _timescaledb_catalog.compression_settings AS s
  UNION ALL SELECT to_jsonb(a)::text FROM timescaledb_information.continuous_aggregates AS a
  UNION ALL SELECT to_jsonb(i)::text FROM timescaledb_information.chunks AS i) AS lines
"""


@dataclass(frozen=True)
class Bench:
    """A database on which modules are run."""

    database: Database

    def run(self, module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run timescaledb_`module`, whatever comes of it."""
        result = run_in_process(f"timescaledb_{module}", {**self.database.login_options, **options}, check=check)
        return {**result, "warnings": [str(warning) for warning in result.get("warnings", [])]}

    def do(self, module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run timescaledb_`module` and require that it succeeds."""
        result = self.run(module, check=check, **options)
        assert not result.get("failed"), result["text"]
        return result

    def refuse(self, module: str, *, check: bool = False, **options: Any) -> str:
        """Run timescaledb_`module`, require that it fails with nothing changed, and return its words."""
        before = self.fingerprint()
        result = self.run(module, check=check, **options)
        assert result.get("failed"), result["text"]
        assert "Traceback" not in result["text"], result["text"]
        assert self.fingerprint() == before
        return result["msg"]

    def fingerprint(self) -> str:
        """A text that changes with anything a module could write."""
        return self.database.value(FINGERPRINT)

    def table(self, columns: str = COLUMNS) -> str:
        """Create a table and return its name."""
        name = f"t_{secrets.token_hex(4)}"
        self.database.query(f"CREATE TABLE {name} ({columns})")
        return name

    def hypertable(self, **options: Any) -> str:
        """Create a hypertable with chunks of a day and return its name."""
        name = self.table()
        self.do("hypertable", name=name, time_column="time", chunk_interval="1 day", **options)
        return name

    def fill(self, table: str, days: int, devices: int = 2) -> None:
        """Insert a row an hour and device, for so many days up to now."""
        self.database.query(
            f"INSERT INTO {table} SELECT t, 'd' || d, 'power', d FROM generate_series(1, {devices}) AS d, "
            f"generate_series(now() - INTERVAL '{days} days', now(), INTERVAL '1 hour') AS t"
        )

    def chunks(self, table: str) -> int:
        """How many chunks a hypertable has."""
        return self.database.value(f"SELECT count(*) FROM show_chunks('{table}')")

    def jobs(self, relation: str, kind: str) -> list[dict[str, Any]]:
        """The policies of a kind on a hypertable or aggregate, as the server lists them, but for their next start."""
        rows = self.database.query(
            """
            SELECT to_jsonb(j) - 'next_start' || jsonb_build_object('timezone', b.timezone)
            FROM timescaledb_information.jobs AS j JOIN _timescaledb_config.bgw_job AS b ON b.id = j.job_id
            WHERE j.proc_name = %s
            AND COALESCE(j.config ->> 'hypertable_id', j.config ->> 'mat_hypertable_id')::int IN (
              SELECT id FROM _timescaledb_catalog.hypertable WHERE table_name = %s
              UNION SELECT mat_hypertable_id FROM _timescaledb_catalog.continuous_agg WHERE user_view_name = %s)
            ORDER BY j.job_id
            """,
            {"retention": "policy_retention", "compression": "policy_compression"}.get(
                kind, "policy_refresh_continuous_aggregate"
            ),
            relation,
            relation,
        )
        return [json.loads(row[0]) if isinstance(row[0], str) else row[0] for row in rows]

    def job(self, relation: str, kind: str) -> dict[str, Any]:
        """The one policy of a kind."""
        (job,) = self.jobs(relation, kind)
        return job

    def version(self) -> tuple[int, ...]:
        """TimescaleDB's version."""
        text = self.database.value("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
        return tuple(int(part) for part in text.split("-")[0].split("."))

    def declared(self, name: str) -> dict[str, Any]:
        """One object as timescaledb_info returns it."""
        found = self.do("info", names=[name])
        (item,) = found["hypertables"] + found["continuous_aggregates"]
        return item


def actions(result: dict[str, Any]) -> list[str]:
    """The kinds of a plan's actions, in order."""
    return [action["action"] for action in result["plan"]]
