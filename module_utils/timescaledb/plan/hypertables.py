# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning one hypertable: from plain table to hypertable, dimensions, chunk interval, integer time."""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

from ..capabilities import Capabilities
from ..declaration import WantedHypertable, WantedRelation
from ..errors import DeclarationError, under
from ..model import INTEGER_TYPES, TIME_TYPES, Database, HashDimension, Hypertable, Relation, Table
from ..values import Lag
from .actions import Action, Kind

NEW_CHUNKS_ONLY = "new chunks only; chunks that exist keep their range"
MIGRATE_DATA = "migrate_data"
WITHOUT_DEFAULT_INDEXES = "without_default_indexes"


def plan_hypertable(
    wanted: WantedHypertable, database: Database, capabilities: Capabilities
) -> Tuple[Optional[Relation], Tuple[Action, ...]]:
    """Return the hypertable as it will be, without settings and policies, and the actions that lead there.

    A declaration without time_column speaks of whatever relation bears the name, an aggregate included.
    """
    present = database.hypertable(wanted.name)
    if wanted.absent:
        return None, tuple(_drop(wanted, present, database))
    if present is None:
        aggregate = database.aggregate(wanted.name)
        if aggregate is not None and wanted.time_column is None:
            return aggregate, tuple(plan_chunk_interval(wanted, aggregate))
        if database.table(wanted.name) is None and _only_removals(wanted):
            return None, ()
        created = _created(wanted, database, capabilities)
        options = {MIGRATE_DATA} if wanted.migrate_data else set()
        options |= set() if wanted.create_default_indexes else {WITHOUT_DEFAULT_INDEXES}
        create = Action(Kind.CREATE_HYPERTABLE, wanted.name, None, created, wanted.path, frozenset(options))
        return created, (create, *tuple(_adjust(wanted, created, database)))
    if wanted.time_column is not None and wanted.time_column != present.time_column:
        raise DeclarationError(
            under(wanted.path, "time_column"),
            f"{wanted.time_column!r} was given, but {wanted.name} is partitioned by {present.time_column!r}; "
            f"the server can never change that, accepted is {present.time_column!r}",
        )
    return present, tuple(_adjust(wanted, present, database))


def _only_removals(wanted: WantedHypertable) -> bool:
    """Whether everything declared of a relation is that something is absent, which holds where it does not exist."""
    parts = [part for part in (wanted.compression, wanted.retention) if part is not None]
    return wanted.time_column is None and bool(parts) and all(part.absent for part in parts)


def _drop(wanted: WantedHypertable, present: Optional[Hypertable], database: Database) -> Iterator[Action]:
    if present is not None:
        yield Action(Kind.DROP_HYPERTABLE, wanted.name, present, None, wanted.path)
        return
    table = database.table(wanted.name)
    if table is not None:
        raise DeclarationError(
            under(wanted.path, "state"),
            f"{wanted.name} is a {table.kind}; accepted for absent is a hypertable",
        )


def _created(wanted: WantedHypertable, database: Database, capabilities: Capabilities) -> Hypertable:
    table = database.table(wanted.name)
    if table is None:
        raise DeclarationError(
            under(wanted.path, "name"),
            f"there is no table {wanted.name}; accepted is an existing table (run the migrations first)",
        )
    if table.kind != "table":
        raise DeclarationError(under(wanted.path, "name"), f"{wanted.name} is a {table.kind}; accepted is a table")
    if wanted.time_column is None:
        raise DeclarationError(
            under(wanted.path, "time_column"),
            f"nothing was given, but {wanted.name} is no hypertable yet; accepted is its time column",
        )
    time_type = _time_type(wanted, table)
    if table.has_rows and not wanted.migrate_data:
        raise DeclarationError(
            under(wanted.path, "migrate_data"),
            f"{wanted.name} holds rows already; accepted is migrate_data: true, which moves them into chunks while the "
            "table is locked, or an empty table",
        )
    interval = wanted.chunk_interval
    if interval is None:
        interval = capabilities.chunk_interval_for(time_type)
    _check_interval_type(wanted, interval, time_type)
    return Hypertable(wanted.name, wanted.time_column, time_type, interval, storage=wanted.name)


def _time_type(wanted: WantedHypertable, table: Table) -> str:
    columns = dict(table.columns)
    column = str(wanted.time_column)
    if column not in columns:
        raise DeclarationError(
            under(wanted.path, "time_column"),
            "{0} has no column {1!r}; accepted are {2}".format(wanted.name, column, ", ".join(sorted(columns))),
        )
    if columns[column] not in TIME_TYPES and columns[column] not in INTEGER_TYPES:
        raise DeclarationError(
            under(wanted.path, "time_column"),
            f"column {column!r} of {wanted.name} is {columns[column]}; accepted are timestamps, dates and integers",
        )
    return columns[column]


def _adjust(wanted: WantedHypertable, present: Hypertable, database: Database) -> Iterator[Action]:
    """Yield the changes of an existing hypertable."""
    for dimension in wanted.hash_dimensions:
        yield from _plan_dimension(wanted, dimension, present, database)
    if wanted.integer_now_func is not None and wanted.integer_now_func not in (
        database.functions if database.functions is not None else {wanted.integer_now_func}
    ):
        raise DeclarationError(
            under(wanted.path, "integer_now_func"),
            f"there is no function {wanted.integer_now_func}(); accepted is one without arguments that returns the "
            "present",
        )
    if wanted.integer_now_func is not None and wanted.integer_now_func != present.integer_now_func:
        if present.time_type not in INTEGER_TYPES:
            raise DeclarationError(
                under(wanted.path, "integer_now_func"),
                f"{present.time_column} of {present.name} is {present.time_type}; accepted only where time is an "
                "integer",
            )
        yield Action(
            Kind.SET_INTEGER_NOW_FUNC, present.name, present.integer_now_func, wanted.integer_now_func, wanted.path
        )
    yield from plan_chunk_interval(wanted, present)


def _plan_dimension(
    wanted: WantedHypertable, dimension: HashDimension, present: Hypertable, database: Database
) -> Iterator[Action]:
    found = [item for item in present.hash_dimensions if item.column == dimension.column]
    path = under(wanted.path, f"hash_dimensions[{dimension.column}]")
    if found and found[0] != dimension:
        yield Action(Kind.SET_NUMBER_PARTITIONS, present.name, found[0], dimension, path, note=NEW_CHUNKS_ONLY)
    if not found:
        table = database.table(wanted.name)
        if table is not None and dimension.column not in dict(table.columns):
            raise DeclarationError(
                path,
                "{0} has no column {1!r}; accepted are {2}".format(
                    wanted.name, dimension.column, ", ".join(sorted(dict(table.columns)))
                ),
            )
        yield Action(Kind.ADD_DIMENSION, present.name, None, dimension, path)


def plan_chunk_interval(wanted: WantedRelation, present: Relation) -> Iterator[Action]:
    """Yield the change of a relation's chunk interval."""
    interval = wanted.chunk_interval
    if interval is None or interval == present.chunk_interval:
        return
    _check_interval_type(wanted, interval, present.time_type)
    yield Action(
        Kind.SET_CHUNK_INTERVAL,
        present.name,
        present.chunk_interval,
        interval,
        under(wanted.path, "chunk_interval"),
        note=NEW_CHUNKS_ONLY,
    )


def _check_interval_type(wanted: WantedRelation, interval: Lag, time_type: str) -> None:
    if isinstance(interval, int) != (time_type in INTEGER_TYPES):
        raise DeclarationError(
            under(wanted.path, "chunk_interval"),
            "{0!r} was given, but time is {1}; accepted is {2}".format(
                interval if isinstance(interval, int) else str(interval),
                time_type,
                "a whole number in its unit" if time_type in INTEGER_TYPES else "an interval such as '7 days'",
            ),
        )
