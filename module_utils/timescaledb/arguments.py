# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options the modules share, and how a module's options become a declaration."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .declaration import Declaration, WantedHypertable
from .errors import DeclarationError
from .fields import Fields
from .guard import CONSENTS
from .model import RETENTION
from .names import parse_name
from .parse import (
    Roots,
    parse_aggregate,
    parse_compression,
    parse_declaration,
    parse_hypertable,
    parse_policy,
)
from .session import LoginParameters

SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

LONGEST_WAIT = 86400  # seconds

LOGIN_OPTIONS: Dict[str, Any] = {
    "login_host": {"type": "str", "default": "127.0.0.1"},
    "login_port": {"type": "int", "default": 5432},
    "login_user": {"type": "str", "default": "postgres"},
    "login_password": {"type": "str", "no_log": True, "default": ""},
    "login_db": {"type": "str", "required": True},
    "login_unix_socket": {"type": "str", "default": ""},
    "ssl_mode": {"type": "str", "choices": SSL_MODES, "default": "prefer"},
    "ca_cert": {"type": "path", "default": ""},
    "ssl_cert": {"type": "path", "default": ""},
    "ssl_key": {"type": "path", "no_log": False, "default": ""},
    "session_role": {"type": "str", "default": ""},
    "connect_timeout": {"type": "int", "default": 15},
}
RUN_OPTIONS: Dict[str, Any] = {
    "allow": {"type": "list", "elements": "str", "choices": list(CONSENTS), "default": []},
    "lock_timeout": {"type": "int", "default": 30},
    "assume_prerequisites": {"type": "bool", "default": False},
}
NAME_OPTIONS: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "schema": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
JOB_OPTIONS: Dict[str, Any] = {
    "schedule_interval": {"type": "str"},
    "max_runtime": {"type": "str"},
    "max_retries": {"type": "int"},
    "retry_period": {"type": "str"},
    "scheduled": {"type": "bool"},
    "timezone": {"type": "str"},
    "initial_start": {"type": "str"},
    "config": {"type": "dict"},
}
LIFECYCLE_OPTIONS: Dict[str, Any] = {
    "hypertables": {"type": "list", "elements": "dict", "default": []},
    "continuous_aggregates": {"type": "list", "elements": "dict", "default": []},
    "overrides": {"type": "dict", "default": {}},
    "prune": {"type": "list", "elements": "str", "choices": ["policies", "continuous_aggregates"], "default": []},
    "variable_prefix": {"type": "str", "default": ""},
}
HYPERTABLE_OPTIONS: Dict[str, Any] = {
    **NAME_OPTIONS,
    "time_column": {"type": "str"},
    "chunk_interval": {"type": "str"},
    "integer_now_func": {"type": "str"},
    "hash_dimensions": {
        "type": "list",
        "elements": "dict",
        "options": {
            "column": {"type": "str", "required": True},
            "number_partitions": {"type": "int", "required": True},
        },
    },
    "migrate_data": {"type": "bool"},
    "create_default_indexes": {"type": "bool"},
}
AGGREGATE_OPTIONS: Dict[str, Any] = {
    **NAME_OPTIONS,
    "query": {"type": "str"},
    "materialized_only": {"type": "bool"},
    "chunk_interval": {"type": "str"},
    "create_group_indexes": {"type": "bool"},
    "refresh_after_create": {"type": "bool"},
    "indexes": {"type": "list", "elements": "dict"},
    "refresh": {"type": "dict"},
}
COMPRESSION_OPTIONS: Dict[str, Any] = {
    **NAME_OPTIONS,
    "segmentby": {"type": "list", "elements": "str"},
    "orderby": {"type": "list", "elements": "str"},
    "compress_after": {"type": "str"},
    "compress_created_before": {"type": "str"},
    "policy_state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **JOB_OPTIONS,
}
RETENTION_OPTIONS: Dict[str, Any] = {
    **NAME_OPTIONS,
    "drop_after": {"type": "str"},
    "drop_created_before": {"type": "str"},
    **JOB_OPTIONS,
}
INFO_OPTIONS: Dict[str, Any] = {
    "names": {"type": "list", "elements": "str"},
    "lock_timeout": {"type": "int", "default": 30},
}


def argument_spec(*groups: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the options of a module: the groups given, and how to log in."""
    merged: Dict[str, Any] = dict(LOGIN_OPTIONS)
    for group in groups:
        merged.update(group)
    return merged


def lock_timeout(params: Mapping[str, Any]) -> int:
    """Return how many seconds to wait for a lock; for ever is not accepted."""
    seconds: int = params["lock_timeout"]
    if not 1 <= seconds <= LONGEST_WAIT:
        raise DeclarationError(
            params.get("variable_prefix", "") + "lock_timeout",
            f"{seconds} was given; accepted is a number of seconds from 1 to {LONGEST_WAIT}",
        )
    return seconds


def login_parameters(params: Mapping[str, Any]) -> LoginParameters:
    """Return the login options as parameters."""
    return LoginParameters(
        host=params["login_host"],
        port=params["login_port"],
        user=params["login_user"],
        password=params["login_password"],
        database=params["login_db"],
        unix_socket=params["login_unix_socket"],
        ssl_mode=params["ssl_mode"],
        ca_cert=params["ca_cert"],
        ssl_cert=params.get("ssl_cert", ""),
        ssl_key=params.get("ssl_key", ""),
        session_role=params.get("session_role", ""),
        connect_timeout=params["connect_timeout"],
    )


def declared_lifecycle(params: Mapping[str, Any]) -> Declaration:
    """Return the declaration of timescaledb_lifecycle; its variables are named with the prefix the role gives."""
    prefix = params["variable_prefix"]
    return parse_declaration(
        params["hypertables"],
        params["continuous_aggregates"],
        params["overrides"],
        params["prune"],
        Roots(*(prefix + name for name in ("hypertables", "continuous_aggregates", "overrides", "prune"))),
    )


def declared_hypertable(params: Mapping[str, Any]) -> Declaration:
    """Return the declaration of timescaledb_hypertable."""
    return Declaration(hypertables=(parse_hypertable(_given(params, HYPERTABLE_OPTIONS)),))


def declared_aggregate(params: Mapping[str, Any]) -> Declaration:
    """Return the declaration of timescaledb_continuous_aggregate."""
    return Declaration(aggregates=(parse_aggregate(_given(params, AGGREGATE_OPTIONS)),))


def declared_compression(params: Mapping[str, Any]) -> Declaration:
    """Return the declaration of timescaledb_compression, for a hypertable or an aggregate."""
    fields = _given(params, COMPRESSION_OPTIONS)
    name = parse_name(fields.raw("name"), "name", fields.text("schema"))
    return Declaration(hypertables=(WantedHypertable("", name, compression=parse_compression(fields)),))


def declared_retention(params: Mapping[str, Any]) -> Declaration:
    """Return the declaration of timescaledb_retention, for a hypertable or an aggregate."""
    fields = _given(params, RETENTION_OPTIONS)
    name = parse_name(fields.raw("name"), "name", fields.text("schema"))
    return Declaration(hypertables=(WantedHypertable("", name, retention=parse_policy(fields, RETENTION)),))


def _given(params: Mapping[str, Any], options: Mapping[str, Any]) -> Fields:
    """Return the options that were given, those left out being no declaration."""
    return Fields({name: params[name] for name in options if params[name] is not None}, "")
