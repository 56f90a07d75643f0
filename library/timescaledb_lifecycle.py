#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_lifecycle
short_description: Bring hypertables, continuous aggregates and their policies to a declared state
description:
  - Compares a whole declared state with the live database, plans the way from one to the other, refuses what would lose
    data without consent, and applies the rest in one transaction.
  - A changed value changes the policy that is there, which keeps its job, its history and its schedule.
version_added: "0.1.0"
options:
  hypertables:
    description:
      - The hypertables, a mapping each.
      - C(name), C(schema) and C(state) (V(present) or V(absent), which drops the table) say which.
      - C(time_column), C(chunk_interval), C(integer_now_func), C(hash_dimensions), C(migrate_data) and
        C(create_default_indexes) are those of M(timescaledb_hypertable).
      - C(compression) is a mapping with the options of M(timescaledb_compression), from C(segmentby) on.
      - C(retention) is a mapping with the options of M(timescaledb_retention), from C(drop_after) on.
    type: list
    elements: dict
    default: []
  continuous_aggregates:
    description:
      - The continuous aggregates, a mapping each, in any order.
      - C(name), C(schema), C(state), C(query), C(materialized_only), C(chunk_interval), C(create_group_indexes),
        C(refresh_after_create), C(indexes) and C(refresh) are those of M(timescaledb_continuous_aggregate).
      - C(compression) and C(retention) are as in O(hypertables).
    type: list
    elements: dict
    default: []
  overrides:
    description:
      - Values laid over the declared objects, by their names. Mappings are merged key by key, all else is replaced.
      - A name that is not declared is an error.
    type: dict
    default: {}
  prune:
    description:
      - What to remove where it is not declared, V(policies) of the declared objects or V(continuous_aggregates) over
        them.
    type: list
    elements: str
    choices: [policies, continuous_aggregates]
    default: []
  variable_prefix:
    description: What to put before option names in messages, so that they name the variables of a caller.
    type: str
    default: ""
extends_documentation_fragment:
  - timescaledb
  - timescaledb.run
author:
  - the aetherlens-timescaledb authors (@aetherlens)
seealso:
  - module: timescaledb_hypertable
  - module: timescaledb_continuous_aggregate
  - module: timescaledb_compression
  - module: timescaledb_retention
  - module: timescaledb_info
"""

EXAMPLES = r"""
- name: Keep measurements for 90 days and their hourly averages for a year
  timescaledb_lifecycle:
    login_db: aetherlens
    hypertables:
      - name: metrics
        time_column: time
        chunk_interval: 7 days
        compression:
          segmentby: [device_id, metric_type]
          orderby: [time DESC]
          compress_after: 7 days
        retention:
          drop_after: 90 days
    continuous_aggregates:
      - name: metrics_hourly
        query: >-
          SELECT time_bucket(INTERVAL '1 hour', time) AS bucket, device_id, avg(value) AS avg_value
          FROM metrics GROUP BY bucket, device_id
        materialized_only: false
        refresh:
          start_offset: 3 hours
          end_offset: 1 hour
          schedule_interval: 1 hour
        retention:
          drop_after: 1 year

- name: Say what a shorter retention would drop
  timescaledb_lifecycle:
    login_db: aetherlens
    hypertables: "{{ declared }}"
    overrides:
      metrics:
        retention:
          drop_after: 60 days
  check_mode: true
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
    LIFECYCLE_OPTIONS,
    RUN_OPTIONS,
    argument_spec,
    declared_lifecycle,
)
from ansible.module_utils.timescaledb.runner import run_declaration


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(LIFECYCLE_OPTIONS, RUN_OPTIONS),
        supports_check_mode=True,
    )
    run_declaration(module, declared_lifecycle)


if __name__ == "__main__":
    main()
