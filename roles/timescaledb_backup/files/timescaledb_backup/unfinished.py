# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases that restores are at work on, noted on disk, so that the next run finds what a killed one has left."""

from __future__ import annotations

import json
import os
from typing import List, NamedTuple, Optional

from . import files
from .config import Config
from .jobs import start_workers
from .load import Say, open_session
from .session import Session, quote_identifier, quote_literal

FILE = "restoring.json"
MAINTENANCE = "postgres"  # the database to be in while others are renamed


class Unfinished(NamedTuple):
    """A database that is being filled, and the name it is to have; its number is known once it is made."""

    name: str
    serving: str
    number: Optional[int] = None


def note(config: Config, unfinished: Unfinished) -> None:
    """Keep in mind that this database is ours, and not finished."""
    others = [entry for entry in read_notes(config) if entry.name != unfinished.name]
    _write(config, [*others, unfinished])


def forget(config: Config, name: str) -> None:
    """The database is finished, or gone."""
    _write(config, [entry for entry in read_notes(config) if entry.name != name])


def read_notes(config: Config) -> List[Unfinished]:
    """What is noted."""
    try:
        with open(os.path.join(config.state_folder, FILE), encoding="utf-8") as file:
            return [Unfinished(**entry) for entry in json.load(file)]
    except (FileNotFoundError, ValueError, TypeError):
        return []


def sweep(config: Config, say: Say) -> None:
    """Drop what killed restores have left; where only the very end was missing, bring it to its end."""
    for entry in read_notes(config):
        with open_session(config, MAINTENANCE) as session:
            there = _database_of(session, entry)
            if there == entry.name:
                session.run(f"DROP DATABASE {quote_identifier(entry.name)} WITH (FORCE)")
                say(f"dropped {entry.name}, which a restore that was killed had left")
        if there == entry.serving:
            with open_session(config, entry.serving) as session:
                start_workers(session)
            say(f"{entry.serving} had been restored to its end by a run that was killed; its jobs run now")
        forget(config, entry.name)


def _database_of(session: Session, entry: Unfinished) -> Optional[str]:
    """The name which the database has now: the one it was made with, or the one it was to have."""
    condition = f"datname = {quote_literal(entry.name)}" if entry.number is None else f"oid = {entry.number}"
    rows = session.rows(f"SELECT datname::text AS name FROM pg_database WHERE {condition}")
    return str(rows[0]["name"]) if rows else None


def _write(config: Config, entries: List[Unfinished]) -> None:
    text = json.dumps([entry._asdict() for entry in entries], indent=1) + "\n"
    files.write_atomically(os.path.join(config.state_folder, FILE), text)
