# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what people write to the declared state, checked as far as that is possible without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from .declaration import (
    Declaration,
    WantedAggregate,
    WantedCompression,
    WantedHypertable,
    WantedIndex,
    WantedPolicy,
)
from .errors import DeclarationError, under
from .fields import Fields, describe, items_of
from .model import COMPRESSION, REFRESH, RETENTION, WINDOW_KEYS, HashDimension, Index, JobSettings
from .names import LONGEST_NAME, QualifiedName, parse_name
from .sql_text import mentions, selects_from, single_select
from .timestamps import parse_timestamp

SERVERS_OWN = "_materialized_hypertable_"  # how the server's own indexes of aggregates begin
PRUNABLE = ("policies", "continuous_aggregates")


@dataclass(frozen=True)
class Roots:
    """What the parts of a declaration are called where the user wrote them."""

    hypertables: str = "hypertables"
    aggregates: str = "continuous_aggregates"
    overrides: str = "overrides"
    prune: str = "prune"


def parse_declaration(
    hypertables: object, aggregates: object, overrides: object = None, prune: object = None, roots: Roots = Roots()
) -> Declaration:
    """Read a whole declaration and its overrides. Raises DeclarationError for the first thing that cannot be meant."""
    hypertables, aggregates = _override(hypertables, aggregates, overrides, roots)
    wanted = Declaration(
        tuple(parse_hypertable(item) for item in items_of(hypertables, roots.hypertables)),
        _in_order([parse_aggregate(item) for item in items_of(aggregates, roots.aggregates)]),
        _parse_prune(prune, roots.prune),
    )
    seen: Set[QualifiedName] = set()
    for relation in wanted.relations:
        if relation.name in seen:
            raise DeclarationError(relation.path, f"{relation.name} is declared twice; accepted is once")
        seen.add(relation.name)
    _check_indexes(wanted)
    return wanted


def _check_indexes(wanted: Declaration) -> None:
    """Refuse a name for two indexes: all aggregates keep theirs in one schema of the server's."""
    seen: Set[str] = set()
    for item in (index for aggregate in wanted.aggregates for index in aggregate.indexes if not index.absent):
        if item.index.name in seen:
            raise DeclarationError(
                under(item.path, "name"), f"{item.index.name!r} is declared twice; accepted is a name of its own"
            )
        seen.add(item.index.name)


def _in_order(wanted: Sequence[WantedAggregate]) -> Tuple[WantedAggregate, ...]:
    """Sort aggregates so that each follows those its query mentions; otherwise the declared order stays."""
    remaining: List[WantedAggregate] = list(wanted)
    ordered: List[WantedAggregate] = []
    while remaining:
        free = [item for item in remaining if not _waits_for(item, remaining, mentions)]
        if not free:  # a column may bear another aggregate's name
            free = [item for item in remaining if not _waits_for(item, remaining, selects_from)]
        if not free:
            raise DeclarationError(
                under(remaining[0].path, "query"),
                "this aggregate and another select from each other; accepted is a hierarchy",
            )
        ordered += free
        remaining = [item for item in remaining if item not in free]
    return tuple(ordered)


def _waits_for(item: WantedAggregate, others: Sequence[WantedAggregate], reads: Callable[[str, str], bool]) -> bool:
    query = item.query
    return query is not None and any(other is not item and reads(query, other.name.name) for other in others)


def _parse_prune(value: object, path: str) -> Tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(item in PRUNABLE for item in value):
        raise DeclarationError(path, "{0!r} was given; accepted is a list of {1}".format(value, " and ".join(PRUNABLE)))
    return tuple(value)


def _override(hypertables: object, aggregates: object, overrides: object, roots: Roots) -> Tuple[object, object]:
    """Lay the overrides over the objects they name. A name nobody declared is an error."""
    if not overrides:
        return hypertables, aggregates
    if not isinstance(overrides, Mapping):
        raise DeclarationError(
            roots.overrides, f"{describe(overrides)} was given; accepted is a mapping from object names"
        )
    named = _named_overrides(overrides, roots.overrides)
    declared: List[str] = []
    merged: List[object] = []
    for items, path in ((hypertables, roots.hypertables), (aggregates, roots.aggregates)):
        found = items_of(items, path)
        declared += [str(name) for name in map(_target, found) if name is not None]
        merged.append([_overridden(item, named, roots.overrides) for item in found] if found else items)
    for key, _value in named.values():
        raise DeclarationError(
            f"{roots.overrides}[{key}]",
            "no such object is declared; accepted are {0}".format(", ".join(sorted(declared)) or "none"),
        )
    return merged[0], merged[1]


def _named_overrides(overrides: Mapping[Any, object], root: str) -> Dict[QualifiedName, Tuple[Any, object]]:
    """Return the overrides by the object they name, each with its key as written."""
    named: Dict[QualifiedName, Tuple[Any, object]] = {}
    for key, value in overrides.items():
        path = f"{root}[{key}]"
        name = parse_name(key, path)
        if name in named:
            raise DeclarationError(path, f"{name} is named twice, as {named[name][0]!r} too; accepted is once")
        for identity in ("name", "schema"):
            if isinstance(value, Mapping) and identity in value:
                raise DeclarationError(
                    f"{path}.{identity}", "this key is not accepted here; it says which object is meant"
                )
        named[name] = (key, value)
    return named


def _overridden(item: Fields, named: Dict[QualifiedName, Tuple[Any, object]], root: str) -> object:
    base, name = item.given(), _target(item)
    found = None if name is None else named.pop(name, None)
    return base if found is None else _merge(base, found[1], f"{root}[{found[0]}]")


def _target(item: Fields) -> Optional[QualifiedName]:
    """Return the object an override would name for this declaration; None where it has no name to go by."""
    base = item.given()
    return parse_name(base["name"], item.at("name"), base.get("schema")) if isinstance(base.get("name"), str) else None


def _merge(base: Any, over: object, path: str) -> Any:
    """Lay one mapping over another, mapping by mapping; anything else replaces what was there."""
    if not isinstance(over, Mapping):
        raise DeclarationError(path, f"{describe(over)} was given; accepted is a mapping")
    result = dict(base)
    for key, value in over.items():
        below = f"{path}.{key}"
        if isinstance(result.get(key), Mapping):
            result[key] = _merge(result[key], value, below)
        else:
            result[key] = value
    return result


def parse_hypertable(fields: Fields) -> WantedHypertable:
    """Read one hypertable."""
    wanted = WantedHypertable(
        path=fields.path,
        name=_own_name(fields),
        absent=fields.absent(),
        time_column=fields.text("time_column"),
        chunk_interval=fields.lag("chunk_interval"),
        integer_now_func=fields.name("integer_now_func"),
        hash_dimensions=tuple(_parse_dimension(item) for item in fields.mappings("hash_dimensions", "column")),
        migrate_data=bool(fields.boolean("migrate_data")),
        create_default_indexes=fields.boolean("create_default_indexes") is not False,
        compression=parse_compression(fields.mapping("compression")),
        retention=parse_policy(fields.mapping("retention"), RETENTION),
    )
    fields.finish()
    return wanted


def _own_name(fields: Fields) -> QualifiedName:
    return parse_name(fields.raw("name"), fields.at("name"), fields.text("schema"))


def _parse_dimension(fields: Fields) -> HashDimension:
    column, number = fields.text("column"), fields.integer("number_partitions", 1, 32767)
    if column is None:
        raise fields.fail("column", "a column's name")
    if number is None:
        raise fields.fail("number_partitions", "a whole number from 1 to 32767")
    fields.finish()
    return HashDimension(column, number)


def parse_aggregate(fields: Fields) -> WantedAggregate:
    """Read one continuous aggregate."""
    query = fields.text("query")
    wanted = WantedAggregate(
        path=fields.path,
        name=_own_name(fields),
        absent=fields.absent(),
        query=None if query is None else single_select(query, fields.at("query")),
        materialized_only=fields.boolean("materialized_only"),
        chunk_interval=fields.lag("chunk_interval"),
        create_group_indexes=fields.boolean("create_group_indexes") is not False,
        refresh_after_create=bool(fields.boolean("refresh_after_create")),
        indexes=tuple(_parse_index(item) for item in fields.mappings("indexes")),
        compression=parse_compression(fields.mapping("compression")),
        refresh=parse_policy(fields.mapping("refresh"), REFRESH),
        retention=parse_policy(fields.mapping("retention"), RETENTION),
    )
    fields.finish()
    return wanted


def _parse_index(fields: Fields) -> WantedIndex:
    name, columns, absent = fields.text("name"), fields.ordering("columns"), fields.absent()
    if name is None:
        raise fields.fail("name", "the index's name")
    if len(name.encode("utf-8")) > LONGEST_NAME or name.startswith(SERVERS_OWN):
        raise fields.fail("name", f"a name of at most {LONGEST_NAME} bytes that does not begin with {SERVERS_OWN}")
    if not columns and not absent:
        raise fields.fail("columns", "a list of columns, such as [device_id, bucket DESC]")
    fields.finish()
    return WantedIndex(fields.path, Index(name, columns or ()), absent)


def parse_compression(fields: Optional[Fields]) -> Optional[WantedCompression]:
    """Read compression settings and the policy that comes with them."""
    if fields is None:
        return None
    absent = fields.absent()
    segmentby, orderby = fields.texts("segmentby"), fields.ordering("orderby")
    both = {item.column for item in orderby or ()} & set(segmentby or ())
    if both:
        raise DeclarationError(
            fields.at("orderby"), f"column {sorted(both)[0]} is in segmentby too; accepted is one of both"
        )
    policy_absent = fields.choice("policy_state", ("present", "absent"), "present") == "absent"
    policy = _parse_job(fields, COMPRESSION, absent or policy_absent)
    fields.finish()
    return WantedCompression(fields.path, segmentby, orderby, absent, policy)


def parse_policy(fields: Optional[Fields], kind: str) -> Optional[WantedPolicy]:
    """Read a retention or refresh policy."""
    if fields is None:
        return None
    policy = _parse_job(fields, kind, fields.absent())
    fields.finish()
    return policy


def _parse_job(fields: Fields, kind: str, absent: bool) -> Optional[WantedPolicy]:
    """Read the window, schedule and further configuration of a job. None where a declaration speaks of none of it."""
    read = fields.offset if kind == REFRESH else fields.lag
    values = [(key, read(key)) for key in WINDOW_KEYS[kind]]
    window = tuple(sorted((key, value) for key, value in values if value is not None))
    if len(window) > 1 and kind != REFRESH:
        raise DeclarationError(
            fields.path, "both {0} and {1} were given; accepted is one of them".format(*WINDOW_KEYS[kind])
        )
    config = fields.scalars("config")
    reserved = {"hypertable_id", "mat_hypertable_id"} | {key for keys in WINDOW_KEYS.values() for key in keys}
    for key in sorted(reserved & set(config)):
        raise DeclarationError(
            under(fields.at("config"), key), "this key is not accepted here; windows have keys of their own"
        )
    policy = WantedPolicy(fields.path, kind, window, _parse_settings(fields), tuple(sorted(config.items())), absent)
    spoken = window or config or absent or policy.settings != JobSettings()
    return policy if spoken or kind != COMPRESSION else None


def _parse_settings(fields: Fields) -> JobSettings:
    start = fields.text("initial_start")
    return JobSettings(
        schedule_interval=fields.interval("schedule_interval"),
        max_runtime=fields.interval("max_runtime", zero=True),
        max_retries=fields.integer("max_retries", -1),
        retry_period=fields.interval("retry_period"),
        scheduled=fields.boolean("scheduled"),
        timezone=fields.text("timezone"),
        initial_start=None if start is None else parse_timestamp(start, fields.at("initial_start")),
    )
