# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning the policies of one relation: retention, compression, refresh."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ..capabilities import Capabilities
from ..declaration import WantedPolicy
from ..errors import DeclarationError, under
from ..model import INTEGER_TYPES, REFRESH, WINDOW_KEYS, ContinuousAggregate, JobSettings, Policy, Relation
from ..names import QualifiedName
from ..values import OPEN, Interval, Offset
from .actions import Action, Kind

CREATION_KEYS = ("compress_created_before", "drop_created_before")
# What every add_*_policy function takes itself; the rest is set by alter_job on the fresh job.
SETTABLE_ON_ADDING = ("schedule_interval", "initial_start", "timezone")
FROZEN = (
    "TimescaleDB before 2.26.3 cannot set this on a policy with drop_created_before, nor keep it where such a policy "
    "changes; accepted is drop_after, or a newer server"
)


def policies_of(relation: Relation, kind: str) -> Tuple[Policy, ...]:
    """The relation's policies of one kind."""
    return tuple(policy for policy in relation.policies if policy.kind == kind)


def plan_policy(
    wanted: WantedPolicy, relation: Relation, capabilities: Capabilities, warnings: List[str]
) -> Iterator[Action]:
    """Yield what turns the relation's policies of the wanted kind into the wanted one."""
    present = policies_of(relation, wanted.kind)
    if wanted.absent:
        for policy in present:
            yield Action(Kind.REMOVE_POLICY, relation.name, policy, None, wanted.path)
        return
    _check_types(wanted, relation)
    if not present:
        policy = _completed(wanted, relation)
        _check_settable(wanted, policy, capabilities)
        check_window(policy, relation, wanted.path)
        yield Action(Kind.ADD_POLICY, relation.name, None, policy, wanted.path)
        return
    before = _counterpart(wanted, relation, present, warnings)
    after = merged(wanted, before)
    if after == before:
        return
    check_window(after, relation, wanted.path)
    yield _change(wanted, relation.name, before, after, capabilities)


def _change(
    wanted: WantedPolicy, name: QualifiedName, before: Policy, after: Policy, capabilities: Capabilities
) -> Action:
    """Alter in place where the server can; else remove and add, which costs the job its id and history."""
    frozen = _is_frozen(after, capabilities)
    if set(after.reach) == set(before.reach) and not frozen:
        return Action(Kind.ALTER_POLICY, name, before, after, wanted.path)
    fresh = replace(after, job_id=None, consecutive_failures=0)
    note = "the job is replaced, as its window goes by another clock, and gets a new id and an empty history"
    if frozen:
        _check_settable(wanted, before, capabilities)
        kept = {key: getattr(after.settings, key) for key in SETTABLE_ON_ADDING}
        fresh = replace(fresh, settings=JobSettings(**kept))
        note = (
            "the job is replaced, as TimescaleDB before 2.26.3 cannot alter one with drop_created_before, and gets a "
            "new id, an empty history and the server's own max_runtime, max_retries and retry_period"
        )
    return Action(Kind.REPLACE_POLICY, name, before, fresh, wanted.path, note=note)


def _is_frozen(policy: Policy, capabilities: Capabilities) -> bool:
    """Whether the server fails on every alter_job of such a policy."""
    return "drop_created_before" in policy.reach and not capabilities.alters_created_before


def _check_settable(wanted: WantedPolicy, policy: Policy, capabilities: Capabilities) -> None:
    """Refuse what only alter_job could set, or keep, where the server cannot run it."""
    if "drop_created_before" not in dict(wanted.window or policy.window) or capabilities.alters_created_before:
        return
    for key in ("max_runtime", "max_retries", "retry_period"):
        if getattr(wanted.settings, key) is not None:
            raise DeclarationError(under(wanted.path, key), FROZEN)
    if wanted.settings.scheduled is False or policy.settings.scheduled is False:
        raise DeclarationError(under(wanted.path, "scheduled"), FROZEN)
    if wanted.config or policy.config:
        raise DeclarationError(under(wanted.path, "config"), FROZEN)


def merged(wanted: WantedPolicy, before: Policy) -> Policy:
    """Lay a declaration over a policy: what is not declared, or equal though spelt differently, stays as it is."""
    reach = dict(before.reach)
    if wanted.kind != REFRESH and wanted.window:
        reach = {key: value for key, value in reach.items() if key in dict(wanted.window)}
    window = tuple(sorted(_overlaid(reach, wanted.window).items()))
    config = tuple(sorted(_overlaid(dict(before.config), wanted.config).items()))
    return replace(before, window=window, config=config, settings=lay_over(before.settings, wanted.settings))


def _overlaid(below: Dict[str, Any], above: Iterable[Tuple[str, Any]]) -> Dict[str, Any]:
    return {**below, **{key: value for key, value in above if key not in below or below[key] != value}}


def lay_over(below: JobSettings, above: JobSettings) -> JobSettings:
    """Return settings with every declared one taken from above."""
    declared = {item.name: getattr(above, item.name) for item in dataclass_fields(JobSettings)}
    differing = {name: value for name, value in declared.items() if value != getattr(below, name)}
    return replace(below, **{name: value for name, value in differing.items() if value is not None})


def _counterpart(wanted: WantedPolicy, relation: Relation, present: Tuple[Policy, ...], warnings: List[str]) -> Policy:
    """Choose the policy a declaration speaks of. Several of one kind are reported, and never altered by guess."""
    if len(present) == 1:
        return present[0]
    same = [policy for policy in present if merged(wanted, policy) == policy]
    jobs = ", ".join(str(policy.job_id) for policy in present)
    if not same:
        raise DeclarationError(
            wanted.path,
            f"{relation.name} has {len(present)} {wanted.kind} policies (jobs {jobs}), and none is as declared; "
            "accepted is one: remove the others with SELECT delete_job(id)",
        )
    warnings.append(
        f"{relation.name} has {len(present)} {wanted.kind} policies (jobs {jobs}); "
        f"job {same[0].job_id} is as declared, the others act too"
    )
    return same[0]


def report_stopped(policy: Policy, name: QualifiedName, warnings: List[str]) -> None:
    """Say which jobs the scheduler itself switched off; they are never switched on again in silence."""
    if policy.stopped_by_server:
        warnings.append(
            f"the scheduler switched off job {policy.job_id} ({policy.kind} of {name}) after "
            f"{policy.consecutive_failures} failures in a row: find the cause in timescaledb_information.job_errors, "
            "then declare scheduled: true"
        )


def _completed(wanted: WantedPolicy, relation: Relation) -> Policy:
    """Return the policy to add. Raises DeclarationError where the declaration is not enough for a new one."""
    given = dict(wanted.window)
    if wanted.kind == REFRESH:
        for key in WINDOW_KEYS[REFRESH]:
            if key not in given:
                raise DeclarationError(
                    under(wanted.path, key),
                    f"nothing was given, but {relation.name} has no refresh policy yet; "
                    "accepted is an interval, or null for no limit",
                )
        if wanted.settings.schedule_interval is None:
            raise DeclarationError(
                under(wanted.path, "schedule_interval"),
                f"nothing was given, but {relation.name} has no refresh policy yet; "
                "accepted is an interval such as '1 hour'",
            )
    elif not given:
        raise DeclarationError(
            under(wanted.path, WINDOW_KEYS[wanted.kind][0]),
            f"nothing was given, but {relation.name} has no {wanted.kind} policy yet; "
            "accepted is an interval such as '90 days'",
        )
    return Policy(wanted.kind, wanted.window, wanted.settings, wanted.config)


def _check_types(wanted: WantedPolicy, relation: Relation) -> None:
    """Refuse an interval where time is an integer, and a whole number where it is not."""
    integer = relation.time_type in INTEGER_TYPES
    column = f"{relation.time_column} of {relation.name} is {relation.time_type}"
    for key, value in wanted.window:
        if value is OPEN:
            continue
        number = isinstance(value, int)
        if number and (not integer or key in CREATION_KEYS):
            raise DeclarationError(
                under(wanted.path, key),
                f"the whole number {value} was given, but {column}; accepted is an interval such as '90 days'",
            )
        if not number and integer and key not in CREATION_KEYS:
            raise DeclarationError(
                under(wanted.path, key),
                f"'{value}' was given, but {column}; accepted is a whole number in its unit",
            )
        if key in CREATION_KEYS and isinstance(relation, ContinuousAggregate):
            raise DeclarationError(
                under(wanted.path, key),
                f"not available for continuous aggregates; accepted is {WINDOW_KEYS[wanted.kind][0]}",
            )


def check_window(policy: Policy, relation: Relation, path: str) -> None:
    """Hold the server's rule of two buckets, which it checks on adding a policy but not on altering one."""
    start, end = policy.reach.get("start_offset"), policy.reach.get("end_offset")
    if policy.kind != REFRESH or start is None or end is None or start is OPEN or end is OPEN:
        return
    length = _distance(start, end)
    bucket = relation.bucket_width if isinstance(relation, ContinuousAggregate) else None
    least = 1
    if isinstance(bucket, Interval) and isinstance(start, Interval):
        least = 2 * bucket.total
    elif isinstance(bucket, int) and isinstance(start, int):
        least = 2 * bucket
    if length is not None and length < least:
        raise DeclarationError(
            path,
            "the window from start_offset '{0}' to end_offset '{1}' is too small; accepted is one of at least two "
            "buckets{2}".format(start, end, " of " + str(bucket) if bucket else ""),
        )


def _distance(start: Offset, end: Offset) -> Optional[int]:
    if isinstance(start, Interval) and isinstance(end, Interval):
        return start.total - end.total
    if isinstance(start, int) and isinstance(end, int):
        return start - end
    return None
