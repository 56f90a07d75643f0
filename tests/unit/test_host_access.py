"""Rules for pg_hba.conf: how they are written, and which ones are refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.test_tuning import load_filters

access = load_filters("timescaledb_access")


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ({"address": "192.0.2.0/24"}, "hostssl all             all             192.0.2.0/24            scram-sha-256"),
        (
            {
                "address": "db.example.org",
                "databases": ["aetherlens"],
                "users": ["+writers", "grafana"],
                "method": "cert",
            },
            "hostssl aetherlens      +writers,grafana db.example.org          cert",
        ),
        (
            {"type": "local", "users": ["backup"], "method": "peer", "options": {"map": "backups"}},
            "local   all             backup                                  peer map=backups",
        ),
        (
            {"address": "2001:db8::/32", "users": ["Mixed Case", 'a"b'], "options": {"clientcert": "verify-full"}},
            'hostssl all             "Mixed Case","a""b" 2001:db8::/32           scram-sha-256 '
            'clientcert="verify-full"',
        ),
        (
            {"type": "host", "address": "all", "method": "reject"},
            "host    all             all             all                     reject",
        ),
    ],
)
def test_a_rule_is_written_as_one_line(rule: dict[str, Any], line: str) -> None:
    assert access.hba_complaints([rule]) == []
    assert access.hba_line(rule) == line


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({}, "[0].address: '' was given"),
        ({"address": "192.0.2.7"}, "[0].address: '192.0.2.7' was given; accepted is a network such as 192.0.2.0/24"),
        ({"address": "192.0.2.7/24"}, "[0].address: "),
        ({"address": "192.0.2.300/32"}, "[0].address: "),
        ({"address": "a b"}, "[0].address: "),
        ({"address": "10.0.0"}, "[0].address: "),
        ({"type": "host", "address": "192.0.2.0/24"}, "[0].type: host was given for 192.0.2.0/24; accepted is hostssl"),
        ({"type": "hostnossl", "address": "192.0.2.0/24"}, "[0].type: hostnossl was given for 192.0.2.0/24"),
        ({"type": "host", "address": "all"}, "[0].type: host was given for all"),
        ({"type": "host", "address": "samenet"}, "[0].type: host was given for samenet"),
        ({"address": "192.0.2.0/24", "method": "peer"}, "[0].method: peer was given; accepted over TCP is"),
        ({"address": "192.0.2.0/24", "method": "trust"}, "[0].method: trust was given"),
        ({"type": "host", "address": "127.0.0.1/32", "method": "cert"}, "[0].method: cert was given"),
        ({"type": "local", "method": "cert"}, "[0].method: cert was given; accepted on the socket is"),
        ({"type": "local", "method": "peer", "address": "192.0.2.0/24"}, "[0].address: '192.0.2.0/24' was given, but"),
        ({"address": "192.0.2.0/24", "users": ["a\nlocal all all trust"]}, "[0].users: "),
        ({"address": "192.0.2.0/24", "databases": [""]}, "[0].databases: "),
        ({"address": "192.0.2.0/24", "options": {"map": "a\nb"}}, "[0].options.map: "),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: dict[str, Any], complaint: str) -> None:
    [found] = access.hba_complaints([rule])
    assert found.startswith("timescaledb_host_hba_rules" + complaint), found


def test_the_loopback_address_needs_no_encryption() -> None:
    for address in ("127.0.0.1/32", "127.0.0.0/8", "::1/128", "localhost"):
        assert access.hba_complaints([{"type": "host", "address": address}]) == []


def test_every_wrong_rule_is_named() -> None:
    found = access.hba_complaints(
        [{"address": "192.0.2.0/24"}, {"address": "x y"}, {"type": "local", "method": "cert"}]
    )
    assert [complaint.partition(":")[0] for complaint in found] == [
        "timescaledb_host_hba_rules[1].address",
        "timescaledb_host_hba_rules[2].method",
    ]
