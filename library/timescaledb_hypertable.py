#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_hypertable
short_description: Bring one hypertable to a declared state
description:
  - Turns a table into a hypertable, and adjusts its chunk interval, hash dimensions and integer time.
  - The time column of a hypertable can never be changed, a dimension never be removed; both are refused.
version_added: "0.1.0"
options:
  time_column:
    description: The column that rows are partitioned by. Needed as long as O(name) is no hypertable.
    type: str
  chunk_interval:
    description: What one chunk spans. A change concerns new chunks only.
    type: str
  integer_now_func:
    description: The function that returns the present where time is an integer; policies by age need it.
    type: str
  hash_dimensions:
    description: Further dimensions, which spread rows over partitions by a column's hash.
    type: list
    elements: dict
    suboptions:
      column:
        description: The column.
        type: str
        required: true
      number_partitions:
        description: Over how many partitions. A change concerns new chunks only.
        type: int
        required: true
  migrate_data:
    description: Whether to move the rows of a table that holds some into chunks, while it is locked.
    type: bool
  create_default_indexes:
    description: Whether a new hypertable gets the server's index on its time column. As long as not said, it does.
    type: bool
extends_documentation_fragment:
  - timescaledb
  - timescaledb.run
  - timescaledb.object
author:
  - the aetherlens-timescaledb authors (@aetherlens)
seealso:
  - module: timescaledb_lifecycle
"""

EXAMPLES = r"""
- name: Make metrics a hypertable with chunks of a week
  timescaledb_hypertable:
    login_db: aetherlens
    name: metrics
    time_column: time
    chunk_interval: 7 days

- name: Drop a hypertable with all its data
  timescaledb_hypertable:
    login_db: aetherlens
    name: old_metrics
    state: absent
    allow: [drop_data]
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
    HYPERTABLE_OPTIONS,
    RUN_OPTIONS,
    argument_spec,
    declared_hypertable,
)
from ansible.module_utils.timescaledb.runner import run_declaration


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(HYPERTABLE_OPTIONS, RUN_OPTIONS),
        supports_check_mode=True,
    )
    run_declaration(module, declared_hypertable)


if __name__ == "__main__":
    main()
