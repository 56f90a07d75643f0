# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a server from its memory and CPUs: the formulas of timescaledb-tune 0.19, and what a declaration adds.

Sizes go in as bytes and come out as PostgreSQL text, such as 512MB, spelt as the tool spells them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

KIB, MIB, GIB, TIB = (1024**power for power in (1, 2, 3, 4))

LEAST_CONNECTIONS = 25  # the tool accepts no fewer, as Patroni does not
LEAST_BACKGROUND_WORKERS = 16
WAL_SEGMENT = 16 * MIB

# What stays the same whatever the machine. Version 14 and later get the same values.
CONSTANTS = {
    "default_statistics_target": "100",
    "random_page_cost": "1.1",
    "checkpoint_completion_target": "0.9",
    "autovacuum_max_workers": "10",
    "autovacuum_naptime": "10",
    "default_toast_compression": "lz4",
    "jit": "off",
    "effective_io_concurrency": "256",
}

# The profile `small`: a server that shares a small machine. Its memory goes into shared buffers and the workers of
# policies; nothing is calculated in parallel, and few vacuum workers each take little.
SMALL_MEMORY = 512 * MIB
SMALL_CPUS = 2
SMALL = {
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "autovacuum_max_workers": "2",
}


def render_size(size: int) -> str:
    """Return `size` bytes in the largest unit that shows it whole, cut to the next smaller one where none does."""
    if size < KIB:
        return "1kB"
    if size < MIB:
        return f"{size / KIB:.0f}kB"
    units = [("kB", KIB), ("MB", MIB), ("GB", GIB), ("TB", TIB)]
    index = max(index for index, (_, scale) in enumerate(units) if size >= scale)
    name, scale = units[index]
    if size / scale - size // scale > 0.001:
        name, scale = units[index - 1]
    return f"{size // scale}{name}"


def tune(
    memory: int,
    cpus: int,
    wal_disk: int = 0,
    connections: int = 0,
    background_workers: int = LEAST_BACKGROUND_WORKERS,
) -> dict[str, str]:
    """Return what timescaledb-tune 0.19 recommends on Linux for PostgreSQL 14 and later.

    `memory` and `wal_disk` are bytes; 0 for `wal_disk` or `connections` leaves the choice to the formulas. Raises
    ValueError for what the tool refuses.
    """
    if memory < 1 or cpus < 1:
        raise ValueError(f"{memory} bytes of memory and {cpus} CPUs were given; accepted is at least one of each")
    if connections and connections < LEAST_CONNECTIONS:
        raise ValueError(f"{connections} connections were given; accepted is 0 or at least {LEAST_CONNECTIONS}")
    if background_workers < LEAST_BACKGROUND_WORKERS:
        raise ValueError(
            f"{background_workers} background workers were given; accepted is at least {LEAST_BACKGROUND_WORKERS}"
        )
    connections = connections or _default_connections(memory)
    return {
        **_memory(memory, cpus, connections),
        **(_parallelism(cpus, background_workers) if cpus > 1 else {}),
        **_write_ahead_log(memory, wal_disk),
        "max_connections": str(connections),
        "max_locks_per_transaction": str(_default_locks(memory)),
        **CONSTANTS,
    }


def _half(cpus: int) -> int:
    """Half of the CPUs, rounded up."""
    return (cpus + 1) // 2


def _memory(memory: int, cpus: int, connections: int) -> dict[str, str]:
    gigabytes = memory / GIB
    return {
        "shared_buffers": render_size(memory // 4),
        "effective_cache_size": render_size(memory * 3 // 4),
        "maintenance_work_mem": render_size(min(int(gigabytes * 128 * MIB), 2047 * MIB)),
        "work_mem": render_size(max(int(gigabytes * (400 * MIB / connections) / _half(cpus)), 64 * KIB)),
    }


def _parallelism(cpus: int, background_workers: int) -> dict[str, str]:
    return {
        "timescaledb.max_background_workers": str(background_workers),
        "max_worker_processes": str(3 + background_workers + cpus),
        "max_parallel_workers_per_gather": str(_half(cpus)),
        "max_parallel_workers": str(cpus),
    }


def _write_ahead_log(memory: int, wal_disk: int) -> dict[str, str]:
    largest = -(-(wal_disk * 60 // 100) // WAL_SEGMENT) * WAL_SEGMENT if wal_disk else GIB
    return {
        "wal_buffers": render_size(int(memory / GIB * 7864 * KIB) if memory < 2 * GIB else 16 * MIB),
        "min_wal_size": render_size(largest // 2),
        "max_wal_size": render_size(largest),
    }


def _default_connections(memory: int) -> int:
    steps = [(2, 25), (4, 50), (6, 75)]
    return next((connections for gigabytes, connections in steps if memory <= gigabytes * GIB), 100)


def _default_locks(memory: int) -> int:
    steps = [(8, 128), (16, 256), (32, 512)]
    return next((locks for gigabytes, locks in steps if memory < gigabytes * GIB), 1024)


def tune_for_declaration(
    machine: Mapping[str, Any], needs: Mapping[str, int], profile: str = "default"
) -> dict[str, str]:
    """Return the settings for a machine and for what is declared to live on it.

    `machine` has memory and wal_disk in bytes, cpus, connections (0: by formula); `needs` has databases, policies and
    chunks. The formulas know neither policies nor chunks; what these need beyond the formulas is added.
    """
    small = profile == "small"
    memory = min(machine["memory"], SMALL_MEMORY) if small else machine["memory"]
    cpus = min(machine["cpus"], SMALL_CPUS) if small else machine["cpus"]
    workers = background_workers_for(needs["databases"], needs["policies"])
    if not small:
        workers = max(workers, LEAST_BACKGROUND_WORKERS)
    asked = machine.get("connections", 0)
    settings = tune(memory, cpus, machine.get("wal_disk", 0), asked and max(asked, LEAST_CONNECTIONS))
    locks = locks_for(needs["chunks"], int(settings["max_connections"]))
    return {
        **settings,
        **(SMALL if small else {}),
        "timescaledb.max_background_workers": str(workers),
        "max_worker_processes": str(3 + workers + cpus),
        "max_locks_per_transaction": str(max(int(settings["max_locks_per_transaction"]), locks)),
    }


def background_workers_for(databases: int, policies: int) -> int:
    """Return how many workers run everything at once: a launcher; a scheduler and two jobs of its own per database."""
    return 1 + 3 * databases + policies


def locks_for(chunks: int, connections: int) -> int:
    """Return the power of two that lets one transaction lock every chunk twice, itself and its index."""
    wanted = -(-2 * chunks // connections)
    return 1 << max(wanted - 1, 0).bit_length()


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"timescaledb_tune": tune_for_declaration}
