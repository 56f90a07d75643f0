# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning the compression settings of one relation."""

from __future__ import annotations

from typing import Iterator, Optional, Set, Tuple

from ..declaration import WantedCompression
from ..errors import DeclarationError, under
from ..model import Compression, Relation
from ..values import OrderBy, effective_order
from .actions import Action, Kind

FUTURE_ONLY = "chunks that are compressed already keep the settings they were compressed with"


def plan_compression(wanted: WantedCompression, relation: Relation, columns: Optional[Set[str]]) -> Iterator[Action]:
    """Yield what turns the relation's compression settings into the wanted ones; its policy is planned apart.

    columns: the relation's column names, or None where they are not known.
    """
    before = relation.compression
    if wanted.absent:
        if before is not None:
            yield Action(Kind.DISABLE_COMPRESSION, relation.name, before, None, wanted.path)
        return
    _check_columns(wanted, relation, columns)
    after = _settled(wanted, relation, before or Compression())
    if after != before:
        note = FUTURE_ONLY if before is not None else ""
        yield Action(Kind.SET_COMPRESSION, relation.name, before, after, wanted.path, note=note)


def _settled(wanted: WantedCompression, relation: Relation, before: Compression) -> Compression:
    """Return the settings the server will store for a declaration laid over what there is."""
    segmentby = before.segmentby if wanted.segmentby is None else wanted.segmentby
    orderby = before.orderby
    if wanted.orderby is not None:
        orderby = effective_order(wanted.orderby, segmentby or (), relation.time_column)
    both = {item.column for item in orderby or ()} & set(segmentby or ())
    if both:
        raise DeclarationError(
            under(wanted.path, "segmentby" if wanted.orderby is None else "orderby"),
            f"column {sorted(both)[0]} of {relation.name} is in the other list already; accepted is to declare both",
        )
    return Compression(segmentby, orderby)


def _check_columns(wanted: WantedCompression, relation: Relation, columns: Optional[Set[str]]) -> None:
    if columns is None:
        return
    order: Tuple[OrderBy, ...] = wanted.orderby or ()
    named = [("segmentby", name) for name in wanted.segmentby or ()] + [("orderby", item.column) for item in order]
    for key, name in named:
        if name not in columns:
            raise DeclarationError(
                under(wanted.path, key),
                "{0} has no column {1!r}; accepted are {2}".format(relation.name, name, ", ".join(sorted(columns))),
            )
    if relation.time_column in (wanted.segmentby or ()):
        raise DeclarationError(
            under(wanted.path, "segmentby"),
            f"{relation.time_column} is the time column; accepted are the others",
        )
