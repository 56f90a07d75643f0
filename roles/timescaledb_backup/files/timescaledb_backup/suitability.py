# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server can hold what a backup has: what is missing, and what to do about it."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, NamedTuple, Optional

EDITIONS = {"community": "timescale", "apache": "apache"}  # and what timescaledb.license says


class Needs(NamedTuple):
    """What a backup asks of the server it is restored to."""

    backup: str
    database: str
    postgresql: int  # the major version
    timescaledb: Optional[str]  # the exact version; None: the database had no TimescaleDB
    edition: Optional[str]
    roles: FrozenSet[str] = frozenset()
    extensions: Dict[str, str] = {}  # noqa: RUF012 - never changed; name: version, without TimescaleDB


class Offer(NamedTuple):
    """What the server has."""

    postgresql: int
    license: Optional[str]  # None: TimescaleDB is not preloaded
    versions: Dict[str, FrozenSet[str]]  # of each extension that can be created
    roles: FrozenSet[str]


def find_obstacles(needs: Needs, offer: Offer) -> List[str]:
    """One sentence, with the way out, for each thing that would make a restore fail; empty: it fits."""
    found = []
    if needs.postgresql != offer.postgresql:
        found.append(
            f"The backup {needs.backup} was made by PostgreSQL {needs.postgresql} and this server is PostgreSQL "
            f"{offer.postgresql}: restore it on a server of PostgreSQL {needs.postgresql}, and upgrade that one then."
        )
    elif needs.timescaledb is not None:
        found += _timescaledb_obstacles(needs, offer)
    found += _extension_obstacles(needs, offer)
    missing = sorted(needs.roles - offer.roles)
    if missing:
        found.append(
            f"This server lacks roles which own or may use something in the backup: {', '.join(missing)}. Create them, "
            f"or take all from the backup: timescaledb-backup --database {needs.database} globals {needs.backup} "
            "prints them."
        )
    return found


def _timescaledb_obstacles(needs: Needs, offer: Offer) -> List[str]:
    version, edition = needs.timescaledb, needs.edition or "community"
    if offer.license is None:
        return [
            "TimescaleDB is not loaded by this server: install it, and name it in shared_preload_libraries "
            "(the role timescaledb_host does both)."
        ]
    found = []
    if EDITIONS.get(edition) != offer.license:
        there = next((name for name, setting in EDITIONS.items() if setting == offer.license), offer.license)
        found.append(
            f"The backup {needs.backup} is of TimescaleDB's {edition.capitalize()} edition and this server has the "
            f"{there.capitalize()} edition: install the {edition.capitalize()} edition of TimescaleDB {version}, with "
            f"timescaledb.license = '{EDITIONS.get(edition, edition)}', and restart the server."
        )
    known = offer.versions.get("timescaledb", frozenset())
    if version not in known:
        found.append(
            f"The backup {needs.backup} needs exactly TimescaleDB {version} and this server can create "
            f"{', '.join(sorted(known)) or 'none'}: install the package of that version beside the present one "
            f"(timescaledb-2-{version}-postgresql-{needs.postgresql}); the restored database can be updated afterwards."
        )
    return found


def _extension_obstacles(needs: Needs, offer: Offer) -> List[str]:
    found = []
    for name, version in sorted(needs.extensions.items()):
        known = offer.versions.get(name, frozenset())
        if version not in known:
            found.append(
                f"The backup {needs.backup} needs the extension {name} {version} and this server can create "
                f"{', '.join(sorted(known)) or 'no version of it'}: install it."
            )
    return found
