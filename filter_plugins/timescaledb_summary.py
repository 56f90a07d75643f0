# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `timescaledb_info` found, in lines for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def summary_lines(found: Mapping[str, Any]) -> list[str]:
    """Return a line for each object of a result of `timescaledb_info`, and one for each job that failed last."""
    sizes = {size["name"]: size for size in found["sizes"]}
    kinds = {"hypertables": "hypertable", "continuous_aggregates": "continuous aggregate"}
    lines = [_line(item, kinds[group], sizes) for group in kinds for item in found[group]]
    return lines + [
        f"Job {job['job_id']} ({job['proc_name']} of {job['name']}) failed when it ran last"
        for job in found["jobs"]
        if job["last_run_status"] == "Failed"
    ]


def _line(item: Mapping[str, Any], kind: str, sizes: Mapping[str, Any]) -> str:
    size = sizes.get(item["name"], {"chunks": 0, "compressed_chunks": 0, "bytes": 0})
    parts = [
        f"{item['name']}: {kind}",
        f"{size['chunks']} chunks ({size['compressed_chunks']} compressed)",
        f"{(size['bytes'] or 0) / 1024**2:.1f} MiB",
    ]
    reach = item.get("compression", {}).get("compress_after")
    parts += [] if reach is None else [f"compressed after {reach}"]
    kept = item.get("retention", {}).get("drop_after")
    return ", ".join([*parts, "kept for ever" if kept is None else f"kept {kept}"])


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"timescaledb_summary_lines": summary_lines}
