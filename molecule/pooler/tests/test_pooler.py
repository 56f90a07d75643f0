"""Who gets in through the pooler, how it finds out who that is, and what the rest of the world sees of it."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from server import Login, Server

LOOKUP = "timescaledb_pooler.lookup"


def config(console: Callable[..., Any]) -> dict[str, str]:
    """What the running pooler goes by."""
    lines = console("SHOW CONFIG").stdout.splitlines()
    assert len(lines) > 50
    return {line.split("|")[0]: line.split("|")[1] for line in lines}


class TestWhoGetsIn:
    def test_a_password_that_only_the_server_knows_and_tls(self, login: Login, server: Server) -> None:
        row = login("molecule_writer").execute("SELECT current_user AS name, pg_backend_pid() AS pid").fetchone()
        assert row is not None
        assert row["name"] == "molecule_writer"
        found = server.rows(f"SELECT usename, client_addr FROM pg_stat_activity WHERE pid = {row['pid']}")
        assert found == [{"usename": "molecule_writer", "client_addr": "127.0.0.1"}]

    def test_rights_are_those_of_who_logged_in(self, login: Login) -> None:
        reader = login("molecule_reader")
        assert reader.execute("SELECT count(*) AS n FROM metrics").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM devices")

    @pytest.mark.parametrize(
        ("user", "changes", "words"),
        [
            ("molecule_writer", {"password": "not the password"}, "authentication failed"),
            ("molecule_writer", {"password": ""}, "no password supplied"),
            ("molecule_writer", {"sslmode": "disable"}, "login rejected"),
            ("molecule_writer", {"dbname": "postgres"}, "login rejected"),
            ("molecule_writer", {"dbname": ".lookup"}, "login rejected"),
            ("molecule_writer", {"dbname": "pgbouncer"}, "not allowed"),
            ("postgres", {"password": "postgres"}, "no such user|login rejected"),
            ("pgbouncer", {"password": "pgbouncer"}, "authentication failed|login rejected"),
            ("aetherlens_owner", {"password": "owner"}, "no such user|authentication failed|login rejected"),
            ("nobody_at_all", {"password": "guess"}, "no such user|authentication failed"),
        ],
    )
    def test_nobody_else(self, login: Login, user: str, changes: dict[str, str], words: str) -> None:
        with pytest.raises(psycopg.OperationalError, match=words):
            login(user, **changes)

    def test_on_the_host_itself_a_password_is_needed_too(self, machine: Any) -> None:
        for place in ("127.0.0.1", "/run/pgbouncer"):
            result = machine.run(
                f"psql -X --no-password -h {place} -p 6432 -U molecule_writer -d aetherlens -c 'SELECT 1'"
            )
            assert result.rc == 2
            assert "no password supplied" in result.stderr

    def test_the_certificate_is_that_of_the_server(self, scenario: dict[str, Any], machine: Any) -> None:
        with socket.create_connection(("127.0.0.1", scenario["ports"][6432]), timeout=10) as plain:
            plain.sendall(struct.pack("!ii", 8, 80877103))
            assert plain.recv(1) == b"S"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(plain) as wrapped:
                shown = ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")
        assert shown.split() == machine.file("/etc/postgresql/17/main/server.crt").content_string.split()

    def test_old_tls_is_not_spoken(self, console: Callable[..., Any]) -> None:
        assert config(console)["client_tls_protocols"] == "tlsv1.2,tlsv1.3"


class TestTheLookup:
    def ask(self, machine: Any, query: str) -> Any:
        """Ask the server as the lookup role, the way the pooler does: on the socket, without any secret."""
        return machine.run("runuser -u pgbouncer -- psql -X -A -t -h /run/postgresql -d postgres -c %s", query)

    def test_finds_the_verifier_of_who_may_log_in(self, machine: Any) -> None:
        found = self.ask(machine, f"SELECT name, left(verifier, 14) FROM {LOOKUP}('molecule_writer')").stdout.strip()
        assert found == "molecule_writer|SCRAM-SHA-256$"

    @pytest.mark.parametrize(
        "role", ["postgres", "pgbouncer", "aetherlens_owner", "aetherlens_writer", "nobody_at_all"]
    )
    def test_finds_nobody_else(self, machine: Any, role: str) -> None:
        result = self.ask(machine, f"SELECT count(*) FROM {LOOKUP}('{role}')")
        assert result.stdout.strip() == "0", result.stderr

    def test_never_finds_a_superuser_even_one_with_a_password(self, machine: Any, server: Server) -> None:
        server.execute("CREATE ROLE molecule_super LOGIN PASSWORD 'molecule only'")
        try:
            query = f"SELECT count(*) FROM {LOOKUP}('molecule_super')"
            assert self.ask(machine, query).stdout.strip() == "1"
            for attribute in ("SUPERUSER", "REPLICATION", "BYPASSRLS", "NOLOGIN", "VALID UNTIL '2001-01-01'"):
                server.execute(f"ALTER ROLE molecule_super {attribute}")
                assert self.ask(machine, query).stdout.strip() == "0", attribute
                server.execute(
                    "ALTER ROLE molecule_super NOSUPERUSER NOREPLICATION NOBYPASSRLS LOGIN VALID UNTIL 'infinity'"
                )
        finally:
            server.execute("DROP ROLE molecule_super")

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("SELECT rolpassword FROM pg_authid", "permission denied for table pg_authid"),
            ("CREATE TABLE t (n int)", "permission denied for schema public"),
            ("CREATE TABLE timescaledb_pooler.t (n int)", "permission denied for schema timescaledb_pooler"),
            ("CREATE SCHEMA mine", "permission denied for database postgres"),
        ],
    )
    def test_its_role_may_do_nothing_else(self, machine: Any, query: str, words: str) -> None:
        result = self.ask(machine, query)
        assert result.rc == 1
        assert words in result.stderr

    def test_its_role_gets_into_no_database_of_the_application(self, machine: Any) -> None:
        result = machine.run("runuser -u pgbouncer -- psql -X -h /run/postgresql -d aetherlens -c 'SELECT 1'")
        assert result.rc == 2
        assert "does not have CONNECT privilege" in result.stderr

    def test_its_role_has_no_password_no_group_and_no_attribute(self, server: Server) -> None:
        rows = server.rows(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS more, rolpassword,"
            " rolcanlogin, rolconnlimit,"
            " (SELECT count(*) FROM pg_auth_members WHERE member = oid OR roleid = oid) AS memberships"
            " FROM pg_authid WHERE rolname = 'pgbouncer'"
        )
        assert rows == [{"more": False, "rolpassword": None, "rolcanlogin": True, "rolconnlimit": 10, "memberships": 0}]

    def test_nobody_else_may_call_it(self, server: Server) -> None:
        postgres = Server(server.shell, "postgres")
        may = postgres.rows(
            f"SELECT rolname FROM pg_roles WHERE has_function_privilege(oid, '{LOOKUP}(text)', 'EXECUTE')"
            " AND NOT rolsuper"
        )
        assert may == [{"rolname": "pgbouncer"}]
        assert postgres.value(f"SELECT prosecdef FROM pg_proc WHERE oid = '{LOOKUP}(text)'::regprocedure") is True


class TestTheConsole:
    def test_is_the_pooler_s_own_system_user_s(self, console: Callable[..., Any]) -> None:
        assert console("SHOW VERSION").stdout.startswith("PgBouncer 1.")

    def test_shows_statistics_to_whom_it_was_declared(self, machine: Any, console: Callable[..., Any]) -> None:
        machine.run("useradd --system --no-create-home prometheus")
        pools = console("SHOW POOLS", user="prometheus")
        assert pools.rc == 0, pools.stderr
        assert "aetherlens|molecule_writer" in pools.stdout

    @pytest.mark.parametrize("command", ["RELOAD", "PAUSE", "KILL aetherlens", "SET max_client_conn = 1", "SHUTDOWN"])
    def test_obeys_nobody_who_only_reads(self, machine: Any, console: Callable[..., Any], command: str) -> None:
        machine.run("useradd --system --no-create-home prometheus")
        result = console(command, user="prometheus")
        assert result.rc == 1
        assert "admin access needed" in result.stderr

    @pytest.mark.parametrize(
        ("user", "role"), [("postgres", "postgres"), ("nobody", "prometheus"), ("nobody", "pgbouncer")]
    )
    def test_is_closed_to_others(self, console: Callable[..., Any], user: str, role: str) -> None:
        result = console("SHOW POOLS", user=user, role=role)
        assert result.rc == 2
        assert "login rejected" in result.stderr or "no such user" in result.stderr or "failed" in result.stderr

    def test_is_not_on_the_network(self, machine: Any) -> None:
        for role in ("pgbouncer", "prometheus"):
            result = machine.run(f"PGPASSWORD=x psql -X -h 127.0.0.1 -p 6432 -U {role} -d pgbouncer -c 'SHOW POOLS'")
            assert result.rc == 2
            assert "not allowed" in result.stderr or "login rejected" in result.stderr


class TestItsSystem:
    def test_runs_and_comes_back_after_a_reboot(self, machine: Any) -> None:
        service = machine.service("pgbouncer")
        assert service.is_running
        assert service.is_enabled

    def test_runs_as_nobody_who_is_a_superuser(self, machine: Any) -> None:
        assert {process.user for process in machine.process.filter(comm="pgbouncer")} == {"pgbouncer"}
        assert machine.user("pgbouncer").shell == "/usr/sbin/nologin"

    def test_is_set_as_the_inventory_says_without_a_restart(
        self, scenario: dict[str, Any], machine: Any, console: Callable[..., Any]
    ) -> None:
        declared = scenario.get("pooler_settings", {}).get("query_wait_timeout", 120)
        assert config(console)["query_wait_timeout"] == str(declared)
        process = int(machine.check_output("systemctl show --property=MainPID --value pgbouncer"))
        assert process == scenario.get("pooler_process", process)

    def test_is_confined(self, machine: Any) -> None:
        result = machine.run("systemd-analyze security --no-pager --threshold=15 pgbouncer.service")
        assert result.rc == 0, result.stdout[-300:]

    def test_its_unit_has_no_mistake(self, machine: Any) -> None:
        result = machine.run("systemd-analyze verify --man=no pgbouncer.service")
        assert (result.rc, result.stderr) == (0, "")

    def test_has_a_file_for_every_client(self, machine: Any, console: Callable[..., Any]) -> None:
        pid = machine.check_output("systemctl show --property=MainPID --value pgbouncer")
        limits = machine.file(f"/proc/{pid}/limits").content_string
        files = next(int(line.split()[3]) for line in limits.splitlines() if line.startswith("Max open files"))
        assert files >= int(config(console)["max_client_conn"]) + 87

    def test_its_log_is_the_journal_which_keeps_its_own_size(self, machine: Any, console: Callable[..., Any]) -> None:
        assert config(console)["logfile"] == ""
        assert "process up: PgBouncer" in machine.check_output("journalctl --unit=pgbouncer --no-pager")
        assert not machine.file("/var/log/postgresql/pgbouncer.log").exists

    @pytest.mark.parametrize(
        ("path", "owner", "group", "mode"),
        [
            ("/etc/pgbouncer/pgbouncer.ini", "root", "pgbouncer", 0o640),
            ("/etc/pgbouncer/hba.conf", "root", "pgbouncer", 0o640),
            ("/etc/pgbouncer/userlist.txt", "root", "pgbouncer", 0o640),
            ("/run/pgbouncer/server.key", "pgbouncer", "root", 0o400),
        ],
    )
    def test_its_files_are_for_nobody_else(self, machine: Any, path: str, owner: str, group: str, mode: int) -> None:
        file = machine.file(path)
        assert (file.user, file.group, file.mode) == (owner, group, mode)

    def test_no_file_holds_who_may_log_in(self, machine: Any) -> None:
        assert machine.file("/etc/pgbouncer/userlist.txt").content_string == '"prometheus" ""\n'
        assert not machine.file("/etc/pgbouncer/lookup.secret").exists

    def test_sizes_follow_from_the_server(self, console: Callable[..., Any], server: Server) -> None:
        assert server.value("SELECT current_setting('max_connections')::int") == 100
        rows = [line.split("|") for line in console("SHOW DATABASES").stdout.splitlines()]
        pools = {row[0]: (int(row[5]), int(row[7]), int(row[11])) for row in rows}
        assert pools["aetherlens"] == (68, 17, 85)
        assert pools[".lookup"] == (2, 0, 2)
        assert config(console)["max_client_conn"] == "1000"


class TestPreparedStatements:
    def test_survive_the_change_of_the_connection(self, login: Login) -> None:
        one, other = login("molecule_writer"), login("molecule_writer")
        query = "SELECT %s::int + 1 AS answer, pg_backend_pid() AS pid"
        pids = set()
        for number in range(20):
            row = one.execute(query, (number,), prepare=True).fetchone()
            assert row is not None
            assert row["answer"] == number + 1
            pids.add(row["pid"])
            with other.transaction():  # holds the connection that `one` has just had
                other.execute("SELECT 1")
                row = one.execute(query, (number,), prepare=True).fetchone()
                assert row is not None
                assert row["answer"] == number + 1
                pids.add(row["pid"])
        assert len(pids) >= 2
