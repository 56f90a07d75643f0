#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_connection_info
short_description: Say who one is on a server, and whether the server will do
description:
  - Logs in and tells as whom, over which connection, to which server and extension, and what may be read there.
  - Holds a declared state against what the server is and what the role may do, and tells what is missing, each in a
    sentence with its remedy. Versions, edition and privileges are looked at.
  - A login that fails is explained in one sentence.
version_added: "0.2.0"
options:
  hypertables:
    description: Hypertables that are to be there, as in M(timescaledb_lifecycle).
    type: list
    elements: dict
    default: []
  continuous_aggregates:
    description: Continuous aggregates that are to be there, as in M(timescaledb_lifecycle).
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
    description: Schemas in which tables are to be created and read.
    type: list
    elements: str
    default: [public]
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
  - module: timescaledb_diagnosis
"""

EXAMPLES = r"""
- name: Try the connection
  timescaledb_connection_info:
    login_host: db.example
    login_user: app
    login_password: "{{ vault_app_password }}"
    login_db: aetherlens
    ssl_mode: verify-full
    ca_cert: /etc/ssl/certs/our-ca.pem
  register: connection
"""

RETURN = r"""
login:
  description: Who logged in, which role the session has, and whether that is a superuser.
  returned: success
  type: dict
  sample: {session_role: aetherlens_owner, superuser: false, user: app}
tls:
  description: Whether the connection is encrypted, and how.
  returned: success
  type: dict
  sample: {cipher: TLS_AES_256_GCM_SHA384, used: true, version: TLSv1.3}
server:
  description: The server and its extension; null for what is not there.
  returned: success
  type: dict
  sample:
    address: 192.0.2.10
    available: 2.29.2
    database: aetherlens
    edition: community
    postgresql: "17.11"
    standby: false
    timescaledb: 2.29.2
readable:
  description: Tables, views and aggregates in the schemas that may be read.
  returned: success
  type: list
  elements: str
unreadable:
  description: Those that may not.
  returned: success
  type: list
  elements: str
problems:
  description: What the server or the role lacks, a sentence with its remedy each. Empty when all is well.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.timescaledb_diagnosis.runner import CONNECTION_SPEC, run_connection_info


def main() -> None:
    run_connection_info(AnsibleModule(argument_spec=CONNECTION_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
