# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declared lifecycle needs of a server: how many policies run, how many chunks there will be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible.module_utils

# The core is for managed nodes, where Ansible puts it into this package. On the controller it is reached like this.
_CORE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _CORE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_CORE)

from ansible.module_utils.timescaledb.declaration import (  # noqa: E402 - see above
    WantedAggregate,
    WantedPolicy,
    WantedRelation,
)
from ansible.module_utils.timescaledb.errors import TimescaleError  # noqa: E402
from ansible.module_utils.timescaledb.parse import Roots, parse_declaration  # noqa: E402
from ansible.module_utils.timescaledb.values import Interval, Lag, parse_interval  # noqa: E402

# What the server takes for a hypertable, and for an aggregate of such a one, where nobody says otherwise.
DEFAULT_INTERVALS = {False: parse_interval("7 days"), True: parse_interval("70 days")}
# How long data counts that is kept for ever.
FOR_EVER = parse_interval("5 years")
UNKNOWN_CHUNKS = 1000  # where chunks are counted in whole numbers and nothing is ever dropped
KEPT_KEYS = ("drop_after", "drop_created_before")


def declared_needs(hypertables: object, aggregates: object, overrides: object = None) -> dict[str, Any]:
    """Return how many policies a declaration has and how many chunks it will hold.

    For a declaration that the lifecycle's role would refuse, complaints holds that role's sentence.
    """
    prefix = "timescaledb_lifecycle_"
    roots = Roots(*(prefix + name for name in ("hypertables", "continuous_aggregates", "overrides", "prune")))
    try:
        declaration = parse_declaration(hypertables, aggregates, overrides, roots=roots)
    except TimescaleError as error:
        return {"policies": 0, "chunks": 0, "complaints": [str(error)]}
    present = [relation for relation in declaration.relations if not relation.absent]
    return {
        "policies": sum(len(_policies(relation)) for relation in present),
        "chunks": sum(map(_chunks, present)),
        "complaints": [],
    }


def _policies(relation: WantedRelation) -> list[WantedPolicy]:
    compression = relation.compression and relation.compression.policy
    refresh = relation.refresh if isinstance(relation, WantedAggregate) else None
    return [policy for policy in (compression, relation.retention, refresh) if policy and not policy.absent]


def _chunks(relation: WantedRelation) -> int:
    """Return the chunks of one relation; one that compresses has a second table for each."""
    interval = relation.chunk_interval or DEFAULT_INTERVALS[isinstance(relation, WantedAggregate)]
    chunks = _count(_kept(relation.retention), interval)
    return chunks * (2 if relation.compression and not relation.compression.absent else 1)


def _kept(retention: WantedPolicy | None) -> Lag | None:
    window = dict(retention.window) if retention and not retention.absent else {}
    return next((window[key] for key in KEPT_KEYS if key in window), None)


def _count(kept: Lag | None, interval: Lag) -> int:
    """Return how many chunks of `interval` cover what is kept, with one being written and one about to go."""
    if isinstance(interval, Interval):
        length = kept.total if isinstance(kept, Interval) else FOR_EVER.total
        return -(-length // max(interval.total, 1)) + 2
    if isinstance(kept, int):
        return -(-kept // max(interval, 1)) + 2
    return UNKNOWN_CHUNKS


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"timescaledb_declared_needs": declared_needs}
