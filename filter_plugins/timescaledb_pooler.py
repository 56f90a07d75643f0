# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes of PgBouncer from the connections of the server behind it, its file, and what cannot be meant.

A complaint is one sentence that begins with the variable it is about; no complaint is an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

PREFIX = "timescaledb_pooler"
# Connections for looking up who logs in, besides those that clients share.
LOOKUPS = 2
# Kept for those who do not come through the pooler: one in ten, and these at least.
LEAST_DIRECT = 5
LEAST_CLIENTS = 100
CLIENTS_PER_CONNECTION = 10
# What PgBouncer opens besides connections: its log, sockets, name service.
SPARE_FILES = 100
# Transaction pooling keeps prepared statements from this version on.
LEAST_VERSION = (1, 21)

# What has a variable of its own, or what the role's own work and the server's safety depend on.
RESERVED = {
    "listen_addr": "timescaledb_pooler_listen_addresses",
    "listen_port": "timescaledb_pooler_port",
    "max_client_conn": "timescaledb_pooler_clients",
    "default_pool_size": "timescaledb_pooler_databases",
    "reserve_pool_size": "timescaledb_pooler_databases",
    "max_db_connections": "timescaledb_pooler_databases",
    "max_prepared_statements": "timescaledb_pooler_prepared_statements",
    "stats_users": "timescaledb_pooler_stats_users",
    "client_tls_cert_file": "timescaledb_pooler_tls_certificate_file",
    "client_tls_key_file": "timescaledb_pooler_tls_key_file",
}
FORBIDDEN = (
    "admin_users",
    "auth_dbname",
    "auth_file",
    "auth_hba_file",
    "auth_ident_file",
    "auth_query",
    "auth_type",
    "auth_user",
    "client_tls_sslmode",
    "conffile",
    "logfile",
    "pidfile",
    "server_tls_sslmode",
    "syslog",
    "unix_socket_dir",
    "unix_socket_mode",
    "user",
)

_ROLE = re.compile(r"[a-z_][a-z0-9_-]{0,30}\Z")
_DATABASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}\Z")  # PgBouncer's file has no way to write others
_SETTING = re.compile(r"[a-z][a-z0-9_]*\Z")
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z", re.IGNORECASE)
_VERSION = re.compile(r"(?:\d+:)?(\d+)\.(\d+)")


def pooler_sizes(
    server: Mapping[str, Any], databases: Sequence[Mapping[str, Any]], direct: int = 0, clients: int = 0
) -> dict[str, Any]:
    """Return how the connections of a server are shared.

    `server` has its settings max_connections, superuser_reserved_connections and reserved_connections; `databases` a
    name each, and connections where somebody has said how many; 0 for `direct` and `clients` means by formula.
    Background workers have slots of their own in the server and are no concern here.
    """
    total = int(server["max_connections"])
    direct = direct or max(-(-total // 10), LEAST_DIRECT)
    reserved = int(server["superuser_reserved_connections"]) + int(server["reserved_connections"])
    shared = total - reserved - direct - LOOKUPS
    asked = [int(database.get("connections") or 0) for database in databases]
    open_shares = asked.count(0)
    left = shared - sum(asked)
    shares = [number or max(left // max(open_shares, 1), 0) for number in asked]
    clients = clients or max(CLIENTS_PER_CONNECTION * total, LEAST_CLIENTS)
    return {
        "shared": shared,
        "direct": direct,
        "reserved": reserved,
        "lookups": LOOKUPS,
        "clients": clients,
        "files": clients + max(shared, 0) + LOOKUPS + SPARE_FILES,
        "databases": [_pool(database, share) for database, share in zip(databases, shares, strict=True)],
    }


def _pool(database: Mapping[str, Any], share: int) -> dict[str, Any]:
    """One database: four fifths of its share at once, the rest for whoever has waited."""
    pool = max(share * 4 // 5, 1)
    return {"name": str(database["name"]), "connections": share, "pool": pool, "reserve": max(share - pool, 0)}


def size_complaints(sizes: Mapping[str, Any], total: int) -> list[str]:
    """Return what is wrong with sizes as calculated for a server of `total` connections."""
    pools, shared = sizes["databases"], sizes["shared"]
    if shared < len(pools):
        most = shared + sizes["direct"] - len(pools)
        return [
            f"{PREFIX}_direct_connections: {sizes['direct']} of the server's {total} connections are kept for others,"
            f" which leaves {max(shared, 0)} to the pooler; accepted is at most {max(most, 0)}, or more max_connections"
        ]
    taken = sum(pool["connections"] for pool in pools)
    if taken > shared or any(pool["connections"] < 1 for pool in pools):
        return [
            f"{PREFIX}_databases: {taken} connections were given to {len(pools)} databases, each of which needs one at"
            f" least; accepted is {shared} in all, which is what the server's {total} leave to the pooler"
        ]
    return []


def pooler_complaints(given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the variables of the role as written; `given` has them by name, without its prefix."""
    names = [str(database["name"]) for database in given["databases"]]
    checks = [
        ("user", _ROLE.match(given["user"]) and given["user"] not in ("postgres", "root"), "a system user of its own"),
        ("port", 1 <= given["port"] <= 65535, "a port from 1 to 65535"),
        ("listen_addresses", all(map(_is_listen_address, given["listen_addresses"])), "addresses, host names or *"),
        ("databases", names and len(set(names)) == len(names), "at least one database, each of them once"),
        ("databases", all(map(_is_database, names)), "names of letters, digits, _, . and -, other than pgbouncer"),
        ("stats_users", all(map(_ROLE.match, given["stats_users"])), "names of system users"),
        ("stats_users", given["user"] not in given["stats_users"], f"others than {given['user']}"),
    ]
    checks += [(key, given[key] >= 0, "0 or more") for key in ("direct_connections", "clients", "prepared_statements")]
    wrong = [
        f"{PREFIX}_{key}: {given[key]!r} was given; accepted is {accepted}"
        for key, right, accepted in checks
        if not right
    ]
    return wrong + _setting_complaints(given["settings"])


def _is_listen_address(text: object) -> bool:
    try:
        ip_address(str(text))
    except ValueError:
        return str(text) == "*" or bool(_HOST_NAME.match(str(text)))
    return True


def _is_database(name: str) -> bool:
    return bool(_DATABASE.match(name)) and name != "pgbouncer"


def _setting_complaints(settings: Mapping[Any, object]) -> list[str]:
    complaints = []
    for name, value in settings.items():
        path, lower = f"{PREFIX}_settings.{name}", str(name).lower()
        if lower in RESERVED:
            complaints.append(f"{path}: this has a variable of its own, {RESERVED[lower]}")
        elif lower in FORBIDDEN:
            complaints.append(f"{path}: this is not accepted; it is the role's own")
        elif not _SETTING.match(lower):
            complaints.append(f"{path}: this is no setting's name; accepted is one such as query_wait_timeout")
        elif isinstance(value, (Mapping, list)) or "\n" in setting_text(value):
            complaints.append(f"{path}: {value!r} was given; accepted is a value on one line")
    return complaints


def network_rules(rules: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rules of the server that are about the network; its socket is not the pooler's."""
    return [rule for rule in rules if rule.get("type") != "local"]


def rule_complaints(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what PgBouncer cannot do of rules that are well formed for the server's own pg_hba.conf."""
    complaints = []
    for index, rule in enumerate(rules):
        path = f"{PREFIX}_hba_rules[{index}]"
        method, address = rule.get("method") or "scram-sha-256", str(rule.get("address") or "")
        groups = [name for name in rule.get("users") or [] if str(name).startswith("+")]
        if rule.get("type") == "local":
            complaints.append(f"{path}.type: local was given; accepted is hostssl, host or hostnossl")
        elif not _is_network(address):
            complaints.append(
                f"{path}.address: {address!r} was given; accepted is a network such as 192.0.2.0/24, or all"
            )
        if method not in ("scram-sha-256", "reject"):
            complaints.append(f"{path}.method: {method} was given; accepted is scram-sha-256 or reject")
        if rule.get("options"):
            complaints.append(f"{path}.options: this is not accepted; PgBouncer has none")
        if groups:
            complaints.append(
                f"{path}.users: {groups[0]!r} was given; accepted are names, as PgBouncer knows no groups"
            )
    return complaints


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text))
    except ValueError:
        return text == "all"


def version_complaints(version: str, whose: str) -> list[str]:
    """Return what is wrong with a package of PgBouncer; "" for none there is to judge."""
    match = _VERSION.match(version)
    if match is None or (int(match.group(1)), int(match.group(2))) >= LEAST_VERSION:
        return []
    least = ".".join(map(str, LEAST_VERSION))
    return [
        f"{PREFIX}_enabled: PgBouncer {match.group(0)} {whose}, which loses prepared statements between transactions;"
        f" accepted is {least} or later, as Debian 13 and the repository of PGDG have it"
    ]


def setting_text(value: object) -> str:
    """Return a YAML value as PgBouncer reads it: true is 1, a list is joined by commas."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def merge_settings(layers: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Lay settings over each other, the last wins; what is null in the end is left to PgBouncer."""
    merged: dict[str, object] = {}
    for layer in layers:
        merged.update({name.lower(): value for name, value in layer.items()})
    return {name: setting_text(value) for name, value in sorted(merged.items()) if value is not None}


def database_line(name: str, options: Mapping[str, object]) -> str:
    """Return a line of the section databases, with values in quotes."""
    values = " ".join(f"{key}='{str(value).replace(chr(39), chr(39) * 2)}'" for key, value in options.items())
    return f"{name} = {values}"


def pending_settings(rows: Iterable[str], settings: Mapping[str, str], restart: bool) -> list[str]:
    """Return what is written and not in effect, and can be by a restart, or by a reload.

    `rows` are lines of SHOW CONFIG, as key|value|default|changeable.
    """
    found = {}
    for row in rows:
        key, _, rest = row.partition("|")
        value, _, rest = rest.partition("|")
        found[key] = (value, rest.rpartition("|")[2] == "yes")
    known = {name: found[name] for name in settings if name in found}
    return sorted(
        name
        for name, (value, changeable) in known.items()
        if changeable != restart and not _is_same(value, settings[name])
    )


def _is_same(one: str, other: str) -> bool:
    """Whether two values are the same to PgBouncer, which writes numbers its own way."""
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def unit_seconds(shown: str) -> int:
    """Return when a unit was started, in seconds since 1970, from what systemctl shows in UTC; 0 if it never was."""
    found = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", shown)
    return int(datetime.fromisoformat(f"{found.group()}+00:00").timestamp()) if found else 0


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "timescaledb_pooler_sizes": pooler_sizes,
            "timescaledb_pooler_size_complaints": size_complaints,
            "timescaledb_pooler_complaints": pooler_complaints,
            "timescaledb_pooler_network_rules": network_rules,
            "timescaledb_pooler_rule_complaints": rule_complaints,
            "timescaledb_pooler_version_complaints": version_complaints,
            "timescaledb_pooler_merge": merge_settings,
            "timescaledb_pooler_database": database_line,
            "timescaledb_pooler_pending": pending_settings,
            "timescaledb_pooler_seconds": unit_seconds,
        }
