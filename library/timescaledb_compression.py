#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_compression
short_description: Bring compression of one relation, and its policy, to a declared state
description:
  - Switches compression (columnstore) of a hypertable or continuous aggregate on or off and keeps its settings and its
    compression policy as declared.
  - Changed settings concern chunks that are compressed later; those that are compressed keep theirs.
version_added: "0.1.0"
options:
  segmentby:
    description: Columns to group rows by before compressing. An empty list for none.
    type: list
    elements: str
  orderby:
    description: Columns to order by, each with an optional C(DESC), C(NULLS FIRST) or C(NULLS LAST).
    type: list
    elements: str
  compress_after:
    description: The age at which chunks are compressed.
    type: str
  compress_created_before:
    description: The same, counted from the creation of the chunk; not for continuous aggregates.
    type: str
  policy_state:
    description: V(absent) removes the policy and leaves compression itself on.
    type: str
    choices: [present, absent]
    default: present
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
- name: Compress measurements after a week
  timescaledb_compression:
    login_db: aetherlens
    name: metrics
    segmentby: [device_id, metric_type]
    orderby: [time DESC]
    compress_after: 7 days

- name: Switch compression off
  timescaledb_compression:
    login_db: aetherlens
    name: metrics
    state: absent
    allow: [decompress_chunks]
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
    COMPRESSION_OPTIONS,
    RUN_OPTIONS,
    argument_spec,
    declared_compression,
)
from ansible.module_utils.timescaledb.runner import run_declaration


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(COMPRESSION_OPTIONS, RUN_OPTIONS),
        supports_check_mode=True,
    )
    run_declaration(module, declared_compression)


if __name__ == "__main__":
    main()
