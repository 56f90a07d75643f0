# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding, altering and removing policies as SQL."""

from __future__ import annotations

import json
from dataclasses import fields as dataclass_fields
from typing import Any, Dict, Iterable, Iterator

from .literals import call, literal, offset_literal
from .model import COMPRESSION, REFRESH, RETENTION, WINDOW_KEYS, JobSettings, Policy, Relation
from .names import quote_literal
from .plan.policies import SETTABLE_ON_ADDING
from .values import OPEN

_ADD_FUNCTIONS = {
    RETENTION: "add_retention_policy",
    COMPRESSION: "add_compression_policy",
    REFRESH: "add_continuous_aggregate_policy",
}
_SETTINGS = tuple(item.name for item in dataclass_fields(JobSettings))
# Carries the fresh job's id to the next statement: within one statement nothing of the new job can be read yet.
_ADDED = "timescaledb_lifecycle.added_job"


def add_policy(policy: Policy, relation: Relation, schema: str) -> Iterator[str]:
    """Yield the statements that add a policy to a relation; schema is where the extension's functions are."""
    named = {
        key: literal(policy.reach[key])
        if key.endswith("created_before")
        else offset_literal(policy.reach[key], relation.time_type)
        for key in (WINDOW_KEYS[REFRESH] if policy.kind == REFRESH else policy.reach)
    }
    named.update(_settings(policy.settings, SETTABLE_ON_ADDING))
    addition = call(schema, _ADD_FUNCTIONS[policy.kind], relation.name.regclass, **named)
    further = _settings(policy.settings, [name for name in _SETTINGS if name not in SETTABLE_ON_ADDING])
    if policy.config:
        further["config"] = _overlaid(dict(policy.config))
    if not further:
        yield "SELECT " + addition
        return
    if policy.settings.timezone is not None:  # alter_job forgets a timezone that is not given again
        further["timezone"] = literal(policy.settings.timezone)
    yield f"SELECT set_config({quote_literal(_ADDED)}, {addition}::text, true)"
    yield _altered(further, f"current_setting({quote_literal(_ADDED)})::int", schema)


def alter_policy(before: Policy, after: Policy, schema: str) -> str:
    """Return the statement that changes a policy's job in place, and only what differs of it."""
    changed = [name for name in _SETTINGS if getattr(before.settings, name) != getattr(after.settings, name)]
    named = _settings(after.settings, changed)
    config = _changed_config(before, after)
    if config:
        named["config"] = _overlaid(config)
    if after.settings.timezone is not None:  # every call that leaves it out wipes it
        named["timezone"] = literal(after.settings.timezone)
    if "initial_start" in named:
        named["fixed_schedule"] = "true"
    return _altered(named, str(before.job_id), schema)


def _altered(named: Dict[str, str], job_id: str, schema: str) -> str:
    change = call(schema, "alter_job", "j.job_id", **named)
    return f"SELECT {change} FROM timescaledb_information.jobs AS j WHERE j.job_id = {job_id}"


def remove_policy(policy: Policy, schema: str) -> str:
    """Return the statement that removes a policy with its job."""
    return "SELECT " + call(schema, "delete_job", str(policy.job_id))


def _settings(settings: JobSettings, names: Iterable[str]) -> Dict[str, str]:
    values = {name: getattr(settings, name) for name in names}
    named = {name: literal(value) for name, value in values.items() if value is not None}
    if "initial_start" in named:
        named["initial_start"] += "::timestamptz"
    return named


def _overlaid(config: Dict[str, Any]) -> str:
    """Return the job's configuration with some keys overwritten; alter_job replaces the whole of it."""
    return f"j.config || {quote_literal(json.dumps(config))}::jsonb"


def _changed_config(before: Policy, after: Policy) -> Dict[str, Any]:
    """Return the configuration keys to overwrite; all others stay as they are."""
    changed: Dict[str, Any] = {}
    for key, value in after.window:
        if before.reach.get(key) != value:
            changed[key] = None if value is OPEN else value if isinstance(value, int) else str(value)
    old = dict(before.config)
    changed.update({key: value for key, value in after.config if key not in old or old[key] != value})
    return changed
