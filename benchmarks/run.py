"""How long things take: planning alone, and a whole run against a server, for 1 to 5000 hypertables; and a restore.

    make bench
    TIMESCALEDB_TEST_DSN=postgresql://postgres@127.0.0.1/postgres make bench

Without a server given, the whole run is measured on a sandbox of its own. Each figure is the median of five.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import tests.conftest  # noqa: E402, F401 - makes ansible.module_utils.timescaledb importable
from ansible.module_utils.timescaledb.apply import Options, apply  # noqa: E402
from ansible.module_utils.timescaledb.foresee import ASSUMED, with_assumed_tables  # noqa: E402
from ansible.module_utils.timescaledb.model import Database as Model  # noqa: E402
from ansible.module_utils.timescaledb.parse import parse_declaration  # noqa: E402
from ansible.module_utils.timescaledb.plan.planner import make_plan  # noqa: E402
from ansible.module_utils.timescaledb.plan.simulate import simulate  # noqa: E402
from ansible.module_utils.timescaledb.session import LoginParameters, connect  # noqa: E402
from benchmarks.restore import bench_restore  # noqa: E402
from tests.integration.databases import ADDRESSES, Database, create_database  # noqa: E402
from tests.integration.sandboxes import run_sandbox  # noqa: E402

RUNS = 5
SIZES = (1, 100, 1000, 5000)
LIVE_SIZES = (1, 100, 300)


def declare(count: int) -> list[dict[str, object]]:
    """So many hypertables with compression and retention."""
    return [
        {
            "name": f"bench_{number}",
            "time_column": "time",
            "chunk_interval": "7 days",
            "compression": {"segmentby": ["device"], "orderby": ["time DESC"], "compress_after": "7 days"},
            "retention": {"drop_after": "90 days"},
        }
        for number in range(count)
    ]


def median(work: Callable[[], object]) -> float:
    """The median seconds of RUNS runs."""
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def bench_planning() -> None:
    """Parse and plan, from nothing and with nothing to do."""
    for count in SIZES:
        declared = declare(count)
        wanted = parse_declaration(declared, None)
        empty = with_assumed_tables(wanted, Model())
        done = simulate(empty, make_plan(wanted, empty, ASSUMED).actions)
        if make_plan(wanted, done, ASSUMED).actions:
            raise SystemExit("planning again is not empty: the figures would mean nothing")
        parsing = median(lambda declared=declared: parse_declaration(declared, None))
        first = median(lambda wanted=wanted, empty=empty: make_plan(wanted, empty, ASSUMED))
        again = median(lambda wanted=wanted, done=done: make_plan(wanted, done, ASSUMED))
        print(f"plan {count:5} hypertables: parse {parsing:.4f} s, create all {first:.4f} s, no change {again:.4f} s")


@contextmanager
def database() -> Iterator[Database]:
    """The first server given, else a sandbox."""
    if ADDRESSES:
        with create_database(ADDRESSES[0]) as found:
            yield found
        return
    with tempfile.TemporaryDirectory() as folder, run_sandbox(Path(folder)) as server:
        found = Database(server.host, server.port, "postgres", "", server.database, "disable")
        found.query("CREATE EXTENSION IF NOT EXISTS timescaledb")
        yield found


def bench_runs() -> None:
    """Whole runs over one connection each: create everything, then find nothing to do."""
    with database() as found:
        login = LoginParameters(
            host=found.host,
            port=found.port,
            user=found.user,
            password=found.password,
            database=found.name,
            ssl_mode=found.ssl_mode,
        )
        with found.connect() as connection:
            for number in range(max(LIVE_SIZES)):
                connection.execute(f"CREATE TABLE bench_{number} (time timestamptz NOT NULL, device text, value float)")

        def run(count: int) -> int:
            with connect(login) as session:
                return len(apply(session, parse_declaration(declare(count), None), Options()).plan.actions)

        for count in LIVE_SIZES:
            started = time.perf_counter()
            actions = run(count)
            first = time.perf_counter() - started
            again = median(lambda count=count: run(count))
            print(f"run  {count:5} hypertables: {actions} actions in {first:.2f} s, no change {again:.3f} s")


if __name__ == "__main__":
    print(f"median of {RUNS}; server: {'given' if ADDRESSES else 'sandbox'}")
    bench_planning()
    bench_runs()
    bench_restore()
