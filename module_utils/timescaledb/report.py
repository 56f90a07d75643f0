# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells its caller, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

from .capabilities import Capabilities
from .export import export_database, export_policy, export_relation, plain
from .model import Belongings, Compression, ContinuousAggregate, Database, HashDimension, Hypertable, Index, Policy
from .plan.actions import Action, Plan
from .plan.simulate import simulate
from .render import Statement

Parts = Tuple[Tuple[Statement, ...], ...]


@dataclass
class Report:
    """The outcome of one run."""

    plan: Plan
    before: Database
    capabilities: Capabilities
    statements: Tuple[Statement, ...] = ()
    warnings: List[str] = field(default_factory=list)
    parts: Parts = ()

    @property
    def transactions(self) -> int:
        """In how many transactions the plan runs; what runs alone is none."""
        waiting = any(not item.transactional for item in self.statements) and self.statements[-1].transactional
        return max(len(self.parts), 1) + waiting

    def as_result(self) -> Dict[str, Any]:
        """Return the module's result."""
        return {
            "changed": bool(self.plan.actions),
            "diff": self.diff(),
            "plan": [describe_action(action) for action in self.plan.actions],
            "statements": [statement.text for statement in self.statements],
            "transactions": self.transactions if self.plan.actions else 0,
            "server": {
                "timescaledb": self.capabilities.version_text,
                "edition": self.capabilities.edition,
                "postgresql": self.capabilities.postgres // 10000,
            },
        }

    def diff(self) -> Dict[str, Any]:
        """Return the objects the plan touches, before and after; after comes from the plan, not from a new reading."""
        touched = [action.relation for action in self.plan.actions]
        after = simulate(self.before, self.plan.actions)
        return {
            "before_header": "database as it is",
            "after_header": "database as declared",
            "before": export_database(self.before, touched) if touched else {},
            "after": export_database(after, touched) if touched else {},
        }


def describe_action(action: Action) -> Dict[str, Any]:
    """Return one action as data."""
    result: Dict[str, Any] = {
        "action": action.kind.value,
        "object": str(action.relation),
        "declared_in": action.path,
        "before": _piece(action.before),
        "after": _piece(action.after),
    }
    if isinstance(action.before, Policy) and action.before.job_id is not None:
        result["job_id"] = action.before.job_id
    policy = action.after if isinstance(action.after, Policy) else action.before
    if isinstance(policy, Policy):
        result["policy"] = policy.kind
    if action.note:
        result["note"] = action.note
    return result


def _piece(piece: Any) -> Any:
    if isinstance(piece, Policy):
        return export_policy(piece)
    if isinstance(piece, (Hypertable, ContinuousAggregate)):
        return export_relation(piece)
    if isinstance(piece, HashDimension):
        return {"column": piece.column, "number_partitions": piece.number_partitions}
    if isinstance(piece, Index) and piece.definition:
        return {"name": piece.name, "definition": piece.definition}
    if isinstance(piece, Index):
        return {"name": piece.name, "columns": [str(column) for column in piece.columns]}
    if isinstance(piece, Belongings):
        grants = [{"to": to or "PUBLIC", "privilege": what, "grantable": more} for to, what, more in piece.grants]
        return {"owner": piece.owner, "comment": piece.comment, "grants": grants}
    if isinstance(piece, Compression):
        return {
            "segmentby": None if piece.segmentby is None else list(piece.segmentby),
            "orderby": None if piece.orderby is None else [str(column) for column in piece.orderby],
        }
    return plain(piece)
