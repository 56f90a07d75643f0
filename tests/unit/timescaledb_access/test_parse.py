"""What roles and rights may be declared, and in which words the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.timescaledb_access.parse import parse_grants, parse_roles

from ansible.module_utils.timescaledb.errors import DeclarationError

GRANTS = {
    "owner": "o",
    "writer": "w",
    "reader": "r",
    "connecting": ["app"],
    "revoked": [],
    "schemas": ["public"],
    "read_only": ["alembic_version", "audit.log"],
}


def test_a_role_is_read_with_what_is_not_said() -> None:
    (role,) = parse_roles([{"name": "app", "login": True, "password": "x", "groups": ["pg_monitor"]}], "logins")
    assert (role.name, role.login, role.groups, role.connection_limit) == ("app", True, ("pg_monitor",), -1)
    assert repr(role) == "WantedRole(app)"


@pytest.mark.parametrize(
    ("role", "refusal"),
    [
        ({}, "logins[0].name: None is no role"),
        ({"name": "pg_app"}, "logins[pg_app].name: 'pg_app' is a name PostgreSQL keeps for itself"),
        ({"name": "Public"}, "logins[Public].name: 'Public' is a name PostgreSQL keeps"),
        ({"name": "x" * 64}, "is longer than PostgreSQL's 63 bytes"),
        ({"name": "a", "groups": ["a"]}, "logins[a].groups: a cannot be in itself"),
        ({"name": "a", "groups": ["b", "b"]}, "logins[a].groups: a name is listed twice"),
        ({"name": "a", "password": "x"}, "logins[a].password: a role that may not log in needs no password"),
        ({"name": "a", "login": True, "password": ""}, "logins[a].password: empty text was given"),
        ({"name": "a", "login": True, "password": 12345}, "logins[a].password: what was given is no text"),
        ({"name": "a", "connection_limit": -2}, "logins[a].connection_limit"),
        ({"name": "a", "state": "gone"}, "logins[a].state"),
        ({"name": "a", "pasword": "x"}, "logins[a].pasword: unknown key"),
    ],
)
def test_a_mistake_is_named_with_its_variable_and_without_the_password(role: dict[str, Any], refusal: str) -> None:
    with pytest.raises(DeclarationError) as error:
        parse_roles([role], "logins")
    assert refusal in str(error.value)
    assert "12345" not in str(error.value)


def test_a_role_declared_twice_is_refused() -> None:
    with pytest.raises(DeclarationError, match="declared twice"):
        parse_roles([{"name": "a"}, {"name": "a"}], "logins")


def test_rights_are_read() -> None:
    assert parse_grants(GRANTS).read_only == (("public", "alembic_version"), ("audit", "log"))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"writer": "o"}, "owner, writer and reader are to be three roles"),
        ({"connecting": ["r"]}, "connecting: r is named for two things"),
        ({"revoked": ["app"]}, "connecting: app is named for two things"),
        ({"schemas": ["pg_catalog"]}, "schemas: 'pg_catalog' is no schema of yours"),
        ({"schemas": ["_timescaledb_internal"]}, "schemas: '_timescaledb_internal' is no schema of yours"),
        ({"read_only": ["a.b.c"]}, "read_only: 'a.b.c' is no name"),
    ],
)
def test_rights_that_cannot_be_meant_are_refused(changes: dict[str, Any], refusal: str) -> None:
    with pytest.raises(DeclarationError) as error:
        parse_grants({**GRANTS, **changes})
    assert refusal in str(error.value)
