"""A server that somebody else runs: what it lacks is told in sentences, and on one that lacks nothing all goes on."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.programs import PlaybookRun, run_playbook
from tests.integration.servers import Site, plan_site

PASSWORD = secrets.token_hex(8)
APACHE = os.environ.get("TIMESCALEDB_TEST_DSN_APACHE", "")


def run(site: Site, playbook: str, *arguments: str, **variables: Any) -> PlaybookRun:
    """Run a playbook on the site, as an ordinary role that owns the database."""
    given = {
        **site.variables,
        "timescaledb_deployment": "external",
        "timescaledb_login_user": site.owner,
        "timescaledb_login_password": PASSWORD,
        "timescaledb_login_session_role": "",
    }
    return run_playbook(playbook, {**given, **variables}, *arguments)


def refuse(site: Site, **variables: Any) -> str:
    """Run the preflight, require that it fails without a traceback, and return its words on one line."""
    done = run(site, "install_server", **variables)
    assert done.code != 0, done.output
    assert "Traceback" not in done.output
    return " ".join(done.output.split())


@pytest.fixture(scope="module")
def server(site: Site) -> Site:
    """A server whose owner has made a role and a database, as a provider does."""
    site.on_server(f"CREATE ROLE {site.owner} LOGIN PASSWORD '{PASSWORD}'")
    site.on_server(f"CREATE DATABASE {site.name} OWNER {site.owner} TEMPLATE template0")
    return site


class TestAServerThatWillDo:
    def test_is_taken_from_nothing_to_the_declared_state_by_an_ordinary_role(self, server: Site) -> None:
        for playbook in ("install_server", "create_database", "migrate_schema", "apply_lifecycle", "grant_access"):
            run(server, playbook).require_success()
        owners = server.query("SELECT DISTINCT owner::text FROM timescaledb_information.jobs WHERE job_id >= 1000")
        assert owners == [(server.owner,)]
        again = ("install_server", "create_database", "migrate_schema", "apply_lifecycle", "grant_access")
        assert sum(run(server, playbook).require_success().changed for playbook in again) == 0

    def test_gets_no_roles_and_keeps_everybodys_rights(self, server: Site) -> None:
        assert server.on_server(f"SELECT 1 FROM pg_roles WHERE rolname = '{server.reader}'") == []
        assert server.value(f"SELECT has_database_privilege('public', '{server.name}', 'CONNECT')")

    def test_is_connected_to(self, server: Site) -> None:
        said = run(server, "check_connection").require_success().output
        assert f"Logged in to database {server.name} on 127.0.0.1 as {server.owner}" in said
        assert "Encrypted by TLS" in said or "Not encrypted" in said
        assert "PostgreSQL 1" in said and "TimescaleDB 2." in said
        assert "10 of 10 tables, views and aggregates can be read" in said


class TestAServerThatLacks:
    @pytest.fixture(autouse=True)
    def _is_as_it_was_afterwards(self, server: Site) -> Iterator[None]:
        yield
        server.query("GRANT CREATE, USAGE ON SCHEMA public TO pg_database_owner")
        server.query(f"GRANT TEMPORARY ON DATABASE {server.name} TO PUBLIC, {server.owner}")
        server.query(f"ALTER DATABASE {server.name} OWNER TO {server.owner}")

    def test_the_database(self, server: Site) -> None:
        said = refuse(server, timescaledb_login_db="no_such_database")
        assert "there is no such database" in said
        assert "correct login_db" in said

    def test_rights_in_the_schema_and_for_temporary_objects_at_once(self, server: Site) -> None:
        server.query(f"ALTER DATABASE {server.name} OWNER TO CURRENT_USER")
        server.query(f"REVOKE TEMPORARY ON DATABASE {server.name} FROM PUBLIC, {server.owner}")
        said = refuse(server)
        assert f"{server.owner} may not create tables in schema public" in said
        assert f"{server.owner} may not create temporary objects" in said

    def test_the_extension_and_the_right_to_create_it(self, server: Site) -> None:
        server.query("DROP EXTENSION IF EXISTS timescaledb CASCADE")
        server.query(f"ALTER DATABASE {server.name} OWNER TO CURRENT_USER")
        said = refuse(server)
        assert f"database {server.name} has no extension timescaledb, and {server.owner} may not create it" in said
        assert f"GRANT CREATE ON DATABASE {server.name} TO {server.owner}" in said

    def test_the_right_to_change_what_is_there(self, server: Site) -> None:
        server.query("CREATE EXTENSION IF NOT EXISTS timescaledb")
        server.query("DROP TABLE IF EXISTS metrics CASCADE")
        server.query("CREATE TABLE metrics (time timestamptz NOT NULL)")
        said = refuse(server)
        assert f"metrics belongs to postgres, as which {server.owner} may not act" in said
        reading = run(server, "check_connection")
        assert reading.code != 0
        assert f"{server.owner} may not read metrics" in " ".join(reading.output.split())
        server.query("DROP TABLE metrics")


class TestALoginThatFails:
    @pytest.mark.parametrize("playbook", ["install_server", "check_connection", "diagnose_server"])
    def test_for_want_of_a_server_is_one_sentence(self, server: Site, playbook: str) -> None:
        done = run(server, playbook, timescaledb_login_port=1)
        assert done.code != 0
        assert "nothing listens there (Connection refused); start the server" in " ".join(done.output.split())

    def test_for_a_wrong_password_is_one_sentence(self, server: Site) -> None:
        if not server.checks_passwords:
            pytest.skip("this server trusts everybody")
        done = run(server, "check_connection", timescaledb_login_password=secrets.token_hex(8))
        assert "the password is wrong, or the role does not exist or has none" in " ".join(done.output.split())

    def test_for_a_role_that_is_not_there_is_one_sentence(self, server: Site) -> None:
        done = run(server, "check_connection", timescaledb_login_user="no_such_role")
        assert done.code != 0
        assert "correct login_user" in " ".join(done.output.split())

    def test_for_a_certificate_nobody_signed_is_one_sentence(self, server: Site) -> None:
        if not server.value("SELECT current_setting('ssl')::bool"):
            pytest.skip("this server has no TLS")
        done = run(
            server,
            "check_connection",
            timescaledb_login_ssl_mode="verify-full",
            timescaledb_login_ca_cert="/etc/ssl/certs/ca-certificates.crt",
        )
        assert done.code != 0
        assert "set ca_cert to the authority that has signed it" in " ".join(done.output.split())


def test_the_apache_edition_is_refused_where_more_is_declared() -> None:
    if not APACHE:
        pytest.skip("needs a server of the Apache edition: set TIMESCALEDB_TEST_DSN_APACHE")
    with plan_site(APACHE) as site:
        site.on_server(f"CREATE ROLE {site.owner} LOGIN PASSWORD '{PASSWORD}'")
        site.on_server(f"CREATE DATABASE {site.name} OWNER {site.owner} TEMPLATE template0")
        site.query("CREATE EXTENSION IF NOT EXISTS timescaledb")
        said = refuse(site)
        assert "of the Apache edition was found, and the Community edition is needed for" in said
        assert "timescaledb_lifecycle_hypertables[metrics].compression" in said
        fine = {
            "timescaledb_lifecycle_hypertables": [{"name": "metrics", "time_column": "time"}],
            "timescaledb_lifecycle_continuous_aggregates": [],
        }
        run(site, "install_server", **fine).require_success()
