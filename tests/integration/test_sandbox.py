"""The embedded server: what clients may rely on."""

from __future__ import annotations

import psycopg


def test_two_clients_one_after_the_other_prepare_statements(sandbox):
    for _ in range(2):
        with psycopg.connect(sandbox.dsn, prepare_threshold=0) as connection:
            assert connection.execute("SELECT %s::int + 1", (1,)).fetchone() == (2,)
