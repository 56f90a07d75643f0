"""The schema and its migrations, on live servers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible.module_utils.alembic_migration import migrate as core
from psycopg import errors

from ansible.module_utils.timescaledb.arguments import login_parameters
from tests.integration.databases import Database
from tests.integration.programs import ROOT, run_module, run_playbook

SCRIPTS = ROOT / "files" / "migrations"
TABLES = {"devices", "users", "api_tokens", "rate_schedules", "alerts", "plugins", "metrics"}
PASSWORD = "correct-horse"
HASH = "0123456789abcdef" * 4
OWN_RELATIONS = """
    SELECT oid, relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm') AND relname <> 'alembic_version'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
"""
SCHEMA = f"""
    WITH relation AS ({OWN_RELATIONS})
    SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid),
        col_description(relation.oid, attnum), obj_description(relation.oid, 'pg_class')
    FROM relation JOIN pg_attribute ON attrelid = relation.oid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT relname, conname, pg_get_constraintdef(pg_constraint.oid), NULL, NULL, NULL, NULL
    FROM relation JOIN pg_constraint ON conrelid = relation.oid
    UNION ALL
    SELECT relname, indexrelid::regclass::text, pg_get_indexdef(indexrelid), NULL, NULL, NULL, NULL
    FROM relation JOIN pg_index ON indrelid = relation.oid
    UNION ALL
    SELECT relname, tgname, pg_get_triggerdef(pg_trigger.oid), NULL, NULL, NULL, NULL
    FROM relation JOIN pg_trigger ON tgrelid = relation.oid WHERE NOT tgisinternal
    UNION ALL
    SELECT proname, prosrc, proconfig::text, NULL, NULL, NULL, obj_description(pg_proc.oid, 'pg_proc') FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    ORDER BY 1, 2, 3
"""


def migrate(database: Database, *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
    """Run the module on `database`; upgrade to head unless `options` say otherwise."""
    options = {"script_location": str(SCRIPTS), **database.login_options, **options}
    return run_module("alembic_migration", options, check=check, diff=diff)


def succeed(database: Database, **options: Any) -> dict[str, Any]:
    result = migrate(database, **options)
    assert not result.get("failed"), result["msg"]
    return result


def run_names(result: dict[str, Any]) -> list[str]:
    return [one["revision"] for one in result["revisions"]]


def version(database: Database) -> str | None:
    rows = database.query("SELECT version_num FROM alembic_version")
    return rows[0][0] if rows else None


def schema(database: Database) -> list[tuple[Any, ...]]:
    return database.query(SCHEMA)


def tables(database: Database) -> set[str]:
    return {name for _, name in database.query(OWN_RELATIONS)}


@pytest.fixture
def empty(database: Database) -> Database:
    """The module's database without any of our tables."""
    with database.connect() as connection:
        for view in ("metrics_daily", "metrics_hourly"):
            connection.execute(f"DROP MATERIALIZED VIEW IF EXISTS {view}")
        connection.execute("DROP TABLE IF EXISTS metrics")  # a hypertable can only be dropped alone
        connection.execute(f"DROP TABLE IF EXISTS alembic_version, extra, {', '.join(TABLES - {'metrics'})}")
        connection.execute("DROP FUNCTION IF EXISTS set_updated_at")
    return database


@pytest.fixture
def migrated(empty: Database) -> Database:
    """The module's database with the newest schema and no rows."""
    login = login_parameters({**empty.login_options, "login_unix_socket": "", "ca_cert": "", "connect_timeout": 5})
    core.migrate(core.Request(login, str(SCRIPTS), "upgrade", "head", [], lock_timeout=5, dry=False, assume_new=False))
    return empty


@pytest.fixture
def busy(migrated: Database) -> Database:
    """The newest schema when it is in use: metrics as a hypertable with rows, compressed chunks and an aggregate."""
    hourly = (ROOT / "files" / "aggregates" / "metrics_hourly.sql").read_text()
    with migrated.connect() as connection:
        connection.execute("SELECT create_hypertable('metrics', by_range('time', INTERVAL '7 days'))")
        connection.execute("INSERT INTO devices (device_id, name, type) VALUES ('a', 'A', 'plug'), ('b', 'B', 'lamp')")
        connection.execute(
            "INSERT INTO metrics (time, device_id, metric_type, value, unit) SELECT time, device_id, 'power', 1, 'W' "
            "FROM generate_series(now() - INTERVAL '69 days', now(), INTERVAL '15 minutes') AS time, devices"
        )
        connection.execute(
            "CREATE MATERIALIZED VIEW metrics_hourly "
            f"WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS {hourly} WITH NO DATA"
        )
        connection.execute("ALTER TABLE metrics SET (timescaledb.compress, timescaledb.compress_segmentby='device_id')")
        connection.execute("SELECT compress_chunk(c) FROM show_chunks('metrics', older_than => INTERVAL '8 days') AS c")
    return migrated


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A copy of the shipped scripts, to add to."""
    return Path(shutil.copytree(SCRIPTS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__")))


def add_revision(scripts: Path, name: str, down: str, upgrade: str, downgrade: str = "SELECT 1") -> None:
    text = f"""
from alembic import op
revision, down_revision = "{name}", "{down}"
def upgrade():
    op.execute({upgrade!r})
def downgrade():
    op.execute({downgrade!r})
"""
    (scripts / "versions" / f"{name}_added.py").write_text(text)


class TestCheckMode:
    def test_lists_every_revision_and_writes_nothing(self, empty: Database) -> None:
        result = succeed(empty, check=True)
        assert result["changed"]
        assert run_names(result) == ["001", "002", "003"]
        assert (result["current_revision"], result["target_revision"]) == (None, "003")
        assert result["revisions"][1]["message"] == "Metrics: the table of measurements"
        assert empty.value("SELECT to_regclass('alembic_version')") is None
        assert tables(empty) == set()

    def test_shows_the_sql_as_a_diff(self, empty: Database) -> None:
        diff = succeed(empty, check=True, diff=True)["diff"]
        assert diff["before"] == "revision: base\n"
        assert "CREATE TABLE metrics" in diff["after"]
        assert "CREATE INDEX metrics_tags_idx ON metrics USING gin (tags)" in diff["after"]
        assert "diff" not in succeed(empty, check=True)

    def test_foretells_what_the_run_then_does(self, empty: Database) -> None:
        foretold = succeed(empty, check=True, diff=True)
        done = succeed(empty, diff=True)
        for key in ("changed", "revisions", "current_revision", "target_revision", "diff"):
            assert foretold[key] == done[key]

    def test_of_a_server_that_cannot_be_reached_tells_what_a_new_database_would_get(self, empty: Database) -> None:
        nowhere = {"login_port": 1, "assume_prerequisites": True}
        result = succeed(empty, check=True, diff=True, **nowhere)
        assert run_names(result) == ["001", "002", "003"]
        assert "CREATE TABLE devices" in result["diff"]["after"]
        assert "cannot log in to" in str(result["warnings"])
        assert migrate(empty, **nowhere)["failed"], "outside check mode nothing is assumed"
        assert migrate(empty, check=True, login_port=1)["failed"], "unless told, nothing is assumed"

    def test_of_a_database_that_does_not_exist_yet_does_too(self, empty: Database) -> None:
        result = succeed(empty, check=True, login_db="not_yet_made", assume_prerequisites=True)
        assert run_names(result) == ["001", "002", "003"]


class TestUpgrade:
    def test_creates_the_tables_and_keeps_the_history(self, empty: Database) -> None:
        result = succeed(empty)
        assert result["changed"]
        assert tables(empty) == TABLES
        assert version(empty) == "003"

    def test_repeated_changes_nothing(self, migrated: Database) -> None:
        before = schema(migrated)
        result = succeed(migrated, diff=True)
        assert not result["changed"]
        assert result["revisions"] == []
        assert result["diff"]["before"] == result["diff"]["after"]
        assert schema(migrated) == before

    def test_goes_step_by_step(self, empty: Database) -> None:
        assert run_names(succeed(empty, revision="001")) == ["001"]
        assert version(empty) == "001"
        assert run_names(succeed(empty, revision="+1")) == ["002"]
        assert run_names(succeed(empty)) == ["003"]

    def test_is_all_or_nothing(self, migrated: Database, scripts: Path) -> None:
        add_revision(scripts, "004", "003", "CREATE TABLE extra (id int)")
        add_revision(scripts, "005", "004", "CREATE TABLE extra (id int)")
        result = migrate(migrated, script_location=str(scripts))
        assert result["failed"]
        assert (
            'revision 005 failed: relation "extra" already exists (SQLSTATE 42P07); nothing was changed'
            in result["msg"]
        )
        assert version(migrated) == "003"
        assert "extra" not in tables(migrated)

    def test_that_drops_a_column_with_rows_asks_for_consent(self, migrated: Database, scripts: Path) -> None:
        add_revision(scripts, "004", "003", "ALTER TABLE devices DROP COLUMN model")
        assert succeed(migrated, check=True, script_location=str(scripts))["losses"] == []
        migrated.query("INSERT INTO devices (device_id, name, type) VALUES ('a', 'A', 'plug')")
        assert "column model of devices (1 row)" in migrate(migrated, script_location=str(scripts))["msg"]
        assert version(migrated) == "003"
        succeed(migrated, script_location=str(scripts), allow=["drop_data"])
        assert version(migrated) == "004"


class TestDowngrade:
    def test_by_one_step_undoes_the_latest_revision(self, migrated: Database) -> None:
        before = schema(migrated)
        result = succeed(migrated, command="downgrade", revision="-1")
        assert run_names(result) == ["003"]
        assert version(migrated) == "002"
        assert schema(migrated) != before
        succeed(migrated)
        assert schema(migrated) == before

    def test_to_base_and_back_gives_the_identical_schema(self, migrated: Database) -> None:
        before = schema(migrated)
        assert len(before) > 100
        succeed(migrated, command="downgrade", revision="base")
        assert schema(migrated) == []
        assert version(migrated) is None
        assert not succeed(migrated, command="downgrade", revision="base")["changed"]
        succeed(migrated)
        assert schema(migrated) == before

    def test_that_drops_rows_is_refused_with_what_would_be_lost(self, migrated: Database) -> None:
        migrated.query("INSERT INTO devices (device_id, name, type) VALUES ('a', 'A', 'plug'), ('b', 'B', 'lamp')")
        result = migrate(migrated, command="downgrade", revision="base")
        assert result["msg"] == (
            "allow: the downgrade from 003 to base would drop devices (2 rows); to consent, add drop_data"
        )
        assert version(migrated) == "003"
        foretold = succeed(migrated, command="downgrade", revision="base", check=True)
        assert "devices (2 rows)" in str(foretold["warnings"])
        assert foretold["losses"] == [{"table": "devices", "column": None, "rows": 2, "exact": True}]
        assert migrated.value("SELECT count(*) FROM devices") == 2
        succeed(migrated, command="downgrade", revision="base", allow=["drop_data"])
        assert tables(migrated) == set()

    def test_whose_sql_cannot_be_shown_asks_for_consent_too(self, migrated: Database, scripts: Path) -> None:
        add_revision(scripts, "004", "003", "SELECT 1")
        path = scripts / "versions" / "004_added.py"
        path.write_text(
            path.read_text().replace("op.execute('SELECT 1')", "op.get_bind().exec_driver_sql('SELECT 1').one()")
        )
        there = {"script_location": str(scripts)}
        assert "the SQL cannot be shown: revision 004" in str(succeed(migrated, **there)["warnings"])
        refused = migrate(migrated, command="downgrade", revision="-1", **there)
        assert "would drop something, which its scripts do not tell beforehand" in refused["msg"]
        succeed(migrated, command="downgrade", revision="-1", allow=["drop_data"], **there)


class TestOnHypertable:
    def test_indexes_come_and_go(self, busy: Database) -> None:
        before = schema(busy)
        succeed(busy, command="downgrade", revision="-1")
        indexes = "SELECT count(*) FROM pg_indexes WHERE tablename LIKE '\\_hyper%%' AND indexname LIKE %s"
        assert busy.value(indexes, "%metrics_tags_idx%") == 0
        succeed(busy)
        assert busy.value(indexes, "%metrics_tags_idx%") >= 2
        assert schema(busy) == before

    def test_dropping_it_names_its_rows_about(self, busy: Database) -> None:
        busy.query("ANALYZE metrics")
        result = succeed(busy, command="downgrade", revision="001", check=True)
        (loss,) = result["losses"]
        assert (loss["table"], loss["exact"]) == ("metrics", False)
        assert 10_000 <= loss["rows"] <= 30_000, "13250 in truth; versions differ in how they estimate compressed rows"
        assert "metrics (about" in str(result["warnings"])

    def test_dropping_it_is_refused_while_aggregates_need_it(self, busy: Database) -> None:
        options = {"command": "downgrade", "revision": "001", "allow": ["drop_data"]}
        assert "metrics_hourly needs a table that would be dropped" in str(
            succeed(busy, check=True, **options)["warnings"]
        )
        before = schema(busy)
        result = migrate(busy, **options)
        assert "revision 002 drops what other objects need (metrics_hourly); remove those first" in result["msg"]
        assert result["msg"].endswith("nothing was changed")
        assert schema(busy) == before
        assert version(busy) == "003"
        busy.query("DROP MATERIALIZED VIEW metrics_hourly")
        succeed(busy, **options)
        assert tables(busy) == TABLES - {"metrics"}

    def test_deleting_a_device_deletes_its_measurements(self, busy: Database) -> None:
        busy.query("DELETE FROM devices WHERE device_id = 'a'")
        assert busy.query("SELECT DISTINCT device_id FROM metrics") == [("b",)]


class TestRefusals:
    def test_of_an_unknown_revision_names_the_known_ones(self, migrated: Database) -> None:
        result = migrate(migrated, revision="zz")
        assert result["failed"]
        assert "revision: 'zz' is none of the accepted ones: head, base, 001, 002, 003" in result["msg"]

    def test_of_a_database_ahead_of_the_code(self, migrated: Database) -> None:
        migrated.query("UPDATE alembic_version SET version_num = '017'")
        for check in (True, False):
            result = migrate(migrated, check=check)
            assert (
                "the database is at revision 017, which is not among the revisions here (001, 002, 003)"
                in result["msg"]
            )

    def test_of_an_upgrade_to_an_older_revision(self, migrated: Database) -> None:
        assert "the database is at 003, which is ahead of 001" in migrate(migrated, revision="001")["msg"]

    def test_of_a_misspelt_option_value(self, migrated: Database) -> None:
        assert "value of allow must be one or more of: drop_data" in migrate(migrated, allow=["everything"])["msg"]

    def test_of_a_server_that_is_not_there(self, migrated: Database) -> None:
        result = migrate(migrated, login_port=1)
        assert result["msg"].startswith("cannot log in to 127.0.0.1 port 1 database")

    @pytest.mark.parametrize("options", [{}, {"revision": "zz"}, {"login_port": 1}, {"login_user": "nobody"}])
    def test_never_tells_the_password(self, migrated: Database, options: dict[str, Any]) -> None:
        result = migrate(migrated, login_password=PASSWORD, diff=True, **options)
        assert PASSWORD not in result["text"]

    def test_of_a_second_run_at_the_same_time(self, empty: Database, request: pytest.FixtureRequest) -> None:
        if "[sandbox]" in request.node.name:
            pytest.skip("a sandbox serves one connection at a time, so there is no second run")
        with empty.connect() as other:
            other.execute("SELECT pg_advisory_lock(hashtextextended('alembic_migration', 0))")
            began = time.monotonic()
            result = migrate(empty, lock_timeout=1)
            assert time.monotonic() - began < 15
            assert succeed(empty, check=True)["changed"], "check mode waits for nobody"
        assert "got no lock within 1 s" in result["msg"]
        assert "another migration runs" in result["msg"]
        assert tables(empty) == set()

    def test_of_a_table_in_use(self, migrated: Database, request: pytest.FixtureRequest) -> None:
        if "[sandbox]" in request.node.name:
            pytest.skip("a sandbox serves one connection at a time, so nobody else can use a table")
        with psycopg.connect(migrated.dsn) as other:
            other.execute("SELECT * FROM metrics")
            result = migrate(migrated, command="downgrade", revision="base", lock_timeout=1)
        assert "revision 003 got no lock within 1 s: another session uses what it changes" in result["msg"]
        assert version(migrated) == "003"


class TestSchema:
    def test_comments_on_every_table_and_column(self, migrated: Database) -> None:
        described = migrated.query(
            f"SELECT relname, attname, obj_description(oid, 'pg_class'), col_description(oid, attnum) "
            f"FROM ({OWN_RELATIONS}) AS relation JOIN pg_attribute ON attrelid = oid WHERE attnum > 0"
        )
        assert len(described) == 12 + 7 + 8 + 10 + 11 + 8 + 7
        assert [row for row in described if not row[2] or not row[3]] == []

    def test_keeps_times_with_their_zone_and_documents_as_jsonb(self, migrated: Database) -> None:
        types = {row[2] for row in schema(migrated) if row[3] is not None}
        assert "timestamp with time zone" in types
        assert "jsonb" in types
        assert not types & {"timestamp without time zone", "json", "time without time zone"}

    def test_has_the_columns_that_were_asked_for(self, migrated: Database) -> None:
        columns = {(row[0], row[1]): row[2:5] for row in schema(migrated) if row[3] is not None}
        assert columns["devices", "device_id"] == ("character varying(100)", True, None)
        assert columns["devices", "capabilities"] == ("text[]", False, "'{}'::text[]")
        assert columns["devices", "location"] == ("jsonb", True, "'{}'::jsonb")
        assert columns["devices", "status"] == ("jsonb", False, "'{}'::jsonb")
        assert columns["rate_schedules", "currency"] == ("character(3)", True, None)
        assert columns["metrics", "time"] == ("timestamp with time zone", True, None)
        assert columns["metrics", "value"] == ("double precision", True, None)
        assert columns["metrics", "tags"] == ("jsonb", False, "'{}'::jsonb")
        assert columns["alerts", "user_id"] == ("uuid", False, None)

    @pytest.mark.parametrize(
        "definition",
        [
            "ON public.devices USING btree (type)",
            "ON public.devices USING gin (location)",
            "ON public.devices USING btree (((status ->> 'online'::text))) "
            "WHERE ((status ->> 'online'::text) = 'true'::text)",
            'ON public.metrics USING btree (device_id, "time" DESC)',
            'ON public.metrics USING btree (metric_type, "time" DESC)',
            "ON public.metrics USING gin (tags)",
        ],
    )
    def test_has_the_indexes_that_were_asked_for(self, migrated: Database, definition: str) -> None:
        assert migrated.value("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%%' || %s", definition) == 1

    def test_keeps_updated_at_current(self, migrated: Database) -> None:
        for table, key, sql in [
            ("devices", "device_id", "INSERT INTO devices (device_id, name, type) VALUES ('a', 'A', 'plug')"),
            ("users", "username", "INSERT INTO users (username, email) VALUES ('a', 'a@b.c')"),
            ("alerts", "name", "INSERT INTO alerts (name, conditions, actions) VALUES ('a', '{}', '[]')"),
            ("plugins", "plugin_id", "INSERT INTO plugins (plugin_id, name, version) VALUES ('a', 'A', '1')"),
        ]:
            migrated.query(sql)
            migrated.query(f"UPDATE {table} SET {key} = {key}")
            assert migrated.value(f"SELECT updated_at = max(updated_at) OVER () FROM {table}")
            before = migrated.value(f"SELECT updated_at FROM {table}")
            migrated.query(f"UPDATE {table} SET {key} = 'b', updated_at = '2000-01-01'")
            assert migrated.value(f"SELECT updated_at FROM {table}") > before
            unchanged = migrated.value(f"SELECT updated_at FROM {table}")
            migrated.query(f"UPDATE {table} SET {key} = {key}")
            assert migrated.value(f"SELECT updated_at FROM {table}") == unchanged, "nothing changed, so it is no change"

    def test_the_trigger_function_has_a_fixed_search_path(self, migrated: Database) -> None:
        config = migrated.value("SELECT proconfig FROM pg_proc WHERE proname = 'set_updated_at'")
        assert config == ["search_path=pg_catalog, pg_temp"]

    @pytest.mark.parametrize(("username", "email"), [("ADA", "x@y.z"), ("other", "Ada@Example.org")])
    def test_names_and_addresses_are_unique_whatever_their_case(
        self, migrated: Database, username: str, email: str
    ) -> None:
        migrated.query("INSERT INTO users (username, email) VALUES ('ada', 'ada@example.org')")
        with pytest.raises(errors.UniqueViolation):
            migrated.query("INSERT INTO users (username, email) VALUES (%s, %s)", username, email)

    @pytest.mark.parametrize(
        ("constraint", "sql"),
        [
            ("devices_device_id_not_empty", "INSERT INTO devices (device_id, name, type) VALUES ('', 'A', 'plug')"),
            ("users_role_known", "INSERT INTO users (username, email, role) VALUES ('b', 'b@c.d', 'root')"),
            ("users_username_not_empty", "INSERT INTO users (username, email) VALUES ('', 'b@c.d')"),
            ("users_email_has_at_sign", "INSERT INTO users (username, email) VALUES ('b', 'nowhere')"),
            (
                "api_tokens_token_hash_is_sha256",
                "INSERT INTO api_tokens (user_id, name, token_hash) SELECT user_id, 't', 'a-token-itself' FROM users",
            ),
            (
                "api_tokens_expires_after_creation",
                "INSERT INTO api_tokens (user_id, name, token_hash, expires_at) "
                f"SELECT user_id, 't', '{HASH}', '2000-01-01' FROM users",
            ),
            (
                "rate_schedules_ends_after_it_begins",
                "INSERT INTO rate_schedules (provider, plan_name, effective_date, expiry_date, currency, time_zone, "
                "rate_structure) VALUES ('P', 'N', '2026-02-01', '2026-01-31', 'EUR', 'UTC', '{}')",
            ),
            (
                "rate_schedules_currency_is_iso_4217",
                "INSERT INTO rate_schedules (provider, plan_name, effective_date, currency, time_zone, rate_structure) "
                "VALUES ('P', 'N', '2026-02-01', 'eur', 'UTC', '{}')",
            ),
            (
                "plugins_status_known",
                "INSERT INTO plugins (plugin_id, name, version, status) VALUES ('p', 'P', '1', 'dreaming')",
            ),
            ("plugins_plugin_id_not_empty", "INSERT INTO plugins (plugin_id, name, version) VALUES ('', 'P', '1')"),
        ],
    )
    def test_bad_values_are_refused(self, migrated: Database, constraint: str, sql: str) -> None:
        migrated.query("INSERT INTO users (username, email) VALUES ('ada', 'ada@example.org')")
        with pytest.raises(errors.CheckViolation) as refusal:
            migrated.query(sql)
        assert refusal.value.diag.constraint_name == constraint

    def test_good_values_are_accepted(self, migrated: Database) -> None:
        with migrated.connect() as connection:
            connection.execute("INSERT INTO users (username, email, role) VALUES ('ada', 'ada@example.org', 'admin')")
            connection.execute(
                f"INSERT INTO api_tokens (user_id, name, token_hash) SELECT user_id, 't', '{HASH}' FROM users"
            )
            connection.execute(
                "INSERT INTO rate_schedules (provider, plan_name, effective_date, expiry_date, currency, time_zone, "
                "rate_structure) VALUES ('P', 'N', '2026-02-01', '2026-02-01', 'EUR', 'UTC', '{}')"
            )

    def test_a_user_takes_tokens_and_alerts_along(self, migrated: Database) -> None:
        with migrated.connect() as connection:
            connection.execute("INSERT INTO users (username, email) VALUES ('ada', 'ada@example.org')")
            connection.execute(
                f"INSERT INTO api_tokens (user_id, name, token_hash) SELECT user_id, 't', '{HASH}' FROM users"
            )
            connection.execute(
                "INSERT INTO alerts (user_id, name, conditions, actions) SELECT user_id, 'a', '{}', '[]' FROM users"
            )
            connection.execute("INSERT INTO alerts (name, conditions, actions) VALUES ('everybody''s', '{}', '[]')")
            connection.execute("DELETE FROM users")
            assert connection.execute("SELECT count(*) FROM api_tokens").fetchone() == (0,)
            assert connection.execute("SELECT name FROM alerts").fetchall() == [("everybody's",)]

    def test_a_measurement_needs_its_device(self, migrated: Database) -> None:
        with pytest.raises(errors.ForeignKeyViolation):
            migrated.query("INSERT INTO metrics VALUES (now(), 'ghost', 'power', 1, 'W')")


class TestDecisions:
    """What docs/decisions.md says the server does."""

    def test_a_gin_index_on_json_is_refused(self, migrated: Database) -> None:
        migrated.query("CREATE TABLE extra (document json)")
        with pytest.raises(errors.UndefinedObject, match="has no default operator class"):
            migrated.query("CREATE INDEX ON extra USING gin (document)")

    def test_a_partial_index_on_recent_rows_is_refused(self, migrated: Database) -> None:
        with pytest.raises(errors.InvalidObjectDefinition, match="must be marked IMMUTABLE") as refusal:
            migrated.query("CREATE INDEX ON metrics (device_id) WHERE time > now() - INTERVAL '7 days'")
        assert refusal.value.sqlstate == "42P17"

    def test_chunks_outside_the_asked_time_are_not_even_planned(self, busy: Database) -> None:
        question = "EXPLAIN (COSTS OFF) SELECT avg(value) FROM metrics WHERE device_id = 'a' AND time > {since}"
        with busy.connect() as connection:
            chunks = connection.execute("SELECT show_chunks('metrics')").fetchall()
            plan = [row[0] for row in connection.execute(question.format(since="now() - INTERVAL '7 days'"))]
        planned = {
            word for line in plan for word in line.split() if word.startswith("_hyper_") and word.endswith("_chunk")
        }
        assert len(chunks) >= 10
        assert 1 <= len(planned) <= 2, "\n".join(plan)


class TestByHand:
    def test_alembic_itself_finds_the_database_by_the_usual_variables(self, migrated: Database) -> None:
        command = [str(Path(sys.executable).parent / "alembic"), "-c", str(SCRIPTS / "alembic.ini"), "current"]
        where = {
            "PGHOST": migrated.host,
            "PGPORT": str(migrated.port),
            "PGUSER": migrated.user,
            "PGPASSWORD": migrated.password,
            "PGDATABASE": migrated.name,
            "PGSSLMODE": migrated.ssl_mode,
        }
        run = subprocess.run(command, env={**os.environ, **where}, capture_output=True, text=True, check=False)
        assert run.stdout.strip() == "003 (head)", run.stderr


class TestRole:
    @pytest.fixture(params=["controller", "host"])
    def variables(self, empty: Database, request: pytest.FixtureRequest) -> dict[str, Any]:
        """What an inventory says; Alembic for the host is this Python's, so there is nothing to install."""
        return {
            **empty.login_variables,
            "timescaledb_migrations_run_on": request.param,
            "timescaledb_migrations_host_packages": [],
            "ansible_become": False,
        }

    def test_checks_applies_and_repeats(self, empty: Database, variables: dict[str, Any]) -> None:
        foretold = run_playbook("migrate_schema", variables, "--check", "--diff").require_success()
        assert foretold.changed == 1
        assert "CREATE TABLE metrics" in foretold.output
        on_host = variables["timescaledb_migrations_run_on"] == "host"
        assert ("host | Copy the scripts" in foretold.output) == on_host
        assert tables(empty) == set()
        assert run_playbook("migrate_schema", variables).require_success().changed == 1
        assert version(empty) == "003"
        assert run_playbook("migrate_schema", variables).require_success().changed == 0

    def test_in_check_mode_foretells_for_a_server_that_is_yet_to_come(self, variables: dict[str, Any]) -> None:
        nowhere = {**variables, "timescaledb_login_port": 1, "timescaledb_server_reachable": False}
        run = run_playbook("migrate_schema", nowhere, "--check", "--diff").require_success()
        assert run.changed == 1
        assert "CREATE TABLE metrics" in run.output

    def test_of_a_folder_without_scripts_says_so(self, variables: dict[str, Any], tmp_path: Path) -> None:
        run = run_playbook("migrate_schema", {**variables, "timescaledb_migrations_script_location": str(tmp_path)})
        assert run.code != 0
        assert "script_location" in run.output
        assert f"{tmp_path}" in run.output
        assert "Traceback" not in run.output
