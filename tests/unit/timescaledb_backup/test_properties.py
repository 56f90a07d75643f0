"""A restored database is given owner, rights and settings as the first one had them."""

from __future__ import annotations

import pytest
from timescaledb_backup.properties import Properties, properties_statements, quote_setting_value, read_properties

ROW = {"owner": "owner", "connection_limit": -1, "comment": None, "grants": None, "settings": None}


def test_rights_that_nobody_changed_are_left_alone() -> None:
    assert properties_statements("home", read_properties(ROW)) == ['ALTER DATABASE "home" OWNER TO "owner"']


def test_rights_are_taken_away_before_they_are_given() -> None:
    grants = [[None, "CONNECT", False], ["reader", "CONNECT", False], ["owner", "CREATE", True]]
    assert properties_statements("home", read_properties({**ROW, "grants": grants}))[1:] == [
        'REVOKE ALL ON DATABASE "home" FROM PUBLIC, "owner"',
        'GRANT CONNECT ON DATABASE "home" TO PUBLIC',
        'GRANT CONNECT ON DATABASE "home" TO "reader"',
        'GRANT CREATE ON DATABASE "home" TO "owner" WITH GRANT OPTION',
    ]


def test_settings_of_the_database_and_of_roles_in_it_are_kept_apart() -> None:
    settings = [[None, "timezone=Europe/Berlin"], ["app", "timescaledb.enable_chunk_append=off"]]
    assert properties_statements("home", read_properties({**ROW, "settings": settings}))[1:] == [
        'ALTER DATABASE "home" SET "timezone" TO \'Europe/Berlin\'',
        'ALTER ROLE "app" IN DATABASE "home" SET "timescaledb"."enable_chunk_append" TO \'off\'',
    ]


def test_that_a_restore_was_under_way_is_no_property() -> None:
    found = read_properties({**ROW, "settings": [[None, "timescaledb.restoring=on"], [None, "work_mem=8MB"]]})
    assert found.settings == [(None, "work_mem=8MB")]


def test_comment_and_connection_limit_are_carried_over() -> None:
    wanted = Properties("owner", 5, "it's ours")
    assert properties_statements("home", wanted)[1:] == [
        "COMMENT ON DATABASE \"home\" IS 'it''s ours'",
        'ALTER DATABASE "home" CONNECTION LIMIT 5',
    ]


def test_names_are_quoted() -> None:
    assert properties_statements("my home", Properties('a"b')) == ['ALTER DATABASE "my home" OWNER TO "a""b"']


@pytest.mark.parametrize(
    ("key", "value", "quoted"),
    [
        ("work_mem", "8MB", "'8MB'"),
        ("search_path", '"$user", public', "'$user', 'public'"),
        ("search_path", '"a, ""b""", c', "'a, \"b\"', 'c'"),
        ("search_path", '""', "''"),
        ("search_path", "", "''"),
        ("application_name", "it's, mine", "'it''s, mine'"),
    ],
)
def test_a_list_is_taken_apart_and_a_value_is_not(key: str, value: str, quoted: str) -> None:
    assert quote_setting_value(key, value) == quoted
