#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_continuous_aggregate
short_description: Bring one continuous aggregate to a declared state
description:
  - Creates a continuous aggregate without data, keeps its refresh policy, indexes and settings as declared, and builds
    it again where its query changed and you consent.
  - Whether a query changed is decided by the server, which deparses both; layout and comments are no change.
version_added: "0.1.0"
options:
  query:
    description: One SELECT over a hypertable or another continuous aggregate, grouped by C(time_bucket).
    type: str
  materialized_only:
    description:
      - Whether queries see materialized rows only; V(false) computes the newest ones as they are asked for.
      - A new aggregate for which nothing is said gets V(true).
    type: bool
  chunk_interval:
    description: What one chunk of the materialized rows spans. A change concerns new chunks only.
    type: str
  create_group_indexes:
    description:
      - Whether a new aggregate gets the server's index for each column it groups by. As long as not said, it does.
    type: bool
  refresh_after_create:
    description: Whether a new aggregate is filled right away, up to the end of its refresh window.
    type: bool
  indexes:
    description:
      - Further indexes. Each has a C(name), C(columns) such as V([device_id, bucket DESC]), and C(state).
    type: list
    elements: dict
  refresh:
    description:
      - The refresh policy. C(start_offset) and C(end_offset) bound the window that is refreshed, V(null) for no limit,
        and C(schedule_interval) says how often; all three are needed for a new policy.
      - C(state), C(max_runtime), C(max_retries), C(retry_period), C(scheduled), C(timezone), C(initial_start) and
        C(config) are as in M(timescaledb_retention).
    type: dict
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
- name: Average measurements by the hour
  timescaledb_continuous_aggregate:
    login_db: aetherlens
    name: metrics_hourly
    query: >-
      SELECT time_bucket(INTERVAL '1 hour', time) AS bucket, device_id, avg(value) AS avg_value
      FROM metrics GROUP BY bucket, device_id
    materialized_only: false
    refresh:
      start_offset: 3 hours
      end_offset: 1 hour
      schedule_interval: 1 hour
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
    AGGREGATE_OPTIONS,
    RUN_OPTIONS,
    argument_spec,
    declared_aggregate,
)
from ansible.module_utils.timescaledb.runner import run_declaration


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(AGGREGATE_OPTIONS, RUN_OPTIONS),
        supports_check_mode=True,
    )
    run_declaration(module, declared_aggregate)


if __name__ == "__main__":
    main()
