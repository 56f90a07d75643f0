# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database holds: the observed state, and what a plan would make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Dict, FrozenSet, Optional, Tuple, Union

from .names import QualifiedName
from .values import Interval, Lag, Offset, OrderBy

COMPRESSION = "compression"
RETENTION = "retention"
REFRESH = "refresh"

# The keys of a job's configuration that say how far it reaches, by kind of policy; the first is the usual one.
WINDOW_KEYS = {
    COMPRESSION: ("compress_after", "compress_created_before"),
    RETENTION: ("drop_after", "drop_created_before"),
    REFRESH: ("start_offset", "end_offset"),
}
INTEGER_TYPES = {"smallint": 10000, "integer": 100000, "bigint": 1000000}  # and their default chunk lengths
TIME_TYPES = ("timestamp with time zone", "timestamp without time zone", "date")


@dataclass(frozen=True)
class HashDimension:
    """A further dimension that spreads rows over partitions by a column's hash."""

    column: str
    number_partitions: int


@dataclass(frozen=True)
class Compression:
    """Compression settings of a relation; None stands for: the server decides for each chunk."""

    segmentby: Optional[Tuple[str, ...]] = None
    orderby: Optional[Tuple[OrderBy, ...]] = None


@dataclass(frozen=True)
class JobSettings:
    """How a job is scheduled; in a declaration, None stands for: as it is."""

    schedule_interval: Optional[Interval] = None
    max_runtime: Optional[Interval] = None
    max_retries: Optional[int] = None
    retry_period: Optional[Interval] = None
    scheduled: Optional[bool] = None
    timezone: Optional[str] = None
    initial_start: Optional[str] = None  # ISO 8601 in UTC, to the microsecond


ConfigValue = Union[str, int, float, bool, None]


@dataclass(frozen=True)
class Policy:
    """A policy and its background job. window and config are sorted pairs, so that equal policies are equal values."""

    kind: str
    window: Tuple[Tuple[str, Offset], ...]
    settings: JobSettings = field(default_factory=JobSettings)
    config: Tuple[Tuple[str, ConfigValue], ...] = ()
    job_id: Optional[int] = None
    consecutive_failures: int = 0

    @property
    def reach(self) -> Dict[str, Offset]:
        """The window as a mapping from its keys, such as drop_after, to intervals or whole numbers."""
        return dict(self.window)

    @property
    def stopped_by_server(self) -> bool:
        """Whether the scheduler itself switched the job off because it kept failing."""
        retries = self.settings.max_retries
        return (
            self.settings.scheduled is False and retries is not None and 0 <= retries <= self.consecutive_failures - 1
        )


@dataclass(frozen=True)
class Index:
    """An index of an aggregate. definition: of one that is no plain btree, so never declared, what follows ON."""

    name: str
    columns: Tuple[OrderBy, ...]
    definition: str = ""


@dataclass(frozen=True)
class Belongings:
    """What hangs on a relation besides its contents. grants: grantee (None for PUBLIC), privilege, grantable."""

    owner: str
    comment: Optional[str] = None
    grants: Tuple[Tuple[Optional[str], str, bool], ...] = ()


@dataclass(frozen=True)
class Hypertable:
    """A hypertable; chunk_interval is an interval, or a whole number where time is an integer."""

    name: QualifiedName
    time_column: str
    time_type: str
    chunk_interval: Optional[Lag]
    integer_now_func: Optional[QualifiedName] = None
    hash_dimensions: Tuple[HashDimension, ...] = ()
    compression: Optional[Compression] = None
    policies: Tuple[Policy, ...] = ()
    storage: Optional[QualifiedName] = None  # where the chunks hang; an aggregate's is another relation


@dataclass(frozen=True)
class ContinuousAggregate:
    """A continuous aggregate. query is the server's own deparsed form; source is what it selects from."""

    name: QualifiedName
    query: str
    source: QualifiedName
    time_column: str
    time_type: str
    materialized_only: bool
    chunk_interval: Optional[Lag]
    bucket_width: Optional[Lag] = None
    compression: Optional[Compression] = None
    policies: Tuple[Policy, ...] = ()
    indexes: Tuple[Index, ...] = ()
    storage: Optional[QualifiedName] = None
    belongings: Optional[Belongings] = None
    unfilled: bool = False  # whether the beginning of what it selects from was never computed


Relation = Union[Hypertable, ContinuousAggregate]


@dataclass(frozen=True)
class Table:
    """A relation of any sort as PostgreSQL sees it: its kind in words, its columns with their types."""

    name: QualifiedName
    kind: str
    columns: Tuple[Tuple[str, str], ...] = ()
    has_rows: bool = False


@dataclass(frozen=True)
class Rehearsal:
    """What the server made of a declared query: its deparsed form, columns and what it reads, or why it refused."""

    query: str = ""
    columns: Tuple[Tuple[str, str], ...] = ()
    sources: Tuple[QualifiedName, ...] = ()
    error: str = ""
    missing_relation: bool = False


@dataclass(frozen=True)
class Database:
    """Everything a plan looks at.

    tables has every declared relation that exists, whatever it is; rehearsals has the declared queries, by aggregate.
    """

    hypertables: Tuple[Hypertable, ...] = ()
    aggregates: Tuple[ContinuousAggregate, ...] = ()
    tables: Tuple[Table, ...] = ()
    functions: Optional[FrozenSet[QualifiedName]] = None  # the declared ones that exist, None where nobody looked
    rehearsals: Tuple[Tuple[QualifiedName, Rehearsal], ...] = ()

    @cached_property
    def _hypertables(self) -> Dict[QualifiedName, Hypertable]:
        return {item.name: item for item in self.hypertables}

    @cached_property
    def _aggregates(self) -> Dict[QualifiedName, ContinuousAggregate]:
        return {item.name: item for item in self.aggregates}

    @cached_property
    def _tables(self) -> Dict[QualifiedName, Table]:
        return {item.name: item for item in self.tables}

    @cached_property
    def _rehearsals(self) -> Dict[QualifiedName, Rehearsal]:
        return dict(self.rehearsals)

    @cached_property
    def _children(self) -> Dict[QualifiedName, Tuple[ContinuousAggregate, ...]]:
        found: Dict[QualifiedName, Tuple[ContinuousAggregate, ...]] = {}
        for item in self.aggregates:
            found[item.source] = (*found.get(item.source, ()), item)
        return found

    def hypertable(self, name: QualifiedName) -> Optional[Hypertable]:
        return self._hypertables.get(name)

    def aggregate(self, name: QualifiedName) -> Optional[ContinuousAggregate]:
        return self._aggregates.get(name)

    def relation(self, name: QualifiedName) -> Optional[Relation]:
        return self.hypertable(name) or self.aggregate(name)

    def table(self, name: QualifiedName) -> Optional[Table]:
        return self._tables.get(name)

    def rehearsal(self, name: QualifiedName) -> Optional[Rehearsal]:
        return self._rehearsals.get(name)

    def now_func(self, name: QualifiedName) -> Optional[QualifiedName]:
        """The function that tells the present of the hypertable beneath a relation, where time is an integer."""
        relation = self.relation(name)
        if isinstance(relation, ContinuousAggregate):
            return self.now_func(relation.source)
        return None if relation is None else relation.integer_now_func

    def children(self, name: QualifiedName) -> Tuple[ContinuousAggregate, ...]:
        """The aggregates that select directly from the named relation."""
        return self._children.get(name, ())
