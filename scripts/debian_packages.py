"""Install Debian packages that a check needs on this machine, without letting them start anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class InstallError(Exception):
    """Something could not be installed, for the reason in the message."""


def install_packages(*packages: str, say: Callable[[str], None]) -> None:
    """Install Debian packages, which stay; InstallError where that cannot be."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise InstallError(f"Missing: {' '.join(packages)}. Root could install that on Debian and its relatives.")
    say(f"installing {' '.join(packages)}; packages stay when all is done")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with starting_no_services():
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            result = subprocess.run(["apt-get", "--quiet", *arguments], env=environment, stdin=subprocess.DEVNULL,
                                    capture_output=True, text=True, check=False)  # fmt: skip
            if result.returncode:
                raise InstallError(f"apt-get {arguments[0]} failed:\n{(result.stdout + result.stderr)[-2000:]}")


@contextmanager
def starting_no_services(policy: Path = Path("/usr/sbin/policy-rc.d")) -> Iterator[None]:
    """Keep packages from starting services, in Debian's own way; a policy that is there already is left alone."""
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
