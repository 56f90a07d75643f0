# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container with TimescaleDB is made from: where its data goes, and which images and data go together.

A complaint is one sentence that begins with the variable it is about; no complaint is an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Any

ROLE = "timescaledb_container"
NEW_LAYOUT = 18  # from this PostgreSQL on, the official images keep the data of each major in a folder of its own
LEAST_MEMORY_MB = 256
LEAST_SHM_MB = 64
LEAST_ROOM_KB = 16 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+\Z")
_MOVING = re.compile(r"(^|-)latest(-|$)")
_SERIOUS = re.compile(r"(?:(?:PANIC|FATAL|ERROR|[Ee]rror):\s+|^postgres: )(.*)", re.MULTILINE)
_ORDERLY = re.compile(r"due to administrator command|system is (?:starting up|shutting down)")
# What an image's own words are, see files/examine.sh.
_LISTS = ("updates",)
UNREADABLE = "unknown"  # the version of a database whose library is not there, see files/extensions.sh


def data_layout(image: str, postgresql: int) -> dict[str, str]:
    """Return where an image wants its volume, and where below that PostgreSQL keeps its data."""
    if image.rpartition("/")[2].startswith("timescaledb-ha"):
        return {"mount": "/home/postgres/pgdata", "pgdata": "/home/postgres/pgdata/data"}
    if postgresql >= NEW_LAYOUT:
        return {"mount": "/var/lib/postgresql", "pgdata": f"/var/lib/postgresql/{postgresql}/docker"}
    return {"mount": "/var/lib/postgresql/data", "pgdata": "/var/lib/postgresql/data"}


def value_complaints(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with variables of the role, by their names without its prefix."""
    complaints = [*_image_complaints(values), *_place_complaints(values), *_limit_complaints(values)]
    certificate, key = bool(values["tls_certificate"]), bool(values["tls_key"])
    if certificate != key:
        complaints.append(
            f"tls_{'key' if certificate else 'certificate'}: nothing was given; accepted are certificate and key, or "
            "neither of them"
        )
    return [f"{ROLE}_{complaint}" for complaint in complaints]


def _image_complaints(values: Mapping[str, Any]) -> list[str]:
    image, tag = str(values["image"]), str(values["tag"])
    complaints = []
    if not image or re.search(r"[\s@]", image) or ":" in image.rpartition("/")[2]:
        complaints.append(f"image: {image!r} was given; accepted is a repository without a tag")
    if not re.match(r"[\w][\w.-]*(@sha256:[0-9a-f]{64})?\Z", tag):
        complaints.append(f"tag: {tag!r} was given; accepted is one such as 2.29.2-pg17")
    elif _MOVING.search(tag.partition("@")[0]) and "@" not in tag:
        complaints.append(
            f"tag: {tag} was given, which is another image every time; accepted is the tag of one version, such as "
            "2.29.2-pg17, or one with a digest"
        )
    return complaints


def _place_complaints(values: Mapping[str, Any]) -> list[str]:
    complaints = [
        f"{name}: {values[name]!r} was given; accepted are letters, digits, and _ . - after the first"
        for name in ("name", "volume")
        if not _NAME.match(str(values[name]))
    ]
    complaints += [
        f"{name}: {values[name]!r} was given; accepted is an absolute path{hint}"
        for name, hint in (("data_directory", ", or '' for a volume"), ("folder", ""), ("compose_file", ", or ''"))
        if not _is_path(str(values[name])) and not (name != "folder" and not values[name])
    ]
    try:
        address = ip_address(str(values["address"]))
    except ValueError:
        return [*complaints, f"address: {values['address']!r} was given; accepted is an address of the host"]
    if not address.is_loopback and not values["tls_certificate"]:
        complaints.append(
            f"address: {address} was given, which others can reach, but no certificate; accepted is a loopback "
            f"address, or {ROLE}_tls_certificate and {ROLE}_tls_key as well"
        )
    if not 0 < int(values["port"]) < 65536:
        complaints.append(f"port: {values['port']} was given; accepted is 1 to 65535")
    return complaints


def _is_path(text: str) -> bool:
    return PurePosixPath(text).is_absolute() and ".." not in PurePosixPath(text).parts and ":" not in text


def _limit_complaints(values: Mapping[str, Any]) -> list[str]:
    complaints = []
    if 0 != int(values["memory_mb"]) < LEAST_MEMORY_MB:
        complaints.append(
            f"memory_mb: {values['memory_mb']} was given; accepted is {LEAST_MEMORY_MB} or more, or 0 for no limit"
        )
    if float(values["cpus"]) != 0 and float(values["cpus"]) < 0.1:
        complaints.append(f"cpus: {values['cpus']} was given; accepted is 0.1 or more, or 0 for no limit")
    if int(values["shm_mb"]) < LEAST_SHM_MB:
        complaints.append(f"shm_mb: {values['shm_mb']} was given; accepted is {LEAST_SHM_MB} or more")
    return complaints


def engine_complaints(values: Mapping[str, Any], engine: Mapping[str, Any]) -> list[str]:
    """Return which limits are more than the engine's machine has."""
    complaints, memory = [], int(engine["MemTotal"]) // 1048576
    if int(values["memory_mb"]) > memory:
        complaints.append(f"{ROLE}_memory_mb: {values['memory_mb']} was given, but the engine's machine has {memory}")
    if float(values["cpus"]) > int(engine["NCPU"]):
        complaints.append(f"{ROLE}_cpus: {values['cpus']} was given, but the engine's machine has {engine['NCPU']}")
    return complaints


def read_examination(output: str) -> dict[str, Any]:
    """Read what files/examine.sh says of an image and of the data that is mounted: lines of name=value."""
    found: dict[str, Any] = dict(re.findall(r"^([a-z]+)=(.*)$", output, re.MULTILINE))
    return {name: value.split() if name in _LISTS else value for name, value in found.items()}


def examination_complaints(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an image, and with the data that it is to serve.

    `wanted` has image, postgresql and version.
    """
    image, major = wanted["image"], str(wanted["postgresql"])
    if not found.get("postgresql") or not found.get("timescaledb"):
        return [f"{ROLE}_image: {image} was given, in which there is no PostgreSQL with TimescaleDB"]
    complaints = []
    if found["postgresql"].split(".")[0] != major:
        complaints.append(
            f"{ROLE}_postgresql_version: {major} was given, but {image} has PostgreSQL {found['postgresql']}"
        )
    if found["timescaledb"] != wanted["version"]:
        complaints.append(f"{ROLE}_version: {wanted['version']} was given, but {image} has {found['timescaledb']}")
    if found.get("data", major) != major:
        complaints.append(
            f"{ROLE}_postgresql_version: {major} was given, but the data is that of PostgreSQL {found['data']}; "
            "accepted is that, or a new volume into which a backup is restored"
        )
    return complaints


def update_complaints(databases: Mapping[str, str], found: Mapping[str, Any], image: str) -> list[str]:
    """Return which databases could not be used with an image, as it cannot update their extension."""
    usable = {found["timescaledb"], *found["updates"], UNREADABLE}
    return [
        f"{ROLE}_version: {found['timescaledb']} was given, but database {database} has TimescaleDB {version}, from "
        f"which {image} cannot update; accepted is {version} or later"
        for database, version in databases.items()
        if version not in usable
    ]


def extension_versions(lines: Sequence[str]) -> dict[str, str]:
    """Read `database<TAB>version` lines; a database without the extension is left out."""
    pairs = [line.partition("\t")[::2] for line in lines]
    return {database: version for database, version in pairs if version}


def kept_environment(environment: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return those of a container's variables, in lines of NAME=value, that are among `names`."""
    pairs = [line.partition("=")[::2] for line in environment]
    return {name: value for name, value in pairs if name in names}


def named(names: Sequence[str], **more: object) -> list[dict[str, object]]:
    """Return a mapping for each name, as modules and Compose want networks."""
    return [{"name": name, **more} for name in names]


def room_complaints(output: str, variable: str, source: str) -> list[str]:
    """Return that a volume is full, by the output of `df -P -k`: less than a segment of the write-ahead log is left."""
    fields = output.strip().splitlines()[-1].split() if output.strip() else []
    if len(fields) < 4 or not fields[3].isdigit() or int(fields[3]) >= LEAST_ROOM_KB:
        return []
    return [
        f"{ROLE}_{variable}: {source} is full, {int(fields[3]) // 1024} of {int(fields[1]) // 1024} MB are left; make "
        f"room for {LEAST_ROOM_KB // 1024} MB at least, or give the data a larger place"
    ]


def log_sentence(output: str, errors: str = "") -> str:
    """Return why a server does not run, from the end of its log: the last lines that say something is wrong.

    What it says as an error goes on where its output ends. What an earlier server has said until it was shut down in
    order is left out.
    """
    own = f"{output}\n{errors}".rpartition("database system is shut down")[2]
    serious = [words for words in _SERIOUS.findall(own) if not _ORDERLY.search(words)]
    last = [line for line in own.splitlines() if line.strip()][-3:]
    return "; ".join(dict.fromkeys(serious[-3:] or last)) or "nothing"


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "timescaledb_data_layout": data_layout,
            "timescaledb_container_complaints": value_complaints,
            "timescaledb_engine_complaints": engine_complaints,
            "timescaledb_examination": read_examination,
            "timescaledb_examination_complaints": examination_complaints,
            "timescaledb_update_complaints": update_complaints,
            "timescaledb_extension_versions": extension_versions,
            "timescaledb_kept_environment": kept_environment,
            "timescaledb_named": named,
            "timescaledb_room_complaints": room_complaints,
            "timescaledb_log_sentence": log_sentence,
        }
