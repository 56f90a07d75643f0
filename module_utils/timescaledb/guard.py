# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging a plan before its first write: what it would lose, which invariant it would break, and who consented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from .errors import located, under
from .model import (
    COMPRESSION,
    REFRESH,
    RETENTION,
    ContinuousAggregate,
    Database,
    Policy,
    Relation,
)
from .names import QualifiedName
from .plan.actions import POLICY_KINDS, Action, Kind, Plan, expect
from .plan.policies import policies_of
from .plan.simulate import simulate
from .values import OPEN, Interval, Lag, Offset

DROP_DATA = "drop_data"
REBUILD_AGGREGATE = "rebuild_aggregate"
DECOMPRESS = "decompress_chunks"
ERASE_AGGREGATES = "erase_aggregates"
CONSENTS = (DROP_DATA, REBUILD_AGGREGATE, DECOMPRESS, ERASE_AGGREGATES)

ALL, COMPRESSED, OLDER_THAN, CREATED_BEFORE, ROWS = "all", "compressed", "older_than", "created_before", "rows"


@dataclass(frozen=True, eq=False)  # each is a question of its own, whatever a job's configuration holds
class Probe:
    """A question to the server: how much of storage an action would lose. lag is for the two modes by age."""

    action: Action
    storage: QualifiedName
    mode: str
    time_column: str
    time_type: str
    lag: Optional[Lag] = None
    now_func: Optional[QualifiedName] = None
    relation: Optional[QualifiedName] = None  # whose storage it is, where that is not the action's relation


@dataclass(frozen=True)
class Impact:
    """The answer: chunks, their range as text, rows (estimated from statistics) and bytes."""

    chunks: int = 0
    start: str = ""
    end: str = ""
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Finding:
    """Something that needs the named consent."""

    consent: str
    message: str


def probes_for(plan: Plan, database: Database) -> Tuple[Probe, ...]:
    """Return what has to be measured before the plan can be judged."""
    found: List[Probe] = []
    after = simulate(database, plan.actions)
    dropped = {action.relation for action in plan.actions if action.kind is Kind.DROP_AGGREGATE}
    for action in plan.actions:
        relation = database.relation(action.relation) or after.relation(action.relation)
        if relation is not None:
            found += _probe(action, relation, database, after)
    # Of an aggregate that is built again everything goes with the old one: no need to tell of parts of it.
    return tuple(
        probe
        for probe in found
        if probe.action.kind is Kind.DROP_AGGREGATE or (probe.relation or probe.action.relation) not in dropped
    )


def _probe(action: Action, relation: Relation, database: Database, after: Database) -> Iterator[Probe]:
    storage = relation.storage or relation.name
    base = (relation.time_column, relation.time_type)
    if action.kind in (Kind.DROP_HYPERTABLE, Kind.DROP_AGGREGATE):
        yield Probe(action, storage, ALL, *base)
    elif action.kind is Kind.DISABLE_COMPRESSION:
        yield Probe(action, storage, COMPRESSED, *base)
    elif action.kind in POLICY_KINDS and _arms(action):
        key, lag = expect(action.after, Policy).window[0]
        existing, table = database.relation(action.relation), database.table(action.relation)
        if existing is None and (table is None or not table.has_rows):
            return
        mode = ROWS if existing is None else CREATED_BEFORE if key == "drop_created_before" else OLDER_THAN
        if isinstance(lag, (Interval, int)):
            yield Probe(action, storage, mode, *base, lag, after.now_func(action.relation))
    elif action.kind is Kind.SET_INTEGER_NOW_FUNC and action.before is not None:
        yield from _probe_present(action, action.relation, database, after)


def _probe_present(action: Action, name: QualifiedName, database: Database, after: Database) -> Iterator[Probe]:
    """Ask what retentions would drop of a hypertable, and of the aggregates over it, with another present."""
    before, relation = database.relation(name), after.relation(name)
    if before is None or relation is None:
        return
    for policy in policies_of(relation, RETENTION):
        lag = policy.reach.get("drop_after")
        if policy.settings.scheduled is not False and isinstance(lag, int):
            storage, now_func = before.storage or name, expect(action.after, QualifiedName)
            yield Probe(action, storage, OLDER_THAN, relation.time_column, relation.time_type, lag, now_func, name)
    for child in after.children(name):
        yield from _probe_present(action, child.name, database, after)


def _arms(action: Action) -> bool:
    """Whether a retention policy reaches chunks after the action that it did not reach before."""
    after, before = action.after, action.before
    if not isinstance(after, Policy) or after.kind != RETENTION or after.settings.scheduled is False:
        return False
    if not isinstance(before, Policy) or before.settings.scheduled is False:
        return True
    if set(before.reach) != set(after.reach):
        return True
    key, new = after.window[0]
    return not _covers(new, before.reach[key])


def _covers(longer: Offset, shorter: Offset) -> bool:
    if isinstance(longer, Interval) and isinstance(shorter, Interval):
        return longer.surely_covers(shorter)
    return _length(longer) >= _length(shorter)


def _length(offset: Offset) -> float:
    if isinstance(offset, Interval):
        return offset.total
    return offset if isinstance(offset, int) else float("inf")


def judge(plan: Plan, database: Database, impacts: Dict[Probe, Impact]) -> Tuple[Tuple[Finding, ...], Tuple[str, ...]]:
    """Return what needs consent, and what only deserves a warning."""
    findings = [finding for probe, impact in impacts.items() for finding in _losses(probe, impact)]
    after = simulate(database, plan.actions)
    touched = {action.relation for action in plan.actions}
    warnings: List[str] = []
    for aggregate in after.aggregates:
        source = after.relation(aggregate.source)
        for message in _erasures(aggregate, source):
            if aggregate.name in touched or aggregate.source in touched:
                findings.append(Finding(ERASE_AGGREGATES, message))
            else:
                warnings.append(message)
    for name in sorted(touched):
        relation = after.relation(name)
        if relation is not None:
            warnings += _futile(relation)
    return tuple(dict.fromkeys(findings)), tuple(dict.fromkeys(warnings))


def unconsented(findings: Iterable[Finding], consents: Iterable[str], variable: str) -> Tuple[str, ...]:
    """Return a sentence for each finding nobody consented to, naming the consent and the variable that gives it."""
    return tuple(
        f"{finding.message}; consent with {variable}: [{finding.consent}]"
        for finding in findings
        if finding.consent not in consents
    )


def _losses(probe: Probe, impact: Impact) -> Iterator[Finding]:
    action, extent = probe.action, show_impact(impact)
    if action.kind is Kind.DROP_HYPERTABLE:
        yield Finding(DROP_DATA, located(action.path, f"dropping {action.relation} would lose {extent}"))
    elif action.kind is Kind.DROP_AGGREGATE:
        yield Finding(
            REBUILD_AGGREGATE,
            located(
                action.path,
                f"{action.relation} would be dropped with {extent}; what is older than the rows it selects from cannot "
                "be computed again",
            ),
        )
    elif action.kind is Kind.DISABLE_COMPRESSION and impact.chunks:
        yield Finding(
            DECOMPRESS, located(action.path, f"{action.relation} holds {extent}, which would be decompressed")
        )
    elif action.kind in POLICY_KINDS and (impact.chunks or impact.rows) and isinstance(action.after, Policy):
        key, lag = action.after.window[0]
        yield Finding(
            DROP_DATA,
            f"{under(action.path, key)}: '{lag}' would drop {extent} of {action.relation}",
        )
    elif action.kind is Kind.SET_INTEGER_NOW_FUNC and impact.chunks:
        yield Finding(
            DROP_DATA,
            located(
                under(action.path, "integer_now_func"),
                f"with {action.after} for the present, drop_after '{probe.lag}' would drop {extent} of "
                f"{probe.relation}",
            ),
        )


def show_impact(impact: Impact) -> str:
    """Return an impact in words."""
    chunks = "" if not impact.chunks else "{0} chunk{1}, ".format(impact.chunks, "" if impact.chunks == 1 else "s")
    span = "" if not impact.start else f"{impact.start} to {impact.end}, "
    return f"{chunks}{span}about {impact.rows} rows (estimated), {show_bytes(impact.bytes)}"


def show_bytes(count: int) -> str:
    """Return a size in bytes as people read it, in powers of 1024."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def _erasures(aggregate: ContinuousAggregate, source: Optional[Relation]) -> Iterator[str]:
    """Say where a refresh would reach back into what retention has dropped: it would erase the aggregate there."""
    if source is None:
        return
    for retention in policies_of(source, RETENTION):
        kept = retention.reach.get("drop_after", retention.reach.get("drop_created_before"))
        for refresh in policies_of(aggregate, REFRESH):
            start = refresh.reach.get("start_offset")
            if kept is None or start is None or not _reaches_beyond(start, kept, aggregate.bucket_width):
                continue
            yield (
                "{0} refreshes back to {1}, but {2} drops what is older than '{3}': a refresh would erase the "
                "aggregate where its rows are gone; start_offset plus one bucket must stay within drop_after".format(
                    aggregate.name, "any age" if start is OPEN else f"'{start}'", source.name, kept
                )
            )


def _reaches_beyond(start: Offset, kept: Offset, bucket: Optional[Lag]) -> bool:
    if start is OPEN:
        return True
    if isinstance(start, Interval) and isinstance(kept, Interval):
        return not kept.surely_covers(start + (bucket if isinstance(bucket, Interval) else Interval()))
    if isinstance(start, int) and isinstance(kept, int):
        return start + (bucket if isinstance(bucket, int) else 0) > kept
    return isinstance(start, int)  # on integer time, chunks that go by their creation: no telling


def _futile(relation: Relation) -> Iterator[str]:
    """Say where chunks are dropped before they would be compressed."""
    for retention in policies_of(relation, RETENTION):
        for compression in policies_of(relation, COMPRESSION):
            kept, raw = retention.reach.get("drop_after"), compression.reach.get("compress_after")
            if isinstance(kept, (Interval, int)) and isinstance(raw, (Interval, int)) and _length(raw) >= _length(kept):
                yield f"{relation.name} drops chunks at '{kept}', before it compresses them at '{raw}'"
