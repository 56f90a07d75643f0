# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of it all: read, plan, render, guard, run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from sqlalchemy.exc import DBAPIError

from ..timescaledb.errors import DeclarationError, GuardError
from ..timescaledb.session import LoginParameters
from .database import LoginError, explain_refusal, open_transaction
from .losses import Loss, describe_losses, find_losses
from .plan import Plan, plan_way
from .scripts import Scripts
from .tables import count_losses, find_dependants

CONSENT = "drop_data"


@dataclass(frozen=True)
class Request:
    """What is wanted. lock_timeout: seconds. dry: read and plan only.

    assume_new: a database that cannot be reached is taken for a new one, so for dry requests only
    """

    login: LoginParameters
    script_location: str
    command: str
    revision: str
    allow: Sequence[str]
    lock_timeout: int
    dry: bool
    assume_new: bool


@dataclass(frozen=True)
class Outcome:
    """What was run, or would be. sql: None when a script could not be rendered."""

    plan: Plan
    sql: Optional[str]
    losses: Tuple[Loss, ...] = ()
    warnings: Tuple[str, ...] = ()


def migrate(request: Request) -> Outcome:
    """Bring the database to the wanted revision in one transaction, or say how one would.

    Raises DeclarationError, GuardError or ServerError; nothing has been written then.
    """
    scripts = Scripts(request.script_location)
    dependants: List[str] = []
    try:
        with open_transaction(request.login, request.lock_timeout, read_only=request.dry) as connection:
            return migrate_over(connection, scripts, request, dependants)
    except LoginError as error:
        if not request.assume_new:
            raise
        return foresee(scripts, request, str(error))
    except DBAPIError as error:
        running = scripts.running.name if scripts.running else None
        raise explain_refusal(error, running, dependants, request.lock_timeout) from error


def migrate_over(connection: object, scripts: Scripts, request: Request, dependants: List[str]) -> Outcome:
    """Do it over an open connection, inside its transaction; `dependants` is filled for those who explain a refusal."""
    plan = plan_way(scripts.history, request.command, request.revision, scripts.read_applied(connection))
    sql, warnings = render(scripts, plan)
    dropped = find_losses(sql or "")
    losses = count_losses(connection, dropped)
    dependants.extend(find_dependants(connection, dropped) if dropped else [])
    unconsented = [] if CONSENT in request.allow else describe_risks(plan, sql, losses)
    if request.dry:
        warnings += unconsented + [f"{one} needs a table that would be dropped: remove it first" for one in dependants]
    elif unconsented:
        raise GuardError(unconsented[0])
    else:
        scripts.run(plan, connection)
    return Outcome(plan, sql, tuple(losses), tuple(warnings))


def foresee(scripts: Scripts, request: Request, reason: str) -> Outcome:
    """What would be done to a database that has seen no revision; `reason` says why one cannot look."""
    plan = plan_way(scripts.history, request.command, request.revision, ())
    sql, warnings = render(scripts, plan)
    return Outcome(plan, sql, warnings=(f"{reason}; this is what a new database would get", *warnings))


def render(scripts: Scripts, plan: Plan) -> Tuple[Optional[str], List[str]]:
    """The SQL of `plan`, or None and why there is none: a script may ask the database while it runs."""
    if not plan.steps:
        return "", []
    try:
        return scripts.render(plan), []
    except DeclarationError as error:
        return None, [f"the SQL cannot be shown: {error.problem}"]


def describe_risks(plan: Plan, sql: Optional[str], losses: Sequence[Loss]) -> List[str]:
    """What needs consent, as at most one sentence. A downgrade that cannot be shown may drop anything."""
    way = "{0} from {1} to {2}".format(plan.command, plan.current or "base", plan.target or "base")
    if losses:
        lost = describe_losses(losses)
    elif sql is None and plan.command == "downgrade":
        lost = "something, which its scripts do not tell beforehand"
    else:
        return []
    return [f"allow: the {way} would drop {lost}; to consent, add {CONSENT}"]
