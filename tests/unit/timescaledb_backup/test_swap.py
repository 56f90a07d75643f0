"""One database takes the name of another in one transaction."""

from __future__ import annotations

from timescaledb_backup.swap import swap_statements


def test_the_old_one_steps_aside_before_the_new_one_takes_its_name_and_is_closed() -> None:
    assert swap_statements("home", "home_restoring_1", "home_before_1") == [
        'ALTER DATABASE "home" RENAME TO "home_before_1"',
        'ALTER DATABASE "home_restoring_1" RENAME TO "home"',
        'ALTER DATABASE "home" ALLOW_CONNECTIONS true',
        'ALTER DATABASE "home_before_1" ALLOW_CONNECTIONS false',
    ]


def test_a_lost_database_is_replaced_without_an_old_one() -> None:
    assert swap_statements("home", "home_restoring_1", None) == [
        'ALTER DATABASE "home_restoring_1" RENAME TO "home"',
        'ALTER DATABASE "home" ALLOW_CONNECTIONS true',
    ]
