"""How long a restore takes until it can serve: serial pg_restore as TimescaleDB documents it, and ours, run in turn.

    python benchmarks/restore.py
    python benchmarks/restore.py --rows 2000000 --pairs 1 --folder /var/tmp/bench

Needs PostgreSQL 16 or newer with TimescaleDB's Community edition on this machine, and a user that is not root: it makes
a server of its own in a temporary folder, with what a server of 4 GB has as settings, and removes it.
"""

from __future__ import annotations

import argparse
import dataclasses
import glob
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "roles" / "timescaledb_backup" / "files"))

from timescaledb_backup.cluster import Cluster, throw_away_cluster  # noqa: E402
from timescaledb_backup.config import Config  # noqa: E402
from timescaledb_backup.load import create_database, find_differences, load_backup, open_session  # noqa: E402
from timescaledb_backup.make import make_backup  # noqa: E402
from timescaledb_backup.restore import Options, Target, restore_backup  # noqa: E402
from timescaledb_backup.shelf import Shelf  # noqa: E402

ROWS = 14_000_000
PAIRS = 3
DEVICES = 200
DAYS = 180
SETTINGS = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "0",  # neither way runs jobs while it is measured
    "max_worker_processes": "8",
    "shared_buffers": "1GB",
    "effective_cache_size": "3GB",
    "maintenance_work_mem": "512MB",
    "work_mem": "32MB",
    "max_locks_per_transaction": "128",
    "autovacuum_max_workers": "10",
    "autovacuum_naptime": "10",
    "random_page_cost": "1.1",
    "jit": "off",
}
# Values as sensors tell them, with a decimal or two; a third of the days compressed; two aggregates, one on the other.
SCHEMA = """
CREATE TABLE device (id int PRIMARY KEY, name text NOT NULL UNIQUE);
INSERT INTO device SELECT n, 'device ' || n FROM generate_series(1, {devices}) AS n;
CREATE TABLE reading (time timestamptz NOT NULL, device int NOT NULL, temperature float, humidity float, power float,
  state text);
SELECT create_hypertable('reading', 'time', chunk_time_interval => interval '1 day');
CREATE INDEX ON reading (device, time DESC);
ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device',
  timescaledb.compress_orderby = 'time DESC');
INSERT INTO reading SELECT t, d, 20 + (random() * 500)::int / 100.0, 40 + (random() * 100)::int / 10.0,
  (random() * 9999)::int / 10.0, CASE WHEN random() < 0.1 THEN 'warning' ELSE 'ok' END
  FROM generate_series('2026-01-01'::timestamptz, '2026-01-01'::timestamptz + interval '{days} days',
    interval '{seconds} s') AS t, generate_series(1, {devices}) AS d;
ALTER TABLE reading ADD FOREIGN KEY (device) REFERENCES device (id);
CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS SELECT time_bucket('1 hour', time) AS bucket, device,
  avg(temperature) AS temperature, max(power) AS power FROM reading GROUP BY 1, 2 WITH NO DATA;
CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT time_bucket('1 day', bucket) AS bucket, device,
  avg(temperature) AS temperature, max(power) AS power FROM hourly GROUP BY 1, 2 WITH NO DATA;
CALL refresh_continuous_aggregate('hourly', NULL, NULL);
CALL refresh_continuous_aggregate('daily', NULL, NULL);
SELECT count(compress_chunk(c)) FROM show_chunks('reading',
  older_than => '2026-01-01'::timestamptz + interval '{compressed} days') AS c;
SELECT add_retention_policy('reading', interval '100 years');
SELECT add_compression_policy('reading', interval '50 years');
SELECT add_continuous_aggregate_policy('hourly', interval '3 days', interval '1 hour', interval '1 hour');
SELECT add_continuous_aggregate_policy('daily', interval '9 days', interval '1 day', interval '1 day')
"""


class Measured(NamedTuple):
    """Seconds by the clock, and seconds of processors: of the server and of the programs that talk to it."""

    elapsed: float
    processor: float


def find_bindir() -> str | None:
    """The newest PostgreSQL of this machine that has TimescaleDB's Community edition."""
    found = []
    for path in glob.glob("/usr/lib/postgresql/*/bin") + glob.glob("/usr/pgsql-*/bin"):
        command = [f"{path}/pg_config", "--pkglibdir"]
        folder = (
            subprocess.run(command, capture_output=True, text=True).stdout.strip() if os.path.exists(command[0]) else ""
        )
        if folder and glob.glob(f"{folder}/timescaledb-tsl-*.so"):
            found.append(path)
    return max(
        found,
        key=lambda path: [int(part) for part in path.replace("-", "/").split("/") if part.isdigit()],
        default=None,
    )


def processor_seconds(postmaster: int) -> float:
    """What the server, all its processes that live or have lived, and the programs that we ran have used."""
    ticks = 0
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            fields = Path(path).read_text(encoding="utf-8").rpartition(") ")[2].split()
        except OSError:
            continue
        if int(path.split("/")[2]) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += sum(map(int, fields[11:13]))
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ticks / os.sysconf("SC_CLK_TCK") + own.ru_utime + own.ru_stime


def measure(config: Config, work: Callable[[], None]) -> Measured:
    """Measure after a checkpoint, so that neither pays for what was done before."""
    with open_session(config, "postgres") as session:
        session.run("CHECKPOINT")
        data = session.value("SELECT current_setting('data_directory') AS folder")
    postmaster = int(Path(data, "postmaster.pid").read_text(encoding="utf-8").split()[0])
    processor, began = processor_seconds(postmaster), time.monotonic()
    work()
    return Measured(time.monotonic() - began, processor_seconds(postmaster) - processor)


def fill(config: Config, rows: int) -> int:
    """Make the database; its size in bytes."""
    seconds = max(1, DAYS * 86400 * DEVICES // rows)
    text = SCHEMA.format(devices=DEVICES, days=DAYS, seconds=seconds, compressed=DAYS // 3)
    with open_session(config, "postgres") as session:
        session.run(f"CREATE DATABASE {config.database}")
    with open_session(config, config.database) as session:
        session.run(
            "CREATE EXTENSION timescaledb SCHEMA public",
            "SET search_path TO public, pg_catalog",
            "SET synchronous_commit TO off",
        )
        session.run(*(statement for statement in text.split(";\n") if statement.strip()), "VACUUM ANALYZE")
        return int(session.value("SELECT pg_database_size(current_database()) AS bytes"))


def drop(config: Config, name: str) -> None:
    """Drop a database."""
    with open_session(config, "postgres") as session:
        session.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def restore_stock(config: Config, dump: str, version: str) -> None:
    """As TimescaleDB's manual has it."""
    with open_session(config, "postgres") as session:
        session.run("CREATE DATABASE stock")
    with open_session(config, "stock") as session:
        session.run(f"CREATE EXTENSION timescaledb SCHEMA public VERSION '{version}'")
        session.rows("SELECT public.timescaledb_pre_restore()")
    subprocess.run([config.program("pg_restore"), *config.login(), "--dbname=stock", dump], check=True)
    with open_session(config, "stock") as session:
        session.rows("SELECT public.timescaledb_post_restore()")
        session.run("ANALYZE")


def restore_ours(config: Config) -> None:
    """What `timescaledb-backup restore` does between reading the backup and comparing; vacuuming comes afterwards."""
    backup = Shelf(config.folder, config.database).find("latest")
    manifest = backup.require_manifest()
    with open_session(config, "postgres") as session:
        create_database(session, "ours", manifest.database)
    load_backup(config, "ours", backup.path, manifest, config.jobs, lambda _: None)


def compare_ways(config: Config, folder: str, pairs: int) -> None:
    """Dump both ways, restore both ways in turn, say what it took."""
    dump = os.path.join(folder, "stock.dump")
    command = [config.program("pg_dump"), *config.login(), "--format=custom", f"--file={dump}", config.database]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    make_backup(config, lambda _: None)
    manifest = Shelf(config.folder, config.database).find("latest").require_manifest()
    version = (manifest.timescaledb or {})["version"]
    ratios, processors = [], []
    for number in range(1, pairs + 1):
        stock = measure(config, lambda: restore_stock(config, dump, version))
        drop(config, "stock")
        ours = measure(config, lambda: restore_ours(config))
        if found := find_differences(config, "ours", manifest):
            raise SystemExit(f"what was restored differs, the figures would mean nothing: {found}")
        drop(config, "ours")
        ratios.append(stock.elapsed / ours.elapsed)
        processors.append(stock.processor / ours.processor)
        print(
            f"restore {number}: stock {stock.elapsed:.1f} s ({stock.processor:.1f} s of processors), ours"
            f" {ours.elapsed:.1f} s ({ours.processor:.1f} s of processors): {ratios[-1]:.2f} times as fast",
            flush=True,
        )
    whole = measure(config, lambda: _restore_whole(config))
    print(
        f"restore: median {statistics.median(ratios):.2f} times as fast,"
        f" stock takes {statistics.median(processors):.2f} times the processor time"
    )
    print(
        f"restore: {whole.elapsed:.1f} s with reading the backup to its end before,"
        " comparing, vacuuming and full statistics"
    )


def _restore_whole(config: Config) -> None:
    restore_backup(config, "latest", Target("whole"), Options(True, config.jobs), lambda _: None)


def bench_restore(rows: int = ROWS, pairs: int = PAIRS, folder: str | None = None) -> None:
    """Measure, or say why not."""
    bindir = find_bindir()
    if bindir is None or os.geteuid() == 0:
        lacking = "PostgreSQL with TimescaleDB's Community edition" if bindir is None else "a user that is not root"
        print(f"restore: not measured, for it needs {lacking}")
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="bench-") as place:
        cluster = Cluster(os.path.join(place, "cluster"), bindir, 5544, "postgres")
        config = Config("bench", f"{place}/backups", place, bindir, cluster.socket, cluster.port, least_free_mb=0)
        with throw_away_cluster(cluster, SETTINGS):
            size = fill(config, rows)
            cores = len(os.sched_getaffinity(0))
            print(f"restore: {size / 1e9:.2f} GB, {rows} rows, {config.jobs} jobs, {cores} cores", flush=True)
            compare_ways(dataclasses.replace(config, compression="auto"), place, pairs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--folder", help="where there is room for about four times the database")
    options = parser.parse_args()
    bench_restore(options.rows, options.pairs, options.folder)
