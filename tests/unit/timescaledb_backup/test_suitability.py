"""What a server lacks for a backup is said with the way out, and nothing is said of a server that has it all."""

from __future__ import annotations

import pytest
from timescaledb_backup.suitability import Needs, Offer, find_obstacles

NEEDS = Needs("home-20261127T023000Z", "home", 17, "2.29.2", "community", frozenset({"owner"}), {"pgcrypto": "1.3"})
OFFER = Offer(
    17,
    "timescale",
    {"timescaledb": frozenset({"2.29.2", "2.19.3"}), "pgcrypto": frozenset({"1.3"})},
    frozenset({"owner", "postgres"}),
)


def test_a_server_that_has_everything_has_no_obstacle() -> None:
    assert find_obstacles(NEEDS, OFFER) == []


def test_a_backup_without_timescaledb_needs_none() -> None:
    assert find_obstacles(NEEDS._replace(timescaledb=None, edition=None), OFFER._replace(license=None)) == []


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        ({"postgresql": 18}, ["PostgreSQL 17", "PostgreSQL 18", "restore it on a server of PostgreSQL 17"]),
        ({"license": "apache"}, ["Community edition", "Apache edition", "timescaledb.license = 'timescale'"]),
        ({"license": None}, ["shared_preload_libraries"]),
        (
            {"versions": {"timescaledb": frozenset({"2.28.0"}), "pgcrypto": frozenset({"1.3"})}},
            ["exactly", "2.29.2", "2.28.0", "timescaledb-2-2.29.2-postgresql-17"],
        ),
        ({"versions": {"timescaledb": frozenset({"2.29.2"})}}, ["pgcrypto 1.3", "install it"]),
        (
            {"roles": frozenset({"postgres"})},
            ["owner", "timescaledb-backup --database home globals home-20261127T023000Z"],
        ),
    ],
)
def test_what_is_missing_is_said_with_the_way_out(offer: dict[str, object], said: list[str]) -> None:
    (sentence,) = find_obstacles(NEEDS, OFFER._replace(**offer))
    assert [words for words in said if words not in sentence] == []


def test_an_apache_backup_is_refused_by_a_community_server() -> None:
    (sentence,) = find_obstacles(NEEDS._replace(edition="apache"), OFFER)
    assert "install the Apache edition" in sentence and "timescaledb.license = 'apache'" in sentence


def test_several_obstacles_are_told_at_once() -> None:
    offer = OFFER._replace(license="apache", roles=frozenset())
    assert len(find_obstacles(NEEDS, offer)) == 2
