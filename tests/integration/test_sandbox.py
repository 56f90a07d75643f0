"""What a client of the sandbox may rely on."""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.integration.sandboxes import Server, run_sandbox

QUEUE_SECONDS = 1.0
LONG_STATEMENT = "SELECT count(*) FROM generate_series(1, 20000000)"  # longer than QUEUE_SECONDS on any machine


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox whose clients do not wait for long."""
    with run_sandbox(tmp_path_factory.mktemp("hasty"), queue_seconds=QUEUE_SECONDS) as server:
        yield server


@pytest.fixture
def table(sandbox: Server) -> Iterator[str]:
    """An empty table."""
    sandbox.query("CREATE TABLE words (word text)")
    yield "words"
    sandbox.query("DROP TABLE words")


class TestAConnection:
    @pytest.mark.skipif(not shutil.which("psql"), reason="psql is not on this machine")
    def test_needs_no_password_and_no_sslmode(self, sandbox: Server) -> None:
        command = ["psql", "--no-psqlrc", "-h", sandbox.host, "-p", str(sandbox.port), "-U", "postgres", "-w", "-At"]
        run = subprocess.run(
            [*command, "-d", sandbox.database, "-c", "SELECT 6 * 7"], capture_output=True, text=True, check=False
        )
        assert (run.stdout, run.stderr) == ("42\n", "")

    @pytest.mark.parametrize("ssl_mode", ["disable", "allow", "prefer"])
    def test_is_had_without_encryption(self, sandbox: Server, ssl_mode: str) -> None:
        with sandbox.connect(sslmode=ssl_mode) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    def test_is_refused_when_encryption_is_insisted_on(self, sandbox: Server) -> None:
        with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
            sandbox.connect(sslmode="require")

    def test_to_another_database_is_refused(self, sandbox: Server) -> None:
        with pytest.raises(psycopg.OperationalError, match=r'database "postgres" does not exist[^$]*: aetherlens'):
            sandbox.connect(dbname="postgres")

    def test_of_an_unknown_role_is_refused(self, sandbox: Server) -> None:
        with pytest.raises(psycopg.OperationalError, match='role "nobody" does not exist'):
            sandbox.connect(user="nobody")

    def test_of_a_role_that_may_not_log_in_is_refused(self, sandbox: Server) -> None:
        sandbox.query("CREATE ROLE idle")
        with pytest.raises(psycopg.OperationalError, match='role "idle" is not permitted to log in'):
            sandbox.connect(user="idle")
        sandbox.query("DROP ROLE idle")

    def test_with_a_setting_that_does_not_exist_is_refused(self, sandbox: Server) -> None:
        with pytest.raises(psycopg.OperationalError, match='unrecognized configuration parameter "nonsense"'):
            sandbox.connect(options="-c nonsense=1")

    def test_with_another_encoding_is_refused(self, sandbox: Server) -> None:
        with pytest.raises(psycopg.OperationalError, match="the sandbox speaks UTF8 only"):
            sandbox.connect(client_encoding="LATIN1")

    def test_of_a_role_has_that_role_s_rights_and_settings(self, sandbox: Server, table: str) -> None:
        sandbox.query("CREATE ROLE reader LOGIN")
        sandbox.query("ALTER ROLE reader SET work_mem = '7MB'")
        try:
            with sandbox.connect(user="reader", options="-c lock_timeout=3s") as connection:
                names = "session_user::text, current_setting('work_mem'), current_setting('lock_timeout')"
                assert connection.execute(f"SELECT {names}").fetchone() == ("reader", "7MB", "3s")
                assert connection.info.parameter_status("is_superuser") == "off"
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(f"SELECT * FROM {table}")
            assert sandbox.query("SELECT session_user::text, current_setting('work_mem')") == [("postgres", "4MB")]
        finally:
            sandbox.query("DROP ROLE reader")

    def test_is_told_of_changed_settings(self, sandbox: Server) -> None:
        with sandbox.connect() as connection:
            connection.execute("SET TimeZone = 'Europe/Berlin'")
            assert connection.info.parameter_status("TimeZone") == "Europe/Berlin"
        with sandbox.connect() as connection:
            assert connection.info.parameter_status("TimeZone") == "UTC"

    def test_keeps_its_search_path_after_a_reset(self, sandbox: Server) -> None:
        with sandbox.connect() as connection:
            before = connection.execute("SHOW search_path").fetchone()
            for statement in ("RESET ALL", "DISCARD ALL", "RESET search_path"):
                connection.execute(statement)
                assert connection.execute("SHOW search_path").fetchone() == before


class TestStatements:
    def test_prepared_ones_work_on_two_connections_one_after_the_other(self, sandbox: Server) -> None:
        for _ in range(2):
            with sandbox.connect(prepare_threshold=0) as connection:
                assert connection.execute("SELECT %s::int + 1", (1,)).fetchone() == (2,)
                assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (2,)

    @pytest.mark.parametrize("megabytes", [2, 20])
    def test_large_ones_work(self, sandbox: Server, megabytes: int) -> None:
        text = "x" * (megabytes * 1000000)
        assert sandbox.value("SELECT length(%s)", text) == len(text)
        with sandbox.connect(cursor_factory=psycopg.ClientCursor) as connection:
            assert connection.execute("SELECT length(%s)", (text,)).fetchone() == (len(text),)

    def test_large_results_arrive_whole(self, sandbox: Server) -> None:
        rows = sandbox.query("SELECT n, repeat('x', 100) FROM generate_series(1, 50000) AS n")
        assert [n for n, _ in rows] == list(range(1, 50001))

    def test_that_arrive_byte_by_byte_are_put_together(self, sandbox: Server) -> None:
        with socket.create_connection((sandbox.host, sandbox.port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in startup_packet(sandbox) + message("Q", b"SELECT 'a' || 'b'\0") + message("X"):
                client.sendall(bytes([byte]))
                time.sleep(0.001)
            assert b"\0\0\0\x02ab" in receive_all(client)

    def test_of_a_pipeline_after_an_error_are_skipped(self, sandbox: Server) -> None:
        with sandbox.connect() as connection:
            with contextlib.suppress(errors.DivisionByZero), connection.pipeline():
                connection.execute("SELECT 1 / 0")
                connection.execute("CREATE TABLE not_to_be (a int)")
            assert connection.execute("SELECT to_regclass('not_to_be')").fetchone() == (None,)

    def test_each_of_a_pipeline_gets_its_answer(self, sandbox: Server) -> None:
        with sandbox.connect() as connection:
            with connection.pipeline():
                cursors = [connection.execute("SELECT %s::int", (n,)) for n in range(100)]
            assert [cursor.fetchone() for cursor in cursors] == [(n,) for n in range(100)]

    def test_rolling_back_says_nothing_of_the_engine_s_innards(self, sandbox: Server) -> None:
        notices: list[Any] = []
        with sandbox.connect(autocommit=False) as connection:
            connection.add_notice_handler(notices.append)
            connection.execute("CREATE TABLE not_to_be (a int)")
            connection.rollback()
        assert notices == []


class TestCopyFromStdin:
    @pytest.mark.parametrize(
        "statement",
        [
            "COPY words FROM STDIN",
            "copy words (word)\nfrom stdin with (format csv)",
            "/* why */ COPY words FROM STDIN -- thus",
            "SELECT 1; COPY words FROM STDIN",
            "COPY BINARY words FROM STDIN",
            "COPY words FROM STDOUT",
            "SELECT E'\\'; '; COPY words FROM STDIN",
            "SELECT $a$;$a$; COPY words FROM STDIN",
        ],
    )
    @pytest.mark.parametrize("cursor", [psycopg.Cursor, psycopg.ClientCursor])
    def test_is_refused_and_the_server_lives(self, sandbox: Server, table: str, statement: str, cursor: Any) -> None:
        pid = sandbox.pid
        with sandbox.connect(
            cursor_factory=cursor, prepare_threshold=0 if ";" not in statement else None
        ) as connection:
            with pytest.raises(
                errors.FeatureNotSupported, match=r"the sandbox does not support COPY \.\.\. FROM STDIN"
            ):
                connection.execute(statement)
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert sandbox.pid == pid

    def test_leaves_a_transaction_failed_as_any_error_does(self, sandbox: Server, table: str) -> None:
        with sandbox.connect(autocommit=False) as connection:
            connection.execute(f"INSERT INTO {table} VALUES ('lost')")
            with pytest.raises(errors.FeatureNotSupported), connection.cursor().copy(f"COPY {table} FROM STDIN"):
                pass
            with pytest.raises(errors.InFailedSqlTransaction):
                connection.execute("SELECT 1")
            connection.rollback()
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)

    @pytest.mark.parametrize(
        "text", ["COPY words FROM STDIN", "it''s; COPY words FROM STDIN", "-- COPY words FROM STDIN"]
    )
    def test_as_mere_text_is_no_matter(self, sandbox: Server, table: str, text: str) -> None:
        sandbox.query(f"INSERT INTO {table} VALUES ('{text}') -- ; COPY words FROM STDIN")
        sandbox.query(f"INSERT INTO {table} VALUES ($$; {text}; $$)")
        assert sandbox.value(f"SELECT count(*) FROM {table}") == 2

    def test_has_an_opposite_that_works(self, sandbox: Server) -> None:
        with sandbox.connect() as connection, connection.cursor().copy("COPY (SELECT 'a', 'b') TO STDOUT") as copy:
            assert list(copy.rows()) == [("a", "b")]


def test_another_encoding_is_refused_in_a_session_too(sandbox: Server) -> None:
    with sandbox.connect() as connection:
        with pytest.raises(errors.FeatureNotSupported, match="UTF8 only"):
            connection.execute("SET client_encoding = 'LATIN1'")
        connection.execute("SET client_encoding TO 'utf-8'")


class TestAClientThatVanishes:
    """Killed amid a transaction, with every kind of thing left behind."""

    LEFTOVERS = (
        "SET search_path TO nowhere",
        "CREATE ROLE leftover SUPERUSER",
        "PREPARE leftover AS SELECT 1",
        "LISTEN leftover",
        "SELECT pg_advisory_lock(7)",
        "CREATE TEMPORARY TABLE leftover (a int)",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET SESSION AUTHORIZATION leftover",
        "BEGIN READ WRITE",
        "INSERT INTO public.words VALUES ('uncommitted')",
        "LOCK TABLE public.words IN ACCESS EXCLUSIVE MODE",
    )

    @pytest.fixture
    def vanished(self, sandbox: Server, table: str) -> Iterator[None]:  # noqa: ARG002 - the client writes to the table
        program = (
            "import sys, time, psycopg\n"
            f"connection = psycopg.connect({sandbox.dsn!r}, autocommit=True, prepare_threshold=None)\n"
            f"for statement in {self.LEFTOVERS!r}: connection.execute(statement)\n"
            "print('ready', flush=True)\n"
            "time.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
            client.kill()
        yield
        sandbox.query("DROP ROLE leftover")

    @pytest.mark.usefixtures("vanished")
    def test_leaves_nothing(self, sandbox: Server, table: str) -> None:
        with sandbox.connect() as connection:

            def value(sql: str) -> Any:
                row = connection.execute(sql).fetchone()
                return row[0] if row else None

            assert value(f"SELECT count(*) FROM {table}") == 0
            assert (
                value("SELECT count(*) FROM pg_locks WHERE locktype IN ('advisory', 'relation') AND mode !~ 'Share'")
                == 0
            )
            assert value("SHOW search_path") == '"$user", public'
            assert value("SHOW transaction_read_only") == "off"
            assert value("SELECT current_user::text") == "postgres"
            assert value("SELECT to_regclass('pg_temp.leftover')") is None
            assert value("SELECT count(*) FROM pg_prepared_statements") == 0
            assert value("SELECT count(*) FROM pg_listening_channels()") == 0
            assert value("SELECT txid_current_if_assigned()") is None


class TestASecondClient:
    MESSAGE = (
        r"one connection at a time, and another client holds it: holder.*waited 1 seconds[^$]*Close the other client"
    )

    def refuse(self, server: Server) -> float:
        """Try to connect; returns after how many seconds it was refused."""
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError, match=self.MESSAGE):
            server.connect()
        return time.monotonic() - began

    def test_is_told_who_holds_the_sandbox(self, hasty: Server) -> None:
        with hasty.connect(application_name="holder"):
            assert QUEUE_SECONDS <= self.refuse(hasty) < QUEUE_SECONDS + 2

    def test_is_told_so_while_a_statement_runs_too(self, hasty: Server) -> None:
        with hasty.connect(application_name="holder") as holder:
            statement = threading.Thread(target=lambda: holder.execute(LONG_STATEMENT))
            statement.start()
            try:
                assert QUEUE_SECONDS <= self.refuse(hasty) < QUEUE_SECONDS + 2
                assert statement.is_alive(), "the statement was too short for this test"
            finally:
                statement.join()

    def test_gets_its_turn_when_the_first_one_leaves(self, hasty: Server) -> None:
        holder = hasty.connect()
        leave = threading.Timer(QUEUE_SECONDS / 2, holder.close)
        leave.start()
        assert hasty.value("SELECT 1") == 1
        leave.join()

    def test_and_many_more_are_served_in_their_turn(self, sandbox: Server) -> None:
        answers: list[Any] = []
        clients = [
            threading.Thread(target=lambda n=n: answers.append(sandbox.value("SELECT %s::int", n))) for n in range(20)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert sorted(answers) == list(range(20))


class TestAnOddClient:
    """Holds nobody up and does the server no harm."""

    @pytest.mark.parametrize(
        "said",
        [
            pytest.param(b"", id="silent"),
            pytest.param(b"\0\0", id="half-a-greeting"),
            pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="http"),
            pytest.param(struct.pack("!ii", 8, 80877103), id="asks-for-tls-only"),
            pytest.param(struct.pack("!iiii", 16, 80877102, 0, 0), id="cancels"),
        ],
    )
    def test_that_never_logs_in(self, hasty: Server, said: bytes) -> None:
        with socket.create_connection((hasty.host, hasty.port)) as client:
            client.sendall(said)
            assert hasty.value("SELECT 1") == 1
            receive_all(client)  # which ends only when the server closes

    @pytest.mark.parametrize(
        "said",
        [
            pytest.param(b"Q\0\0\1\0SELECT", id="half-a-message"),
            pytest.param(b"P\0\0\0\x0e\0SELEC\0\0\0\0", id="a-failed-parse-without-a-sync"),
            pytest.param(b"Q\xff\xff\xff\xff", id="a-negative-length"),
            pytest.param(b"Q\0\0\0\x0fSELECT 1;\0\0", id="a-byte-too-many"),
            pytest.param(b"X\0\0\0\4" * 3, id="goodbye-three-times"),
        ],
    )
    @pytest.mark.parametrize("reset", [False, True], ids=["closes", "resets"])
    def test_that_leaves_amid_a_message(self, hasty: Server, said: bytes, reset: bool) -> None:
        client = socket.create_connection((hasty.host, hasty.port))
        client.sendall(startup_packet(hasty))
        client.sendall(said)
        time.sleep(0.1)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert hasty.value("SELECT 1") == 1

    def test_that_does_not_close_after_a_goodbye(self, hasty: Server) -> None:
        with socket.create_connection((hasty.host, hasty.port)) as client:
            client.sendall(startup_packet(hasty) + message("X"))
            assert hasty.value("SELECT 1") == 1

    def test_that_leaves_while_it_waits(self, hasty: Server) -> None:
        with hasty.connect():
            for _ in range(3):
                with socket.create_connection((hasty.host, hasty.port)) as client:
                    client.sendall(startup_packet(hasty))
        assert hasty.value("SELECT 1") == 1

    def test_of_a_newer_protocol_is_served(self, hasty: Server) -> None:
        newer = bytearray(startup_packet(hasty))
        newer[4:8] = struct.pack("!hh", 3, 2)
        with socket.create_connection((hasty.host, hasty.port)) as client:
            client.sendall(bytes(newer) + message("X"))
            answer = receive_all(client)
        assert answer.startswith(message("v", struct.pack("!ii", 3 << 16, 0)) + message("R", struct.pack("!i", 0)))

    def test_leaves_the_server_running(self, hasty: Server) -> None:
        assert "ERROR" not in hasty.log


class TestTimescaleDB:
    """What only a real one does."""

    @pytest.fixture
    def metrics(self, sandbox: Server) -> Iterator[str]:
        sandbox.query("CREATE EXTENSION IF NOT EXISTS timescaledb")
        sandbox.query("CREATE TABLE metrics (time timestamptz NOT NULL, device text, value float8)")
        sandbox.query("SELECT create_hypertable('metrics', by_range('time', INTERVAL '7 days'))")
        sandbox.query(
            "INSERT INTO metrics SELECT t, 'a', 1 "
            "FROM generate_series(now() - INTERVAL '60 days', now(), INTERVAL '1 hour') AS t"
        )
        yield "metrics"
        sandbox.query("DROP TABLE metrics CASCADE")

    def test_a_due_policy_is_run_by_hand(self, sandbox: Server, metrics: str) -> None:
        chunks = sandbox.value("SELECT count(*) FROM show_chunks(%s)", metrics)
        job = sandbox.value("SELECT add_retention_policy(%s, INTERVAL '30 days')", metrics)
        sandbox.query(f"CALL run_job({job})")
        assert 0 < sandbox.value("SELECT count(*) FROM show_chunks(%s)", metrics) < chunks

    def test_an_aggregate_is_refreshed_and_read(self, sandbox: Server, metrics: str) -> None:
        sandbox.query(
            "CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS "
            f"SELECT time_bucket('1 day', time) AS day, sum(value) FROM {metrics} GROUP BY 1 WITH NO DATA"
        )
        sandbox.query("CALL refresh_continuous_aggregate('daily', NULL, NULL)")
        assert sandbox.value("SELECT sum(sum) FROM daily") == sandbox.value(f"SELECT sum(value) FROM {metrics}")

    @pytest.mark.parametrize(
        "statements",
        [
            pytest.param(["CREATE EXTENSION timescaledb", "DROP EXTENSION timescaledb"], id="dropped"),
            pytest.param(["BEGIN", "CREATE EXTENSION timescaledb", "ROLLBACK"], id="rolled-back"),
        ],
    )
    def test_can_be_created_again_by_the_next_client(self, hasty: Server, statements: list[str]) -> None:
        with hasty.connect() as connection:
            connection.execute("DROP EXTENSION IF EXISTS timescaledb")
        with hasty.connect() as connection:
            for statement in statements:
                connection.execute(statement)
        with hasty.connect() as connection:
            connection.execute("CREATE EXTENSION timescaledb")
            assert connection.execute("SELECT _timescaledb_functions.tsl_loaded()").fetchone() == (True,)


def startup_packet(server: Server) -> bytes:
    body = f"user\0postgres\0database\0{server.database}\0\0".encode()
    return struct.pack("!ii", len(body) + 8, 3 << 16) + body


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def receive_all(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    client.settimeout(10)
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_the_server_stays_by_itself(sandbox: Server) -> None:
    """Its input and output lead nowhere that the test run would have to stay open for."""
    descriptors = Path(f"/proc/{sandbox.pid}/fd")
    if not descriptors.exists():
        pytest.skip("no /proc on this machine")
    assert (descriptors / "0").readlink() == Path("/dev/null")
    assert (descriptors / "1").readlink() == (descriptors / "2").readlink() == sandbox.directory / "server.log"
