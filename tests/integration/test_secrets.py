"""A password is nowhere to be seen: not in what a run prints, not in a process list, a file, or the server's log."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.servers import Site

FROM_ENVIRONMENT = "{{{{ lookup('ansible.builtin.env', '{0}') }}}}"
LOG = """
    SELECT pg_read_file(path, greatest((pg_stat_file(path)).size - 2000000, 0), 2000000, true)
    FROM (SELECT COALESCE(pg_current_logfile(), '/var/log/postgresql/postgresql-'
                          || replace(current_setting('cluster_name'), '/', '-') || '.log') AS path) AS log
    WHERE (pg_stat_file(path, true)).size > 0
"""


class Watch:
    """Looks at all command lines, and at files below a folder, for as long as something runs."""

    def __init__(self, folder: Path, words: tuple[str, ...]) -> None:
        self.folder, self.words = folder, tuple(word.encode() for word in words)
        self.programs: set[str] = set()
        self.telling: list[str] = []
        self.files = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._thread.is_alive(), "nobody has watched"
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                line = read(path)
                self.programs.update(part.decode(errors="replace") for part in line.split(b"\0")[:2])
                self.telling += [f"argument of {line[:60]!r}" for word in self.words if word in line]
            for parent, _, names in os.walk(self.folder):
                for path in (Path(parent, name) for name in names):
                    content = read(path)
                    self.files += bool(content)
                    if any(word in content for word in self.words) and self._is_open(path):
                        self.telling.append(f"{path} can be read by others")

    def _is_open(self, path: Path) -> bool:
        """Whether others could read a file, if they could enter the folder that is watched."""
        try:
            ways = [parent.stat().st_mode for parent in path.parents if parent.is_relative_to(self.folder / ".")]
            ways = ways[: len(path.relative_to(self.folder).parts) - 1]
            return bool(path.stat().st_mode & stat.S_IROTH) and all(mode & stat.S_IXOTH for mode in ways)
        except OSError:
            return False


def read(path: Path) -> bytes:
    """The content of a file that may be gone by now."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def admin(site: Site) -> Iterator[dict[str, Any]]:
    """A superuser all of whose statements are logged, as variables to log in with."""
    name, password = site.role("admin"), secrets.token_hex(12)
    site.on_server(f"CREATE ROLE {name} SUPERUSER LOGIN PASSWORD '{password}'")
    site.on_server(f"ALTER ROLE {name} SET log_statement = 'all'")
    site.on_server(f"ALTER ROLE {name} SET log_min_duration_statement = 0")
    yield {"timescaledb_login_user": name, "timescaledb_login_password": password}
    site.on_server(f"REASSIGN OWNED BY {name} TO CURRENT_USER")


@dataclass(frozen=True)
class Trail:
    """What runs left behind: what must not be in it, what was printed, what the server has logged, what a watch saw."""

    secrets: list[str]
    output: str
    server_log: str
    seen: list[str]
    role: str


@pytest.fixture(scope="module")
def trail(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    """What three runs leave behind: with a new password, with another, with one that is refused."""
    folder, log = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("log") / "ansible.log"
    words = [f"{place}-{secrets.token_hex(12)}" for place in ("first", "second", "third", "admin")]
    admin, name = make_admin(site, words[3]), site.role("app")
    output, seen = "", []
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ANSIBLE_LOCAL_TEMP", str(folder / "local"))
        environment.setenv("ANSIBLE_REMOTE_TEMP", str(folder / "remote"))
        environment.setenv("ANSIBLE_LOG_PATH", str(log))
        environment.setenv("TEST_ADMIN", words[3])
        for word, role in zip(words, (name, name, "postgres"), strict=False):
            environment.setenv("TEST_PASSWORD", word)
            with Watch(folder, (word, words[3])) as watch:
                login = {"name": role, "password": FROM_ENVIRONMENT.format("TEST_PASSWORD")}
                run = site.play("create_database", "-vvv", "--diff", **admin, timescaledb_database_logins=[login])
            assert (run.code == 0) == (role == name), run.output
            assert any("ansible-playbook" in program for program in watch.programs)
            assert watch.files > 0
            output += run.output
            seen += watch.telling
    kept = site.on_server(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'")[0][0]
    server_log = "".join(text for (text,) in site.on_server(LOG))
    yield Trail(
        [*words, kept, kept.partition(":")[2]], output + log.read_text(encoding="utf-8"), server_log, seen, name
    )
    site.on_server(f"ALTER DATABASE {site.name} OWNER TO CURRENT_USER")


def make_admin(site: Site, password: str) -> dict[str, Any]:
    """Make a superuser all of whose statements are logged; return the variables by which one logs in as it."""
    name = site.role("admin")
    site.on_server(f"CREATE ROLE {name} SUPERUSER LOGIN PASSWORD '{password}'")
    site.on_server(f"ALTER ROLE {name} SET log_statement = 'all'")
    site.on_server(f"ALTER ROLE {name} SET log_min_duration_statement = 0")
    return {
        "timescaledb_login_user": name,
        "timescaledb_login_password": FROM_ENVIRONMENT.format("TEST_ADMIN"),
    }


class TestAPassword:
    def test_is_not_printed_nor_logged_however_much_a_run_says(self, trail: Trail) -> None:
        assert "timescaledb_roles" in trail.output
        assert [word for word in trail.secrets if word in trail.output] == []

    def test_is_in_no_process_list_and_no_file_that_others_can_read(self, trail: Trail) -> None:
        assert trail.seen == []

    def test_is_not_in_the_log_of_a_server_that_logs_every_statement(self, trail: Trail) -> None:
        if not trail.server_log:
            pytest.skip("the server's log is not where its superuser could read it")
        assert f'CREATE ROLE "{trail.role}"' in trail.server_log, "the server does not log statements"
        assert [word for word in trail.secrets[:3] + trail.secrets[4:] if word in trail.server_log] == []


def test_the_watch_sees_what_it_is_there_for(tmp_path: Path) -> None:
    open_file, shut_file = tmp_path / "open", tmp_path / "shut" / "file"
    shut_file.parent.mkdir(mode=0o700)
    with Watch(tmp_path, ("a-secret",)) as watch:
        for path in (open_file, shut_file):
            path.write_text("a-secret", encoding="utf-8")
            path.chmod(0o644)
        subprocess.run(["sh", "-c", "sleep 0.5; : a-secret"], check=True)
    assert any("argument" in one for one in watch.telling)
    assert {one for one in watch.telling if "argument" not in one} == {f"{open_file} can be read by others"}
