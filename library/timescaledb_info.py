#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_info
short_description: Read hypertables, continuous aggregates and policies as declarations
description:
  - Returns what a database holds in the very shape in which M(timescaledb_lifecycle) takes it.
  - Reads in one transaction, in a constant number of statements.
version_added: "0.1.0"
options:
  names:
    description: The objects to return, as V(name) or V(schema.name). All, where nothing is said.
    type: list
    elements: str
  lock_timeout:
    description: Seconds to wait for a lock; reading sizes takes some.
    type: int
    default: 30
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
extends_documentation_fragment:
  - timescaledb
author:
  - the aetherlens-timescaledb authors (@aetherlens)
seealso:
  - module: timescaledb_lifecycle
"""

EXAMPLES = r"""
- name: See what there is
  timescaledb_info:
    login_db: aetherlens
  register: found

- name: Declare the same in another database
  timescaledb_lifecycle:
    login_db: another
    hypertables: "{{ found.hypertables }}"
    continuous_aggregates: "{{ found.continuous_aggregates }}"
"""

RETURN = r"""
hypertables:
  description: The hypertables, as they would be declared.
  returned: always
  type: list
  elements: dict
continuous_aggregates:
  description: The continuous aggregates, as they would be declared.
  returned: always
  type: list
  elements: dict
sizes:
  description: Chunks, range and bytes of each object that holds chunks.
  returned: always
  type: list
  elements: dict
  sample:
    - name: metrics
      chunks: 5
      compressed_chunks: 3
      range_start: "2026-01-01 00:00:00+00"
      range_end: "2026-02-05 00:00:00+00"
      bytes: 5079040
jobs:
  description: The jobs of the objects' policies and how they fared.
  returned: always
  type: list
  elements: dict
  sample:
    - job_id: 1001
      name: metrics
      proc_name: policy_retention
      scheduled: true
      last_run_status: Success
      total_failures: 0
server:
  description: The server that was found.
  returned: always
  type: dict
  sample: {edition: community, postgresql: 17, schema: public, timescaledb: 2.29.2}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.timescaledb.arguments import (
    INFO_OPTIONS,
    argument_spec,
)
from ansible.module_utils.timescaledb.runner import run_info


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(INFO_OPTIONS),
        supports_check_mode=True,
    )
    run_info(module)


if __name__ == "__main__":
    main()
