# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who this program is: whoever calls it as root has it become the user whose backups they are."""

from __future__ import annotations

import grp
import os
import pwd
from typing import List

from .config import Config
from .errors import UsageError


def become(config: Config) -> None:
    """From root become the configured user, for good; somebody else stays who they are. Raises UsageError."""
    if config.system_user is None or os.geteuid() != 0:
        return
    try:
        user = pwd.getpwnam(config.system_user)
    except KeyError:
        raise UsageError(f"system_user: {config.system_user} was given; accepted is a user of this host.") from None
    os.setgroups(sorted({*os.getgrouplist(user.pw_name, user.pw_gid), *_further_groups(config)}))
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name)
    if not os.access(".", os.X_OK):
        os.chdir("/")


def _further_groups(config: Config) -> List[int]:
    if config.system_group is None:
        return []
    if config.system_group.isdigit():
        return [int(config.system_group)]
    try:
        return [grp.getgrnam(config.system_group).gr_gid]
    except KeyError:
        raise UsageError(f"system_group: {config.system_group} was given; accepted is a group of this host.") from None
