# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan: every declared object planned, then put in the order in which it can run."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Set, Tuple

from ..capabilities import Capabilities
from ..declaration import Declaration, WantedAggregate, WantedPolicy, WantedRelation
from ..errors import DeclarationError, under
from ..model import (
    COMPRESSION,
    INTEGER_TYPES,
    REFRESH,
    RETENTION,
    ContinuousAggregate,
    Database,
    Relation,
)
from ..names import QualifiedName
from .actions import Action, Kind, Plan
from .aggregates import WITHOUT_GROUP_INDEXES, created_aggregate, plan_settings, rebuilds
from .compression import plan_compression
from .hypertables import plan_hypertable
from .policies import check_window, plan_policy, policies_of, report_stopped
from .simulate import simulate


def make_plan(declaration: Declaration, database: Database, capabilities: Capabilities) -> Plan:
    """Return what turns the database into the declared state. Same input, same plan.

    Raises DeclarationError, naming the variable, for what cannot be meant of this database.
    """
    return _Planner(declaration, database, capabilities).plan()


class _Planner:
    """One planning run; it only gathers."""

    def __init__(self, declaration: Declaration, database: Database, capabilities: Capabilities) -> None:
        self.declaration = declaration
        self.database = database
        self.capabilities = capabilities
        self.actions: List[Action] = []
        self.warnings: List[str] = []
        self.planned: Dict[QualifiedName, Relation] = {}

    def plan(self) -> Plan:
        """Return the plan."""
        for hypertable in self.declaration.hypertables:
            relation, steps = plan_hypertable(hypertable, self.database, self.capabilities)
            self.actions += steps
            if relation is not None:
                self.planned[relation.name] = relation
                self._check_integer_now(hypertable, relation)
                self.actions += self._shared(hypertable, relation)
        pruned = self._pruned_aggregates()
        dropped = {item.name for item in pruned} | {item.name for item in self.declaration.relations if item.absent}
        rebuilt = rebuilds(self.declaration.aggregates, self.database, dropped)
        for aggregate in self.declaration.aggregates:
            self._plan_aggregate(aggregate, rebuilt, dropped)
        for relation in pruned:
            self._drop(relation, "prune")
        self._check_orphans()
        return Plan(tuple(self._ordered()), tuple(dict.fromkeys(self.warnings)))

    def _plan_aggregate(
        self, wanted: WantedAggregate, rebuilt: Tuple[QualifiedName, ...], dropped: Set[QualifiedName]
    ) -> None:
        present = self.database.aggregate(wanted.name)
        table = self.database.table(wanted.name)
        if wanted.absent and present is None and table is not None:
            raise DeclarationError(
                under(wanted.path, "state"),
                f"{wanted.name} is a {table.kind}; accepted for absent is a continuous aggregate",
            )
        if wanted.absent:
            self._drop(present, wanted.path)
            return
        if present is not None and wanted.name not in rebuilt:
            self.planned[wanted.name] = present
            self._check_integer_now(wanted, present)
            self.actions += plan_settings(wanted, present)
            self.actions += self._shared(wanted, present)
            if wanted.refresh_after_create and present.unfilled:
                self._refresh(wanted)
            return
        self._create_aggregate(wanted, present, dropped)

    def _create_aggregate(
        self, wanted: WantedAggregate, present: Optional[ContinuousAggregate], dropped: Set[QualifiedName]
    ) -> None:
        """Plan a new aggregate, or where one is present, its rebuilding with everything it had."""
        known: Dict[QualifiedName, Relation] = {
            item.name: item for item in self.database.hypertables + self.database.aggregates if item.name not in dropped
        }
        known.update(self.planned)
        created = created_aggregate(wanted, self.database, known)
        self.planned[wanted.name] = created
        self._check_integer_now(wanted, created)
        final = self._final(wanted, created, present)
        created = replace(created, materialized_only=final.materialized_only)
        self.planned[wanted.name] = created
        self._drop(present, under(wanted.path, "query"))
        options = frozenset() if wanted.create_group_indexes else frozenset({WITHOUT_GROUP_INDEXES})
        self.actions.append(
            Action(Kind.CREATE_AGGREGATE, wanted.name, None, created, wanted.path, options, detail=str(wanted.query))
        )
        if present is not None and present.belongings is not None:
            path = under(wanted.path, "query")
            self.actions.append(Action(Kind.RESTORE_BELONGINGS, wanted.name, None, present.belongings, path))
        self.actions += _furnish(created, final, wanted.path)
        if wanted.refresh_after_create:
            self._refresh(wanted)

    def _refresh(self, wanted: WantedAggregate) -> None:
        path = under(wanted.path, "refresh_after_create")
        self.actions.append(Action(Kind.REFRESH_AGGREGATE, wanted.name, None, None, path))

    def _final(
        self, wanted: WantedAggregate, created: ContinuousAggregate, before: Optional[ContinuousAggregate]
    ) -> ContinuousAggregate:
        """Return an aggregate as it will be at last: as declared, over what it had before where it is rebuilt."""
        start = created
        if before is not None:
            only = before.materialized_only if wanted.materialized_only is None else wanted.materialized_only
            start = replace(
                before,
                query=created.query,
                source=created.source,
                time_column=created.time_column,
                time_type=created.time_type,
                bucket_width=created.bucket_width,
                materialized_only=only,
            )
        steps = list(plan_settings(wanted, start)) + list(self._shared(wanted, start))
        final = simulate(Database(aggregates=(start,)), sorted(steps, key=lambda step: step.order)).aggregates[0]
        for policy in final.policies:
            check_window(policy, final, under(wanted.path, policy.kind))
        return final

    def _shared(self, wanted: WantedRelation, relation: Relation) -> Iterator[Action]:
        """Yield what hypertables and aggregates have in common: compression and policies."""
        for present in relation.policies:
            report_stopped(present, relation.name, self.warnings)
        compression = wanted.compression
        if compression is not None:
            columns = self._columns(relation)
            yield from plan_compression(compression, relation, columns)
        policies: Dict[str, Optional[WantedPolicy]] = {
            REFRESH: wanted.refresh if isinstance(wanted, WantedAggregate) else None,
            COMPRESSION: compression.policy if compression is not None else None,
            RETENTION: wanted.retention,
        }
        for kind, policy in policies.items():
            if policy is not None:
                yield from plan_policy(policy, relation, self.capabilities, self.warnings)
            elif "policies" in self.declaration.prune and (kind != REFRESH or isinstance(wanted, WantedAggregate)):
                for found in policies_of(relation, kind):
                    yield Action(Kind.REMOVE_POLICY, relation.name, found, None, "prune")

    def _columns(self, relation: Relation) -> Optional[Set[str]]:
        rehearsal = self.database.rehearsal(relation.name)
        if rehearsal is not None and rehearsal.columns:
            return set(dict(rehearsal.columns))
        table = self.database.table(relation.name)
        return set(dict(table.columns)) if table is not None and table.columns else None

    def _check_integer_now(self, wanted: WantedRelation, relation: Relation) -> None:
        """Refuse a policy by age on integer time while the server cannot know what now is."""
        if relation.time_type not in INTEGER_TYPES or self._has_present(relation):
            return
        compression = wanted.compression.policy if wanted.compression is not None else None
        for policy in (getattr(wanted, "refresh", None), compression, wanted.retention):
            if policy is None or policy.absent:
                continue
            if isinstance(relation, ContinuousAggregate):
                raise DeclarationError(
                    policy.path or policy.kind,
                    f"{relation.name} counts time in integers, and nothing tells the present; accepted is a policy "
                    "over a hypertable that has an integer_now_func",
                )
            raise DeclarationError(
                under(wanted.path, "integer_now_func"),
                f"nothing was given, but {relation.name} counts time in integers and has a {policy.kind} policy; "
                f"accepted is a function that returns the present as {relation.time_type}",
            )

    def _has_present(self, relation: Relation) -> bool:
        """Whether a function tells the present of the hypertable beneath a relation, be it a declared one."""
        while isinstance(relation, ContinuousAggregate):
            below = self.planned.get(relation.source) or self.database.relation(relation.source)
            if below is None:
                return False
            relation = below
        declared = {item.name: item.integer_now_func for item in self.declaration.hypertables}
        return relation.integer_now_func is not None or declared.get(relation.name) is not None

    def _drop(self, present: Optional[ContinuousAggregate], path: str) -> None:
        if present is not None:
            self.actions.append(Action(Kind.DROP_AGGREGATE, present.name, present, None, path))

    def _pruned_aggregates(self) -> List[ContinuousAggregate]:
        """Return the aggregates over declared relations that are not declared themselves, where they are to go."""
        if "continuous_aggregates" not in self.declaration.prune:
            return []
        declared = {item.name for item in self.declaration.relations}
        return [
            item for item in self.database.aggregates if item.name not in declared and self._root(item.name) in declared
        ]

    def _root(self, name: QualifiedName) -> QualifiedName:
        """The hypertable at the bottom of an aggregate's hierarchy."""
        aggregate = self.database.aggregate(name)
        return name if aggregate is None else self._root(aggregate.source)

    def _check_orphans(self) -> None:
        """Refuse to drop what an aggregate that stays selects from."""
        dropped = {
            item.relation: item for item in self.actions if item.kind in (Kind.DROP_AGGREGATE, Kind.DROP_HYPERTABLE)
        }
        for name, action in dropped.items():
            for child in self.database.children(name):
                if child.name not in dropped:
                    raise DeclarationError(
                        action.path,
                        f"{name} cannot be dropped while continuous aggregate {child.name} selects from it; accepted "
                        f"is to declare {child.name} absent as well",
                    )

    def _depth(self, name: QualifiedName) -> int:
        aggregate = self.database.aggregate(name)
        return 0 if aggregate is None else 1 + self._depth(aggregate.source)

    def _ordered(self) -> List[Action]:
        def key(action: Action) -> Tuple[Tuple[int, int], int]:
            return action.order, -self._depth(action.relation) if action.kind is Kind.DROP_AGGREGATE else 0

        return sorted(self.actions, key=key)


def _furnish(created: ContinuousAggregate, final: ContinuousAggregate, path: str) -> Iterator[Action]:
    """Yield everything that makes a bare new aggregate into the final one."""
    interval = final.chunk_interval
    if interval is not None and interval != created.chunk_interval:
        where = under(path, "chunk_interval")
        yield Action(Kind.SET_CHUNK_INTERVAL, created.name, created.chunk_interval, interval, where)
    for index in final.indexes:
        yield Action(Kind.CREATE_INDEX, created.name, None, index, under(path, f"indexes[{index.name}]"))
    if final.compression is not None:
        yield Action(Kind.SET_COMPRESSION, created.name, None, final.compression, under(path, COMPRESSION))
    for policy in final.policies:
        fresh = replace(policy, job_id=None, consecutive_failures=0)
        yield Action(Kind.ADD_POLICY, created.name, None, fresh, under(path, policy.kind))
