"""Rights wanted and found become GRANT and REVOKE, for those who are named and for nobody else."""

from __future__ import annotations

import pytest
from ansible.module_utils.timescaledb_access.grants import describe_after, describe_before, out_of_reach, plan_grants
from ansible.module_utils.timescaledb_access.model import Holding, Target, WantedGrants

WANTED = WantedGrants(
    owner="o",
    writer="w",
    reader="r",
    connecting=("app",),
    revoked=("gone",),
    read_only=(("public", "alembic_version"),),
)
ALL = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"})


def holding(kind: str, name: str = "", schema: str = "public", **rights: str) -> Holding:
    """What is held on something, privileges separated by spaces."""
    return Holding(Target(kind, schema, name), "o", {who: frozenset(what.split()) for who, what in rights.items()})


FITTING = [
    holding("DATABASE", schema="db", o="CONNECT CREATE TEMPORARY", w="CONNECT", r="CONNECT", app="CONNECT"),
    holding("SCHEMA", o="CREATE USAGE", w="USAGE", r="USAGE", PUBLIC="USAGE"),
    holding("TABLE", "metrics", w="SELECT INSERT UPDATE DELETE", r="SELECT"),
    holding("TABLE", "alembic_version", w="SELECT", r="SELECT"),
    holding("VIEW", "hourly", w="SELECT", r="SELECT"),
    holding("SEQUENCE", "metrics_id_seq", w="USAGE SELECT", r="SELECT"),
    holding("default of tables", w="SELECT INSERT UPDATE DELETE", r="SELECT"),
    holding("default of sequences", w="USAGE SELECT", r="SELECT"),
]


def plan(*found: Holding) -> list[str]:
    """The statements."""
    return [statement.text for statement in plan_grants(WANTED, found)]


def test_nothing_is_done_to_what_is_as_declared() -> None:
    assert plan(*FITTING) == []
    assert describe_before(WANTED, FITTING) == describe_after(WANTED, FITTING) == {}


@pytest.mark.parametrize(
    ("found", "statements"),
    [
        pytest.param(
            holding("DATABASE", schema="db", o="CONNECT CREATE TEMPORARY", PUBLIC="CONNECT TEMPORARY"),
            [
                'REVOKE CONNECT, TEMPORARY ON DATABASE "db" FROM PUBLIC',
                'GRANT CONNECT ON DATABASE "db" TO "w"',
                'GRANT CONNECT ON DATABASE "db" TO "r"',
                'GRANT CONNECT ON DATABASE "db" TO "app"',
            ],
            id="a-new-database",
        ),
        pytest.param(
            holding("DATABASE", schema="db", w="CONNECT", r="CONNECT", app="CONNECT", gone="CONNECT"),
            ['REVOKE CONNECT ON DATABASE "db" FROM "gone"', 'GRANT CONNECT, CREATE, TEMPORARY ON DATABASE "db" TO "o"'],
            id="somebody-else's-database-and-one-who-leaves",
        ),
        pytest.param(
            holding("SCHEMA", o="CREATE USAGE", w="USAGE CREATE", r="USAGE", PUBLIC="USAGE CREATE"),
            ['REVOKE CREATE ON SCHEMA "public" FROM "w"', 'REVOKE CREATE ON SCHEMA "public" FROM PUBLIC'],
            id="creating-in-the-schema",
        ),
        pytest.param(
            holding("TABLE", "metrics", w="SELECT INSERT UPDATE DELETE TRUNCATE", r="SELECT DELETE", app="SELECT"),
            [
                'REVOKE TRUNCATE ON TABLE "public"."metrics" FROM "w"',
                'REVOKE DELETE ON TABLE "public"."metrics" FROM "r"',
                'REVOKE SELECT ON TABLE "public"."metrics" FROM "app"',
            ],
            id="more-than-declared",
        ),
        pytest.param(
            holding("TABLE", "metrics", w="SELECT INSERT UPDATE DELETE", r="SELECT SELECT*"),
            ['REVOKE GRANT OPTION FOR SELECT ON TABLE "public"."metrics" FROM "r"'],
            id="passing-on",
        ),
        pytest.param(
            holding("VIEW", "hourly", w="SELECT INSERT UPDATE DELETE", r="SELECT"),
            ['REVOKE INSERT, UPDATE, DELETE ON TABLE "public"."hourly" FROM "w"'],
            id="writing-an-aggregate",
        ),
        pytest.param(
            holding("TABLE", "alembic_version", w="SELECT INSERT UPDATE DELETE", r="SELECT"),
            ['REVOKE INSERT, UPDATE, DELETE ON TABLE "public"."alembic_version" FROM "w"'],
            id="a-table-that-is-only-read",
        ),
        pytest.param(
            holding("default of tables", r="SELECT DELETE"),
            [
                'ALTER DEFAULT PRIVILEGES FOR ROLE "o" IN SCHEMA "public" REVOKE DELETE ON TABLES FROM "r"',
                'ALTER DEFAULT PRIVILEGES FOR ROLE "o" IN SCHEMA "public" '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "w"',
            ],
            id="what-is-yet-to-come",
        ),
        pytest.param(
            holding("TABLE", "devices", w="SELECT INSERT UPDATE DELETE", r="SELECT", other="SELECT"), [], id="others"
        ),
    ],
)
def test_a_difference_becomes_statements(found: Holding, statements: list[str]) -> None:
    assert plan(found) == statements


def test_tables_that_need_the_same_share_a_statement() -> None:
    found = [holding("TABLE", name, w="SELECT INSERT UPDATE DELETE") for name in ("a", "b")]
    assert plan(*found, holding("VIEW", "c", w="SELECT")) == [
        'GRANT SELECT ON TABLE "public"."a", "public"."b", "public"."c" TO "r"'
    ]


def test_what_belongs_to_an_extension_or_to_somebody_else_is_left_alone() -> None:
    foreign = Holding(Target("TABLE", "public", "theirs"), "them", {"PUBLIC": ALL}, grantable=False)
    extension = Holding(Target("VIEW", "public", "pg_stat_statements"), "o", {"PUBLIC": ALL}, extension=True)
    assert plan(foreign, extension) == []
    assert out_of_reach([foreign, extension]) == [foreign]


def test_a_diff_shows_what_changes_by_object_and_role() -> None:
    found = [holding("TABLE", "metrics", w="SELECT INSERT UPDATE DELETE", PUBLIC="SELECT"), *FITTING[3:]]
    assert describe_before(WANTED, found) == {"table metrics": {"r": "nothing", "PUBLIC": "SELECT"}}
    assert describe_after(WANTED, found) == {"table metrics": {"r": "SELECT", "PUBLIC": "nothing"}}
