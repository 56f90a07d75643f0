# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be meant of pgAdmin. A complaint is one sentence that begins with the variable it is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

PREFIX = "timescaledb_pgadmin"
LEAST_PASSWORD = 6  # pgAdmin's own

_ROLE = re.compile(r"[a-z_][a-z0-9_-]{0,30}\Z")
# As strict as pgAdmin's own check: no label has a hyphen at its ends or as its third and fourth character, and the last
# one is no number.
_LABEL = r"(?!..--)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@({_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z]\Z){_LABEL}\Z")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9./:_-]*(:(?!latest\Z)[A-Za-z0-9_.-]+|@sha256:[0-9a-f]{64})\Z")


def pgadmin_complaints(given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the variables of the role; `given` has them by name, without its prefix."""
    checks = [
        ("user", _ROLE.match(given["user"]) and given["user"] not in ("postgres", "root"), "a system user of its own"),
        ("port", 1024 <= given["port"] <= 65535, "a port from 1024 to 65535"),
        ("email", _EMAIL.match(given["email"]), "a name such as developer@pgadmin.localhost"),
        ("image", _IMAGE.match(given["image"]), "an image with its version, such as dpage/pgadmin4:9.18"),
        (
            "server_host",
            given["source"] == "pypi" or not given["server_host"].startswith("/"),
            "for timescaledb_pgadmin_source image, in which there is no socket, a host's name or address",
        ),
        ("wheels", given["wheels"] == "" or given["wheels"].startswith("/"), "a folder's full path, or ''"),
        ("server_name", 0 < len(given["server_name"]) <= 128, "a name of at most 128 characters"),
    ]
    wrong = [
        f"{PREFIX}_{key}: {given[key]!r} was given; accepted is {accepted}"
        for key, right, accepted in checks
        if not right
    ]
    if given["password"] and len(given["password"]) < LEAST_PASSWORD:
        wrong.append(f"{PREFIX}_password: a shorter one was given; accepted are {LEAST_PASSWORD} characters or more")
    return wrong


def pgadmin_domains(email: str) -> list[str]:
    """Return the domain of an address and all it ends with, which is what pgAdmin has to allow where it is nobody's."""
    labels = email.rpartition("@")[2].lower().split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "timescaledb_pgadmin_complaints": pgadmin_complaints,
            "timescaledb_pgadmin_domains": pgadmin_domains,
        }
