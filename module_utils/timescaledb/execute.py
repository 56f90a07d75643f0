# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running statements: all or nothing where one transaction can hold them, and in as few parts as it takes otherwise."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Tuple

from .errors import ServerError, located
from .model import Database
from .names import QualifiedName
from .plan.actions import Kind
from .render import Statement
from .session import Session

# Locks one action holds until its transaction ends: the most that were counted on TimescaleDB 2.19, 2.23 and 2.29, with
# room for a few indexes. Policies are rows of one table.
_LOCKS = {
    Kind.CREATE_HYPERTABLE: 8,
    Kind.CREATE_AGGREGATE: 20,
    Kind.SET_COMPRESSION: 6,
    Kind.DROP_HYPERTABLE: 20,
    Kind.DROP_AGGREGATE: 20,
    Kind.ADD_POLICY: 0,
    Kind.ALTER_POLICY: 0,
    Kind.REPLACE_POLICY: 0,
    Kind.REMOVE_POLICY: 0,
}
_USUAL_LOCKS = 4
# And for each chunk that is dropped or decompressed: itself, its indexes, its compressed twin.
_LOCKS_PER_CHUNK = 8
# The share of the lock table one transaction may take: others need some of it too.
_SHARE = 0.6

LOCK_NOT_AVAILABLE = "55P03"
_FULL = "53200"


Statements = Sequence[Statement]
Chunks = Mapping[int, int]
NO_CHUNKS: Chunks = {}


def stages(statements: Statements) -> Tuple[Statements, Statements, Statements]:
    """Return what runs in transactions, what the server refuses in one, and what has to wait for that."""
    alone = [number for number, statement in enumerate(statements) if not statement.transactional]
    if not alone:
        return statements, (), ()
    return statements[: alone[0]], statements[alone[0] : alone[-1] + 1], statements[alone[-1] + 1 :]


def estimated_locks(statements: Statements, chunks: Chunks = NO_CHUNKS) -> int:
    """Return about how many entries of the lock table the statements hold in one transaction.

    chunks: how many chunks an action drops or decompresses, by the action's id()
    """
    return sum(
        _LOCKS.get(statement.action.kind, _USUAL_LOCKS) + _LOCKS_PER_CHUNK * chunks.get(id(statement.action), 0)
        for statement in statements
    )


def split(
    statements: Statements, database: Database, lock_slots: int, chunks: Chunks = NO_CHUNKS
) -> Tuple[Tuple[Statement, ...], ...]:
    """Return the statements as transactions: one, or where the lock table is too small, one per hypertable.

    A hypertable stays together with the aggregates over it. Small neighbours share a transaction.
    """
    budget = int(lock_slots * _SHARE)
    if estimated_locks(statements, chunks) <= budget:
        return (tuple(statements),) if statements else ()
    families: Dict[QualifiedName, List[Statement]] = {}
    sources = _sources(statements, database)
    for statement in statements:
        families.setdefault(_root(statement.action.relation, sources), []).append(statement)
    transactions: List[List[Statement]] = [[]]
    for family in families.values():
        if transactions[-1] and estimated_locks(transactions[-1] + family, chunks) > budget:
            transactions.append([])
        transactions[-1] += family
    return tuple(tuple(part) for part in transactions)


def _sources(statements: Statements, database: Database) -> Dict[QualifiedName, QualifiedName]:
    """Return what each aggregate selects from, those about to be created included."""
    sources = {item.name: item.source for item in database.aggregates}
    for statement in statements:
        source = getattr(statement.action.after, "source", None)
        if isinstance(source, QualifiedName):
            sources[statement.action.relation] = source
    return sources


def _root(name: QualifiedName, sources: Dict[QualifiedName, QualifiedName]) -> QualifiedName:
    while name in sources:
        name = sources[name]
    return name


def run(session: Session, statements: Sequence[Statement], consequence: str) -> None:
    """Run statements in the order given. Raises ServerError that names the variable and what has become of the rest."""
    for statement in statements:
        try:
            session.execute(statement.text)
        except ServerError as error:
            raise ServerError(_explained(statement, error, consequence), error.sqlstate) from None
        session.statements.append(statement.text)


def _explained(statement: Statement, error: ServerError, consequence: str) -> str:
    action = statement.action
    where = located(action.path, "{0} of {1}".format(action.kind.value.replace("_", " "), action.relation))
    if error.sqlstate == LOCK_NOT_AVAILABLE:
        return f"{where} did not get its lock in time, something else is using the table ({error}); {consequence}"
    if error.sqlstate == _FULL:
        cure = "raise max_locks_per_transaction"
        return f"{where} found the server's lock table or memory full; {cure} ({error}); {consequence}"
    return f"{where} was refused by the server: {error}; {consequence}"
