"""The example inventory says nothing that the roles do not know, and holds no secret and no real address."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_tuning import ROOT, load_filters

EXAMPLE = ROOT / "inventory/example"
FILES = sorted(path for path in EXAMPLE.rglob("*.yml") if not path.is_symlink())
DOCUMENTATION = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]  # RFC 5737


@pytest.fixture(scope="module")
def hosts() -> dict[str, dict[str, Any]]:
    """Variables by host, as Ansible reads them, not templated."""
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(EXAMPLE), "--list"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["_meta"]["hostvars"]


def test_it_has_hosts_of_every_kind(hosts: dict[str, dict[str, Any]]) -> None:
    deployments = {variables["timescaledb_deployment"] for variables in hosts.values()}
    assert deployments == {"host", "container", "external"}


def test_it_sets_no_variable_that_no_role_knows(hosts: dict[str, dict[str, Any]]) -> None:
    known = {"timescaledb_files"}
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            known |= entry["options"].keys()
    named = {name for variables in hosts.values() for name in variables if name.startswith("timescaledb_")}
    assert len(named) >= 15
    assert named - known == set()


def test_its_servers_pass_the_preflight(hosts: dict[str, dict[str, Any]]) -> None:
    servers = [variables for variables in hosts.values() if variables["timescaledb_deployment"] == "host"]
    assert servers
    for server in servers:
        assert load_filters("timescaledb_access").hba_complaints(server["timescaledb_host_hba_rules"]) == []
        assert load_filters("timescaledb_settings").form_complaints(server["timescaledb_host_settings"]) == []
        version, major = server["timescaledb_host_version"], server["timescaledb_host_postgresql_version"]
        source = server["timescaledb_host_source"]
        assert load_filters("timescaledb_packages").version_complaints(version, major, "community", source) == []


def test_its_containers_pass_the_preflight(hosts: dict[str, dict[str, Any]]) -> None:
    role = "timescaledb_container"
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text(encoding="utf-8"))
    servers = [variables for variables in hosts.values() if variables["timescaledb_deployment"] == "container"]
    assert servers
    for server in servers:
        values = {name.removeprefix(f"{role}_"): value for name, value in (defaults | server).items()}
        values |= {"tag": "2.29.2-pg17", "volume": "data", "folder": "/etc/timescaledb", "port": 5432}
        assert load_filters(role).value_complaints(values) == []
        version, major = server[f"{role}_version"], server[f"{role}_postgresql_version"]
        assert load_filters("timescaledb_settings").form_complaints(server[f"{role}_settings"], role) == []
        assert (
            load_filters("timescaledb_packages").version_complaints(version, major, "community", "vendor", role) == []
        )


def test_its_addresses_are_reserved_for_documentation() -> None:
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    addresses = {ip_address(found) for text in texts for found in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text)}
    assert len(addresses) >= 3
    away = [address for address in addresses if not address.is_loopback]
    assert [address for address in away if not any(address in network for network in DOCUMENTATION)] == []
    names = {name for text in texts for name in re.findall(r"\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|de)\b", text)}
    assert {name for name in names if not re.search(r"(^|\.)example\.(com|net|org)$", name)} == set()


def test_its_passwords_come_from_elsewhere(hosts: dict[str, dict[str, Any]]) -> None:
    vault = yaml.safe_load((EXAMPLE / "group_vars/all/vault.yml").read_text(encoding="utf-8"))
    assert len(vault) >= 3
    assert [name for name, value in vault.items() if "lookup(" not in value or "undef(" not in value] == []
    for variables in hosts.values():
        passwords = [login["password"] for login in variables.get("timescaledb_database_logins", [])]
        passwords += [value for name, value in variables.items() if name.endswith("_password") and "vault" not in name]
        assert passwords
        assert [password for password in passwords if not re.match(r"\{\{ vault_\w+ \}\}\Z", password)] == []
