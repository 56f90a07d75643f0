"""A pooler and pgAdmin in front of a server in a container: they log in over TCP, with passwords made on the host."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from server import Login, Server
from test_load import (
    table,
    test_five_hundred_clients_on_a_hundred_connections,
    test_without_the_pooler_most_of_them_are_refused,
)

__all__ = [
    "table",
    "test_five_hundred_clients_on_a_hundred_connections",
    "test_without_the_pooler_most_of_them_are_refused",
]

MADE = ["/etc/pgbouncer/lookup.secret", "/etc/pgadmin/password", "/etc/pgadmin/server.password"]
LOOKUP = "timescaledb_pooler.lookup"
READ_SERVERS = """
import json, sqlite3
kept = sqlite3.connect("file:/var/lib/pgadmin/pgadmin4.db?mode=ro", uri=True)
print(json.dumps(kept.execute("SELECT host, port, username, connection_params FROM server").fetchall()))
"""


def test_a_client_gets_in_with_the_password_that_the_server_knows(login: Login) -> None:
    row = login("molecule_writer").execute("SELECT current_user AS name, count(*) AS n FROM devices").fetchone()
    assert row is not None
    assert (row["name"], row["n"]) == ("molecule_writer", 5)


@pytest.mark.parametrize(
    ("user", "changes", "words"),
    [
        ("molecule_writer", {"password": "not the password"}, "authentication failed"),
        ("molecule_writer", {"dbname": "postgres"}, "authentication failed|login rejected"),
        ("postgres", {"password": "postgres"}, "no such user|login rejected"),
        ("pgbouncer", {"password": "pgbouncer"}, "authentication failed|login rejected"),
    ],
)
def test_nobody_else_gets_in(login: Login, user: str, changes: dict[str, str], words: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=words):
        login(user, **changes)


def test_the_superuser_of_the_inventory_does_not_get_in_through_the_pooler(
    login: Login, secrets: dict[str, str]
) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"no such user|login rejected|authentication failed"):
        login("postgres", password=secrets["superuser"])


def test_the_lookup_role_logs_in_by_a_password_and_may_only_look_up(
    machine: Any, server: Server, scenario: dict[str, Any]
) -> None:
    def ask(query: str) -> Any:
        psql = "PGPASSWORD=$(cat /etc/pgbouncer/lookup.secret) psql -X -A -t -h 127.0.0.1 -p %s -U pgbouncer -c %s %s"
        return machine.run(psql, str(scenario["port"]), query, "postgres")

    assert ask(f"SELECT left(verifier, 13) FROM {LOOKUP}('molecule_writer')").stdout.strip() == "SCRAM-SHA-256"
    assert ask(f"SELECT count(*) FROM {LOOKUP}('postgres')").stdout.strip() == "0"
    assert "permission denied" in ask("SELECT * FROM pg_authid").stderr
    rows = server.rows(
        "SELECT rolsuper, rolcreaterole, left(rolpassword, 13) AS kept FROM pg_authid"
        " WHERE rolname IN ('pgbouncer', 'pgadmin')"
    )
    assert rows == [{"rolsuper": False, "rolcreaterole": False, "kept": "SCRAM-SHA-256"}] * 2


def test_the_server_lets_nobody_in_without_tls_and_the_pooler_speaks_it(
    login: Login, server: Server, scenario: dict[str, Any]
) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        login("molecule_writer", port=scenario["port"], sslmode="disable")
    row = login("molecule_writer").execute("SELECT pg_backend_pid() AS pid").fetchone()
    assert row is not None
    assert server.value(f"SELECT ssl FROM pg_stat_ssl WHERE pid = {row['pid']}") is True


def test_the_pooler_answers_its_console(console: Callable[..., Any]) -> None:
    assert "aetherlens" in console("SHOW DATABASES").stdout


@pytest.mark.parametrize("path", MADE)
def test_a_password_made_on_the_host_is_roots_alone(machine: Any, path: str) -> None:
    assert (machine.file(path).user, machine.file(path).mode) == ("root", 0o600)


@pytest.mark.parametrize("unit", ["pgbouncer.service", "pgadmin.service"])
def test_a_unit_has_no_mistake_is_confined_and_comes_back_after_a_reboot(machine: Any, unit: str) -> None:
    assert machine.check_output("systemctl is-active %s", unit) == "active"
    assert machine.check_output("systemctl is-enabled %s", unit) == "enabled"
    result = machine.run("systemd-analyze verify --man=no %s", unit)
    assert (result.rc, result.stderr) == (0, "")
    confined = machine.run("systemd-analyze security --no-pager --threshold=20 %s", unit)
    assert confined.rc == 0, confined.stdout[-300:]


def test_pgadmin_has_the_server_and_what_it_needs_to_log_in(machine: Any, scenario: dict[str, Any]) -> None:
    ((host, port, user, parameters),) = json.loads(machine.check_output("python3 -c %s", READ_SERVERS))
    assert (host, port, user) == ("127.0.0.1", scenario["port"], "pgadmin")
    assert json.loads(parameters)["passfile"] == "/.pgpass"
    passfile = machine.check_output("find /var/lib/pgadmin/storage -name .pgpass")
    assert (machine.file(passfile).user, machine.file(passfile).mode) == ("pgadmin", 0o600)
    psql = "runuser -u pgadmin -- env PGPASSFILE=%s psql -X -A -t --no-password -h %s -p %s -d aetherlens -c %s"
    assert machine.check_output(psql, passfile, host, str(port), "SELECT count(*) FROM devices") == "5"


def test_pgadmin_answers_on_the_loopback_address(machine: Any, scenario: dict[str, Any]) -> None:
    port = scenario["ports"][5050]
    lines = machine.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    assert [line.split()[3] for line in lines if line.split()[3].endswith(f":{port}")] == [f"127.0.0.1:{port}"]
    read = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).geturl())"
    assert "/login" in machine.check_output("python3 -c %s %s", read, f"http://127.0.0.1:{port}/")
