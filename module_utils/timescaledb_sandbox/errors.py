# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with the sandbox."""

from __future__ import annotations


class SandboxError(Exception):
    """Something the user can do something about; str() is one sentence that says what, or two with the way out."""
