"""The container is what was declared: pinned, limited, published on the loopback address only, and looked after."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from server import Login, Server

MIB = 1024**2
SECOND = 10**9


@pytest.fixture(scope="module")
def config(inspected: dict[str, Any]) -> dict[str, Any]:
    """What the engine gives the container."""
    found: dict[str, Any] = inspected["HostConfig"]
    return found


def test_the_image_is_the_pinned_one(inspected: dict[str, Any], scenario: dict[str, Any]) -> None:
    image = scenario["images"][scenario["version"]]
    assert inspected["Config"]["Image"] == image
    assert re.search(r":\d+\.\d+\.\d+-pg17", image)


def test_it_is_another_container_only_where_it_had_to_be(
    inspected: dict[str, Any], scenario: dict[str, Any], folder: Path
) -> None:
    """A killed server and a changed setting leave it; one that was removed, or has another image, is a new one."""
    noted = folder / "container_id"
    before = noted.read_text(encoding="utf-8") if noted.exists() else inspected["Id"]
    noted.write_text(inspected["Id"], encoding="utf-8")
    another = scenario["phase"] == "removed_container" or (
        scenario["phase"] == "updated_image" and len(scenario["images"]) > 1
    )
    assert (inspected["Id"] != before) == another


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Memory", 1024 * MIB),
        ("MemorySwap", 1024 * MIB),
        ("CpuPeriod", 100_000),
        ("CpuQuota", 150_000),
        ("ShmSize", 256 * MIB),
        ("RestartPolicy", {"Name": "unless-stopped", "MaximumRetryCount": 0}),
        ("LogConfig", {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}),
        ("Privileged", False),
        ("SecurityOpt", ["no-new-privileges"]),
    ],
)
def test_the_engine_gives_it(config: dict[str, Any], name: str, value: object) -> None:
    assert config[name] == value


def test_the_port_is_published_on_the_loopback_address_only(config: dict[str, Any], scenario: dict[str, Any]) -> None:
    assert config["PortBindings"] == {"5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(scenario["port"])}]}


def test_it_has_time_to_end_in_order(inspected: dict[str, Any]) -> None:
    assert (inspected["Config"]["StopSignal"], inspected["Config"]["StopTimeout"]) == ("SIGINT", 300)


def test_its_labels_say_what_it_is(inspected: dict[str, Any], scenario: dict[str, Any]) -> None:
    expected = {
        "timescaledb.managed-by": "ansible",
        "timescaledb.version": scenario["version"],
        "timescaledb.postgresql": "17",
        "molecule.scenario": "container",
    }
    assert inspected["Config"]["Labels"].items() >= expected.items()


def test_its_data_is_in_the_volume_and_in_no_other(inspected: dict[str, Any], server: Server) -> None:
    volumes = {mount["Destination"]: mount["Name"] for mount in inspected["Mounts"] if mount["Type"] == "volume"}
    assert volumes == {"/var/lib/postgresql/data": f"{inspected['Name'].removeprefix('/')}-data"}
    assert server.value("SELECT current_setting('data_directory')") == "/var/lib/postgresql/data"
    assert server.value("SELECT current_setting('data_checksums')") == "on"


def test_what_it_reads_of_the_host_it_cannot_write(inspected: dict[str, Any]) -> None:
    binds = {mount["Destination"]: mount["RW"] for mount in inspected["Mounts"] if mount["Type"] == "bind"}
    assert binds == {"/etc/timescaledb": False, "/run/secrets/timescaledb": False}


class TestHealth:
    def test_is_asked_over_tcp_and_for_the_extension_in_the_database(self, inspected: dict[str, Any]) -> None:
        check = inspected["Config"]["Healthcheck"]
        assert "--host=127.0.0.1" in check["Test"][1]
        assert "--dbname=aetherlens" in check["Test"][1]
        assert "timescaledb" in check["Test"][1]
        assert (check["Interval"], check["Timeout"], check["Retries"]) == (10 * SECOND, 5 * SECOND, 3)
        assert check["StartPeriod"] == 60 * SECOND

    def test_is_good_soon(self, scenario: dict[str, Any], inspected: dict[str, Any]) -> None:
        test = inspected["Config"]["Healthcheck"]["Test"][1]
        assert self.run(scenario, test) == 0
        deadline = time.monotonic() + 30
        while self.status(scenario) != "healthy":
            assert time.monotonic() < deadline, self.status(scenario)
            time.sleep(1)

    def test_is_bad_where_only_the_socket_answers(self, scenario: dict[str, Any], inspected: dict[str, Any]) -> None:
        """As it is while a new server is made: here, TCP is looked for where nobody listens."""
        test = inspected["Config"]["Healthcheck"]["Test"][1]
        assert self.run(scenario, test.replace("--port=5432", "--port=5433")) != 0

    def test_is_bad_without_the_database_or_its_extension(
        self, scenario: dict[str, Any], inspected: dict[str, Any]
    ) -> None:
        test = inspected["Config"]["Healthcheck"]["Test"][1]
        assert self.run(scenario, test.replace("--dbname=aetherlens", "--dbname=nowhere")) != 0
        assert self.run(scenario, test.replace("'timescaledb'", "'nothing'")) != 0

    def run(self, scenario: dict[str, Any], test: str) -> int:
        """The return code of a test of health, in the container."""
        return docker("exec", scenario["container"], "sh", "-c", test).returncode

    def status(self, scenario: dict[str, Any]) -> str:
        """What the engine thinks."""
        return docker("inspect", "--format={{.State.Health.Status}}", scenario["container"]).stdout.strip()


class TestExtension:
    def test_every_database_has_the_version_of_the_image(self, server: Server, scenario: dict[str, Any]) -> None:
        databases = server.rows("SELECT datname FROM pg_database WHERE datallowconn")
        names = {row["datname"] for row in databases}
        assert names >= {"aetherlens", "postgres", "template1"}
        assert scenario["phase"] != "updated_image" or "molecule other" in names
        query = "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
        found = {name: Server(server.shell, name).value(query) for name in names}
        assert found == dict.fromkeys(names, scenario["version"])

    def test_the_edition_is_the_expected_one(self, server: Server, scenario: dict[str, Any]) -> None:
        licence = "apache" if scenario["path"] == "distribution" else "timescale"
        assert server.value("SELECT current_setting('timescaledb.license')") == licence


def test_rows_survive_whatever_happens_to_the_container(server: Server, folder: Path) -> None:
    """Rows that only the superuser can lose: what was written in the first phase is there in the last."""
    noted = folder / "rows.json"
    if not noted.exists():
        server.execute(
            "CREATE TABLE molecule_kept AS SELECT n, md5(n::text) AS text FROM generate_series(1, 5000) AS n"
        )
        server.execute("ALTER TABLE molecule_kept OWNER TO aetherlens_owner")
    found = server.rows("SELECT count(*) AS rows, md5(string_agg(text, '' ORDER BY n)) AS sum FROM molecule_kept")
    devices = server.rows("SELECT device_id, name FROM devices ORDER BY device_id")
    state = {"kept": found, "devices": devices}
    before = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else state
    noted.write_text(json.dumps(state), encoding="utf-8")
    assert found[0]["rows"] == 5000
    assert state == before


class TestAccess:
    def test_a_password_gets_in(self, login: Login) -> None:
        row = login("postgres").execute("SELECT current_user AS name").fetchone()
        assert row == {"name": "postgres"}

    @pytest.mark.parametrize("user", ["postgres", "molecule_writer"])
    def test_a_wrong_password_does_not(self, login: Login, user: str) -> None:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            login(user, password="not the password")

    def test_no_password_does_not(self, login: Login) -> None:
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            login("postgres", password="")

    def test_passwords_are_kept_as_scram_only(self, server: Server) -> None:
        stored = server.rows("SELECT left(rolpassword, 14) AS kind FROM pg_authid WHERE rolpassword IS NOT NULL")
        assert len(stored) >= 3
        assert {row["kind"] for row in stored} == {"SCRAM-SHA-256$"}


def docker(*arguments: str) -> Any:
    """What the engine's own program says."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
