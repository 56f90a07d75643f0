# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a server: how they are written into a file, and which ones cannot be meant.

`known` is what the server says of its parameters, the rows of pg_settings with the library of TimescaleDB loaded.
PostgreSQL itself takes any name with a dot in it, so those are checked here. A complaint is one sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

HOST = "timescaledb_host"
# By role: what has a variable of its own, or what the role's own work depends on.
RESERVED = {
    HOST: {
        "port": "port",
        "listen_addresses": "listen_addresses",
        "data_directory": "data_directory",
        "shared_preload_libraries": "preload_libraries",
        "ssl_cert_file": "tls_certificate_file",
        "ssl_key_file": "tls_key_file",
    },
    "timescaledb_container": {
        "port": "port",
        "listen_addresses": "address",
        "data_directory": "data_directory",
        "shared_preload_libraries": "preload_libraries",
        "ssl": "tls_certificate",
        "ssl_cert_file": "tls_certificate",
        "ssl_key_file": "tls_key",
    },
}
FORBIDDEN = (
    "config_file",
    "hba_file",
    "ident_file",
    "external_pid_file",
    "include",
    "include_dir",
    "include_if_exists",
)

_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?\Z")
_PRELOAD = re.compile(
    r"^[ \t]*shared_preload_libraries[ \t]*(?:=[ \t]*|[ \t])(?:'((?:[^'\\]|''|\\.)*)'|(\S+))",
    re.MULTILINE | re.IGNORECASE,
)
_LINE = re.compile(r"^([a-z_][a-z0-9_.]*) = '((?:[^']|'')*)'$", re.MULTILINE)
_BOOLEANS = ("on", "off", "true", "false", "yes", "no", "1", "0")


def setting_text(value: object) -> str:
    """Return a YAML value as PostgreSQL reads it: true is on, a list is joined by commas."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(setting_text, value))
    return str(value)


def merge_settings(layers: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Lay settings over each other, the last wins; what is null in the end is left to the server."""
    merged: dict[str, object] = {}
    for layer in layers:
        merged.update({name.lower(): value for name, value in layer.items()})
    return {name: setting_text(value) for name, value in sorted(merged.items()) if value is not None}


def quote_setting(text: str) -> str:
    """Return a value in the quotes of a configuration file."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def setting_arguments(settings: Mapping[str, str]) -> list[str]:
    """Return settings as arguments for the program `postgres`."""
    return [argument for name, text in settings.items() for argument in ("-c", f"{name}={text}")]


def form_complaints(settings: Mapping[Any, object], role: str = HOST) -> list[str]:
    """Return what is wrong with the settings of a role as written, before any server is asked."""
    complaints = []
    for name, value in settings.items():
        path = f"{role}_settings.{name}"
        lower = str(name).lower()
        if lower in RESERVED[role]:
            complaints.append(f"{path}: this has a variable of its own, {role}_{RESERVED[role][lower]}")
        elif lower in FORBIDDEN:
            complaints.append(f"{path}: this is not accepted; files are where the distribution has put them")
        elif not _NAME.match(lower):
            complaints.append(f"{path}: this is no parameter's name; accepted is one such as work_mem")
        elif isinstance(value, Mapping) or "\n" in setting_text(value):
            complaints.append(f"{path}: {value!r} was given; accepted is a value on one line")
    return complaints


def known_complaints(settings: Mapping[str, object], known: Iterable[Mapping[str, Any]], role: str = HOST) -> list[str]:
    """Return which of the settings the server does not know, and which values of an extension it would not take."""
    parameters = {row["name"].lower(): row for row in known}
    complaints = []
    for name, value in settings.items():
        path, row = f"{role}_settings.{name}", parameters.get(name.lower())
        if row is None:
            near = get_close_matches(name.lower(), parameters, n=1)
            hint = f"; the nearest is {near[0]}" if near else ""
            complaints.append(f"{path}: the server knows no such parameter{hint}")
        elif value is not None and row["context"] == "internal":
            complaints.append(f"{path}: this parameter can be read only")
        elif value is not None and "." in name and (accepted := _refusal(setting_text(value), row)):
            complaints.append(f"{path}: {setting_text(value)!r} was given; accepted is {accepted}")
    return complaints


def _refusal(text: str, row: Mapping[str, Any]) -> str:
    """Return what an extension's parameter accepts, if `text` is not that."""
    kind = row["vartype"]
    if kind == "bool":
        return "" if text.lower() in _BOOLEANS else "on or off"
    if kind == "enum":
        return "" if text.lower() in map(str.lower, row["enumvals"]) else "one of " + ", ".join(row["enumvals"])
    if kind in ("integer", "real"):
        match = re.match(r"(-?\d+(?:\.\d+)?)(?:\s*[A-Za-z]+)?\Z", text)
        if match is None:
            return "a number"
        unitless = match.group(1) == text
        if unitless and not float(row["min_val"]) <= float(text) <= float(row["max_val"]):
            return f"a number from {row['min_val']} to {row['max_val']}"
    return ""


def known_only(settings: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the settings that are among `names`."""
    accepted = {name.lower() for name in names}
    return {name: value for name, value in settings.items() if name in accepted}


def preload_libraries(texts: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """Return the libraries that configuration files preload, the last file wins, and those that are needed besides."""
    found: list[str] = []
    for text in texts:
        for quoted, bare in _PRELOAD.findall(text):
            value = (quoted or bare).replace("''", "'")
            found = [part.strip().strip('"') for part in value.split(",") if part.strip()]
    return list(dict.fromkeys([*found, "timescaledb", *extra]))


def changed_settings(old_text: str, settings: Mapping[str, str]) -> list[str]:
    """Return the names that differ between a file as this project writes it and the settings it is to have."""
    old = {name: value.replace("''", "'").replace("\\\\", "\\") for name, value in _LINE.findall(old_text)}
    return sorted(name for name in old.keys() | settings.keys() if old.get(name) != settings.get(name))


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "timescaledb_merge_settings": merge_settings,
            "timescaledb_quote_setting": quote_setting,
            "timescaledb_setting_arguments": setting_arguments,
            "timescaledb_form_complaints": form_complaints,
            "timescaledb_known_complaints": known_complaints,
            "timescaledb_known_only": known_only,
            "timescaledb_preload_libraries": preload_libraries,
            "timescaledb_changed_settings": changed_settings,
        }
