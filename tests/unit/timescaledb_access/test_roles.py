"""Roles wanted and found become the statements that make them equal, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.timescaledb_access.model import Cluster, Membership, Role, WantedRole
from ansible.module_utils.timescaledb_access.roles import (
    describe_found,
    describe_wanted,
    plan_roles,
    unseen_passwords,
)
from ansible.module_utils.timescaledb_access.scram import make_verifier

from ansible.module_utils.timescaledb.errors import DeclarationError

READER = WantedRole("logins[reader]", "reader")
APP = WantedRole("logins[app]", "app", login=True, password="secret", groups=("reader",))
KEPT = make_verifier("secret", b"salt")


def found(*roles: Role, **changes: Any) -> Cluster:
    """What the server has."""
    return Cluster(roles={role.name: role for role in roles}, user="postgres", **changes)


def plan(*wanted: WantedRole, on: Cluster, reset: bool = False) -> list[str]:
    """The statements as they are sent."""
    statements = plan_roles(wanted, on, lambda password: f"<{password}>", reset)
    return [statement.text for statement in statements]


def as_declared() -> Cluster:
    """The server with everything as declared."""
    return found(
        Role("reader"), Role("app", login=True, password=KEPT, memberships=(Membership("reader", "postgres"),))
    )


def with_app(**changes: Any) -> Cluster:
    """The server with one thing about a login that is not as declared."""
    roles = as_declared().roles
    return found(roles["reader"], replace(roles["app"], **changes))


def test_nothing_is_done_to_what_is_as_declared() -> None:
    assert plan(READER, APP, on=as_declared()) == []


def test_new_roles_are_created_groups_first_secrets_last() -> None:
    assert plan(APP, READER, on=found()) == [
        'CREATE ROLE "reader" NOLOGIN',
        'CREATE ROLE "app" LOGIN',
        'GRANT "reader" TO "app"',
        "ALTER ROLE \"app\" PASSWORD '<secret>'",
    ]


def test_a_statement_with_a_secret_is_shown_without_it() -> None:
    statements = plan_roles([READER, APP], found(), lambda password: f"<{password}>")
    assert [str(statement) for statement in statements if statement.shown] == ["ALTER ROLE \"app\" PASSWORD '********'"]
    assert "secret" not in "".join(map(str, statements))


@pytest.mark.parametrize(
    ("changes", "statement"),
    [
        ({"superuser": True}, 'ALTER ROLE "app" NOSUPERUSER'),
        ({"createdb": True, "createrole": True}, 'ALTER ROLE "app" NOCREATEDB NOCREATEROLE'),
        ({"replication": True}, 'ALTER ROLE "app" NOREPLICATION'),
        ({"bypassrls": True}, 'ALTER ROLE "app" NOBYPASSRLS'),
        ({"inherit": False}, 'ALTER ROLE "app" INHERIT'),
        ({"login": False}, 'ALTER ROLE "app" LOGIN'),
        ({"connection_limit": 3}, 'ALTER ROLE "app" CONNECTION LIMIT -1'),
        ({"password": None}, "ALTER ROLE \"app\" PASSWORD '<secret>'"),
        ({"password": "md5abc"}, "ALTER ROLE \"app\" PASSWORD '<secret>'"),
        ({"memberships": ()}, 'GRANT "reader" TO "app"'),
    ],
)
def test_one_difference_is_one_statement(changes: dict[str, Any], statement: str) -> None:
    assert plan(READER, APP, on=with_app(**changes)) == [statement]


@pytest.mark.parametrize(
    ("membership", "statement"),
    [
        (Membership("pg_monitor", "boss"), 'REVOKE "pg_monitor" FROM "app" GRANTED BY "boss"'),
        (
            Membership("reader", "postgres", admin=True),
            'REVOKE ADMIN OPTION FOR "reader" FROM "app" GRANTED BY "postgres"',
        ),
        (Membership("reader", "postgres", inherit=False), 'GRANT "reader" TO "app" WITH INHERIT TRUE, SET TRUE'),
        (Membership("reader", "postgres", settable=False), 'GRANT "reader" TO "app" WITH INHERIT TRUE, SET TRUE'),
    ],
)
def test_memberships_are_those_declared_and_in_the_form_declared(membership: Membership, statement: str) -> None:
    kept = (Membership("reader", "postgres"),) if membership.group != "reader" else ()
    assert plan(READER, APP, on=with_app(memberships=(*kept, membership))) == [statement]


def test_before_postgresql_16_memberships_have_no_grantor() -> None:
    on = replace(with_app(memberships=(Membership("reader", "boss", admin=True),)), postgres=150000)
    assert plan(READER, APP, on=on) == ['REVOKE ADMIN OPTION FOR "reader" FROM "app"']


def test_a_password_nobody_declared_is_taken_away() -> None:
    assert plan(READER, on=found(Role("reader", password=KEPT))) == ['ALTER ROLE "reader" PASSWORD NULL']


def test_a_password_nobody_can_see_is_set_for_a_new_role_and_else_on_request_only() -> None:
    blind = found(*with_app(password=None).roles.values(), passwords_readable=False)
    assert plan(READER, APP, on=blind) == []
    assert unseen_passwords([READER, APP], blind) == ["app"]
    assert plan(READER, APP, on=blind, reset=True) == ["ALTER ROLE \"app\" PASSWORD '<secret>'"]
    assert len(plan(READER, APP, on=found(Role("reader"), passwords_readable=False))) == 3


def test_an_absent_role_is_dropped_where_it_is_there() -> None:
    leaver = WantedRole("logins[app]", "app", absent=True)
    assert plan(leaver, on=as_declared()) == ['DROP ROLE "app"']
    assert plan(leaver, on=found()) == []


def test_names_are_quoted() -> None:
    odd = WantedRole("logins[x]", 'we"ird role', login=True)
    assert plan(odd, on=found()) == ['CREATE ROLE "we""ird role" LOGIN']


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (WantedRole("logins[postgres]", "postgres"), "postgres is the role this task logs in as"),
        (WantedRole("logins[boot]", "boot"), "boot is a role of the server itself"),
        (replace(APP, groups=("raeder",)), "logins[app].groups: there is no role 'raeder'; accepted are reader"),
    ],
)
def test_what_may_not_be_managed_is_refused(wanted: WantedRole, problem: str) -> None:
    with pytest.raises(DeclarationError) as refusal:
        plan(READER, wanted, on=found(Role("boot", builtin=True)))
    assert problem in str(refusal.value)


def test_a_diff_tells_rights_and_whether_a_password_is_the_declared_one() -> None:
    on = with_app(superuser=True, password=make_verifier("other", b"salt"))
    assert describe_found([READER, APP], on)["app"] == {
        "login": True,
        "groups": ["reader"],
        "superuser": True,
        "password": "another",
    }
    assert describe_wanted([READER, APP], on)["app"] == {"login": True, "groups": ["reader"], "password": "as declared"}


def test_a_diff_of_what_is_as_declared_is_empty() -> None:
    assert describe_found([READER, APP], as_declared()) == describe_wanted([READER, APP], as_declared())
