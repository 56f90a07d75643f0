# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state: what an inventory says, as types. `parse` makes them of what people write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from .model import ConfigValue, HashDimension, Index, JobSettings
from .names import QualifiedName
from .values import Lag, Offset, OrderBy


@dataclass(frozen=True)
class WantedPolicy:
    """A declared policy; what is None is left as it is."""

    path: str
    kind: str
    window: Tuple[Tuple[str, Offset], ...]
    settings: JobSettings
    config: Tuple[Tuple[str, ConfigValue], ...] = ()
    absent: bool = False


@dataclass(frozen=True)
class WantedCompression:
    """Declared compression; segmentby or orderby None is left as it is, or to the server."""

    path: str
    segmentby: Optional[Tuple[str, ...]] = None
    orderby: Optional[Tuple[OrderBy, ...]] = None
    absent: bool = False
    policy: Optional[WantedPolicy] = None


@dataclass(frozen=True)
class WantedIndex:
    """A declared index of an aggregate."""

    path: str
    index: Index
    absent: bool = False


@dataclass(frozen=True)
class WantedRelation:
    """What can be declared of hypertables and aggregates alike."""

    path: str
    name: QualifiedName
    absent: bool = False
    chunk_interval: Optional[Lag] = None
    compression: Optional[WantedCompression] = None
    retention: Optional[WantedPolicy] = None


@dataclass(frozen=True)
class WantedHypertable(WantedRelation):
    """A declared hypertable; without time_column it must already be one, or be an aggregate."""

    time_column: Optional[str] = None
    integer_now_func: Optional[QualifiedName] = None
    hash_dimensions: Tuple[HashDimension, ...] = ()
    migrate_data: bool = False
    create_default_indexes: bool = True


@dataclass(frozen=True)
class WantedAggregate(WantedRelation):
    """A declared continuous aggregate; without query it must already exist."""

    query: Optional[str] = None
    materialized_only: Optional[bool] = None
    create_group_indexes: bool = True
    refresh_after_create: bool = False
    refresh: Optional[WantedPolicy] = None
    indexes: Tuple[WantedIndex, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """The whole declared state, names unique; every aggregate stands after those its query mentions."""

    hypertables: Tuple[WantedHypertable, ...] = ()
    aggregates: Tuple[WantedAggregate, ...] = ()
    prune: Tuple[str, ...] = ()

    @property
    def relations(self) -> Tuple[WantedRelation, ...]:
        """Hypertables and aggregates together."""
        return self.hypertables + self.aggregates
