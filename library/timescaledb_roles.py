#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_roles
short_description: Bring a server's roles to what is declared, and to nothing more
description:
  - Creates, changes and drops roles, their passwords and the groups they are in, in one transaction.
  - What a declared role has beyond its declaration is taken back, as being a superuser, or in another group.
  - Passwords are turned into what PostgreSQL keeps of them (SCRAM-SHA-256) before they are sent, so the server never
    sees them and no log of it can hold them.
  - Roles that are not declared are left as they are.
version_added: "0.2.0"
options:
  roles:
    description: The roles.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the role.
        type: str
        required: true
      login:
        description: Whether it may log in.
        type: bool
        default: false
      password:
        description:
          - Its password, or what PostgreSQL would keep of it.
          - A role without one has none, and logs in by its system user or a certificate, if at all.
        type: str
      groups:
        description: The groups it is in, and no others.
        type: list
        elements: str
        default: []
      connection_limit:
        description: How many connections it may have at once, V(-1) for any number.
        type: int
        default: -1
      state:
        description: Whether it is to be there. One that still owns something, or holds rights, cannot go.
        type: str
        choices: [present, absent]
        default: present
  reset_passwords:
    description:
      - Set declared passwords even if nobody can see whether they are set already.
      - Only of use where the role that logs in is no superuser, and then always a change.
    type: bool
    default: false
  assume_prerequisites:
    description: In check mode, when the server cannot be reached, tell what a new one would get rather than fail.
    type: bool
    default: false
  variable:
    description: What messages call O(roles).
    type: str
    default: roles
extends_documentation_fragment:
  - timescaledb
attributes:
  check_mode:
    support: full
    description: Reads and plans as ever, writes nothing.
  diff_mode:
    support: full
    description: Shows the declared roles before and after, of passwords only whether they are the declared ones.
  idempotent:
    support: full
    description: A run that finds everything as declared sends no statement that writes.
author:
  - the aetherlens-timescaledb authors (@aetherlens)
seealso:
  - module: timescaledb_grants
"""

EXAMPLES = r"""
- name: A group, and who is in it
  timescaledb_roles:
    login_db: postgres
    roles:
      - name: energy_reader
      - name: dashboard
        login: true
        password: "{{ vault_dashboard_password }}"
        groups: [energy_reader]
"""

RETURN = r"""
statements:
  description: The statements run, or in check mode those that would be; without passwords.
  returned: success
  type: list
  elements: str
  sample: ['GRANT "energy_reader" TO "dashboard"']
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.timescaledb_access.runner import ROLES_SPEC, run_roles


def main() -> None:
    run_roles(AnsibleModule(argument_spec=ROLES_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
