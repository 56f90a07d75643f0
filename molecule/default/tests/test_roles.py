"""Each role can do what it is there for and nothing more, on what exists and on what comes into being later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from server import Login, Server

Connection = psycopg.Connection[dict[str, Any]]
INSERT = "INSERT INTO metrics (time, device_id, metric_type, value, unit) VALUES ({}, 'sample-plug', 'power', 1, 'W')"
NEW_CHUNK = "now() + interval '300 days'"
AGGREGATE = """
CREATE MATERIALIZED VIEW molecule_yearly WITH (timescaledb.continuous) AS
SELECT time_bucket(INTERVAL '365 days', time) AS bucket, device_id, max(value) AS value
FROM metrics GROUP BY bucket, device_id WITH NO DATA
"""


@pytest.fixture
def writer(login: Login) -> Connection:
    """The application that writes."""
    return login("molecule_writer")


@pytest.fixture
def reader(login: Login) -> Connection:
    """The application that reads."""
    return login("molecule_reader")


def as_owner(server: Server, *statements: str) -> None:
    """Run statements as the owner does who runs this project's roles."""
    for statement in statements:
        server.execute_as("aetherlens_owner", statement)


@pytest.fixture(scope="module")
def new_chunk(server: Server) -> Iterator[str]:
    """A chunk that was not there when rights were given."""
    as_owner(server, INSERT.format(NEW_CHUNK))
    chunks = "timescaledb_information.chunks WHERE hypertable_name = 'metrics' AND range_start > now() + '250 days'"
    yield server.value(f"SELECT format('%I.%I', chunk_schema, chunk_name) FROM {chunks}")
    as_owner(server, "SELECT drop_chunks('metrics', newer_than => now() + interval '250 days')")


@pytest.fixture(scope="module")
def new_table(server: Server) -> Iterator[str]:
    """A table that was not there when rights were given."""
    as_owner(server, "CREATE TABLE molecule_rooms (id bigserial PRIMARY KEY, name text)")
    yield "molecule_rooms"
    as_owner(server, "DROP TABLE molecule_rooms")


@pytest.fixture(scope="module")
def new_aggregate(server: Server) -> Iterator[str]:
    """A continuous aggregate that was not there when rights were given."""
    as_owner(server, AGGREGATE)
    yield "molecule_yearly"
    as_owner(server, "DROP MATERIALIZED VIEW molecule_yearly")


class TestTheOwner:
    def test_owns_everything(self, server: Server) -> None:
        strangers = server.rows(
            "SELECT c.relname, pg_get_userbyid(c.relowner) AS owner FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v', 'S', 'm')"
            " AND pg_get_userbyid(c.relowner) <> 'aetherlens_owner'"
        )
        assert strangers == []
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert server.value(owner) == "aetherlens_owner"

    @pytest.mark.edition("community")
    def test_owns_the_jobs_and_may_log_in_so_that_they_run(self, server: Server) -> None:
        owners = "SELECT DISTINCT owner FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL"
        assert server.value(owners) == "aetherlens_owner"
        assert server.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'aetherlens_owner'")

    def test_is_no_superuser(self, server: Server) -> None:
        rights = server.rows(
            "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'"
            " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
        )
        assert rights == []


class TestTheWriter:
    def test_inserts_and_reads(self, writer: Connection) -> None:
        writer.execute(INSERT.format("now()"))
        row = writer.execute("SELECT count(*) AS rows FROM metrics WHERE time > now() - interval '1 minute'").fetchone()
        assert row is not None
        assert row["rows"] >= 1

    def test_changes_and_deletes_rows(self, writer: Connection) -> None:
        with writer.transaction(force_rollback=True):
            assert writer.execute("UPDATE devices SET name = name || '.'").rowcount == 5
            assert writer.execute("DELETE FROM alerts").rowcount >= 1

    def test_inserts_into_a_new_table_with_its_sequence(self, writer: Connection, new_table: str) -> None:
        writer.execute(f"INSERT INTO {new_table} (name) VALUES ('hall')")

    def test_makes_a_new_chunk_by_inserting(self, writer: Connection, server: Server) -> None:
        writer.execute(INSERT.format("now() + interval '600 days'"))
        as_owner(server, "SELECT drop_chunks('metrics', newer_than => now() + interval '550 days')")

    @pytest.mark.parametrize(
        "statement",
        [
            "DROP TABLE metrics",
            "TRUNCATE metrics",
            "ALTER TABLE metrics ADD COLUMN more text",
            "CREATE TABLE public.mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE INDEX ON metrics (value)",
            "SELECT drop_chunks('metrics', older_than => now())",
            "UPDATE alembic_version SET version_num = '001'",
        ],
    )
    def test_may_not(self, writer: Connection, statement: str) -> None:
        with pytest.raises(InsufficientPrivilege), writer.transaction(force_rollback=True):
            writer.execute(statement)

    @pytest.mark.edition("community")
    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT remove_retention_policy('metrics')",
            "SELECT compress_chunk(show_chunks('metrics'))",
            "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000",
        ],
    )
    def test_may_not_touch_policies_and_chunks(self, writer: Connection, statement: str) -> None:
        with pytest.raises(InsufficientPrivilege), writer.transaction(force_rollback=True):
            writer.execute(statement)


class TestTheReader:
    @pytest.mark.parametrize("relation", ["metrics", "devices", "users", "alerts", "rate_schedules", "plugins"])
    def test_reads_every_table(self, reader: Connection, relation: str) -> None:
        assert reader.execute(f"SELECT * FROM {relation} LIMIT 1").rowcount == 1

    @pytest.mark.edition("community")
    @pytest.mark.parametrize("relation", ["metrics_hourly", "metrics_daily"])
    def test_reads_every_aggregate(self, reader: Connection, relation: str) -> None:
        assert reader.execute(f"SELECT * FROM {relation} LIMIT 1").rowcount == 1

    def test_reads_a_new_chunk_through_its_hypertable(self, reader: Connection, new_chunk: str) -> None:
        assert new_chunk
        assert reader.execute("SELECT * FROM metrics WHERE time > now() + interval '250 days'").rowcount == 1

    def test_reads_a_new_table(self, reader: Connection, new_table: str) -> None:
        reader.execute(f"SELECT * FROM {new_table}")

    @pytest.mark.edition("community")
    def test_reads_a_new_aggregate(self, reader: Connection, new_aggregate: str) -> None:
        reader.execute(f"SELECT * FROM {new_aggregate} LIMIT 1")

    @pytest.mark.parametrize(
        "statement",
        [
            INSERT.format("now()"),
            "UPDATE devices SET name = 'mine'",
            "DELETE FROM metrics",
            "CREATE TABLE public.mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
        ],
    )
    def test_may_not(self, reader: Connection, statement: str) -> None:
        with pytest.raises(InsufficientPrivilege), reader.transaction(force_rollback=True):
            reader.execute(statement)


class TestEverybodyElse:
    def test_makes_nothing_in_the_schema(self, server: Server) -> None:
        assert server.value("SELECT has_schema_privilege('public', 'public', 'CREATE')") is False

    @pytest.mark.parametrize("right", ["CONNECT", "TEMPORARY", "CREATE"])
    def test_has_no_right_in_the_database(self, server: Server, right: str) -> None:
        assert server.value(f"SELECT has_database_privilege('public', current_database(), '{right}')") is False

    def test_has_no_right_on_any_table(self, server: Server) -> None:
        granted = server.rows(
            "SELECT relname FROM pg_class AS c, aclexplode(relacl) AS a"
            " WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0"
        )
        assert granted == []


def test_each_role_is_in_its_group_and_no_other(server: Server) -> None:
    members = server.rows(
        "SELECT m.rolname AS member, g.rolname AS of FROM pg_auth_members AS a JOIN pg_roles AS m ON m.oid = a.member"
        " JOIN pg_roles AS g ON g.oid = a.roleid WHERE g.rolname !~ '^pg_'"
    )
    assert {(row["member"], row["of"]) for row in members} == {
        ("molecule_writer", "aetherlens_writer"),
        ("molecule_reader", "aetherlens_reader"),
    }
