#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_diagnosis
short_description: Say what ails a TimescaleDB database, and what to do about it
description:
  - Looks at the extension, at rights, compression, jobs, workers and locks, and at what reads far more than it finds.
  - Reads only, in one transaction and a constant number of queries, and one more for each declared query, which is
    planned and not run.
version_added: "0.2.0"
options:
  hypertables:
    description: Hypertables that are declared, as in M(timescaledb_lifecycle), to find what was not applied.
    type: list
    elements: dict
    default: []
  continuous_aggregates:
    description: Continuous aggregates that are declared.
    type: list
    elements: dict
    default: []
  overrides:
    description: Values laid over both, by object name.
    type: dict
    default: {}
  prune:
    description: Taken for the same declaration to serve here too; without effect.
    type: list
    elements: str
    choices: [policies, continuous_aggregates]
    default: []
  variable_prefix:
    description: What messages put before the names of these options.
    type: str
    default: ""
  schemas:
    description: Schemas to look at.
    type: list
    elements: str
    default: [public]
  owner:
    description: Role to which everything in the schemas should belong. Not looked at where nothing is said.
    type: str
    default: ""
  creating_roles:
    description: Roles that are to create tables. The session's role, where nothing is said.
    type: list
    elements: str
    default: []
  reading_roles:
    description: Further roles that are to read everything.
    type: list
    elements: str
    default: []
  queries:
    description: Queries that are to be fast, a mapping with C(name) and C(query) each, the latter being one SELECT.
    type: list
    elements: dict
    default: []
  large_rows:
    description: From how many rows on it matters that a table is read as a whole.
    type: int
    default: 10000
extends_documentation_fragment:
  - timescaledb
attributes:
  check_mode:
    support: full
    description: Never changes anything.
  diff_mode:
    support: none
    description: Never changes anything.
  idempotent:
    support: full
    description: Never changes anything.
author:
  - the aetherlens-timescaledb authors (@aetherlens)
seealso:
  - module: timescaledb_connection_info
"""

EXAMPLES = r"""
- name: What ails it
  timescaledb_diagnosis:
    login_db: aetherlens
    reading_roles: [aetherlens_reader]
    queries:
      - name: the last hour of a device
        query: SELECT * FROM metrics WHERE device_id = 'plug' AND time > now() - INTERVAL '1 hour'
  register: diagnosis
"""

RETURN = r"""
findings:
  description: What was found, problems first.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What it is called; it never changes.
      type: str
      sample: compression_policy_disabled
    severity:
      description: A V(problem) keeps something from working, a V(notice) may.
      type: str
      sample: problem
    problem:
      description: What is wrong.
      type: str
      sample: "chunks of metrics are not compressing: their policy is switched off"
    evidence:
      description: By what one sees it.
      type: str
      sample: 0 of 5 chunks are compressed; job 1000 has scheduled = false
    remedy:
      description: What to do about it.
      type: str
      sample: "declare scheduled: true, or SELECT alter_job(1000, scheduled => true)"
report:
  description: The findings in the same order, a few lines each, for people.
  returned: success
  type: list
  elements: str
problems:
  description: How many problems there are.
  returned: success
  type: int
  sample: 1
notices:
  description: How many notices there are.
  returned: success
  type: int
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.timescaledb_diagnosis.runner import DIAGNOSIS_SPEC, run_diagnosis


def main() -> None:
    run_diagnosis(AnsibleModule(argument_spec=DIAGNOSIS_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
