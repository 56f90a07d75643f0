# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps jobs from running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional

from .model import NOTICE, PROBLEM, Facts, Finding, Job, Server

_PATIENCE = 600.0  # seconds a job may be late before that means something
_ENDLESS = 86400.0  # seconds after which a run is taken for stuck
# What jobs of builds up to 2.29.2 fail with on PostgreSQL 17.12.
_PORTAL = "cannot drop portal"


@dataclass(frozen=True)
class Idleness:
    """Why a job does not do its work."""

    name: str
    cause: str
    evidence: str
    remedy: str
    severity: str = PROBLEM


def look_at_jobs(facts: Facts) -> Iterator[Finding]:
    """Yield what keeps each job from running; one finding for all when there is nobody to run any."""
    idle = _explain_nobody(facts.server) if facts.jobs else None
    if idle is not None:
        yield _finding(idle, "no job runs by itself: ")
    for job in facts.jobs:
        yield from _look_at_owner(job)
        found = _explain_job(job, facts.server)
        if found is not None and (idle is None or found.name != "job_overdue"):
            yield _finding(found, f"job {job.job_id} ({describe(job)}) is not doing its work: ")


def explain_idleness(job: Job, server: Server) -> Optional[Idleness]:
    """Return why a job does not do its work, None where nothing is known to be wrong."""
    return _explain_nobody(server) or _explain_job(job, server) or _explain_owner(job)


def describe(job: Job) -> str:
    """Return a job in words."""
    return f"{job.title} on {job.relation}" if job.relation else job.title


def _explain_nobody(server: Server) -> Optional[Idleness]:
    if server.restoring == "on" or server.standby:
        return None
    if server.background_workers is None:
        return Idleness(
            "no_background_workers",
            "the server has no background workers",
            "its engine runs TimescaleDB without them, as the sandbox does",
            "CALL run_job(id) for each job that is due",
            NOTICE,
        )
    if server.background_workers == 0:
        return Idleness(
            "no_background_workers",
            "the server may have no background workers",
            "timescaledb.max_background_workers is 0",
            "raise timescaledb.max_background_workers (the role timescaledb_host calculates it) and restart the server",
        )
    if server.schedulers == 0:
        return Idleness(
            "no_scheduler",
            f"no scheduler runs for database {server.database}",
            "pg_stat_activity lists no TimescaleDB scheduler for it, so none could be started or somebody stopped it",
            "SELECT _timescaledb_functions.start_background_workers(); if that does not help, raise "
            "timescaledb.max_background_workers and max_worker_processes and restart the server",
        )
    return None


def _explain_job(job: Job, server: Server) -> Optional[Idleness]:
    if not job.scheduled and job.consecutive_failures:
        return Idleness(
            "job_switched_off",
            "the scheduler switched it off after it failed too often",
            _failures(job),
            f"mend the cause, then declare scheduled: true, or SELECT alter_job({job.job_id}, scheduled => true)",
        )
    if job.consecutive_failures:
        return Idleness(
            "job_failing",
            "it fails",
            _failures(job),
            _mend(job),
        )
    if job.scheduled and job.next_start == "-infinity" and job.running_for is None:
        return Idleness(
            "job_stuck",
            "it waits for ever",
            "its next start is -infinity, which a change of servers may leave behind before TimescaleDB 2.26.4",
            f"SELECT alter_job({job.job_id}, next_start => now())",
        )
    if job.running_for is not None and job.running_for > _ENDLESS:
        return Idleness(
            "job_stuck",
            "it has not come to an end",
            f"it has been running for {job.running_for / 3600:.0f} hours",
            "see what it waits for in pg_stat_activity and pg_locks; end it with pg_terminate_backend(pid)",
        )
    late = job.overdue is not None and job.overdue > _PATIENCE and job.running_for is None
    if job.scheduled and late and not server.standby and server.restoring != "on":
        return Idleness(
            "job_overdue",
            "nobody started it when it was due",
            f"it is {(job.overdue or 0) / 60:.0f} minutes late",
            "look for 'failed to start a background worker' in the server's log, and raise "
            "timescaledb.max_background_workers and max_worker_processes",
        )
    return None


def _explain_owner(job: Job) -> Optional[Idleness]:
    if job.owner_can_login:
        return None
    return Idleness(
        "job_owner_cannot_login",
        f"its owner {job.owner} may not log in",
        f"role {job.owner} has NOLOGIN, and jobs run in the name of their owner",
        f"ALTER ROLE {job.owner} LOGIN; without a password nobody can log in as it",
    )


def _look_at_owner(job: Job) -> Iterator[Finding]:
    owner = _explain_owner(job)
    if owner is not None:
        yield _finding(owner, f"job {job.job_id} ({describe(job)}) cannot run: ")
    if job.relation_owner is not None and job.relation_owner != job.owner:
        yield Finding(
            "job_owner_differs",
            f"job {job.job_id} ({describe(job)}) belongs to another role than what it works on",
            f"the job belongs to {job.owner}, {job.relation} to {job.relation_owner}",
            f"ALTER TABLE or ALTER VIEW ... OWNER TO {job.relation_owner} once more (TimescaleDB 2.25.2 and newer), or "
            "remove the policy and run playbooks/apply_lifecycle.yml",
        )


def _failures(job: Job) -> str:
    times = f"it failed {job.consecutive_failures} times in a row"
    return f"{times}: " + (job.error or "its owner can read why in timescaledb_information.job_errors")


def _mend(job: Job) -> str:
    if _PORTAL in (job.error or ""):
        return "this PostgreSQL does not go with this TimescaleDB: have PostgreSQL 17.11, or a later TimescaleDB"
    return f"mend the cause, then CALL run_job({job.job_id}) shows whether it works"


def _finding(idle: Idleness, subject: str) -> Finding:
    return Finding(idle.name, subject + idle.cause, idle.evidence, idle.remedy, idle.severity)
