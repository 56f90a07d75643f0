"""What a server that is not ours lacks is said in sentences with remedies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.timescaledb_diagnosis.model import Server
from ansible.module_utils.timescaledb_diagnosis.needs import Needs, Relation, doubts, lacks

SERVER = Server(
    database="energy",
    user="o",
    login="app",
    postgres=170011,
    postgres_text="17.11",
    version="2.29.2",
    available="2.29.2",
    license="timescale",
    background_workers=16,
    tls=True,
)
NEEDS = Needs(
    community=("hypertables[metrics].compression",),
    aggregates=True,
    policies=True,
    relations=(Relation("metrics", "o", alterable=True, owner_can_login=True),),
)


def test_a_server_that_will_do_lacks_nothing() -> None:
    assert lacks(SERVER, NEEDS) == []
    assert doubts(SERVER, remote=True) == []


@pytest.mark.parametrize(
    ("changes", "sentence", "remedy"),
    [
        (
            {"postgres": 140012, "postgres_text": "14.12"},
            "PostgreSQL 14.12 was found; 15 to 18 are accepted",
            "upgrade it",
        ),
        ({"postgres": 170001, "postgres_text": "17.1"}, "with which TimescaleDB crashes", "17.2 or newer"),
        (
            {"version": None, "available": None, "license": None, "background_workers": None},
            "TimescaleDB is not installed on the server",
            "install it there",
        ),
        ({"license": None, "background_workers": None}, "does not preload TimescaleDB", "shared_preload_libraries"),
        ({"version": None, "license": None}, "app may not create it", "GRANT CREATE ON DATABASE energy TO app"),
        ({"version": "2.14.0"}, "TimescaleDB 2.14.0 was found; 2.15 or newer is accepted", "update it"),
        (
            {"license": "apache"},
            "Apache edition was found, and the Community edition is needed for hypertables[metrics].compression",
            "hypertables only",
        ),
        ({"makes_temporary": False}, "o may not create temporary objects", "GRANT TEMPORARY ON DATABASE energy TO o"),
        ({"can_login": False, "user": "x"}, "x may not log in, and TimescaleDB runs policies", "ALTER ROLE x LOGIN"),
    ],
)
def test_a_lack_of_the_server_is_one_sentence(changes: dict[str, Any], sentence: str, remedy: str) -> None:
    (lack,) = lacks(replace(SERVER, **changes), NEEDS)
    assert sentence in lack
    assert remedy in lack


@pytest.mark.parametrize(
    ("changes", "sentence", "remedy"),
    [
        (
            {"closed_schemas": ("public",)},
            "o may not create tables in schema public",
            "GRANT CREATE, USAGE ON SCHEMA public",
        ),
        (
            {"relations": (Relation("metrics", "dba", alterable=False, owner_can_login=True),)},
            "metrics belongs to dba, as which o may not act",
            "GRANT dba TO o",
        ),
        (
            {"relations": (Relation("metrics", "group", alterable=True, owner_can_login=False),)},
            "group may not log in",
            "ALTER ROLE group LOGIN",
        ),
    ],
)
def test_a_lack_of_rights_is_one_sentence(changes: dict[str, Any], sentence: str, remedy: str) -> None:
    (lack,) = lacks(SERVER, replace(NEEDS, **changes))
    assert sentence in lack
    assert remedy in lack


def test_an_extension_yet_to_be_created_is_no_lack_where_that_may_be_done() -> None:
    assert lacks(replace(SERVER, version=None, license=None, creates_extension=True), NEEDS) == []


def test_hypertables_alone_need_no_edition_no_policies_and_no_temporary_objects() -> None:
    poor = replace(SERVER, license="apache", makes_temporary=False, can_login=False)
    assert lacks(poor, Needs()) == []


@pytest.mark.parametrize(
    ("changes", "remote", "doubt"),
    [
        ({"postgres": 190000, "postgres_text": "19.0"}, False, "PostgreSQL 19.0 is newer"),
        ({"version": "2.30.0"}, False, "TimescaleDB 2.30.0 is newer"),
        ({"tls": False}, True, "not encrypted"),
        ({"standby": True}, False, "standby"),
    ],
)
def test_what_is_no_obstacle_is_doubted(changes: dict[str, Any], remote: bool, doubt: str) -> None:
    (said,) = doubts(replace(SERVER, **changes), remote)
    assert doubt in said


def test_without_a_network_nothing_need_be_encrypted() -> None:
    assert doubts(replace(SERVER, tls=False), remote=False) == []
