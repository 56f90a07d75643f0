"""The file for Compose makes the same container: each of its values against what the engine has made of the role's."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

SECONDS = {"s": 1, "m": 60}


@pytest.fixture(scope="module")
def file(folder: Path) -> dict[str, Any]:
    """What the role has written for Compose."""
    content: dict[str, Any] = yaml.safe_load((folder / "server/compose.yaml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def service(file: dict[str, Any]) -> dict[str, Any]:
    """Its one service."""
    (only,) = file["services"].values()
    found: dict[str, Any] = only
    return found


def mebibytes(text: str) -> int:
    """Bytes of a text such as 1024m."""
    assert text.endswith("m")
    return int(text[:-1]) * 1024**2


def nanoseconds(text: str) -> int:
    """Nanoseconds of a text such as 10s."""
    return int(text[:-1]) * SECONDS[text[-1]] * 10**9


# Each key of the service: from its value to where the engine has it.
KEYS = {
    "container_name": lambda value, found: (f"/{value}", found["Name"]),
    "image": lambda value, found: (value, found["Config"]["Image"]),
    "command": lambda value, found: (value, found["Config"]["Cmd"]),
    "environment": lambda value, found: (
        {f"{name}={text}" for name, text in value.items()} - set(found["Config"]["Env"]),
        set(),
    ),
    "ports": lambda value, found: (
        value,
        [
            f"{place['HostIp']}:{place['HostPort']}:{port.removesuffix('/tcp')}"
            for port, places in found["HostConfig"]["PortBindings"].items()
            for place in places
        ],
    ),
    "restart": lambda value, found: (value, found["HostConfig"]["RestartPolicy"]["Name"]),
    "shm_size": lambda value, found: (mebibytes(value), found["HostConfig"]["ShmSize"]),
    "mem_limit": lambda value, found: (mebibytes(value), found["HostConfig"]["Memory"]),
    "memswap_limit": lambda value, found: (mebibytes(value), found["HostConfig"]["MemorySwap"]),
    "cpu_period": lambda value, found: (value, found["HostConfig"]["CpuPeriod"]),
    "cpu_quota": lambda value, found: (value, found["HostConfig"]["CpuQuota"]),
    "security_opt": lambda value, found: (value, found["HostConfig"]["SecurityOpt"]),
    "init": lambda value, found: (value, found["HostConfig"]["Init"]),
    "stop_signal": lambda value, found: (value, found["Config"]["StopSignal"]),
    "stop_grace_period": lambda value, found: (nanoseconds(value), found["Config"]["StopTimeout"] * 10**9),
    "logging": lambda value, found: (
        (value["driver"], value["options"]),
        (found["HostConfig"]["LogConfig"]["Type"], found["HostConfig"]["LogConfig"]["Config"]),
    ),
    "labels": lambda value, found: (value.items() - found["Config"]["Labels"].items(), set()),
    "network_mode": lambda value, found: (value, found["HostConfig"]["NetworkMode"].replace("default", "bridge")),
    "healthcheck": lambda value, found: (
        [
            [part.replace("$$", "$") for part in value["test"]],
            nanoseconds(value["interval"]),
            nanoseconds(value["timeout"]),
            nanoseconds(value["start_period"]),
            value["retries"],
        ],
        [found["Config"]["Healthcheck"][key] for key in ("Test", "Interval", "Timeout", "StartPeriod", "Retries")],
    ),
}


def test_every_key_of_the_service_is_compared(service: dict[str, Any]) -> None:
    assert service.keys() == KEYS.keys() | {"volumes"}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_says_what_the_engine_has(service: dict[str, Any], inspected: dict[str, Any], key: str) -> None:
    said, found = KEYS[key](service[key], inspected)
    assert said == found


def test_it_mounts_the_same(file: dict[str, Any], service: dict[str, Any], inspected: dict[str, Any]) -> None:
    said = {
        volume["target"]: (
            file["volumes"][volume["source"]]["name"] if volume["type"] == "volume" else volume["source"],
            volume.get("read_only", False),
        )
        for volume in service["volumes"]
    }
    found = {
        mount["Destination"]: (mount.get("Name") or mount["Source"], not mount["RW"]) for mount in inspected["Mounts"]
    }
    assert len(said) == 3
    assert said == found


@pytest.mark.compose
def test_compose_takes_the_file(folder: Path) -> None:
    command = ["docker", "compose", "--file", str(folder / "server/compose.yaml"), "config", "--quiet"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
