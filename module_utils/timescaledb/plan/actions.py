# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import FrozenSet, Tuple, Type, TypeVar, Union

from ..model import (
    COMPRESSION,
    REFRESH,
    RETENTION,
    Belongings,
    Compression,
    ContinuousAggregate,
    HashDimension,
    Hypertable,
    Index,
    Policy,
    Table,
)
from ..names import QualifiedName
from ..values import Interval


class Kind(str, Enum):
    """What an action does. The order of the members is the order in which a plan runs them."""

    REMOVE_POLICY = "remove_policy"
    DROP_AGGREGATE = "drop_aggregate"
    DISABLE_COMPRESSION = "disable_compression"
    DROP_HYPERTABLE = "drop_hypertable"
    CREATE_HYPERTABLE = "create_hypertable"
    ADD_DIMENSION = "add_dimension"
    SET_NUMBER_PARTITIONS = "set_number_partitions"
    SET_INTEGER_NOW_FUNC = "set_integer_now_func"
    CREATE_AGGREGATE = "create_aggregate"
    RESTORE_BELONGINGS = "restore_belongings"
    SET_CHUNK_INTERVAL = "set_chunk_interval"
    SET_MATERIALIZED_ONLY = "set_materialized_only"
    DROP_INDEX = "drop_index"
    CREATE_INDEX = "create_index"
    SET_COMPRESSION = "set_compression"
    ADD_POLICY = "add_policy"
    ALTER_POLICY = "alter_policy"
    REPLACE_POLICY = "replace_policy"
    REFRESH_AGGREGATE = "refresh_aggregate"


PHASES = {kind: number for number, kind in enumerate(Kind)}
POLICY_KINDS = (Kind.ADD_POLICY, Kind.ALTER_POLICY, Kind.REPLACE_POLICY)
# A compression policy on an aggregate wants a refresh policy there first. What deletes comes last of all: not before
# new aggregates are filled from the rows it may drop.
POLICY_ORDER = {
    REFRESH: (PHASES[Kind.ADD_POLICY], 0),
    COMPRESSION: (PHASES[Kind.ADD_POLICY], 1),
    RETENTION: (len(Kind), 0),
}

# What an action turns into what: the piece of the model it concerns, None where there is none.
Piece = Union[
    Hypertable,
    ContinuousAggregate,
    Table,
    Belongings,
    Compression,
    HashDimension,
    Index,
    Policy,
    QualifiedName,
    Interval,
    int,
    bool,
    None,
]
Expected = TypeVar("Expected")


def expect(piece: object, kind: Type[Expected]) -> Expected:
    """Return a piece of the model as the kind it has to be. Raises TypeError where it is not: a defect of a plan."""
    if not isinstance(piece, kind):
        raise TypeError(f"{kind.__name__} was expected, this is {piece!r}")
    return piece


@dataclass(frozen=True)
class Action:
    """One step: kind on relation turns before into after.

    path: the variable that asks for it; note: what a person should know of it; detail: the query of a new aggregate
    """

    kind: Kind
    relation: QualifiedName
    before: Piece = None
    after: Piece = None
    path: str = ""
    options: FrozenSet[str] = frozenset()
    note: str = ""
    detail: str = ""

    @property
    def order(self) -> Tuple[int, int]:
        """Where the action stands in a plan: by what it does, policies by what they are for."""
        if self.kind in POLICY_KINDS and isinstance(self.after, Policy):
            return POLICY_ORDER[self.after.kind]
        return PHASES[self.kind], 0

    @property
    def transactional(self) -> bool:
        """Whether the server allows it inside a transaction."""
        return self.kind is not Kind.REFRESH_AGGREGATE


@dataclass(frozen=True)
class Plan:
    """Actions in the order they run, and what a person should know although nothing is done about it."""

    actions: Tuple[Action, ...] = ()
    warnings: Tuple[str, ...] = ()
