# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder that holds everything of one sandbox, and the mark by which it is known as such."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict
from typing import Optional

from .model import FolderKind, Settings

RECORD = "sandbox_engine.json"  # the engine writes it into its data folder
MARK = "This folder belongs to the timescaledb_sandbox role, which may erase it with all it holds.\n"


class SandboxFolder:
    """Where the parts of the sandbox in the folder `root` are."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.mark = self._path("SANDBOX")
        self.program = self._path("program")  # the server's files and their packages
        self.installed = self._path("program/packages.digest")
        self.data = self._path("data")
        self.settings = self._path("settings.json")
        self.pid = self._path("server.pid")
        self.log = self._path("server.log")
        self.server_lock = self._path("server.lock")  # held by the server as long as it lives
        self.work_lock = self._path("work.lock")  # held by whoever starts, stops or erases

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name)

    def kind(self) -> FolderKind:
        """What is there now, by one look, as another run may be making it; an empty folder is as good as none."""
        try:
            names = os.listdir(self.root)
        except FileNotFoundError:
            return FolderKind.ABSENT
        except NotADirectoryError:
            return FolderKind.FOREIGN
        if os.path.basename(self.mark) in names:
            return FolderKind.SANDBOX
        return FolderKind.FOREIGN if names else FolderKind.ABSENT

    def make(self) -> None:
        """Make the folder and mark it, unless another run has just done so; the mark is the first thing in it."""
        os.makedirs(self.root, exist_ok=True)
        with contextlib.suppress(FileExistsError), open(self.mark, "x", encoding="utf-8") as file:
            file.write(MARK)

    def erase(self) -> None:
        """Remove the folder with all it holds; it must be a sandbox. The mark goes last, so that a retry can work."""
        for name in os.listdir(self.root):
            path = self._path(name)
            if path == self.mark:
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.remove(path)
        os.remove(self.mark)
        os.rmdir(self.root)

    def read_settings(self) -> Optional[Settings]:
        """The settings of the server last started, or None when there was none or they cannot be read."""
        try:
            return Settings(**json.loads(read_text(self.settings) or "{}"))
        except (TypeError, ValueError):
            return None

    def write_settings(self, settings: Settings) -> None:
        """Remember what the server is started with."""
        write_text(self.settings, json.dumps(asdict(settings), indent=2) + "\n")

    def read_data_maker(self) -> Optional[str]:
        """The engine that made the data folder, as it wrote; empty if another server did, None if there is none."""
        if not os.path.isdir(self.data):
            return None
        try:
            record = json.loads(read_text(os.path.join(self.data, RECORD)) or "{}")
        except ValueError:
            record = {}
        return str(record.get("engine", ""))


def read_text(path: str) -> Optional[str]:
    """The content of a file, or None when it does not exist."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_text(path: str, text: str) -> None:
    """Write a file as a whole: whoever reads it meanwhile sees the old or the new content."""
    fresh = path + ".new"
    with open(fresh, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(fresh, path)
