# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declaration needs of a server, held against what the server is."""

from __future__ import annotations

from typing import List

from .capabilities import Capabilities
from .declaration import Declaration
from .errors import UnsupportedError, under


def check_requirements(declaration: Declaration, capabilities: Capabilities) -> None:
    """Raise UnsupportedError where the declaration needs the Community edition and the server is Apache."""
    if capabilities.community:
        return
    needing = needing_community(declaration)
    if needing:
        raise UnsupportedError(
            "TimescaleDB {0} of the Apache edition was found, but the Community edition is needed for {1}; it comes "
            "from the vendor's package repository or images, or from a mirror of yours".format(
                capabilities.version_text, ", ".join(needing)
            )
        )


def needing_community(declaration: Declaration) -> List[str]:
    """Return the variables that take the Community edition."""
    found = []
    for relation in declaration.relations:
        if relation.compression is not None and not relation.compression.absent:
            found.append(under(relation.path, "compression"))
        if relation.retention is not None and not relation.retention.absent:
            found.append(under(relation.path, "retention"))
    return found + [item.path for item in declaration.aggregates if not item.absent]
