"""Who logs in and who owns what is made are two roles where `session_role` says so."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.integration.databases import Database
from tests.integration.objects import QUERY, Bench
from tests.integration.programs import ROOT, run_in_process

OWNER = """
    SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relname = %s AND n.nspname = 'public'
"""


@pytest.fixture(scope="module")
def owner(database: Database) -> Iterator[str]:
    """A role that may log in and create in the database; gone in the end."""
    name = f"owner_{secrets.token_hex(4)}"
    database.query(f"CREATE ROLE {name} LOGIN")
    database.query(f"GRANT CREATE, TEMPORARY ON DATABASE {database.name} TO {name}")
    database.query(f"GRANT CREATE, USAGE ON SCHEMA public TO {name}")
    yield name
    database.query(f"DROP OWNED BY {name} CASCADE")
    database.query(f"DROP ROLE {name}")


def test_migrations_and_lifecycle_make_what_belongs_to_the_session_role(database: Database, owner: str) -> None:
    bench = Bench(database)
    login = {**database.login_options, "session_role": owner}
    migrated = run_in_process("alembic_migration", {**login, "script_location": str(ROOT / "files" / "migrations")})
    assert not migrated.get("failed"), migrated["text"]
    bench.do("hypertable", name="metrics", time_column="time", session_role=owner)
    bench.do("compression", name="metrics", segmentby=["device_id"], compress_after="7 days", session_role=owner)
    query = QUERY.format(table="metrics")
    bench.do("continuous_aggregate", name="hourly", query=query, materialized_only=False, session_role=owner)
    for relation in ("alembic_version", "devices", "metrics", "hourly"):
        assert database.value(OWNER, relation) == owner
    assert bench.job("metrics", "compression")["owner"] == owner
    again = bench.do("hypertable", name="metrics", time_column="time", session_role=owner)
    assert again["changed"] is False


@pytest.mark.parametrize("module", ["timescaledb_info", "alembic_migration"])
def test_a_session_role_that_is_not_there_is_named_with_a_remedy(database: Database, module: str) -> None:
    options = {**database.login_options, "session_role": "no_such_role"}
    if module == "alembic_migration":
        options["script_location"] = str(ROOT / "files" / "migrations")
    result = run_in_process(module, options)
    assert result["failed"]
    assert "session_role" in result["msg"]
    assert 'role "no_such_role" does not exist; create the role' in result["msg"]
    assert "Traceback" not in result["text"]


def test_the_session_role_lasts_no_longer_than_its_session(database: Database, owner: str) -> None:
    Bench(database).do("info", session_role=owner)
    assert database.value("SELECT current_user::text") == "postgres"
