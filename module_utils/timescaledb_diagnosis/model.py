# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read of a server, and what was found in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

PROBLEM, NOTICE = "problem", "notice"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, by what one sees it, and what to do about it.

    name: what it is called in results, and never changes
    severity: a problem keeps something from working, a notice may
    """

    name: str
    problem: str
    evidence: str
    remedy: str
    severity: str = PROBLEM

    def as_result(self) -> Dict[str, str]:
        """The finding as a module returns it."""
        return {
            "name": self.name,
            "severity": self.severity,
            "problem": self.problem,
            "evidence": self.evidence,
            "remedy": self.remedy,
        }

    def as_text(self) -> str:
        """The finding as people read it."""
        return f"{self.severity}: {self.problem}\nseen by: {self.evidence}\nremedy: {self.remedy}\n"


@dataclass(frozen=True)
class Server:
    """A server and the session on it. Versions are None where there is none; times in seconds.

    user: who the session is now; login: who logged in; background_workers: None where nothing preloads TimescaleDB;
    schedulers: None where this session may not see them
    """

    database: str
    user: str
    login: str
    postgres: int
    postgres_text: str
    superuser: bool = False
    can_login: bool = True
    version: Optional[str] = None
    schema: Optional[str] = None
    available: Optional[str] = None
    trusted: bool = False
    files: bool = True
    license: Optional[str] = None
    restoring: Optional[str] = None
    background_workers: Optional[int] = None
    worker_processes: int = 8
    parallel_workers: int = 8
    lock_slots: int = 6400
    standby: bool = False
    schedulers: Optional[int] = None
    creates_extension: bool = False
    owns_database: bool = False
    makes_temporary: bool = True
    tls: bool = False
    tls_version: Optional[str] = None
    tls_cipher: Optional[str] = None
    address: Optional[str] = None

    @property
    def edition(self) -> Optional[str]:
        """The edition's name, None where the extension is not at work."""
        if self.license is None:
            return None
        return "apache" if self.license == "apache" else "community"

    @property
    def at_work(self) -> bool:
        """Whether the extension is there and loaded, so that its own views may be asked."""
        return self.version is not None and self.license is not None


@dataclass(frozen=True)
class RoleRights:
    """What one role may do in one schema. unreadable: relations there it may not read, the first few by name."""

    role: str
    schema: str
    schema_owner: str
    creates: bool
    uses: bool
    unreadable: Tuple[str, ...] = ()
    unreadable_count: int = 0


@dataclass(frozen=True)
class Compression:
    """Compression of a hypertable or aggregate.

    due: uncompressed chunks that the policy reaches, None where that cannot be said; first_due: when the next one is
    """

    name: str
    enabled: bool
    chunks: int
    compressed: int
    job_id: Optional[int] = None
    after: Optional[str] = None
    due: Optional[int] = None
    first_due: Optional[str] = None


@dataclass(frozen=True)
class Job:
    """A job and how it fares. overdue: seconds since it should have begun, None where nothing says when."""

    job_id: int
    title: str
    relation: Optional[str]
    owner: str
    owner_can_login: bool
    relation_owner: Optional[str]
    scheduled: bool
    next_start: Optional[str] = None
    running_for: Optional[float] = None
    overdue: Optional[float] = None
    total_runs: int = 0
    consecutive_failures: int = 0
    error: Optional[str] = None


@dataclass(frozen=True)
class Reads:
    """How a table or hypertable was read since statistics began. rows: estimated."""

    name: str
    rows: int
    seq_scans: int
    seq_rows: int
    index_scans: int


@dataclass(frozen=True)
class BareKey:
    """A foreign key without an index on the side that refers."""

    name: str
    relation: str
    columns: Tuple[str, ...]
    parent: str


@dataclass(frozen=True)
class Storage:
    """What a relation in a plan is: the hypertable a chunk belongs to, its time column, and its estimated rows."""

    relation: str
    rows: int
    time_column: Optional[str]
    columns: Tuple[str, ...] = ()


@dataclass(frozen=True)
class DeclaredQuery:
    """A query the inventory names, and its plan as EXPLAIN gives it, or why there is none."""

    name: str
    plan: Optional[Mapping[str, Any]] = None
    error: Optional[str] = None


@dataclass(frozen=True)
class Facts:
    """Everything that was read. undeclared: aggregates and hypertables whose declared compression is not there."""

    server: Server
    rights: Tuple[RoleRights, ...] = ()
    creating: Tuple[str, ...] = ()
    missing_roles: Tuple[str, ...] = ()
    strays: Tuple[Tuple[str, str], ...] = ()  # relations and their owners, where that is not the expected one
    owner: str = ""
    compression: Tuple[Compression, ...] = ()
    declared_compression: Tuple[str, ...] = ()
    jobs: Tuple[Job, ...] = ()
    chunks: int = 0
    reads: Tuple[Reads, ...] = ()
    bare_keys: Tuple[BareKey, ...] = ()
    queries: Tuple[DeclaredQuery, ...] = ()
    storage: Mapping[Tuple[str, str], Storage] = ()  # type: ignore[assignment]
    large_rows: int = 10000
