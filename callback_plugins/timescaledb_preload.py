# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import filter_loader, test_loader

DOCUMENTATION = r"""
name: timescaledb_preload
type: aggregate
short_description: Load filters and tests once, not once for each task
description:
  - Ansible runs every task, also one that is to be skipped, in a process of its own, which loads all filters and tests
    at the first one it meets, and forgets them at its end.
  - Loaded beforehand, they are there in all these processes. Of a task that does nothing this saves half of the time.
version_added: "0.1.0"
author:
  - the aetherlens-timescaledb authors (@aetherlens)
"""


class CallbackModule(CallbackBase):
    """Says nothing."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "timescaledb_preload"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:  # noqa: ARG002 - the name of the base
        """Load them, before the first process is forked."""
        for loader in (filter_loader, test_loader):
            list(loader.all())
