# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run from declaration to report: read, plan, judge, and unless it is a rehearsal, execute and read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

from .capabilities import Capabilities
from .catalog.impact import measure
from .catalog.snapshot import read_capabilities, read_database
from .declaration import Declaration
from .errors import GuardError, ServerError, TimescaleError, located
from .execute import LOCK_NOT_AVAILABLE, run, split
from .foresee import ASSUMED, with_assumed_tables
from .guard import judge, probes_for, unconsented
from .model import Database
from .plan.actions import Plan
from .plan.planner import make_plan
from .render import Statement, render_plan
from .report import Report
from .requirements import check_requirements
from .session import Session

# The advisory lock of a run: "TSDB" and "life" as numbers.
_ADVISORY_LOCK = "1414743106, 1818846821"
UNCHANGED = "nothing has been changed"


@dataclass(frozen=True)
class Options:
    """How to run. lock_timeout in seconds; allow holds the consents; allow_variable is what people call that list.

    assume_prerequisites: in a check, tables that are missing are taken as created by earlier tasks.
    """

    check: bool = False
    assume_prerequisites: bool = False
    allow: Tuple[str, ...] = ()
    allow_variable: str = "allow"
    lock_timeout: int = 30


def apply(session: Session, declaration: Declaration, options: Options) -> Report:
    """Bring the database to the declared state, or with options.check only say what that would take.

    Raises TimescaleError; unless its message says otherwise, nothing has been changed.
    """
    session.execute(f"SET lock_timeout = '{options.lock_timeout}s'")
    if not options.check:
        _take_advisory_lock(session, options)
    session.execute("BEGIN")
    try:
        report = _prepare(session, declaration, options)
        parts = split(
            [item for item in report.statements if item.transactional], report.before, report.capabilities.lock_slots
        )
        report.transactions = len(parts)
        if options.check or not report.plan.actions:
            session.execute("ROLLBACK")
            return report
        if len(parts) == 1:
            run(session, parts[0], UNCHANGED)
        if len(parts) <= 1:
            _read_back(session, declaration, report.capabilities)
            session.execute("COMMIT")
        else:
            session.execute("ROLLBACK")
    except TimescaleError:
        _rollback(session)
        raise
    if len(parts) > 1:
        _run_in_parts(session, parts, report)
    _run_alone(session, [item for item in report.statements if not item.transactional])
    return report


def foresee(declaration: Declaration) -> Report:
    """Return what a run would do to an empty database with all prerequisites, without a server to ask."""
    database = with_assumed_tables(declaration, Database())
    plan = make_plan(declaration, database, ASSUMED)
    return Report(plan, database, ASSUMED, render_plan(plan, database, ASSUMED), list(plan.warnings), transactions=1)


def _prepare(session: Session, declaration: Declaration, options: Options) -> Report:
    """Read, plan and judge. Raises GuardError for what nobody consented to, unless this is a check."""
    capabilities = read_capabilities(session)
    check_requirements(declaration, capabilities)
    database = read_database(session, declaration, capabilities)
    if options.check and options.assume_prerequisites:
        database = with_assumed_tables(declaration, database)
    plan = make_plan(declaration, database, capabilities)
    impacts = measure(session, probes_for(plan, database), capabilities)
    findings, warnings = judge(plan, database, impacts)
    refused = unconsented(findings, options.allow, options.allow_variable)
    if refused and not options.check:
        raise GuardError("; ".join(refused) + "; " + UNCHANGED)
    notes = [located(item.path, item.note) for item in plan.actions if item.note]
    allowed = [finding.message for finding in findings if finding.consent in options.allow]
    return Report(
        plan=plan,
        before=database,
        capabilities=capabilities,
        statements=render_plan(plan, database, capabilities),
        warnings=[*refused, *allowed, *warnings, *plan.warnings, *notes],
    )


def _take_advisory_lock(session: Session, options: Options) -> None:
    """Let one run at a time change a database; the lock goes with the session."""
    try:
        session.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
    except ServerError as error:
        if error.sqlstate != LOCK_NOT_AVAILABLE:
            raise
        raise ServerError(
            f"another run is changing this database and did not finish within {options.lock_timeout} seconds; "
            f"{UNCHANGED}",
            error.sqlstate,
        ) from None


def _read_back(session: Session, declaration: Declaration, capabilities: Capabilities) -> None:
    """Hold the database against the declaration once more, before the commit makes it final."""
    database: Database = read_database(session, declaration, capabilities)
    left: Plan = make_plan(declaration, database, capabilities)
    if left.actions:
        first = left.actions[0]
        due = "{0} of {1}".format(first.kind.value.replace("_", " "), first.relation)
        raise TimescaleError(
            located(
                first.path,
                f"the server took every statement, but {due} would still be due; this is a defect of the module, "
                f"please report it; {UNCHANGED}",
            )
        )


def _run_in_parts(session: Session, parts: Sequence[Sequence[Statement]], report: Report) -> None:
    report.warnings.append(
        f"the server's lock table holds {report.capabilities.lock_slots} locks, too few for one transaction; the state "
        f"is applied in {len(parts)} transactions, each a whole hypertable with its aggregates or several"
    )
    for number, part in enumerate(parts):
        consequence = f"{number} of {len(parts)} transactions are committed, this one and the rest are not"
        session.execute("BEGIN")
        try:
            run(session, part, consequence)
            session.execute("COMMIT")
        except TimescaleError:
            _rollback(session)
            raise


def _run_alone(session: Session, statements: List[Statement]) -> None:
    """Run what the server refuses inside a transaction, after everything else is committed."""
    for statement in statements:
        run(session, [statement], "the declared state is in place all the same, only this is missing")


def _rollback(session: Session) -> None:
    """Leave the transaction, be the connection itself lost."""
    try:
        session.execute("ROLLBACK")
    except ServerError:
        session.close()
