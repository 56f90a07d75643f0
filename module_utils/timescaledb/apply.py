# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run from declaration to report: read, plan, judge, and unless it is a rehearsal, execute and read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Mapping, Sequence, Tuple

from .capabilities import Capabilities
from .catalog.impact import measure
from .catalog.snapshot import read_capabilities, read_database, reading
from .declaration import Declaration
from .errors import GuardError, ServerError, TimescaleError, located
from .execute import LOCK_NOT_AVAILABLE, estimated_locks, run, split, stages
from .foresee import ASSUMED, with_assumed_tables
from .guard import Impact, Probe, judge, probes_for, unconsented
from .model import Database, Policy
from .names import QualifiedName
from .plan.actions import Action
from .plan.planner import make_plan
from .render import Statement, render_plan
from .report import Parts, Report
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
    except TimescaleError:
        _rollback(session)
        raise
    if options.check or not report.plan.actions:
        session.execute("ROLLBACK")
        return report
    _Execution(session, declaration, report).run()
    return report


def foresee(declaration: Declaration) -> Report:
    """Return what a run would do to an empty database with all prerequisites, without a server to ask."""
    database = with_assumed_tables(declaration, Database())
    plan = make_plan(declaration, database, ASSUMED)
    return Report(plan, database, ASSUMED, render_plan(plan, database, ASSUMED), list(plan.warnings))


def _prepare(session: Session, declaration: Declaration, options: Options) -> Report:
    """Read, plan and judge. Raises GuardError for what nobody consented to, unless this is a check."""
    with reading(UNCHANGED):
        capabilities = read_capabilities(session)
        check_requirements(declaration, capabilities)
        database = read_database(session, declaration, capabilities)
    if options.check and options.assume_prerequisites:
        database = with_assumed_tables(declaration, database)
    plan = make_plan(declaration, database, capabilities)
    with reading(UNCHANGED):
        impacts = measure(session, probes_for(plan, database), capabilities)
    findings, warnings = judge(plan, database, impacts)
    refused = unconsented(findings, options.allow, options.allow_variable)
    if refused and not options.check:
        raise GuardError("; ".join(refused) + "; " + UNCHANGED)
    statements = render_plan(plan, database, capabilities)
    parts, waiting = _transactions(statements, database, capabilities, impacts)
    notes = [located(item.path, item.note) for item in plan.actions if item.note]
    allowed = [finding.message for finding in findings if finding.consent in options.allow]
    return Report(
        plan=plan,
        before=database,
        capabilities=capabilities,
        statements=statements,
        warnings=[*refused, *allowed, *warnings, *plan.warnings, *notes, *waiting],
        parts=parts,
    )


def _transactions(
    statements: Tuple[Statement, ...], database: Database, capabilities: Capabilities, impacts: Mapping[Probe, Impact]
) -> Tuple[Parts, List[str]]:
    """Return the statements before the first that runs alone as transactions, and what is to be said of their size."""
    chunks = {id(probe.action): impact.chunks for probe, impact in impacts.items()}
    slots = capabilities.lock_slots
    parts = split(stages(statements)[0], database, slots, chunks)
    warnings = []
    if len(parts) > 1:
        warnings.append(
            f"the server's lock table holds {slots} locks, too few for one transaction; the state is applied in "
            f"{len(parts)} transactions, each a whole hypertable with its aggregates or several"
        )
    most = max((estimated_locks(part, chunks) for part in parts), default=0)
    if most > slots:
        warnings.append(
            f"one transaction takes about {most} locks, and the server's lock table holds {slots}: raise "
            "max_locks_per_transaction, or it will be refused"
        )
    return parts, warnings


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


class _Execution:
    """Runs a report's statements: first what transactions hold, then what must run alone, last what waits for that."""

    def __init__(self, session: Session, declaration: Declaration, report: Report) -> None:
        self.session = session
        self.declaration = declaration
        self.report = report
        _first, self.alone, self.last = stages(report.statements)

    def run(self) -> None:
        """Run everything; the transaction in which the plan was made is open."""
        parts = self.report.parts
        open_already = len(parts) <= 1
        if not open_already:
            self.session.execute("ROLLBACK")
        for number, part in enumerate(parts or ((),)):
            consequence = f"{number} of {len(parts)} transactions are committed, this one and the rest are not"
            complete = number >= len(parts) - 1
            self.commit(part, UNCHANGED if open_already else consequence, complete, open_already)
        waiting = "; ".join(statement.text for statement in self.last)
        rest = f", nor are the retention policies that wait for it ({waiting})" if self.last else ""
        for statement in self.alone:
            run(
                self.session,
                [statement],
                f"everything before it is in place, this is not{rest}; put the cause right and run again, or run "
                f"{statement.text}",
            )
        if self.last:
            self.alone, last, self.last = (), self.last, ()
            self.commit(last, "everything else is in place", True)

    def commit(self, statements: Sequence[Statement], consequence: str, complete: bool, begun: bool = False) -> None:
        """Run statements in a transaction; where they complete the state, read it back before the commit."""
        if not begun:
            self.session.execute("BEGIN")
        try:
            run(self.session, statements, consequence)
            if complete:
                self.read_back(consequence)
            self.session.execute("COMMIT")
        except TimescaleError:
            _rollback(self.session)
            raise

    def read_back(self, consequence: str) -> None:
        """Hold the database against the declaration once more; only what is still to run may be due."""
        with reading(consequence):
            database = read_database(self.session, self.declaration, self.report.capabilities)
        to_come = {_identity(statement.action) for statement in (*self.alone, *self.last)}
        left = make_plan(self.declaration, database, self.report.capabilities).actions
        for action in left:
            if _identity(action) not in to_come:
                due = "{0} of {1}".format(action.kind.value.replace("_", " "), action.relation)
                raise TimescaleError(
                    located(
                        action.path,
                        f"the server took every statement, but {due} would still be due; this is a defect of the "
                        f"module, please report it; {consequence}",
                    )
                )


def _identity(action: Action) -> Tuple[str, QualifiedName, str]:
    """What an action is about, however its values are told."""
    return action.kind.value, action.relation, action.after.kind if isinstance(action.after, Policy) else ""


def _rollback(session: Session) -> None:
    """Leave the transaction, be the connection itself lost."""
    try:
        session.execute("ROLLBACK")
    except ServerError:
        session.close()
