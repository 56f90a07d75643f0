"""A throw-away cluster has a place of its own, and nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from timescaledb_backup.cluster import Cluster, check_socket_path, processes_of, render_settings, sweep_cluster
from timescaledb_backup.errors import BackupError


def test_settings_are_quoted_as_the_server_reads_them() -> None:
    assert render_settings({"port": "1", "a.b": "it's \\ one"}) == "port = '1'\na.b = 'it''s \\\\ one'\n"


def test_a_folder_too_long_for_a_socket_is_named() -> None:
    check_socket_path(Cluster("/var/lib/timescaledb-backup/home/drill-home", "", 5433, "postgres"))
    with pytest.raises(BackupError, match=r"drill\.folder"):
        check_socket_path(Cluster("/var/lib/" + "x" * 90, "", 5433, "postgres"))


def test_sweeping_ends_the_processes_of_the_folder_and_removes_it(tmp_path: Path) -> None:
    folder = tmp_path / "drill-home"
    folder.mkdir()
    sleep = [
        sys.executable,
        "-c",
        "import signal, time; signal.signal(signal.SIGQUIT, lambda *_: exit()); time.sleep(60)",
    ]
    server = subprocess.Popen(["postgres", "-c", sleep[2], str(folder / "data")], executable=sys.executable)
    other = subprocess.Popen(["postgres", "-c", sleep[2], str(tmp_path / "drill-home2")], executable=sys.executable)
    try:
        assert processes_of(str(folder)) == [server.pid]
        sweep_cluster(str(folder))
        assert server.wait(10) is not None
        assert other.poll() is None
        assert not folder.exists()
    finally:
        other.kill()
        other.wait()


def test_sweeping_where_nothing_is_does_nothing(tmp_path: Path) -> None:
    sweep_cluster(str(tmp_path / "nothing"))
    assert list(tmp_path.iterdir()) == []
