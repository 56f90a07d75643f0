"""Problems that take roles and databases of their own to produce: the playbook names each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.programs import run_playbook
from tests.integration.servers import Site


@pytest.fixture(scope="module")
def bare(site: Site) -> Site:
    """A database without the extension."""
    site.on_server(f"CREATE DATABASE {site.name} TEMPLATE template0")
    return site


@pytest.fixture(scope="module")
def plain(bare: Site) -> Site:
    """The same with it."""
    bare.query("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return bare


def play(site: Site, **variables: Any) -> str:
    """Run the playbook as the server's superuser; return its words on one line."""
    given = {**site.variables, "timescaledb_login_session_role": "", "timescaledb_diagnosis_reading_roles": []}
    return " ".join(run_playbook("diagnose_server", given | variables).require_success().output.split())


def test_an_extension_that_was_not_created_in_this_database_is_named(bare: Site) -> None:
    said = play(bare)
    assert f"problem: extension timescaledb is not found in database {bare.name}: it was not created there" in said
    assert "remedy: run playbooks/create_database.yml, or CREATE EXTENSION timescaledb" in said
    failing = {**bare.variables, "timescaledb_login_session_role": "", "timescaledb_diagnosis_fail_on": "problem"}
    assert run_playbook("diagnose_server", failing).code != 0


class TestRights:
    @pytest.fixture
    def role(self, plain: Site) -> Iterator[str]:
        """A role with no rights in a database with the extension."""
        name = plain.role("plain")
        plain.on_server(f"CREATE ROLE {name}")
        yield name
        plain.query(f"DROP OWNED BY {name} CASCADE")
        plain.on_server(f"DROP ROLE {name}")

    def test_to_create_in_the_schema_are_missed(self, plain: Site, role: str) -> None:
        said = play(plain, timescaledb_diagnosis_creating_roles=[role])
        assert f"permission denied for schema public: role {role} may not create tables in it" in said
        assert f"GRANT CREATE ON SCHEMA public TO {role}" in said
        plain.query(f"GRANT CREATE ON SCHEMA public TO {role}")
        said = play(plain, timescaledb_diagnosis_creating_roles=[role])
        assert "permission denied" not in said

    def test_to_use_the_schema_are_missed(self, plain: Site, role: str) -> None:
        plain.query("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
        try:
            said = play(plain, timescaledb_diagnosis_reading_roles=[role])
        finally:
            plain.query("GRANT USAGE ON SCHEMA public TO PUBLIC")
        assert f"permission denied for schema public: role {role} may not use it" in said

    def test_to_read_are_missed_and_strangers_named(self, plain: Site, role: str) -> None:
        plain.query("CREATE TABLE IF NOT EXISTS secret_table (x int)")
        said = play(plain, timescaledb_diagnosis_reading_roles=[role, "no_such_role"], timescaledb_diagnosis_owner=role)
        assert f"permission denied: role {role} may not read everything in schema public seen by: secret_table" in said
        assert "there is no role no_such_role" in said
        assert f"not everything belongs to {role}" in said

    def test_of_an_owner_of_jobs_to_log_in_are_missed(self, plain: Site, role: str) -> None:
        plain.on_server(f"ALTER ROLE {role} LOGIN")
        plain.query(f"GRANT CREATE ON SCHEMA public TO {role}")
        with plain.connect(role=role) as connection:
            connection.execute("CREATE TABLE sleepy (time timestamptz NOT NULL)")
            connection.execute("SELECT create_hypertable('sleepy', by_range('time'))")
            connection.execute("SELECT add_retention_policy('sleepy', INTERVAL '1 year')")
        plain.on_server(f"ALTER ROLE {role} NOLOGIN")
        said = play(plain)
        assert f"cannot run: its owner {role} may not log in" in said
        assert f"ALTER ROLE {role} LOGIN" in said


def test_somebody_without_privileges_is_told_what_can_be_seen(plain: Site) -> None:
    plain.on_server(f"CREATE ROLE {plain.role('curious')} LOGIN PASSWORD 'x'")
    said = play(plain, timescaledb_login_user=plain.role("curious"), timescaledb_login_password="x")
    assert f"role {plain.role('curious')} may not create tables" in said
    assert "no scheduler" not in said
