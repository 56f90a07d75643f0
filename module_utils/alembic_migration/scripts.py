# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Alembic side: load revisions, render their SQL, run them over a connection."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from ..timescaledb.errors import DeclarationError
from .plan import Plan, Revision

Heads = Tuple[str, ...]
Work = Callable[[Heads], Iterable[MigrationStep]]


class Scripts:
    """The migration scripts of one folder, with its env.py. `running` is the revision at work, if any."""

    def __init__(self, location: str) -> None:
        """Load them; DeclarationError when the folder is no Alembic environment or a script cannot be loaded."""
        if not (Path(location) / "env.py").is_file():
            raise DeclarationError("script_location", f"{location} holds no env.py, so no Alembic environment")
        self.location = location
        self.running: Optional[Revision] = None
        self._config = Config()
        self._config.set_main_option("script_location", location.replace("%", "%%"))
        with self._explaining(), warnings.catch_warnings():
            # Alembic only warns of two scripts with one revision id, and drops one of them.
            warnings.simplefilter("error", UserWarning)
            self._directory = ScriptDirectory.from_config(self._config)
            self.history = [
                Revision(script.revision, first_line(script.doc), tuple(script._all_down_revisions))
                for script in reversed(list(self._directory.walk_revisions()))
            ]

    def read_applied(self, connection: Any) -> Heads:
        """The revisions alembic_version holds; none when that table is missing. Writes nothing."""
        seen: List[Heads] = []

        def look(heads: Heads) -> Iterable[MigrationStep]:
            seen.append(heads)
            return []

        self._run(look, connection, dont_mutate=True)
        return seen[0]

    def render(self, plan: Plan) -> str:
        """The SQL of `plan`, for reading: Alembic's offline mode. DeclarationError when a script needs a database."""
        self._config.output_buffer = buffer = StringIO()
        ends = {"starting_rev": plan.current, "destination_rev": plan.target}
        self._run(lambda _heads: self._walk(plan), None, as_sql=True, **ends)
        return buffer.getvalue()

    def run(self, plan: Plan, connection: Any) -> None:
        """Run `plan` inside the transaction of `connection`, whose owner ends it."""
        self._run(lambda _heads: self._walk(plan), connection, destination_rev=plan.target)

    def _walk(self, plan: Plan) -> Iterator[MigrationStep]:
        """Alembic's steps of `plan`, one after the other."""
        upgrades = plan.command == "upgrade"
        make_step = MigrationStep.upgrade_from_script if upgrades else MigrationStep.downgrade_from_script
        for self.running in plan.steps:
            yield make_step(self._directory.revision_map, self._directory.get_revision(self.running.name))
        self.running = None

    def _run(self, work: Work, connection: Any, **options: Any) -> None:
        """Let env.py run, which has `work` tell the steps."""
        asked: List[Heads] = []

        def ask(heads: Any, _context: Any) -> Iterable[MigrationStep]:
            asked.append(tuple(heads))
            return work(asked[0])

        self.running = None
        self._config.attributes["connection"] = connection
        environment = EnvironmentContext(self._config, self._directory, fn=ask, **options)
        with self._explaining(), redirect_stdout(StringIO()), environment:
            self._directory.run_env()
        if not asked:
            raise DeclarationError("script_location", f"{self.location}/env.py runs no migrations")

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Turn what Alembic and the scripts raise into one sentence; errors of the database pass."""
        writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            yield
        except (DBAPIError, DeclarationError):
            raise
        except CommandError as error:
            raise DeclarationError("script_location", f"{self.location}: {error}") from error
        except Exception as error:  # the scripts are somebody's code: they may raise anything
            at_work = f"revision {self.running.name}" if self.running else "a script"
            raise DeclarationError(
                "script_location",
                f"{at_work} in {self.location} failed with {type(error).__name__}: {error}",
            ) from error
        finally:
            sys.dont_write_bytecode = writes_bytecode


def first_line(text: str) -> str:
    """The first line of a script's text, without its full stop."""
    return (text or "").strip().split("\n")[0].rstrip(".")
