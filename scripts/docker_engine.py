"""A Docker engine for as long as a command runs: the one that answers, else one started by hand where that is allowed.

python scripts/docker_engine.py run -- COMMAND    start if none answers, run COMMAND, stop what was started
python scripts/docker_engine.py start             start if none answers, and leave it running
python scripts/docker_engine.py stop              stop what `start` has started
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import docker
from debian_packages import InstallError, install_packages
from docker.errors import DockerException
from engine_host import BRIDGE, EngineHost

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("/run/aetherlens-docker")  # short: the path of a socket has at most 107 characters
PACKAGES = ["docker.io", "iproute2"]
START_SECONDS = 60
STOP_SECONDS = 60


class EngineError(Exception):
    """No engine, for the reason in the message."""


@dataclass(frozen=True)
class Machine:
    """What decides whether an engine may be started here."""

    is_linux: bool
    is_root: bool
    is_debian: bool
    has_dockerd: bool

    @classmethod
    def examine(cls) -> Machine:
        """The machine this runs on."""
        return cls(
            is_linux=sys.platform == "linux",
            is_root=os.geteuid() == 0,
            is_debian=shutil.which("apt-get") is not None,
            has_dockerd=shutil.which("dockerd") is not None,
        )

    def find_obstacle(self) -> str:
        """Why no engine may be started here, or nothing."""
        if not self.is_linux:
            return "one can be started on Linux only"
        if not self.is_root:
            return "only root can start one"
        if not self.has_dockerd and not self.is_debian:
            return "dockerd is not installed, and it can be installed on Debian and its relatives only"
        return ""


def say(text: str) -> None:
    """Tell what is being done to the machine."""
    print(f"engine: {text}", file=sys.stderr, flush=True)


def find_endpoint() -> str:
    """Where `docker` would look for its engine: DOCKER_HOST, else the current context, else the usual socket."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    if shutil.which("docker"):
        command = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if answer:
            return answer
    return "unix:///var/run/docker.sock"


def answers(endpoint: str) -> bool:
    """Whether an engine answers at `endpoint`."""
    try:
        client = docker.DockerClient(base_url=endpoint, timeout=5)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


class OwnEngine:
    """The engine that this script starts, with everything it keeps in folders of its own."""

    def __init__(self, folder: Path = FOLDER, data: Path = ROOT / ".cache" / "docker") -> None:
        self.folder = folder
        self.data = data
        self.endpoint = f"unix://{folder}/docker.sock"
        self.pid_file = folder / "dockerd.pid"
        self.log = folder / "dockerd.log"
        self.state = folder / "before.json"
        self.keep = folder / "keep"

    def find_pid(self) -> int | None:
        """The engine's process, if it runs; a process that merely has its number is none."""
        try:
            pid = int(self.pid_file.read_text(encoding="ascii"))
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if str(self.pid_file).encode() in arguments else None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One program at a time starts or stops it."""
        with (self.folder / "change.lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def start(self) -> None:
        """Start it and wait until it answers; EngineError with the end of its log when it does not."""
        install_dockerd()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        self._undo()  # what one that was killed has left
        try:
            host = EngineHost.examine()
            host.save(self.state)
            host.prepare(say)
            self._launch()
        except BaseException as error:
            self._undo()
            if isinstance(error, subprocess.CalledProcessError):
                raise EngineError(f"{' '.join(error.cmd)} failed: {error.stderr.strip()}") from None
            if isinstance(error, OSError):
                raise EngineError(str(error)) from None
            raise

    def _launch(self) -> None:
        say(f"starting dockerd by hand: socket and log in {self.folder}, images in {self.data}")
        with self.log.open("wb") as log:
            process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        try:
            while not answers(self.endpoint):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise EngineError(f"dockerd did not start; the end of {self.log}:\n{self._read_log()}")
                time.sleep(0.2)
        except BaseException:
            process.terminate()
            process.wait(STOP_SECONDS)
            raise

    def _command(self) -> list[str]:
        return [
            "dockerd",
            "--host", self.endpoint,
            "--data-root", str(self.data),
            "--exec-root", str(self.folder / "exec"),
            "--pidfile", str(self.pid_file),
            "--bridge", BRIDGE,
            "--iptables=false", "--ip6tables=false",  # see engine_host
        ]  # fmt: skip

    def _read_log(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])

    def stop(self) -> None:
        """End the engine, if it runs, and undo what it did to the machine. Installed packages stay."""
        pid = self.find_pid()
        if pid is not None:
            say(f"stopping dockerd, process {pid}")
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self.find_pid() is not None:
                if time.monotonic() > deadline:
                    raise EngineError(f"dockerd, process {pid}, has not ended within {STOP_SECONDS} s of SIGTERM")
                time.sleep(0.1)
        self._undo()

    def _undo(self) -> None:
        if self.state.exists():
            EngineHost.load(self.state).restore(say)
            self.state.unlink()


def install_dockerd() -> None:
    """Install dockerd where it is missing, without letting the package start or enable anything."""
    if shutil.which("dockerd"):
        return
    try:
        install_packages(*PACKAGES, say=say)
    except InstallError as error:
        raise EngineError(str(error)) from None
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "--quiet", "disable", "docker.service", "docker.socket"], check=False)


@contextmanager
def engine(own: OwnEngine | None = None) -> Iterator[str]:
    """The endpoint of an engine that answers. Whoever leaves an engine of our own last stops it."""
    endpoint = find_endpoint()
    if answers(endpoint):
        yield endpoint
        return
    own = own or OwnEngine()
    obstacle = Machine.examine().find_obstacle()
    if obstacle:
        raise EngineError(f"No Docker engine answers at {endpoint}, and none can be started here: {obstacle}.")
    say(f"none answers at {endpoint}")
    own.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (own.folder / "users.lock").open("w", encoding="ascii") as users:
        with own.changing():
            fcntl.flock(users, fcntl.LOCK_SH)
            if own.find_pid() is None:
                own.start()
        try:
            yield own.endpoint
        finally:
            with own.changing():
                if not own.keep.exists() and is_last(users):
                    own.stop()


def is_last(users: TextIO) -> bool:
    """Whether nobody else uses the engine."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_politely(number: int, _frame: object) -> None:
    """Let a signal end the program the way an exception does, so that what was started is stopped."""
    sys.exit(128 + number)


def main() -> int:
    """Start, stop, or run a command with an engine."""
    parser = argparse.ArgumentParser(description="A Docker engine for as long as a command runs.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("start", help="start one if none answers, and leave it running")
    actions.add_parser("stop", help="stop what `start` has started")
    actions.add_parser("run", help="run a command with one").add_argument("command", nargs="+")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end_politely)
    own = OwnEngine()
    try:
        if arguments.action == "stop":
            own.keep.unlink(missing_ok=True)
            own.stop()
            return 0
        with engine(own) as endpoint:
            if arguments.action == "start":
                if endpoint == own.endpoint:
                    own.keep.touch()
                print(f"export DOCKER_HOST={endpoint}")
                return 0
            return subprocess.run(
                arguments.command, env={**os.environ, "DOCKER_HOST": endpoint}, check=False
            ).returncode
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
