"""The role timescaledb_database: who may do what, as declared and not more, told by those who try."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.integration.programs import PlaybookRun, run_in_process
from tests.integration.servers import Site, plan_site

pytestmark = pytest.mark.filterwarnings("error")
PASSWORD = "correct horse, battery: staple's"
DENIED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)
ROLES = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, '{0}_') ORDER BY 1"


def logins(site: Site, **changes: Any) -> list[dict[str, Any]]:
    """One login in each group, one in none."""
    return [
        {"name": site.role("app"), "password": PASSWORD, "groups": [site.writer], **changes.get("app", {})},
        {"name": site.role("dashboard"), "password": PASSWORD, "groups": [site.reader], **changes.get("dashboard", {})},
        {"name": site.role("nobody"), "password": PASSWORD, **changes.get("nobody", {})},
    ]


def prepare(site: Site, *arguments: str, **variables: Any) -> PlaybookRun:
    """Run the role."""
    return site.play("create_database", *arguments, **{"timescaledb_database_logins": logins(site), **variables})


def converge(site: Site, *, check: bool = False, **changes: Any) -> int:
    """Do what the role's two modules do, without a playbook around them; return how many of them changed something."""
    people = [{**item, "login": True} for item in changes.pop("logins", logins(site))]
    groups = [{"name": site.owner, "login": True}, {"name": site.writer}, {"name": site.reader}]
    rights = {
        "owner": site.owner,
        "writer": site.writer,
        "reader": site.reader,
        "connecting": [item["name"] for item in people],
        "read_only": ["alembic_version"],
    }
    login = {f"login_{key}": value for key, value in site.login.items()}
    results = [
        run_in_process("timescaledb_roles", {**login, "login_db": "postgres", "roles": groups + people}, check=check),
        run_in_process("timescaledb_grants", {**login, "login_db": site.name, **rights}, check=check),
    ]
    assert not any(result.get("failed") for result in results), results
    return sum(result["changed"] for result in results)


def build(site: Site) -> int:
    """Run what site.yml runs between the server and the sample data; return how many changes that took."""
    runs = [prepare(site), *(site.play(name) for name in ("migrate_schema", "apply_lifecycle"))]
    runs.append(site.play("grant_access", timescaledb_database_logins=logins(site)))
    return sum(run.require_success().changed for run in runs)


@pytest.fixture(scope="module")
def built(site: Site) -> Site:
    """The site with AetherLens' tables, aggregates and policies."""
    assert build(site) > 0
    site.query("INSERT INTO devices (device_id, name, type) VALUES ('plug', 'Plug', 'smart_plug')", role=site.owner)
    return site


def act(site: Site, who: str, statement: str) -> list[tuple[Any, ...]]:
    """Let one of the logins run a statement."""
    return site.query(statement, user=site.role(who), password=PASSWORD)


def measure(age: str) -> str:
    """A statement that inserts a measurement of a given age."""
    return f"INSERT INTO metrics VALUES (now() - INTERVAL '{age}', 'plug', 'power', 1, 'W')"


class TestFromNothing:
    def test_check_mode_tells_and_makes_nothing(self, site: Site) -> None:
        before = site.on_server(ROLES.format(site.name))
        run = prepare(site, "--check", "--diff").require_success()
        assert run.changed >= 4
        assert site.on_server(ROLES.format(site.name)) == before == []
        assert site.on_server(f"SELECT 1 FROM pg_database WHERE datname = '{site.name}'") == []
        assert f"+  {site.reader}:" in run.output or site.reader in run.output

    def test_a_second_run_changes_nothing(self, built: Site) -> None:
        assert build(built) == 0
        assert prepare(built, "--check").require_success().changed == 0

    def test_the_database_is_utf8_and_belongs_to_the_owner(self, built: Site) -> None:
        row = built.query(
            "SELECT pg_encoding_to_char(encoding), pg_get_userbyid(datdba) FROM pg_database "
            "WHERE datname = current_database()"
        )
        assert row == [("UTF8", built.owner)]

    def test_everything_in_it_belongs_to_the_owner(self, built: Site) -> None:
        others = built.query(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'S') AND relnamespace = 'public'::regnamespace "
            f"AND relowner <> '{built.owner}'::regrole"
        )
        assert others == []
        owners = built.query("SELECT DISTINCT owner::text FROM timescaledb_information.jobs WHERE job_id >= 1000")
        assert owners == [(built.owner,)]

    def test_its_version_is_told(self, built: Site) -> None:
        version = built.value("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
        assert f"Database {built.name} has TimescaleDB {version}" in prepare(built).output


class TestTheReader:
    @pytest.mark.parametrize(
        "relation", ["metrics", "devices", "metrics_hourly", "metrics_daily", "alembic_version", "users"]
    )
    def test_reads(self, built: Site, relation: str) -> None:
        assert len(act(built, "dashboard", f"SELECT count(*) FROM {relation}")) == 1

    def test_reads_chunks_that_came_after_the_grant(self, built: Site) -> None:
        built.query(measure("50 days"), role=built.owner)
        newest = built.value("SELECT c::text FROM show_chunks('metrics') AS c ORDER BY c::oid DESC LIMIT 1")
        assert act(built, "dashboard", f"SELECT count(*) FROM {newest}") == [(1,)]
        assert act(built, "dashboard", "SELECT count(*) > 0 FROM metrics") == [(True,)]

    @pytest.mark.parametrize(
        "statement",
        [
            measure("1 hour"),
            "UPDATE metrics SET value = 2",
            "DELETE FROM devices",
            "TRUNCATE metrics",
            "CREATE TABLE stray (x int)",
            "CREATE TEMPORARY TABLE stray (x int)",
            "CREATE SCHEMA stray",
            "SELECT drop_chunks('metrics', INTERVAL '1 day')",
            "SELECT remove_retention_policy('metrics')",
        ],
    )
    def test_does_nothing_else(self, built: Site, statement: str) -> None:
        with pytest.raises(DENIED):
            act(built, "dashboard", statement)


class TestTheWriter:
    @pytest.mark.parametrize(
        "statement",
        [
            measure("1 hour"),
            measure("20 days"),
            "UPDATE metrics SET value = 2 WHERE device_id = 'plug'",
            "DELETE FROM metrics WHERE device_id = 'none'",
            "INSERT INTO devices (device_id, name, type) VALUES ('lamp', 'Lamp', 'lamp')",
            "SELECT count(*) FROM metrics_hourly",
            "SELECT version_num FROM alembic_version",
        ],
    )
    def test_reads_and_writes_rows(self, built: Site, statement: str) -> None:
        act(built, "app", statement)

    def test_writes_into_compressed_chunks(self, built: Site) -> None:
        built.query(measure("30 days"), role=built.owner)
        with built.connect(role=built.owner) as connection:
            connection.execute("SELECT compress_chunk(c, true) FROM show_chunks('metrics', INTERVAL '15 days') AS c")
        act(built, "app", measure("30 days"))
        act(built, "app", "UPDATE metrics SET value = 5 WHERE time < now() - INTERVAL '15 days'")
        assert act(built, "app", "DELETE FROM metrics WHERE time < now() - INTERVAL '29 days' RETURNING value")

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM alembic_version",
            "TRUNCATE metrics",
            "ALTER TABLE metrics ADD COLUMN stray int",
            "CREATE TABLE stray (x int)",
            "CREATE TEMPORARY TABLE stray (x int)",
            "SELECT drop_chunks('metrics', INTERVAL '1 day')",
        ],
    )
    def test_does_nothing_else(self, built: Site, statement: str) -> None:
        with pytest.raises(DENIED):
            act(built, "app", statement)

    def test_does_not_write_what_an_aggregate_stores(self, built: Site) -> None:
        storage = built.value(
            "SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) "
            "FROM timescaledb_information.continuous_aggregates WHERE view_name = 'metrics_hourly'"
        )
        with pytest.raises(DENIED):
            act(built, "app", f"DELETE FROM {storage}")


class TestEverybodyElse:
    @pytest.mark.parametrize("statement", ["SELECT count(*) FROM metrics", "CREATE TABLE stray (x int)"])
    def test_a_login_without_a_group_connects_and_does_nothing(self, built: Site, statement: str) -> None:
        assert act(built, "nobody", "SELECT 1") == [(1,)]
        with pytest.raises(DENIED):
            act(built, "nobody", statement)

    def test_a_role_nobody_declared_does_not_even_connect(self, built: Site) -> None:
        stranger = built.role("stranger")
        built.on_server(f"CREATE ROLE {stranger} LOGIN PASSWORD 'x'")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            built.query("SELECT 1", user=stranger, password="x")
        built.on_server(f"DROP ROLE {stranger}")

    def test_nobody_logs_in_as_the_owner_by_password(self, built: Site) -> None:
        assert built.on_server(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{built.owner}'") == [(None,)]


class TestWhatIsNew:
    def test_tables_and_aggregates_made_after_the_grant_are_covered(self, built: Site) -> None:
        with built.connect(role=built.owner) as connection:
            connection.execute("CREATE TABLE readings (time timestamptz NOT NULL, id bigserial, value float)")
            connection.execute("SELECT create_hypertable('readings', by_range('time'))")
            connection.execute(
                "CREATE MATERIALIZED VIEW readings_daily WITH (timescaledb.continuous) AS "
                "SELECT time_bucket('1 day', time) AS bucket, avg(value) FROM readings GROUP BY 1 WITH NO DATA"
            )
        act(built, "app", "INSERT INTO readings (time, value) VALUES (now() - INTERVAL '2 days', 1)")
        built.query("CALL refresh_continuous_aggregate('readings_daily', NULL, NULL)", role=built.owner)
        assert act(built, "dashboard", "SELECT count(*) FROM readings") == [(1,)]
        assert act(built, "dashboard", "SELECT avg FROM readings_daily") == [(1.0,)]
        with pytest.raises(DENIED):
            act(built, "dashboard", "INSERT INTO readings (time, value) VALUES (now(), 1)")
        assert built.play("grant_access", timescaledb_database_logins=logins(built)).require_success().changed == 1
        built.query("DROP MATERIALIZED VIEW readings_daily", role=built.owner)
        built.query("DROP TABLE readings", role=built.owner)

    def test_policies_of_the_owner_run(self, built: Site) -> None:
        (job,) = built.query(
            "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention' "
            "AND hypertable_name = 'metrics'"
        )
        built.query(f"CALL run_job({job[0]})", role=built.owner)


EXTRA_RIGHTS = [
    "ALTER ROLE {reader} SUPERUSER",
    "ALTER ROLE {writer} CREATEDB CREATEROLE",
    "ALTER ROLE {app} BYPASSRLS REPLICATION",
    "ALTER ROLE {app} NOINHERIT",
    "ALTER ROLE {reader} LOGIN",
    "ALTER ROLE {owner} PASSWORD 'guess'",
    "ALTER ROLE {app} CONNECTION LIMIT 3",
    "ALTER ROLE {dashboard} NOLOGIN",
    "GRANT {owner} TO {app}",
    "GRANT {writer} TO {app} WITH ADMIN OPTION",
    "GRANT pg_read_all_data TO {reader}",
    "REVOKE {reader} FROM {dashboard}",
    "GRANT DELETE ON metrics TO {reader}",
    "GRANT SELECT ON metrics TO {reader} WITH GRANT OPTION",
    "GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO {writer}",
    "GRANT SELECT ON users TO {nobody}",
    "GRANT INSERT ON metrics_hourly TO {writer}",
    "GRANT SELECT ON users TO PUBLIC",
    "GRANT CREATE ON SCHEMA public TO PUBLIC",
    "GRANT CREATE ON SCHEMA public TO {writer}",
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO PUBLIC",
    "GRANT CREATE ON DATABASE {database} TO {app}",
    "REVOKE SELECT ON devices FROM {reader}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT ALL ON TABLES TO {reader}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public REVOKE SELECT ON TABLES FROM {reader}",
]
EVERYTHING = """
    SELECT (SELECT json_agg(r ORDER BY r.rolname) FROM (
              SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
                     rolbypassrls, rolconnlimit, rolpassword
              FROM pg_authid WHERE starts_with(rolname, current_database() || '_')) AS r),
           (SELECT json_agg(m::text ORDER BY m::text) FROM (
              SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members
              WHERE starts_with(member::regrole::text, current_database() || '_')) AS m),
           (SELECT json_agg(format('%s %s %s %s', c.relname, a.grantee::regrole, a.privilege_type, a.is_grantable)
                            ORDER BY c.relname, a.grantee::regrole::text, a.privilege_type, a.is_grantable)
            FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.relnamespace = 'public'::regnamespace),
           (SELECT json_agg(a ORDER BY a::text) FROM pg_database AS d, aclexplode(d.datacl) AS a
            WHERE d.datname = current_database()),
           (SELECT json_agg(a ORDER BY a::text) FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
            WHERE n.nspname = 'public'),
           (SELECT json_agg(a ORDER BY a::text) FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS a)
"""


class TestExtraRights:
    @pytest.mark.parametrize("statement", EXTRA_RIGHTS)
    def test_given_by_hand_are_taken_back(self, built: Site, statement: str) -> None:
        names = {name: built.role(name) for name in ("app", "dashboard", "nobody")}
        names.update(owner=built.owner, writer=built.writer, reader=built.reader, database=built.name)
        converge(built)
        before = built.query(EVERYTHING)
        built.query(statement.format(**names))
        spoilt = built.query(EVERYTHING)
        assert spoilt != before
        assert converge(built, check=True) == 1
        assert built.query(EVERYTHING) == spoilt
        assert converge(built) == 1
        assert built.query(EVERYTHING) == before
        assert converge(built) == 0

    def test_of_roles_nobody_declared_are_left_alone(self, built: Site) -> None:
        analyst = built.role("analyst")
        built.on_server(f"CREATE ROLE {analyst} CREATEDB")
        built.query(f"GRANT SELECT ON devices TO {analyst}")
        assert converge(built) == 0
        assert built.value(f"SELECT has_table_privilege('{analyst}', 'devices', 'SELECT')")
        built.query(f"REVOKE ALL ON devices FROM {analyst}")
        built.on_server(f"DROP ROLE {analyst}")


class TestPasswords:
    def test_another_one_takes_effect_and_is_a_change_once(self, built: Site) -> None:
        changed = {"app": {"password": "another one"}}
        assert [converge(built, logins=logins(built, **changed)) for _ in range(2)] == [1, 0]
        if built.checks_passwords:
            built.query("SELECT 1", user=built.role("app"), password="another one")
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                act(built, "app", "SELECT 1")
        assert converge(built) == 1
        act(built, "app", "SELECT 1")

    def test_are_kept_as_scram_verifiers(self, built: Site) -> None:
        kept = built.on_server(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{built.role('app')}'")
        assert kept[0][0].startswith("SCRAM-SHA-256$4096:")

    def test_may_be_given_as_what_the_server_keeps(self, built: Site) -> None:
        ((kept,),) = built.on_server(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{built.role('app')}'")
        assert converge(built, logins=logins(built, app={"password": kept})) == 0

    def test_in_the_old_form_are_replaced(self, built: Site) -> None:
        name = built.role("app")
        built.on_server(
            f"SET password_encryption = 'md5'; ALTER ROLE {name} PASSWORD '{PASSWORD.replace(chr(39), '')}'"
        )
        assert converge(built) == 1
        act(built, "app", "SELECT 1")

    def test_of_a_login_without_one_is_taken_away(self, built: Site) -> None:
        given = [{key: value for key, value in item.items() if key != "password"} for item in logins(built)]
        assert converge(built, logins=given) == 1
        kept = built.on_server(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{built.role('app')}'")
        assert kept == [(None,)]
        assert converge(built) == 1


class TestLeaving:
    def test_a_login_that_is_to_leave_is_dropped_with_its_rights(self, built: Site) -> None:
        leaver = {"name": built.role("leaver"), "password": PASSWORD, "groups": [built.reader]}
        prepare(built, timescaledb_database_logins=[*logins(built), leaver]).require_success()
        assert built.query("SELECT 1", user=leaver["name"], password=PASSWORD)
        leaving = [*logins(built), {"name": leaver["name"], "state": "absent"}]
        assert prepare(built, "--check", timescaledb_database_logins=leaving).require_success().changed == 2
        assert prepare(built, timescaledb_database_logins=leaving).require_success().changed == 2
        assert prepare(built, timescaledb_database_logins=leaving).require_success().changed == 0
        assert built.on_server(f"SELECT 1 FROM pg_roles WHERE rolname = '{leaver['name']}'") == []

    def test_one_that_still_owns_something_is_kept_with_a_sentence(self, built: Site) -> None:
        holder = {"name": built.role("holder"), "groups": [built.reader]}
        prepare(built, timescaledb_database_logins=[*logins(built), holder]).require_success()
        built.query(f"CREATE TABLE held (x int); ALTER TABLE held OWNER TO {holder['name']}")
        leaving = [*logins(built), {"name": holder["name"], "state": "absent"}]
        run = prepare(built, timescaledb_database_logins=leaving)
        assert run.code != 0
        assert "cannot be dropped because some objects depend on it" in run.output
        assert "REASSIGN OWNED and DROP OWNED" in run.output
        built.query("DROP TABLE held")
        prepare(built, timescaledb_database_logins=leaving).require_success()


class TestRefusals:
    @pytest.mark.parametrize(
        ("variables", "sentence"),
        [
            (
                {"timescaledb_deployment": "hots"},
                "value of timescaledb_deployment must be one of: sandbox, host, external",
            ),
            (
                {"timescaledb_login_session_role": "someone"},
                "timescaledb_login_session_role: someone was given; accepted is",
            ),
            (
                {"timescaledb_database_logins": [{"name": "postgres", "password": "x"}]},
                "timescaledb_database_logins[postgres]: postgres is the role this task logs in as",
            ),
            (
                {"timescaledb_database_logins": [{"name": "dash", "groups": ["raeders"]}]},
                "timescaledb_database_logins[dash].groups: there is no role 'raeders'; accepted are",
            ),
            (
                {"timescaledb_database_logins": [{"name": "dash", "password": ""}]},
                "timescaledb_database_logins[dash].password: empty text was given; accepted is a password",
            ),
            (
                {"timescaledb_database_logins": [{"name": "dash", "pasword": "x"}]},
                "pasword",
            ),
            (
                {"timescaledb_database_logins": [{"name": "pg_dash"}]},
                "timescaledb_database_logins[pg_dash].name: 'pg_dash' is a name PostgreSQL keeps for itself",
            ),
            ({"timescaledb_database_schemas": ["nowhere"]}, "there is no schema 'nowhere' in this database"),
            (
                {"timescaledb_database_extension_version": "2.1.0"},
                "timescaledb_database_extension_version: 2.1.0 is declared, and database",
            ),
        ],
    )
    def test_a_mistake_is_named_and_changes_nothing(
        self, built: Site, variables: dict[str, Any], sentence: str
    ) -> None:
        before = built.query(EVERYTHING)
        if variables.get("timescaledb_login_session_role"):
            variables = {**variables, "timescaledb_database_owner": built.owner}
        run = prepare(built, **variables)
        assert run.code != 0
        assert sentence in " ".join(run.output.split())
        assert "Traceback" not in run.output
        assert built.query(EVERYTHING) == before


def test_a_database_that_is_there_is_taken_over(site: Site) -> None:
    with plan_site(site.address) as other:
        other.on_server(f"CREATE DATABASE {other.name} TEMPLATE template0 ENCODING 'UTF8'")
        other.query("CREATE TABLE old (x int); INSERT INTO old VALUES (1)")
        run = prepare(other).require_success()
        assert other.value(
            f"SELECT pg_get_userbyid(datdba) = '{other.owner}' FROM pg_database WHERE datname = '{other.name}'"
        )
        assert other.query("SELECT x FROM old") == [(1,)]
        assert run.changed >= 3
        assert prepare(other).require_success().changed == 0
