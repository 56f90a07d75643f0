#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_retention
short_description: Bring the retention policy of one relation to a declared state
description:
  - Adds, changes or removes the retention policy of a hypertable or continuous aggregate.
  - A policy that would drop chunks which none has reached so far is refused with their number, range, rows and bytes,
    until you consent.
version_added: "0.1.0"
options:
  drop_after:
    description: The age at which chunks are dropped.
    type: str
  drop_created_before:
    description: The same, counted from the creation of the chunk; not for continuous aggregates.
    type: str
extends_documentation_fragment:
  - timescaledb
  - timescaledb.run
  - timescaledb.object
  - timescaledb.job
author:
  - the aetherlens-timescaledb authors (@aetherlens)
seealso:
  - module: timescaledb_lifecycle
"""

EXAMPLES = r"""
- name: Keep measurements for 90 days
  timescaledb_retention:
    login_db: aetherlens
    name: metrics
    drop_after: 90 days

- name: Keep them for ever
  timescaledb_retention:
    login_db: aetherlens
    name: metrics
    state: absent
"""

RETURN = r"""
diff:
  description: The objects concerned, as they would be declared, before and after.
  returned: always
  type: dict
plan:
  description:
    - What was done, or in check mode would be done, one action after the other.
    - Each has C(action), C(object), C(declared_in), C(before) and C(after), and where they apply C(policy), C(job_id)
      and C(note).
  returned: always
  type: list
  elements: dict
  sample:
    - action: alter_policy
      object: metrics
      policy: retention
      job_id: 1001
      declared_in: retention
      before: {drop_after: 90 days, schedule_interval: 1 day}
      after: {drop_after: 120 days, schedule_interval: 1 day}
statements:
  description: The statements that were run, or in check mode would be run.
  returned: always
  type: list
  elements: str
transactions:
  description: In how many transactions the plan was run; more than one only where the server's lock table is too small.
  returned: always
  type: int
  sample: 1
server:
  description: The server that was found.
  returned: always
  type: dict
  sample: {edition: community, postgresql: 17, timescaledb: 2.29.2}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.timescaledb.arguments import (
    RETENTION_OPTIONS,
    RUN_OPTIONS,
    argument_spec,
    declared_retention,
)
from ansible.module_utils.timescaledb.runner import run_declaration


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(RETENTION_OPTIONS, RUN_OPTIONS),
        supports_check_mode=True,
    )
    run_declaration(module, declared_retention)


if __name__ == "__main__":
    main()
