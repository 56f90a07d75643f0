# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading plans, as EXPLAIN (FORMAT JSON, VERBOSE) gives them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from ..timescaledb.names import show_identifier
from .model import Storage

_SELECTIVE = 0.1  # a query that finds more than this share of what it reads is not helped by an index
# Reading compressed chunks as a whole is what they are for.
_DECOMPRESSING = ("DecompressChunk", "ColumnarScan", "VectorAgg")
_EQUALITY = re.compile(r'\(?\(?(?:(?:"[^"]+"|\w+)\.)*("(?:[^"]|"")+"|\w+)\)?(?:::[\w ]+)?(?:\[\])?\s=\s')


@dataclass(frozen=True)
class Waste:
    """What a query reads of a relation and throws away. index: columns of one that would serve it."""

    relation: str
    read: int
    found: int
    condition: str
    index: Tuple[str, ...]


def relations_of(plan: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    """Yield schema and name of everything a plan scans."""
    for node in _nodes(plan):
        if "Relation Name" in node:
            yield node.get("Schema", "public"), node["Relation Name"]


def find_waste(plan: Mapping[str, Any], storage: Mapping[Tuple[str, str], Storage], large_rows: int) -> Iterator[Waste]:
    """Yield what a query reads in whole and finds little in, chunks of a hypertable taken together."""
    scans: Dict[str, List[Tuple[Mapping[str, Any], Storage]]] = {}
    for node in _nodes(plan):
        held = storage.get((node.get("Schema", "public"), node.get("Relation Name", "")))
        if node["Node Type"] == "Seq Scan" and "Filter" in node and held is not None:
            scans.setdefault(held.relation, []).append((node, held))
    for relation, found in scans.items():
        read = sum(held.rows for _, held in found)
        kept = sum(int(node["Plan Rows"]) for node, _ in found)
        if read >= large_rows and kept <= _SELECTIVE * read:
            node, held = found[0]
            condition = str(node["Filter"])
            yield Waste(relation, read, kept, condition, _index_for(condition, held))


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every node but those below one that decompresses."""
    yield plan
    if plan.get("Custom Plan Provider") in _DECOMPRESSING:
        return
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _index_for(condition: str, held: Storage) -> Tuple[str, ...]:
    """Return columns for an index: those compared for equality, then time where it is a hypertable's."""
    named = [name.strip('"').replace('""', '"') for name in _EQUALITY.findall(condition)]
    columns = _distinct([name for name in named if name in held.columns and name != held.time_column])
    shown = [show_identifier(name) for name in columns]
    if columns and held.time_column is not None:
        shown.append(show_identifier(held.time_column) + " DESC")
    return tuple(shown)


def _distinct(names: Sequence[str]) -> List[str]:
    return list(dict.fromkeys(names))
