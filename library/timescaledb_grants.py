#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_grants
short_description: Give an owner, a writer and a reader their rights in a database, and nobody else
description:
  - Grants rights on the database, on schemas and on what is in them, and sets the rights on what the owner will make
    there, so that new tables and continuous aggregates are covered. Chunks have the rights of their hypertable.
  - What the named roles and everybody (C(PUBLIC)) hold beyond that is taken back. Of other roles nothing is, nor of
    what belongs to extensions.
  - All in one transaction, with the rights read back before it is committed.
version_added: "0.2.0"
options:
  owner:
    description:
      - Role that owns the database or is to create in it, and to make temporary objects.
      - It must be able to log in, as an attribute, where it is to own policies, for TimescaleDB asks for it.
    type: str
    required: true
  writer:
    description: Group that reads and writes rows in tables, and reads views and continuous aggregates.
    type: str
    default: ""
  reader:
    description: Group that reads everything.
    type: str
    default: ""
  connecting:
    description: Further roles that may connect. What else they have, they have by their groups.
    type: list
    elements: str
    default: []
  revoked:
    description: Roles that are to hold nothing here, such as those about to be dropped. They need not be there.
    type: list
    elements: str
    default: []
  schemas:
    description: The schemas.
    type: list
    elements: str
    default: [public]
  read_only:
    description: Tables that O(writer) only reads, as V(name) or V(schema.name).
    type: list
    elements: str
    default: []
  assume_prerequisites:
    description:
      - In check mode, when the database or the roles are not there, tell what they would get rather than fail.
    type: bool
    default: false
extends_documentation_fragment:
  - timescaledb
attributes:
  check_mode:
    support: full
    description: Reads and plans as ever, writes nothing.
  diff_mode:
    support: full
    description: Shows the rights that change, before and after.
  idempotent:
    support: full
    description: A run that finds everything as declared sends no statement that writes.
author:
  - the aetherlens-timescaledb authors (@aetherlens)
seealso:
  - module: timescaledb_roles
"""

EXAMPLES = r"""
- name: Who may do what
  timescaledb_grants:
    login_db: energy
    owner: energy_owner
    writer: energy_writer
    reader: energy_reader
    connecting: [dashboard]
"""

RETURN = r"""
statements:
  description: The statements run, or in check mode those that would be.
  returned: success
  type: list
  elements: str
  sample: ['GRANT SELECT ON TABLE "public"."metrics" TO "energy_reader"']
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.timescaledb_access.runner import GRANTS_SPEC, run_grants


def main() -> None:
    run_grants(AnsibleModule(argument_spec=GRANTS_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
