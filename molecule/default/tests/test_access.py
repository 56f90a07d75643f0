"""Who gets in, and how: by peer on the socket, by password over TCP, from elsewhere over TLS only, and nobody else."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from server import Login, Server

REJECTED = r"no pg_hba\.conf entry|rejects connection"


@pytest.fixture(scope="module")
def rules(server: Server) -> list[dict[str, Any]]:
    """The rules of pg_hba.conf as the server reads them."""
    return server.rows(
        "SELECT rule_number, type, database, user_name, address, auth_method, error FROM pg_hba_file_rules"
        " ORDER BY rule_number"
    )


def test_the_rules_have_no_error(rules: list[dict[str, Any]]) -> None:
    assert len(rules) >= 3
    assert [rule for rule in rules if rule["error"]] == []


def test_only_peer_scram_and_reject_are_used(rules: list[dict[str, Any]]) -> None:
    assert {rule["auth_method"] for rule in rules} <= {"peer", "scram-sha-256", "reject"}
    assert all(rule["auth_method"] == "peer" for rule in rules if rule["type"] == "local")


def test_every_rule_for_elsewhere_demands_tls_and_names_who_may(rules: list[dict[str, Any]]) -> None:
    local = {"127.0.0.1", "::1", "localhost", "samehost"}
    away = [
        rule
        for rule in rules
        if rule["type"] != "local" and rule["address"] not in local and rule["auth_method"] != "reject"
    ]
    assert [(rule["type"], rule["database"], rule["user_name"]) for rule in away] == [
        ("hostssl", ["aetherlens"], ["molecule_writer", "molecule_reader"])
    ]


def test_passwords_are_kept_as_scram_only(server: Server) -> None:
    assert server.value("SELECT current_setting('password_encryption')") == "scram-sha-256"
    stored = server.rows("SELECT rolname, left(rolpassword, 14) AS kind FROM pg_authid WHERE rolpassword IS NOT NULL")
    assert {row["rolname"] for row in stored} >= {"molecule_writer", "molecule_reader"}
    assert {row["kind"] for row in stored} == {"SCRAM-SHA-256$"}


class TestOnTheSocket:
    def test_the_system_user_postgres_is_the_superuser(self, server: Server) -> None:
        assert server.value("SELECT current_user") == "postgres"

    @pytest.mark.parametrize("role", ["postgres", "molecule_writer"])
    def test_another_system_user_is_nobody(self, machine: Any, role: str) -> None:
        result = machine.run(f"setpriv --reuid=nobody --clear-groups psql -X -U {role} -d aetherlens -c 'SELECT 1'")
        assert result.rc == 2
        assert "Peer authentication failed" in result.stderr


class TestOverTcpOnTheHost:
    @pytest.mark.parametrize(
        ("role", "reason"), [("molecule_writer", "no password supplied"), ("postgres", "rejects connection")]
    )
    def test_nobody_gets_in_without_a_password(self, machine: Any, role: str, reason: str) -> None:
        result = machine.run(f"psql -X --no-password -h 127.0.0.1 -U {role} -d aetherlens -c 'SELECT 1'")
        assert result.rc == 2
        assert reason in result.stderr


class TestFromElsewhere:
    def test_a_password_and_tls_get_in(self, login: Login) -> None:
        row = (
            login("molecule_writer")
            .execute("SELECT ssl, version, current_user AS name FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .fetchone()
        )
        assert row is not None
        assert (row["ssl"], row["name"]) == (True, "molecule_writer")
        assert row["version"] in ("TLSv1.2", "TLSv1.3")

    def test_without_tls_nobody_gets_in(self, login: Login) -> None:
        with pytest.raises(psycopg.OperationalError, match=REJECTED):
            login("molecule_writer", sslmode="disable")

    def test_with_a_wrong_password_nobody_gets_in(self, login: Login) -> None:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            login("molecule_writer", password="not the password")

    def test_without_a_password_nobody_gets_in(self, login: Login) -> None:
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            login("molecule_writer", password="")

    def test_the_superuser_does_not_get_in(self, login: Login) -> None:
        with pytest.raises(psycopg.OperationalError, match=REJECTED):
            login("postgres")

    def test_no_other_database_is_open(self, login: Login) -> None:
        with pytest.raises(psycopg.OperationalError, match=REJECTED):
            login("molecule_writer", dbname="postgres")
