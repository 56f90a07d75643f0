"""What timescaledb-tune writes at the first start of the vendor's image, from TS_TUNE_* or the machine: settings."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from timescaledb_tuning import GIB, KIB, MIB, TIB, tune  # a neighbour, in the image

UNITS = {"kB": KIB, "MB": MIB, "GB": GIB, "TB": TIB}


def size_of(text: str) -> int:
    """Bytes of a text such as 4GB; 0 for none."""
    match = re.fullmatch(r"(\d+)(kB|MB|GB|TB)", text)
    return int(match.group(1)) * UNITS[match.group(2)] if match else 0


def main() -> None:
    """Print a line for each setting."""
    environment = os.environ
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    settings = tune(
        size_of(environment.get("TS_TUNE_MEMORY", "")) or machine,
        int(environment.get("TS_TUNE_NUM_CPUS") or os.cpu_count() or 1),
        size_of(environment.get("TS_TUNE_WAL_DISK_SIZE", "")),
        int(environment.get("TS_TUNE_MAX_CONNS") or 0),
        int(environment.get("TS_TUNE_MAX_BG_WORKERS") or 16),
    )
    for name, value in settings.items():
        sys.stdout.write(f"{name} = '{value}'\n")


if __name__ == "__main__":
    main()
