"""The role's container and its file for Compose are made from the same values, option by option.

That they come to the same on an engine, the scenario `container` checks.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from tests.unit.test_tuning import ROOT

ROLE = ROOT / "roles/timescaledb_container"
# Each option of the module that makes the container, and what Compose calls it.
NAMES = {
    "name": "container_name",
    "image": "image",
    "command": "command",
    "env": "environment",
    "mounts": "volumes",
    "published_ports": "ports",
    "restart_policy": "restart",
    "memory": "mem_limit",
    "memory_swap": "memswap_limit",
    "cpu_period": "cpu_period",
    "cpu_quota": "cpu_quota",
    "shm_size": "shm_size",
    "security_opts": "security_opt",
    "init": "init",
    "stop_signal": "stop_signal",
    "stop_timeout": "stop_grace_period",
    "healthcheck": "healthcheck",
    "log_driver": "logging",
    "log_options": "logging",
    "labels": "labels",
    "networks": "networks",
}
# How the module works, not what the container is.
WORK = {"debug", "pull", "state", "recreate", "restart", "comparisons"}


@pytest.fixture(scope="module")
def options() -> dict[str, Any]:
    """What the module is given."""
    tasks = yaml.safe_load((ROLE / "tasks/make.yml").read_text(encoding="utf-8"))
    found = [task["community.docker.docker_container"] for task in tasks if "community.docker.docker_container" in task]
    (only,) = found
    return dict(only)


@pytest.fixture(scope="module")
def service() -> dict[str, str]:
    """What Compose is given, as templates by key."""
    variables = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))
    found = dict(variables["__timescaledb_container_service"])
    for name in ("limits", "net"):
        text = variables[f"__timescaledb_container_{name}"]
        found |= dict.fromkeys(re.findall(r"'(\w+)':", text), text)
    return found


def test_every_option_is_known_to_this_test(options: dict[str, Any]) -> None:
    assert options.keys() == NAMES.keys() | WORK


def test_every_key_of_compose_has_its_option(service: dict[str, str]) -> None:
    assert service.keys() - {"network_mode"} == set(NAMES.values())


@pytest.mark.parametrize(("option", "key"), NAMES.items())
def test_an_option_and_its_key_have_the_same_values(
    options: dict[str, Any], service: dict[str, str], option: str, key: str
) -> None:
    pattern = r"\b_*timescaledb_container_\w+"
    used = set(re.findall(pattern, str(options[option])))
    if option == "networks":
        used = {"timescaledb_container_networks"}
    assert used <= set(re.findall(pattern, str(service[key])))
    assert used or options[option] == service[key]


def test_the_container_sees_backups_where_the_other_role_keeps_them() -> None:
    """Roles do not read each other's defaults; these two have to say the same."""
    defaults = yaml.safe_load((ROOT / "roles/timescaledb_backup/defaults/main.yml").read_text(encoding="utf-8"))
    variables = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))
    for name in ("backup_folder", "backup_state_folder"):
        written = re.search(r"default\('(/.+/)' ~ timescaledb_login_db\)", variables[f"__timescaledb_container_{name}"])
        assert written is not None
        assert written.group(1) + "{{ timescaledb_login_db }}" == defaults[f"timescaledb_{name}"]


@pytest.mark.parametrize(
    ("tag", "reference"),
    [
        ("2.29.2-pg17", "timescale/timescaledb:2.29.2-pg17"),
        (f"2.29.2-pg17@sha256:{'ab' * 32}", f"timescale/timescaledb@sha256:{'ab' * 32}"),
    ],
)
def test_an_image_with_a_digest_is_called_by_it_as_the_engine_does(tag: str, reference: str) -> None:
    variables = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))
    given = {"timescaledb_container_image": "timescale/timescaledb", "timescaledb_container_tag": tag}
    template = Environment().from_string(variables["__timescaledb_container_reference"])  # noqa: S701 - no page
    assert template.render(given) == reference
