# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why chunks are not compressed."""

from __future__ import annotations

from typing import Iterator, Optional

from .jobs import explain_idleness
from .model import NOTICE, PROBLEM, Compression, Facts, Finding, Job

_PROBLEM = "chunks of {0} are not compressing: {1}"


def look_at_compression(facts: Facts) -> Iterator[Finding]:
    """Yield for each hypertable and aggregate what keeps its chunks from being compressed, the first cause only."""
    jobs = {job.job_id: job for job in facts.jobs}
    there = {item.name for item in facts.compression if item.enabled}
    for name in facts.declared_compression:
        if name not in there:
            yield _finding(
                "compression_not_enabled",
                name,
                "its declared compression was not applied",
                "the inventory declares compression, and the database has it switched off",
                "run playbooks/apply_lifecycle.yml",
            )
    for item in facts.compression:
        if item.enabled:
            finding = _look_at(item, jobs.get(item.job_id or 0), facts)
            if finding is not None:
                yield finding


def _look_at(item: Compression, job: Optional[Job], facts: Facts) -> Optional[Finding]:
    waiting = item.chunks - item.compressed
    seen = f"{item.compressed} of {item.chunks} chunks are compressed"
    if not waiting:
        return None
    if job is None:
        if item.compressed == item.chunks - 1 and item.chunks > 1:
            return None  # somebody compresses by hand
        return _finding(
            "compression_without_policy",
            item.name,
            "no policy compresses them",
            f"{seen}, and timescaledb_information.jobs has no compression policy for it",
            "declare compress_after and run playbooks/apply_lifecycle.yml, or SELECT add_compression_policy(...)",
        )
    if not job.scheduled and not job.consecutive_failures:
        return _finding(
            "compression_policy_disabled",
            item.name,
            "their policy is switched off",
            f"{seen}; job {job.job_id} has scheduled = false",
            f"declare scheduled: true, or SELECT alter_job({job.job_id}, scheduled => true)",
        )
    if item.due == 0:
        return _not_due(item, seen) if not item.compressed else None
    if not item.due:
        return None
    idle = explain_idleness(job, facts.server)
    if idle is None:
        return None
    evidence = f"{seen}, {item.due} are due; {idle.evidence}"
    return _finding(idle.name, item.name, idle.cause, evidence, idle.remedy, idle.severity)


def _not_due(item: Compression, seen: str) -> Finding:
    return _finding(
        "compression_not_due",
        item.name,
        "none is old enough yet",
        f"{seen}; compress_after is {item.after}, and the first chunk reaches that at {item.first_due}",
        "wait, or shorten compress_after; a chunk is due when its end is older than that, not its beginning",
        NOTICE,
    )


def _finding(name: str, relation: str, cause: str, evidence: str, remedy: str, severity: str = PROBLEM) -> Finding:
    return Finding(name, _PROBLEM.format(relation, cause), evidence, remedy, severity)
