"""Put a server to work and print, as JSON, the most memory all its processes had together.

Memory is counted as the kernel attributes it (PSS): what several processes share is counted once. Runs on the server
as the system user postgres; arguments: database, a query for the clients, a statement that makes policies due or "".
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

CLIENTS = 4
SECONDS = 6.0


def find_processes() -> list[Path]:
    """All processes of the server."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "exe").readlink().name == "postgres":
                found.append(folder)
    return found


def measure(processes: list[Path]) -> int:
    """Their memory in kB; a process that has just ended has none."""
    total = 0
    for folder in processes:
        with suppress(OSError):
            text = (folder / "smaps_rollup").read_text(encoding="ascii")
            total += sum(map(int, re.findall(r"^Pss: +(\d+) kB", text, re.MULTILINE)))
    return total


def main() -> None:
    """Work and measure."""
    database, query, jobs = sys.argv[1:]
    psql = ["psql", "-X", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", database]
    if jobs:
        subprocess.run([*psql, "--command", jobs], check=True, stdout=subprocess.DEVNULL)
    work = f"{query};\n" * 200
    clients = [
        subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(CLIENTS)
    ]
    for client in clients:
        assert client.stdin is not None
        client.stdin.write(work)
        client.stdin.flush()
    peak, count, end = 0, 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        processes = find_processes()
        peak, count = max(peak, measure(processes)), max(count, len(processes))
        time.sleep(0.1)
    for client in clients:
        client.kill()
        client.wait()
    print(json.dumps({"peak_mb": peak / 1024, "processes": count}))  # noqa: T201


if __name__ == "__main__":
    main()
