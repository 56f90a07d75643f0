"""Packages are installed as pinned and stay so; the cluster is what was declared; the machine can be left to itself."""

from __future__ import annotations

from typing import Any

import pytest
from server import Server

CLUSTER = "/etc/postgresql/17/main"
SERVICE = "postgresql@17-main"
PIN = "2.29.2"
PACKAGES = {
    "mirror": [
        "timescaledb-2-loader-postgresql-17",
        "timescaledb-2-postgresql-17",
        f"timescaledb-2-{PIN}-postgresql-17",
    ],
    "vendor": ["timescaledb-2-loader-postgresql-17", "timescaledb-2-postgresql-17"],
    "distribution": ["postgresql-17-timescaledb"],
}


@pytest.fixture(scope="module")
def packages(machine: Any) -> dict[str, str]:
    """Versions of installed packages by name."""
    listing = machine.check_output("dpkg-query --show --showformat='${Package} ${Version} ${db:Status-Status}\\n'")
    lines = [line.split() for line in listing.splitlines()]
    return {name: version for name, version, status in lines if status == "installed"}


@pytest.fixture(scope="module")
def wanted(scenario: dict[str, Any]) -> list[str]:
    """The packages of TimescaleDB that this run is to have installed."""
    return PACKAGES[scenario["path"]]


def test_timescaledb_is_installed_from_where_it_was_to_come(packages: dict[str, str], wanted: list[str]) -> None:
    found = {name for name in packages if "timescaledb" in name}
    assert set(wanted) <= found
    versioned = {name for name in found if PIN in name} if PIN in "".join(wanted) else found
    assert not {name for name in found if name.startswith("timescaledb-2-2.")} - versioned


def test_loader_and_extension_are_of_the_pinned_version(
    packages: dict[str, str], wanted: list[str], scenario: dict[str, Any]
) -> None:
    versions = {packages[name].split("~")[0].split("+")[0] for name in wanted}
    assert len(versions) == 1
    if scenario["path"] == "mirror":
        assert versions == {PIN}


def test_the_packages_are_held(machine: Any, wanted: list[str]) -> None:
    assert set(wanted) <= set(machine.check_output("apt-mark showhold").split())


def test_an_upgrade_of_everything_would_leave_them(machine: Any, wanted: list[str]) -> None:
    plan = machine.check_output("apt-get --simulate --quiet=2 dist-upgrade")
    assert [line for line in plan.splitlines() if line.split()[1] in wanted] == []


def test_the_extension_is_of_the_installed_version(server: Server, packages: dict[str, str], wanted: list[str]) -> None:
    extension = server.value("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
    assert packages[wanted[-1]].startswith(extension)


def test_the_extension_is_of_the_expected_edition(server: Server, scenario: dict[str, Any]) -> None:
    licence = "apache" if scenario["path"] == "distribution" else "timescale"
    assert server.value("SELECT current_setting('timescaledb.license')") == licence


def test_the_server_runs_and_comes_back_after_a_reboot(machine: Any) -> None:
    service = machine.service(SERVICE)
    assert service.is_running
    assert service.is_enabled or machine.service("postgresql").is_enabled


def test_no_unit_has_failed(machine: Any) -> None:
    assert machine.check_output("systemctl --failed --plain --no-legend") == ""


@pytest.mark.parametrize(
    ("setting", "value"),
    [("data_checksums", "on"), ("server_encoding", "UTF8"), ("port", "5432"), ("server_version_num", "17")],
)
def test_the_cluster_is_as_declared(server: Server, setting: str, value: str) -> None:
    assert server.value(f"SELECT current_setting('{setting}')").startswith(value)


@pytest.mark.parametrize(
    ("path", "owner", "mode"),
    [
        (f"{CLUSTER}/conf.d/90-timescaledb.conf", "postgres", 0o644),
        (f"{CLUSTER}/pg_hba.conf", "postgres", 0o640),
        ("/var/lib/postgresql/17/main", "postgres", 0o700),
        ("/etc/apt/sources.list.d/timescaledb.sources", "root", 0o644),
    ],
)
def test_files_belong_to_who_needs_them(
    machine: Any, scenario: dict[str, Any], path: str, owner: str, mode: int
) -> None:
    file = machine.file(path)
    if scenario["path"] == "distribution" and path.startswith("/etc/apt"):
        assert not file.exists
    else:
        assert (file.user, file.mode) == (owner, mode)


def test_the_key_of_the_server_is_the_servers_alone(machine: Any, server: Server) -> None:
    file = machine.file(server.value("SELECT current_setting('ssl_key_file')"))
    assert (file.user, file.mode) == ("postgres", 0o600)
