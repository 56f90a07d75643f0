# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server has, asked of the server itself: its files need not be where this program runs."""

from __future__ import annotations

import re

from .session import Session
from .suitability import Offer


def read_offer(session: Session) -> Offer:
    """What the server has."""
    row = session.row(
        "SELECT current_setting('server_version_num')::int / 10000 AS major,"
        " current_setting('timescaledb.license', true) AS license,"
        " current_setting('shared_preload_libraries') AS libraries,"
        " (SELECT json_agg(rolname) FROM pg_roles) AS roles,"
        " (SELECT json_object_agg(name, versions) FROM (SELECT name, json_agg(version) AS versions"
        "   FROM pg_available_extension_versions GROUP BY name) AS v) AS versions"
    )
    loaded = re.search(r"(^|[ ,\"/])timescaledb([ ,\".]|$)", row["libraries"]) is not None
    # Where the setting is left alone, and this database has no extension, only the libraries tell the edition.
    edition = row["license"] or ("timescale" if has_community_library(session) else "apache")
    versions = {name: frozenset(found) for name, found in row["versions"].items()}
    return Offer(row["major"], edition if loaded else None, versions, frozenset(row["roles"]))


def has_community_library(session: Session) -> bool:
    """Whether the library of the Community edition lies beside the server's others."""
    return bool(
        session.value(
            "SELECT EXISTS (SELECT FROM pg_config AS c, pg_ls_dir(c.setting) AS file"
            " WHERE c.name = 'PKGLIBDIR' AND file LIKE 'timescaledb-tsl-%') AS there"
        )
    )


def free_bytes(session: Session) -> int:
    """Bytes that the server may still write where its data is, which is where its programs begin."""
    session.run(
        "CREATE TEMPORARY TABLE IF NOT EXISTS room (blocks text)",
        "TRUNCATE pg_temp.room",
        "COPY pg_temp.room FROM PROGRAM 'stat -f -c \"%a %S\" .'",
    )
    blocks, size = str(session.value("SELECT blocks FROM pg_temp.room")).split()
    return int(blocks) * int(size)
