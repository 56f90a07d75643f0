"""The image that stands in for the vendor's: which packages go in, and that its name changes with what does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import build_server_image  # noqa: E402 - scripts/ is a folder of programs, not a package
from build_base_image import BuildError  # noqa: E402

INDEX = """
Package: timescaledb-2-loader-postgresql-17
Version: 2.19.3~debian13-1712
Architecture: amd64

Package: timescaledb-2-loader-postgresql-17
Version: 2.29.2~debian13-1712

Package: timescaledb-2-postgresql-17
Version: 2.19.3~debian13-1712

Package: timescaledb-2-postgresql-17
Version: 2.29.2~debian13-1712

Package: timescaledb-2-2.19.3-postgresql-17
Version: 2.19.3~debian13-1712

Package: timescaledb-2-2.29.2-postgresql-17
Version: 2.29.2~debian13-1712

Package: timescaledb-2-2.29.2-postgresql-18
Version: 2.29.2~debian13-1800
"""


class TestPackages:
    OFFERS = build_server_image.read_offers(INDEX)

    def test_are_pinned_and_come_with_older_libraries(self) -> None:
        assert build_server_image.choose_packages(self.OFFERS, "2.29.2") == [
            "timescaledb-2-loader-postgresql-17=2.29.2~debian13-1712",
            "timescaledb-2-postgresql-17=2.29.2~debian13-1712",
            "timescaledb-2-2.19.3-postgresql-17",
            "timescaledb-2-2.29.2-postgresql-17",
        ]

    def test_come_without_newer_ones(self) -> None:
        packages = build_server_image.choose_packages(self.OFFERS, "2.19.3")
        assert [name for name in packages if "2.29.2" in name] == []
        assert len(packages) == 3

    def test_that_are_not_offered_are_told(self) -> None:
        with pytest.raises(BuildError, match=r"does not offer TimescaleDB 2\.28\.0 for PostgreSQL 17"):
            build_server_image.choose_packages(self.OFFERS, "2.28.0")

    @pytest.mark.parametrize(("one", "other", "older"), [("2.9.0", "2.10.0", True), ("2.10.0", "2.9.0", False)])
    def test_are_older_by_number(self, one: str, other: str, older: bool) -> None:
        assert build_server_image.is_older(one, other) is older


class TestName:
    def test_says_the_version(self) -> None:
        assert build_server_image.name_image("2.29.2", "base").startswith("aetherlens-timescaledb/server:2.29.2-pg17-")

    def test_changes_with_what_goes_in(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = build_server_image.name_image("2.29.2", "base", "index")
        assert build_server_image.name_image("2.29.2", "base", "index") == before
        assert build_server_image.name_image("2.29.2", "other", "index") != before
        assert build_server_image.name_image("2.29.2", "base", "another") != before
        (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        monkeypatch.setattr(build_server_image, "RECIPE", tmp_path)
        assert build_server_image.name_image("2.29.2", "base", "index") != before


@pytest.mark.parametrize("arguments", [[], ["latest"], ["2.29.2", "2.30"]])
def test_what_is_no_version_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["build_server_image.py", *arguments])
    assert build_server_image.main() == 2
    assert capsys.readouterr().err.startswith("VERSION: ")


def test_the_entrypoint_is_valid_shell() -> None:
    subprocess.run(["bash", "-n", str(build_server_image.RECIPE / "entrypoint.sh")], check=True)


@pytest.mark.parametrize(
    ("environment", "lines"),
    [
        (
            {"TS_TUNE_MEMORY": "4GB", "TS_TUNE_NUM_CPUS": "2"},
            ["shared_buffers = '1GB'", "max_connections = '50'", "max_worker_processes = '21'"],
        ),
        (
            {
                "TS_TUNE_MEMORY": "8GB",
                "TS_TUNE_NUM_CPUS": "4",
                "TS_TUNE_MAX_CONNS": "200",
                "TS_TUNE_MAX_BG_WORKERS": "20",
            },
            ["max_connections = '200'", "timescaledb.max_background_workers = '20'"],
        ),
        ({"TS_TUNE_MEMORY": "2GB", "TS_TUNE_NUM_CPUS": "2", "TS_TUNE_WAL_DISK_SIZE": "10GB"}, ["max_wal_size = '6GB'"]),
    ],
)
def test_it_tunes_as_its_environment_says(tmp_path: Path, environment: dict[str, str], lines: list[str]) -> None:
    for path in (build_server_image.RECIPE / "tune.py", build_server_image.TUNING):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TS_TUNE")}
    command = [sys.executable, str(tmp_path / "tune.py")]
    run = subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=True)
    assert set(lines) <= set(run.stdout.splitlines())
