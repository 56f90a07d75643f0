"""Root becomes the user whose backups they are; whoever else calls stays who they are."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
import timescaledb_backup
from timescaledb_backup.config import Config
from timescaledb_backup.errors import UsageError
from timescaledb_backup.identity import become

NOBODY = pwd.getpwnam("nobody")
SCRIPT = """
import os
from timescaledb_backup.config import Config
from timescaledb_backup.identity import become
become(Config("home", "/b", "/s", "/x", system_user="nobody", system_group="12345"))
print(os.getuid(), os.geteuid(), os.getgid(), sorted(os.getgroups()), os.getcwd(), os.environ["HOME"])
try:
    os.setuid(0)
except PermissionError:
    print("for good")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_user_for_good_with_the_engines_group(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(timescaledb_backup.__file__).parents[1])},
    )  # fmt: skip
    who = f"{NOBODY.pw_uid} {NOBODY.pw_uid} {NOBODY.pw_gid} {sorted({NOBODY.pw_gid, 12345})} / {NOBODY.pw_dir}"
    assert done.stdout.splitlines() == [who, "for good"]


@pytest.mark.parametrize("key", ["system_user", "system_group"])
def test_who_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "setuid", lambda _: pytest.fail("became somebody"))
    who = {"system_user": "nobody", key: "nowhere-to-be-found"}
    with pytest.raises(UsageError, match=f"{key}: nowhere-to-be-found was given; accepted is a (user|group)"):
        become(Config("home", "/b", "/s", "/x", **who))


def test_others_stay_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "setuid", lambda _: pytest.fail("became somebody"))
    become(Config("home", "/b", "/s", "/x", system_user="nowhere-to-be-found"))
