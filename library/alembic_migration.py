#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: alembic_migration
short_description: Upgrade or downgrade a database by Alembic
description:
  - Brings a PostgreSQL database to a revision of an Alembic environment.
  - All revisions run in one transaction, so either all of them take effect or none.
version_added: "0.1.0"
author:
  - the aetherlens-timescaledb authors (@aetherlens)
options:
  script_location:
    description:
      - Folder that holds the environment's C(env.py) and C(versions), where the module runs.
      - Its C(env.py) must use the connection it finds in C(context.config.attributes["connection"]).
    type: path
    required: true
  command:
    description:
      - The direction. A O(revision) that lies the other way is refused, not followed.
    type: str
    choices: [upgrade, downgrade]
    default: upgrade
  revision:
    description:
      - Where to go, as C(head), C(base), the name of a revision, or a number of steps such as V(+1) or V(-1).
      - Steps go on with every run; the others are reached once.
      - Write names that look like numbers with quotes.
    type: str
    default: head
  allow:
    description:
      - Risks that you consent to.
      - V(drop_data) lets a revision drop or empty tables and columns of tables that hold rows.
    type: list
    elements: str
    choices: [drop_data]
    default: []
  lock_timeout:
    description:
      - Seconds to wait for a lock, or for another migration to end, before giving up with nothing changed.
    type: int
    default: 30
  assume_prerequisites:
    description:
      - In check mode, when the database cannot be reached, tell what a new database would get rather than fail.
      - For plays that set up the server in the same run.
    type: bool
    default: false
extends_documentation_fragment:
  - timescaledb
attributes:
  check_mode:
    support: full
    description: Reads the database and tells which revisions would run, in a read-only transaction.
  diff_mode:
    support: full
    description: Shows the SQL of the revisions, from Alembic's offline mode.
notes:
  - A revision cannot leave the transaction, so C(autocommit_block) and C(CREATE INDEX CONCURRENTLY) do not work.
  - C(drop_data) is asked for by reading the SQL for C(DROP TABLE), C(DROP COLUMN) and C(TRUNCATE); C(DELETE) is not.
requirements:
  - alembic >= 1.8
  - sqlalchemy >= 1.4
  - psycopg >= 3.1 with sqlalchemy 2, or psycopg2 >= 2.9
"""

EXAMPLES = r"""
- name: Bring the schema up to date
  alembic_migration:
    script_location: /srv/app/migrations
    login_db: app

- name: Undo the latest revision, and its tables with their rows
  alembic_migration:
    script_location: /srv/app/migrations
    login_db: app
    command: downgrade
    revision: "-1"
    allow: [drop_data]

- name: Bring the schema to one revision
  alembic_migration:
    script_location: /srv/app/migrations
    login_db: app
    revision: "002"
"""

RETURN = r"""
command:
  description: The direction.
  returned: success
  type: str
  sample: upgrade
current_revision:
  description: Revision the database was at before; null stands for the base.
  returned: success
  type: str
  sample: "001"
target_revision:
  description: Revision it is at now, or would be in check mode; null stands for the base.
  returned: success
  type: str
  sample: "003"
revisions:
  description: Revisions that were run, or would be in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    revision:
      description: Name of the revision.
      type: str
      sample: "002"
    message:
      description: First line of its text.
      type: str
      sample: "Metrics: the table of measurements"
losses:
  description: What was dropped, or would be in check mode, and held rows.
  returned: success
  type: list
  elements: dict
  contains:
    table:
      description: Table that goes, or loses a column.
      type: str
      sample: metrics
    column:
      description: The column, or null for the whole table.
      type: str
      sample: tags
    rows:
      description: Rows the table held.
      type: int
      sample: 51840
    exact:
      description: Whether the rows were counted rather than estimated.
      type: bool
      sample: false
"""

from ansible.module_utils.alembic_migration.runner import ARGUMENT_SPEC, run_module
from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
