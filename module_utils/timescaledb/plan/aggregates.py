# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning continuous aggregates: creation, changes, and rebuilds."""

from __future__ import annotations

import re
from typing import Collection, Dict, Iterator, List, Optional, Sequence, Tuple

from ..declaration import WantedAggregate
from ..errors import DeclarationError, under
from ..model import INTEGER_TYPES, TIME_TYPES, ContinuousAggregate, Database, Rehearsal, Relation
from ..names import QualifiedName
from ..sql_text import mentions, outline, selects_from
from ..values import DAY, Interval, Lag, parse_interval
from .actions import Action, Kind
from .hypertables import plan_chunk_interval

WITHOUT_GROUP_INDEXES = "without_group_indexes"
_ALIAS = re.compile(r'\s+(?:as\s+)?(?:"((?:[^"]|"")+)"|(?!as\b|from\b)([a-z_][\w$]*))', re.IGNORECASE)
_BUCKET = re.compile(r"time_bucket\((?:'([^']+)'::interval|\(?'?(\d+)'?\)?(?:::\w+)?\s*,)")


def rebuilds(
    wanted: Sequence[WantedAggregate], database: Database, dropped: Collection[QualifiedName]
) -> Tuple[QualifiedName, ...]:
    """Return the existing aggregates whose declared query differs, and their descendants, children last.

    dropped: what goes anyway. Raises DeclarationError where a descendant stays but is not declared with its query, as
    it could not be built again.
    """
    declared = {item.name: item for item in wanted if not item.absent}
    fresh = [item.name.name for item in declared.values() if database.aggregate(item.name) is None]
    changed: List[QualifiedName] = []
    for item in wanted:
        present, rehearsal = database.aggregate(item.name), database.rehearsal(item.name)
        if present is None or item.absent or item.query is None or rehearsal is None:
            continue
        awaited = rehearsal.missing_relation and any(mentions(item.query, name) for name in fresh)
        if rehearsal.error and not awaited:
            raise DeclarationError(under(item.path, "query"), refusal(rehearsal))
        if rehearsal.error or rehearsal.query != present.query:
            _collect(item.name, database, changed)
    kept = [name for name in changed if name not in dropped]
    for name in kept:
        if name not in declared or declared[name].query is None:
            raise DeclarationError(
                f"continuous aggregate {name}",
                "it selects from an aggregate whose query changed, and is not declared with its own query; accepted is "
                "to declare it, or to drop it first",
            )
    return tuple(kept)


def _collect(name: QualifiedName, database: Database, found: List[QualifiedName]) -> None:
    if name not in found:
        found.append(name)
    for child in database.children(name):
        _collect(child.name, database, found)


def refusal(rehearsal: Rehearsal) -> str:
    """Say that the server does not take a query."""
    return f"the server refuses this query ({rehearsal.error}); accepted is one SELECT that it can run"


def created_aggregate(
    wanted: WantedAggregate, database: Database, known: Dict[QualifiedName, Relation]
) -> ContinuousAggregate:
    """Return the aggregate a declaration will create, as far as it can be known beforehand.

    known: the relations it can select from.
    """
    if wanted.query is None:
        raise DeclarationError(
            under(wanted.path, "query"),
            f"nothing was given, but there is no continuous aggregate {wanted.name}; accepted is one SELECT",
        )
    table = database.table(wanted.name)
    if table is not None and database.aggregate(wanted.name) is None:
        raise DeclarationError(
            under(wanted.path, "name"),
            f"{wanted.name} exists and is a {table.kind}; accepted is a free name",
        )
    rehearsal = database.rehearsal(wanted.name) or Rehearsal()
    source = _source(wanted, rehearsal, known)
    if rehearsal.error and not (rehearsal.missing_relation and source is not None):
        raise DeclarationError(under(wanted.path, "query"), refusal(rehearsal))
    if source is None:
        raise DeclarationError(
            under(wanted.path, "query"),
            "it selects from no hypertable or continuous aggregate; accepted is a query over one, grouped by "
            "time_bucket",
        )
    column, time_type = _bucket_column(wanted, rehearsal, source)
    return ContinuousAggregate(
        name=wanted.name,
        query=rehearsal.query or str(wanted.query),
        source=source.name,
        time_column=column,
        time_type=time_type,
        materialized_only=wanted.materialized_only is not False,
        chunk_interval=_inherited_interval(source),
        bucket_width=bucket_width(rehearsal.query),
        unfilled=True,
    )


def _source(wanted: WantedAggregate, rehearsal: Rehearsal, known: Dict[QualifiedName, Relation]) -> Optional[Relation]:
    """Return the hypertable or aggregate the query selects from: the server tells, else what it seems to be.

    Of several, one behind FROM is likelier than one mentioned elsewhere, an aggregate likelier than a hypertable.
    """
    query = str(wanted.query)
    names = rehearsal.sources or [name for name in known if mentions(query, name.name)]
    candidates = [known[name] for name in names if name in known and name != wanted.name]
    candidates.sort(
        key=lambda item: (
            not selects_from(query, item.name.name),
            not isinstance(item, ContinuousAggregate),
            item.name,
        )
    )
    return candidates[0] if candidates else None


def bucket_width(query: str) -> Optional[Lag]:
    """Return the bucket of a deparsed query, a whole number where time is an integer."""
    match = _BUCKET.search(query)
    if match is None:
        return None
    return parse_interval(match.group(1)) if match.group(1) else int(match.group(2))


def _bucket_column(wanted: WantedAggregate, rehearsal: Rehearsal, source: Relation) -> Tuple[str, str]:
    """Return name and type of the column that holds the bucket, the first of its sort where the query hides it."""
    kinds = TIME_TYPES if source.time_type in TIME_TYPES else tuple(INTEGER_TYPES)
    columns = {name: column_type for name, column_type in rehearsal.columns if column_type in kinds}
    shown = bucket_name(rehearsal.query or str(wanted.query))
    if shown in columns or (shown and not rehearsal.columns):
        return shown, columns.get(shown, source.time_type)
    for name, column_type in columns.items():
        return name, column_type
    return source.time_column, source.time_type


def bucket_name(query: str) -> str:
    """Return the name under which a query selects its time_bucket, nothing where that cannot be seen."""
    text = outline(query)
    for call in re.finditer(r"\btime_bucket\s*\(", text):
        end, depth = call.end(), 1
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        name = _ALIAS.match(text, end)
        if name and name.group(2):
            return name.group(2).lower()
        if name and name.group(1):
            return name.group(1).replace('""', '"')
    return ""


def _inherited_interval(source: Relation) -> Optional[Lag]:
    """An aggregate's chunks span ten of its hypertable's; one built on an aggregate takes over its parent's."""
    interval = source.chunk_interval
    if isinstance(source, ContinuousAggregate) or interval is None:
        return interval
    if isinstance(interval, int):
        return interval * 10
    return Interval(days=interval.total * 10 // DAY, microseconds=interval.total * 10 % DAY)


def plan_settings(wanted: WantedAggregate, present: ContinuousAggregate) -> Iterator[Action]:
    """Yield the changes of an aggregate's own settings and indexes."""
    only = wanted.materialized_only
    if only is not None and only != present.materialized_only:
        yield Action(
            Kind.SET_MATERIALIZED_ONLY,
            present.name,
            present.materialized_only,
            only,
            under(wanted.path, "materialized_only"),
        )
    yield from plan_chunk_interval(wanted, present)
    for item in wanted.indexes:
        found = [index for index in present.indexes if index.name == item.index.name]
        if item.absent or (found and found[0] != item.index):
            yield from (Action(Kind.DROP_INDEX, present.name, index, None, item.path) for index in found)
        if not item.absent and item.index not in present.indexes:
            yield Action(Kind.CREATE_INDEX, present.name, None, item.index, item.path)
