# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect from where: rules for pg_hba.conf, checked and written.

A complaint is one sentence that begins with the variable it is about; no complaint is an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

VARIABLE = "timescaledb_host_hba_rules"
LOCAL_METHODS = ("peer", "scram-sha-256", "reject")
NETWORK_METHODS = ("scram-sha-256", "cert", "reject")

_PLAIN = re.compile(r"\+?[a-z_][a-z0-9_$]*\Z")
_HOST_NAME = re.compile(r"\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z", re.IGNORECASE)
_OPTION = re.compile(r"[a-z_]+\Z")


def hba_complaints(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with rules that an inventory adds."""
    return [complaint for index, rule in enumerate(rules) for complaint in _complaints(rule, f"{VARIABLE}[{index}]")]


def _complaints(rule: Mapping[str, Any], path: str) -> list[str]:
    kind, address = _kind(rule), str(rule.get("address") or "")
    place = _socket_complaints(rule, address) if kind == "local" else _network_complaints(rule, kind, address)
    names = [
        f"{key}: {rule[key]!r} was given; accepted are names on one line"
        for key in ("databases", "users")
        if not all(map(_is_one_line, rule.get(key) or []))
    ]
    options = [
        f"options.{name}: {value!r} was given; accepted is a value on one line"
        for name, value in (rule.get("options") or {}).items()
        if not (_OPTION.match(str(name)) and _is_one_line(value))
    ]
    return [f"{path}.{problem}" for problem in [*place, *names, *options]]


def _socket_complaints(rule: Mapping[str, Any], address: str) -> list[str]:
    complaints = []
    if address:
        complaints.append(f"address: {address!r} was given, but a rule of type local has no address")
    if _method(rule) not in LOCAL_METHODS:
        complaints.append(f"method: {_method(rule)} was given; accepted on the socket is {', '.join(LOCAL_METHODS)}")
    return complaints


def _network_complaints(rule: Mapping[str, Any], kind: str, address: str) -> list[str]:
    method, complaints = _method(rule), []
    if not _is_address(address):
        complaints.append(f"address: {address!r} was given; accepted is a network such as 192.0.2.0/24, or a host name")
    elif kind != "hostssl" and method != "reject" and not _is_loopback(address):
        complaints.append(
            f"type: {kind} was given for {address}; accepted is hostssl, as nothing but the loopback address goes "
            "without TLS"
        )
    if method not in NETWORK_METHODS:
        complaints.append(f"method: {method} was given; accepted over TCP is {', '.join(NETWORK_METHODS)}")
    elif method == "cert" and kind != "hostssl":
        complaints.append("method: cert was given; accepted is that for type hostssl only")
    return complaints


def hba_line(rule: Mapping[str, Any]) -> str:
    """Return one rule as a line; the columns stand where PostgreSQL's own sample has them."""
    kind = _kind(rule)
    address = "" if kind == "local" else str(rule["address"])
    options = "".join(f" {name}={_quoted(str(value))}" for name, value in sorted((rule.get("options") or {}).items()))
    columns = (kind, _names(rule.get("databases")), _names(rule.get("users")), address)
    return f"{columns[0]:<7} {columns[1]:<15} {columns[2]:<15} {columns[3]:<23} {_method(rule)}{options}"


def _kind(rule: Mapping[str, Any]) -> str:
    return str(rule.get("type") or "hostssl")


def _method(rule: Mapping[str, Any]) -> str:
    return str(rule.get("method") or "scram-sha-256")


def _names(names: Sequence[object] | None) -> str:
    return ",".join(_quoted(str(name)) for name in names or ["all"])


def _quoted(name: str) -> str:
    """A name as it is, or in quotes where it is more than letters; words such as all and +group keep their meaning."""
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'


def _is_one_line(value: object) -> bool:
    return bool(str(value)) and not re.search(r"[\r\n\0]", str(value))


def _is_address(text: str) -> bool:
    if text in ("all", "samehost", "samenet"):
        return True
    if "/" in text:
        try:
            return bool(ip_network(text))
        except ValueError:
            return False
    try:
        ip_address(text)
    except ValueError:
        return bool(_HOST_NAME.match(text)) and not re.match(r"[\d.]+\Z", text)
    return False  # PostgreSQL wants the length of the prefix with it


def _is_loopback(text: str) -> bool:
    try:
        return ip_network(text).is_loopback
    except ValueError:
        return text == "localhost"


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"timescaledb_hba_complaints": hba_complaints, "timescaledb_hba_line": hba_line}
