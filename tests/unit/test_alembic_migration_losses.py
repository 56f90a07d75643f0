"""What a migration's SQL would throw away."""

from __future__ import annotations

import pytest
from ansible.module_utils.alembic_migration.losses import COUNTED_ROWS, Loss, describe_losses, find_losses


@pytest.mark.parametrize(
    ("sql", "losses"),
    [
        pytest.param("DROP TABLE metrics;", [Loss("metrics")], id="table"),
        pytest.param("drop table if exists metrics cascade;", [Loss("metrics")], id="if-exists"),
        pytest.param('DROP TABLE a, public."B c" ;', [Loss("a"), Loss('public."B c"')], id="several"),
        pytest.param("TRUNCATE metrics", [Loss("metrics")], id="truncate"),
        pytest.param("TRUNCATE TABLE ONLY metrics", [Loss("metrics")], id="truncate-only"),
        pytest.param("DROP MATERIALIZED VIEW hourly;", [Loss("hourly")], id="materialized-view"),
        pytest.param("ALTER TABLE devices DROP COLUMN model;", [Loss("devices", "model")], id="column"),
        pytest.param(
            "ALTER TABLE ONLY a.b ADD COLUMN x int, DROP COLUMN IF EXISTS y, DROP COLUMN z;",
            [Loss("a.b", "y"), Loss("a.b", "z")],
            id="columns",
        ),
        pytest.param("DROP TABLE a; DROP TABLE a;", [Loss("a")], id="once"),
        pytest.param(
            "DROP TABLE b; ALTER TABLE a DROP COLUMN c; DROP TABLE a",
            [
                Loss("b"),
                Loss("a", "c"),
                Loss("a"),
            ],
            id="in-order",
        ),
        pytest.param("DROP INDEX a; DROP VIEW b; DROP FUNCTION c();", [], id="no-rows-in-it"),
        pytest.param("ALTER TABLE a DROP CONSTRAINT c; CREATE TABLE d ();", [], id="constraint"),
        pytest.param("-- DROP TABLE a;\n/* DROP TABLE b;\n */ SELECT 1;", [], id="comment"),
        pytest.param("DELETE FROM alembic_version WHERE version_num = '1'", [], id="delete-is-not-watched"),
        pytest.param("DROP TABLE alembic_version;", [], id="history-of-alembic"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_tables_and_columns_that_go_are_found(sql: str, losses: list[Loss]) -> None:
    assert find_losses(sql) == losses


def test_a_loss_is_told_with_its_rows() -> None:
    losses = [
        Loss("devices", rows=1),
        Loss("metrics", rows=51840, exact=False),
        Loss("events", rows=COUNTED_ROWS, exact=False),
        Loss("users", "role", rows=2),
    ]
    assert describe_losses(losses) == (
        "devices (1 row), metrics (about 51840 rows), events (more than 10000 rows), column role of users (2 rows)"
    )
