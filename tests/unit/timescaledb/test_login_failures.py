"""A login that fails is explained in one sentence with a remedy."""

from __future__ import annotations

import pytest

from ansible.module_utils.timescaledb.login_failures import explain_login

HERE = "db.example port 5432 database aetherlens as app"
SERVER = 'connection to server at "db.example" (192.0.2.1), port 5432 failed: '


@pytest.mark.parametrize(
    ("said", "meaning", "remedy"),
    [
        (SERVER + "Connection refused\n\tIs the server running on that host?", "nothing listens there", "login_port"),
        ('could not translate host name "db.example" to address: Name or service', "nobody knows", "login_host"),
        ("[Errno -2] Name or service not known", "nobody knows a machine", "login_host"),
        ("connection timeout expired", "nothing answers", "firewall"),
        (SERVER + 'FATAL:  password authentication failed for user "app"', "password is wrong", "login_password"),
        (SERVER + "fe_sendauth: no password supplied", "asks for a password", "login_password"),
        ('FATAL:  Peer authentication failed for user "app"', "not that role", "timescaledb_login_system_user"),
        (SERVER + 'FATAL:  role "app" does not exist', "no such role", "timescaledb_database_logins"),
        (SERVER + 'FATAL:  role "app" is not permitted to log in', "is a group", "session_role"),
        (SERVER + 'FATAL:  database "aetherlens" does not exist', "no such database", "create_database.yml"),
        (
            SERVER + 'FATAL:  permission denied for database "aetherlens"\nDETAIL:  User does not have CONNECT.',
            "may not connect to this database",
            "GRANT CONNECT",
        ),
        (
            SERVER + 'FATAL:  no pg_hba.conf entry for host "192.0.2.9", user "app", database "x", no encryption',
            "without TLS",
            "ssl_mode",
        ),
        (
            SERVER + 'FATAL:  no pg_hba.conf entry for host "192.0.2.9", user "app", database "x", SSL encryption',
            "does not let this role in",
            "timescaledb_host_hba_rules",
        ),
        (SERVER + 'FATAL:  pg_hba.conf rejects connection for host "192.0.2.9"', "does not let this role in", "rule"),
        (SERVER + "FATAL:  connection requires a valid client certificate", "client's certificate", "ssl_cert"),
        ("server does not support SSL, but SSL was required", "has no TLS", "ssl_mode"),
        (
            'server certificate for "vm" (and 1 other name) does not match host name "db.example"',
            "for another name",
            "login_host",
        ),
        ("SSL error: certificate verify failed", "not signed by an authority that is trusted", "ca_cert"),
        ('root certificate file "/nowhere" does not exist', "its file is not there", "ca_cert"),
        ('private key file "/x" has group or world access; permissions should be', "key cannot be used", "0600"),
        (SERVER + "FATAL:  sorry, too many clients already", "takes no more", "max_connections"),
        (SERVER + "FATAL:  the database system is starting up", "busy", "wait"),
        (
            'connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory',
            "no server's socket",
            "login_unix_socket",
        ),
        ("server closed the connection unexpectedly\n\tThis probably means", "ended the conversation", "log"),
    ],
)
def test_a_failed_login_is_explained_with_a_remedy(said: str, meaning: str, remedy: str) -> None:
    sentence = explain_login(HERE, said)
    assert sentence.startswith(f"cannot log in to {HERE}: ")
    explained, _, cure = sentence.partition("; ")
    assert meaning in explained
    assert remedy in cure
    assert "\n" not in sentence


def test_what_a_server_said_counts_more_than_that_another_address_had_none() -> None:
    said = (
        'connection to server at "localhost" (::1), port 5432 failed: Connection refused\n'
        'connection to server at "localhost" (127.0.0.1), port 5432 failed: FATAL:  database "x" does not exist\n'
    )
    assert "no such database" in explain_login(HERE, said)


def test_words_nobody_knows_are_passed_on() -> None:
    assert explain_login(HERE, "FATAL:  das geht\n nicht") == f"cannot log in to {HERE}: FATAL: das geht nicht"
