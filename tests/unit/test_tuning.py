"""The formulas of timescaledb-tune 0.19 by its own worked examples, and what a declaration adds to them."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]


def load_filters(name: str) -> ModuleType:
    """Import one file of filter_plugins, as Ansible does: by its path."""
    spec = spec_from_file_location(name, ROOT / "filter_plugins" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tuning = load_filters("timescaledb_tuning")
GIB = tuning.GIB

# RAM GB, CPUs, WAL GB, connections | shared_buffers, effective_cache_size, maintenance_work_mem, work_mem |
# max_worker_processes, max_parallel_workers_per_gather, max_parallel_workers | wal_buffers, min_wal_size,
# max_wal_size | max_connections, max_locks_per_transaction. A - stands for: left to the tool, or not written by it.
EXAMPLES = """
0.5 1 - -       128MB 384MB 64MB 8MB          - - -      3932kB 512MB 1GB         25 128
1 1 - -         256MB 768MB 128MB 16MB        - - -      7864kB 512MB 1GB         25 128
1.5 2 - -       384MB 1152MB 192MB 24MB       21 1 2     11796kB 512MB 1GB        25 128
2 2 10 -        512MB 1536MB 256MB 32MB       21 1 2     16MB 3GB 6GB             25 128
4 2 20 -        1GB 3GB 512MB 32MB            21 1 2     16MB 6GB 12GB            50 128
6 4 - -         1536MB 4608MB 768MB 16MB      23 2 4     16MB 512MB 1GB           75 128
8 4 - -         2GB 6GB 1GB 16MB              23 2 4     16MB 512MB 1GB           100 256
8 4 8 -         2GB 6GB 1GB 16MB              23 2 4     16MB 2464MB 4928MB       100 256
8 4 50 200      2GB 6GB 1GB 8MB               23 2 4     16MB 15GB 30GB           200 256
16 8 - -        4GB 12GB 2047MB 16MB          27 4 8     16MB 512MB 1GB           100 512
16 8 - 300      4GB 12GB 2047MB 5461kB        27 4 8     16MB 512MB 1GB           300 512
24 12 200 -     6GB 18GB 2047MB 16MB          31 6 12    16MB 60GB 120GB          100 512
32 16 500 -     8GB 24GB 2047MB 16MB          35 8 16    16MB 150GB 300GB         100 1024
64 16 1000 500  16GB 48GB 2047MB 6553kB       35 8 16    16MB 300GB 600GB         500 1024
64 32 - -       16GB 48GB 2047MB 16MB         51 16 32   16MB 512MB 1GB           100 1024
128 32 2000 -   32GB 96GB 2047MB 32MB         51 16 32   16MB 600GB 1200GB        100 1024
""".strip().splitlines()
COLUMNS = [
    "shared_buffers",
    "effective_cache_size",
    "maintenance_work_mem",
    "work_mem",
    "max_worker_processes",
    "max_parallel_workers_per_gather",
    "max_parallel_workers",
    "wal_buffers",
    "min_wal_size",
    "max_wal_size",
    "max_connections",
    "max_locks_per_transaction",
]
MACHINE = {"memory": 8 * GIB, "cpus": 4}
NEEDS = {"databases": 1, "policies": 6, "chunks": 40}
PARALLELISM = {"max_worker_processes", "max_parallel_workers_per_gather", "max_parallel_workers"}

SIZE = re.compile(r"(\d+)(kB|MB|GB|TB)\Z")
memories = st.integers(64 * tuning.MIB, 2 * tuning.TIB)
processors = st.integers(1, 256)
connection_counts = st.one_of(st.just(0), st.integers(25, 5000))


def in_bytes(text: str) -> int:
    """Read a size as PostgreSQL would."""
    match = SIZE.match(text)
    assert match, text
    scales = {"kB": tuning.KIB, "MB": tuning.MIB, "GB": tuning.GIB, "TB": tuning.TIB}
    return int(match.group(1)) * scales[match.group(2)]


class TestFormulas:
    @pytest.mark.parametrize("line", EXAMPLES, ids=lambda line: "-".join(line.split()[:4]))
    def test_give_the_worked_examples(self, line: str) -> None:
        memory, cpus, wal, connections, *rest = line.split()
        wanted = {name: value for name, value in zip(COLUMNS, rest, strict=True) if value != "-"}
        found = tuning.tune(
            memory=int(float(memory) * GIB),
            cpus=int(cpus),
            wal_disk=0 if wal == "-" else int(wal) * GIB,
            connections=0 if connections == "-" else int(connections),
        )
        assert {name: found[name] for name in COLUMNS if name in found} == wanted
        assert found.get("timescaledb.max_background_workers") == (None if cpus == "1" else "16")

    def test_leave_parallelism_alone_on_one_cpu(self) -> None:
        settings = tuning.tune(GIB, 1)
        assert not (PARALLELISM | {"timescaledb.max_background_workers"}) & settings.keys()

    def test_write_the_same_constants_for_every_machine(self) -> None:
        expected = {
            "default_statistics_target": "100",
            "random_page_cost": "1.1",
            "checkpoint_completion_target": "0.9",
            "autovacuum_max_workers": "10",
            "autovacuum_naptime": "10",
            "default_toast_compression": "lz4",
            "jit": "off",
            "effective_io_concurrency": "256",
        }
        for memory, cpus in ((GIB, 1), (64 * GIB, 32)):
            assert expected.items() <= tuning.tune(memory, cpus).items()

    def test_use_exact_bytes_at_their_thresholds(self) -> None:
        def at(memory: int) -> tuple[str, str]:
            settings = tuning.tune(memory, 4)
            return settings["max_connections"], settings["max_locks_per_transaction"]

        assert (at(2 * GIB), at(2 * GIB + 1)) == (("25", "128"), ("50", "128"))
        assert (at(4 * GIB), at(4 * GIB + 1)) == (("50", "128"), ("75", "128"))
        assert (at(6 * GIB), at(6 * GIB + 1)) == (("75", "128"), ("100", "128"))
        assert (at(8 * GIB - 1), at(8 * GIB)) == (("100", "128"), ("100", "256"))
        assert (at(16 * GIB - 1), at(16 * GIB)) == (("100", "256"), ("100", "512"))
        assert (at(32 * GIB - 1), at(32 * GIB)) == (("100", "512"), ("100", "1024"))

    def test_cap_maintenance_memory_just_below_sixteen_gigabytes(self) -> None:
        assert tuning.tune(int(15.992 * GIB), 4)["maintenance_work_mem"] in {"2046MB", "2096103kB", "2047MB"}
        assert tuning.tune(16 * GIB, 4)["maintenance_work_mem"] == "2047MB"
        assert tuning.tune(15 * GIB, 4)["maintenance_work_mem"] == "1920MB"

    @pytest.mark.parametrize(
        "arguments",
        [
            {"memory": 0, "cpus": 1},
            {"memory": GIB, "cpus": 0},
            {"memory": GIB, "cpus": 1, "connections": 24},
            {"memory": GIB, "cpus": 2, "background_workers": 15},
        ],
        ids=str,
    )
    def test_refuse_what_the_tool_refuses(self, arguments: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="accepted is"):
            tuning.tune(**arguments)

    @given(memories, processors, connection_counts, st.integers(0, 4096))
    def test_only_write_what_postgresql_reads(self, memory: int, cpus: int, connections: int, wal_gb: int) -> None:
        settings = tuning.tune(memory, cpus, wal_gb * GIB, connections)
        assert in_bytes(settings["work_mem"]) >= 64 * tuning.KIB
        assert 32 * tuning.MIB <= in_bytes(settings["min_wal_size"]) <= in_bytes(settings["max_wal_size"])
        assert in_bytes(settings["shared_buffers"]) <= memory // 4
        assert in_bytes(settings["maintenance_work_mem"]) <= 2047 * tuning.MIB
        assert int(settings.get("max_parallel_workers", 0)) < int(settings.get("max_worker_processes", 1))

    @given(memories, memories, processors)
    def test_give_more_memory_to_a_machine_with_more(self, one: int, other: int, cpus: int) -> None:
        less, more = (tuning.tune(memory, cpus, connections=100) for memory in sorted((one, other)))
        for name in ("shared_buffers", "effective_cache_size", "maintenance_work_mem", "work_mem", "wal_buffers"):
            assert in_bytes(less[name]) <= in_bytes(more[name]) * 1.001 + tuning.KIB, name


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "text"),
        [
            (1, "1kB"),
            (1023, "1kB"),
            (1024, "1kB"),
            (1024 * 1024 - 1, "1024kB"),
            (1024**2, "1MB"),
            (11184810, "10922kB"),
            (1024**3, "1GB"),
            (int(15.5 * 1024**3) // 4, "3968MB"),
            (1024**3 + 1024**2, "1GB"),  # a thousandth of the unit is dropped
            (1024**3 + 2 * 1024**2, "1026MB"),
            (1024**4, "1TB"),
            (1200 * 1024**3, "1200GB"),
        ],
    )
    def test_are_spelt_as_the_tool_spells_them(self, size: int, text: str) -> None:
        assert tuning.render_size(size) == text

    @given(st.integers(1024**2, 64 * tuning.TIB))
    def test_are_never_rounded_up_nor_off_by_more_than_a_thousandth(self, size: int) -> None:
        assert size * 0.999 <= in_bytes(tuning.render_size(size)) <= size


class TestDeclaration:
    def test_that_is_modest_changes_nothing(self) -> None:
        assert tuning.tune_for_declaration(MACHINE, NEEDS) == tuning.tune(8 * GIB, 4)

    def test_with_many_policies_gets_a_worker_for_each(self) -> None:
        settings = tuning.tune_for_declaration(MACHINE, {"databases": 2, "policies": 60, "chunks": 0})
        assert settings["timescaledb.max_background_workers"] == "67"  # launcher, 2 x (scheduler and 2 jobs), policies
        assert settings["max_worker_processes"] == str(3 + 67 + 4)

    def test_gets_its_workers_on_one_cpu_too(self) -> None:
        settings = tuning.tune_for_declaration({"memory": GIB, "cpus": 1}, {"databases": 1, "policies": 6, "chunks": 0})
        assert settings["timescaledb.max_background_workers"] == "16"
        assert settings["max_worker_processes"] == "20"

    @pytest.mark.parametrize(("chunks", "locks"), [(0, "256"), (12_800, "256"), (12_801, "512"), (100_000, "2048")])
    def test_with_many_chunks_gets_locks_for_them(self, chunks: int, locks: str) -> None:
        needs = {"databases": 1, "policies": 1, "chunks": chunks}
        assert tuning.tune_for_declaration(MACHINE, needs)["max_locks_per_transaction"] == locks

    def test_counts_with_fewer_connections_than_the_tool_accepts(self) -> None:
        needs = {"databases": 1, "policies": 1, "chunks": 0}
        settings = tuning.tune_for_declaration({**MACHINE, "connections": 10}, needs)
        assert settings["work_mem"] == tuning.tune(8 * GIB, 4, connections=25)["work_mem"]

    @given(memories, processors, st.integers(1, 50), st.integers(0, 900), st.integers(0, 10**6))
    def test_never_gets_less_than_the_formulas_give(
        self, memory: int, cpus: int, databases: int, policies: int, chunks: int
    ) -> None:
        needs = {"databases": databases, "policies": policies, "chunks": chunks}
        settings = tuning.tune_for_declaration({"memory": memory, "cpus": cpus}, needs)
        plain = tuning.tune(memory, cpus)
        for name in ("timescaledb.max_background_workers", "max_worker_processes", "max_locks_per_transaction"):
            assert int(settings[name]) >= int(plain.get(name, 0))
        assert int(settings["max_locks_per_transaction"]) * int(settings["max_connections"]) >= 2 * chunks


class TestSmallProfile:
    def test_is_the_same_on_every_machine_with_two_cpus(self) -> None:
        sizes = [
            tuning.tune_for_declaration({"memory": gigabytes * GIB, "cpus": 2}, NEEDS, "small")
            for gigabytes in (1, 8, 256)
        ]
        assert sizes[0] == sizes[1] == sizes[2]
        assert sizes[0]["shared_buffers"] == "128MB"
        assert sizes[0]["max_connections"] == "25"

    def test_takes_less_where_there_is_less(self) -> None:
        machine = {"memory": 256 * tuning.MIB, "cpus": 1}
        assert tuning.tune_for_declaration(machine, NEEDS, "small")["shared_buffers"] == "64MB"

    def test_still_has_a_worker_for_every_policy(self) -> None:
        settings = tuning.tune_for_declaration({"memory": GIB, "cpus": 2}, NEEDS, "small")
        assert settings["timescaledb.max_background_workers"] == "10"
        assert settings["max_worker_processes"] == "15"

    def test_bounds_what_all_processes_together_may_take(self) -> None:
        settings = tuning.tune_for_declaration({"memory": GIB, "cpus": 2}, NEEDS, "small")
        shared = in_bytes(settings["shared_buffers"]) + in_bytes(settings["wal_buffers"])
        vacuums = int(settings["autovacuum_max_workers"]) * in_bytes(settings["maintenance_work_mem"])
        policies = int(settings["timescaledb.max_background_workers"]) * in_bytes(settings["work_mem"])
        assert shared + vacuums + policies <= 256 * tuning.MIB
