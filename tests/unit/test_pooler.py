"""The pooler's sizes, its file, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from tests.unit.test_tuning import load_filters

ROLE = Path(__file__).resolve().parents[2] / "roles" / "timescaledb_pooler"
VARIABLES: dict[str, Any] = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))
pooler = load_filters("timescaledb_pooler")

GIVEN: dict[str, Any] = {
    "user": "pgbouncer",
    "port": 6432,
    "listen_addresses": ["localhost"],
    "databases": [{"name": "aetherlens"}],
    "stats_users": ["prometheus"],
    "direct_connections": 0,
    "clients": 0,
    "prepared_statements": 200,
    "settings": {},
}


def sizes(total: int = 100, databases: list[dict[str, Any]] | None = None, **asked: int) -> dict[str, Any]:
    """Sizes for a server of `total` connections, three of which are reserved."""
    server = {"max_connections": total, "superuser_reserved_connections": 3, "reserved_connections": 0}
    found: dict[str, Any] = pooler.pooler_sizes(server, databases or [{"name": "aetherlens"}], **asked)
    return found


class TestSizes:
    @pytest.mark.parametrize(
        ("total", "direct", "shared", "clients"),
        [(25, 5, 15, 250), (50, 5, 40, 500), (100, 10, 85, 1000), (500, 50, 445, 5000), (11, 5, 1, 110)],
    )
    def test_follow_from_the_servers_connections(self, total: int, direct: int, shared: int, clients: int) -> None:
        found = sizes(total)
        assert (found["direct"], found["shared"], found["clients"]) == (direct, shared, clients)

    @pytest.mark.parametrize("total", range(11, 600, 7))
    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_never_ask_the_server_for_more_than_it_has(self, total: int, count: int) -> None:
        found = sizes(total, [{"name": f"db{number}"} for number in range(count)])
        if pooler.size_complaints(found, total):
            assert found["shared"] < count
            return
        used = sum(pool["connections"] for pool in found["databases"])
        assert used + found["lookups"] + found["direct"] + found["reserved"] <= total
        assert all(1 <= pool["pool"] <= pool["connections"] for pool in found["databases"])
        assert all(pool["pool"] + pool["reserve"] == pool["connections"] for pool in found["databases"])

    def test_allow_a_file_for_every_connection(self) -> None:
        found = sizes(100, clients=2000)
        assert found["files"] >= 2000 + found["shared"] + found["lookups"]

    def test_give_a_database_what_was_said_and_the_others_the_rest(self) -> None:
        found = sizes(100, [{"name": "a", "connections": 45}, {"name": "b"}, {"name": "c"}])
        assert [pool["connections"] for pool in found["databases"]] == [45, 20, 20]

    def test_too_many_for_others_are_refused(self) -> None:
        assert pooler.size_complaints(sizes(100, direct=96), 100) == [
            "timescaledb_pooler_direct_connections: 96 of the server's 100 connections are kept for others, which"
            " leaves 0 to the pooler; accepted is at most 94, or more max_connections"
        ]

    def test_the_most_that_is_accepted_is_accepted(self) -> None:
        assert pooler.size_complaints(sizes(100, direct=94), 100) == []

    def test_more_than_the_server_has_is_refused(self) -> None:
        found = sizes(100, [{"name": "a", "connections": 80}, {"name": "b", "connections": 20}])
        assert pooler.size_complaints(found, 100) == [
            "timescaledb_pooler_databases: 100 connections were given to 2 databases, each of which needs one at least;"
            " accepted is 85 in all, which is what the server's 100 leave to the pooler"
        ]


class TestComplaints:
    def test_what_is_declared_by_default_is_none(self) -> None:
        assert pooler.pooler_complaints(GIVEN) == []

    @pytest.mark.parametrize(
        ("key", "value", "words"),
        [
            ("user", "postgres", "timescaledb_pooler_user: 'postgres' was given; accepted is a system user of its own"),
            ("user", "pg bouncer", "timescaledb_pooler_user: 'pg bouncer' was given"),
            ("port", 0, "timescaledb_pooler_port: 0 was given; accepted is a port from 1 to 65535"),
            ("listen_addresses", ["all hosts"], "timescaledb_pooler_listen_addresses: ['all hosts'] was given"),
            ("databases", [], "timescaledb_pooler_databases: [] was given; accepted is at least one database"),
            ("databases", [{"name": "a"}, {"name": "a"}], "each of them once"),
            ("databases", [{"name": "pgbouncer"}], "other than pgbouncer"),
            ("databases", [{"name": ".lookup"}], "letters, digits"),
            ("databases", [{"name": "a\nb = host=x"}], "letters, digits"),
            ("stats_users", ["pgbouncer"], "timescaledb_pooler_stats_users: ['pgbouncer'] was given"),
            ("stats_users", ['a" "b'], "names of system users"),
            ("clients", -1, "timescaledb_pooler_clients: -1 was given; accepted is 0 or more"),
            ("direct_connections", -1, "timescaledb_pooler_direct_connections: -1 was given; accepted is 0 or more"),
        ],
    )
    def test_name_the_variable_what_was_given_and_what_is_accepted(self, key: str, value: Any, words: str) -> None:
        complaints = pooler.pooler_complaints({**GIVEN, key: value})
        assert len(complaints) == 1
        assert words in complaints[0]

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("listen_port", 1, "this has a variable of its own, timescaledb_pooler_port"),
            ("Auth_Type", "any", "this is not accepted; it is the role's own"),
            ("a-b", 1, "this is no setting's name; accepted is one such as query_wait_timeout"),
            ("server_idle_timeout", "1\nauth_type = any", "accepted is a value on one line"),
        ],
    )
    def test_settings_cannot_open_what_the_role_closes(self, name: str, value: Any, words: str) -> None:
        complaints = pooler.pooler_complaints({**GIVEN, "settings": {name: value}})
        assert complaints == [complaint for complaint in complaints if words in complaint]
        assert [complaint.split(":")[0] for complaint in complaints] == [f"timescaledb_pooler_settings.{name}"]

    @pytest.mark.parametrize(
        ("rule", "words"),
        [
            ({"address": "db.example.org"}, "[0].address: 'db.example.org' was given; accepted is a network"),
            ({"address": "192.0.2.0/24", "method": "cert"}, "[0].method: cert was given"),
            ({"address": "192.0.2.0/24", "users": ["a", "+b"]}, "[0].users: '+b' was given"),
            ({"address": "192.0.2.0/24", "options": {"map": "x"}}, "[0].options: this is not accepted"),
            ({"type": "local"}, "[0].type: local was given"),
        ],
    )
    def test_rules_that_pgbouncer_does_not_know(self, rule: dict[str, Any], words: str) -> None:
        complaints = pooler.rule_complaints([rule])
        assert len(complaints) == 1
        assert words in complaints[0]

    def test_rules_of_the_server_are_taken_without_those_of_its_socket(self) -> None:
        rules = [{"address": "192.0.2.0/24"}, {"type": "local", "method": "peer"}, {"type": "host", "address": "all"}]
        assert pooler.network_rules(rules) == [rules[0], rules[2]]

    @pytest.mark.parametrize("version", ["1.18.0-1", "1.20.1-1"])
    def test_a_pgbouncer_that_loses_prepared_statements_is_refused(self, version: str) -> None:
        assert "accepted is 1.21 or later" in pooler.version_complaints(version, "is installed")[0]

    @pytest.mark.parametrize("version", ["", "(none)", "1.21.0-1", "1.24.1-1+deb13u2", "2.0-1"])
    def test_another_one_is_not(self, version: str) -> None:
        assert pooler.version_complaints(version, "is installed") == []


class TestFile:
    def test_values_of_a_database_are_quoted(self) -> None:
        line = pooler.database_line("aetherlens", {"host": "127.0.0.1", "dbname": "it's"})
        assert line == "aetherlens = host='127.0.0.1' dbname='it''s'"

    def test_the_last_layer_wins_and_null_leaves_a_setting_out(self) -> None:
        layers: list[dict[str, object]] = [{"a": 1, "b": True, "c": ["x", "y"]}, {"A": 2, "b": None}]
        assert pooler.merge_settings(layers) == {"a": "2", "c": "x, y"}

    def test_what_is_not_in_effect_is_told_by_what_brings_it(self) -> None:
        rows = [
            "listen_port|6432|6432|no",
            "query_wait_timeout|120|120|yes",
            "auth_query|SELECT 1 | 2|none|yes",
            "server_lifetime|3600|3600|yes",
        ]
        written = {"listen_port": "6433", "query_wait_timeout": "60", "server_lifetime": "3600.0", "unknown": "1"}
        assert pooler.pending_settings(rows, written, restart=True) == ["listen_port"]
        assert pooler.pending_settings(rows, written, restart=False) == ["query_wait_timeout"]


@pytest.mark.parametrize(
    ("shown", "seconds"),
    [
        ("ActiveEnterTimestamp=Sat 2026-11-28 00:42:01 UTC", 1795826521),
        ("ActiveEnterTimestamp=Thu 1970-01-01 00:00:09 UTC", 9),
        ("ActiveEnterTimestamp=", 0),
        ("", 0),
    ],
)
def test_when_a_unit_was_started_is_read_as_every_systemd_says_it(shown: str, seconds: int) -> None:
    assert pooler.unit_seconds(shown) == seconds


@pytest.mark.parametrize(
    ("deployment", "host", "mode", "spoken"),
    [
        ("host", "127.0.0.1", "prefer", "disable"),
        ("container", "127.0.0.1", "prefer", "prefer"),  # it may take nobody without TLS
        ("external", "localhost", "prefer", "prefer"),
        ("external", "db1.example.org", "prefer", "require"),
        ("external", "db1.example.org", "verify-full", "verify-full"),
    ],
)
def test_tls_is_spoken_to_the_server_wherever_it_may_ask_for_it(
    deployment: str, host: str, mode: str, spoken: str
) -> None:
    own = VARIABLES["__timescaledb_pooler_own"]["server_tls_sslmode"]
    given = {
        "timescaledb_deployment": deployment,
        "timescaledb_login_ssl_mode": mode,
        "__timescaledb_pooler_tls_modes": VARIABLES["__timescaledb_pooler_tls_modes"],
        "__timescaledb_pooler_is_local": host in ("127.0.0.1", "localhost"),
    }
    assert Environment().from_string(own).render(given) == spoken  # noqa: S701 - no page
