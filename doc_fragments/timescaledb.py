# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules have in common, documented once."""

    DOCUMENTATION = r"""
options:
  login_host:
    description: Host of the server.
    type: str
    default: 127.0.0.1
  login_port:
    description: Port of the server.
    type: int
    default: 5432
  login_user:
    description: Role to log in as. To change an object it must own it.
    type: str
    default: postgres
  login_password:
    description: Its password.
    type: str
    default: ""
  login_db:
    description: Database to log in to.
    type: str
    required: true
  login_unix_socket:
    description: Folder of the server's socket, instead of O(login_host).
    type: str
    default: ""
  ssl_mode:
    description: Libpq's C(sslmode).
    type: str
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
    default: prefer
  ca_cert:
    description: File with the certificate authority to trust.
    type: path
    default: ""
  ssl_cert:
    description: File with the client's certificate, for servers that ask for one.
    type: path
    default: ""
  ssl_key:
    description: File with the key of O(ssl_cert), which nobody but its owner may read.
    type: path
    default: ""
  session_role:
    description:
      - Role to become after logging in, so that what is created belongs to it.
      - The role that logs in must be a member of it, or a superuser.
    type: str
    default: ""
  connect_timeout:
    description: Seconds to wait for a connection.
    type: int
    default: 15
requirements:
  - TimescaleDB 2.15 or newer
  - psycopg >= 3.1, or psycopg2 >= 2.9
"""

    RUN = r"""
options:
  allow:
    description:
      - Risks that you consent to; whatever else would lose data is refused before anything is written.
      - V(drop_data) for a retention policy that reaches chunks none has reached so far, and for dropping a hypertable.
      - V(rebuild_aggregate) for dropping a continuous aggregate, or building it again because its query changed.
      - V(decompress_chunks) for switching compression off while chunks are compressed.
      - V(erase_aggregates) for a refresh that reaches back to where retention has dropped the rows beneath.
    type: list
    elements: str
    choices: [drop_data, rebuild_aggregate, decompress_chunks, erase_aggregates]
    default: []
  lock_timeout:
    description: Seconds to wait for a lock, and for another run to end, before giving up with nothing changed.
    type: int
    default: 30
  assume_prerequisites:
    description:
      - For check mode in a play whose earlier tasks would have provided the server, the extension or the tables.
      - What is missing of them is then taken as given and empty, instead of being an error.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Reads, plans and judges as ever, writes nothing; what would be refused becomes a warning.
  diff_mode:
    support: full
    description: Shows the objects concerned before and after, computed from the plan.
  idempotent:
    support: full
    description: A run that finds everything as declared sends no statement that writes.
notes:
  - The whole plan runs in one transaction, with the state read back before it is committed; where the server's lock
    table cannot hold it, it runs in one transaction for each hypertable with its aggregates, and the result says so.
  - What is not declared is left as it is.
  - Times are PostgreSQL interval text and are equal where PostgreSQL says so, as V(1 day) and V(24 hours) are. Where
    time is an integer, they are whole numbers in its unit.
"""

    OBJECT = r"""
options:
  name:
    description: The relation, as V(name) or V(schema.name).
    type: str
    required: true
  schema:
    description: Its schema, where O(name) does not say it; otherwise V(public).
    type: str
  state:
    description: Whether it is to be there.
    type: str
    choices: [present, absent]
    default: present
"""

    JOB = r"""
options:
  schedule_interval:
    description: How often the job runs.
    type: str
  max_runtime:
    description: How long one run may take, V(0 seconds) for as long as it needs.
    type: str
  max_retries:
    description: How often a failed run is repeated before the scheduler switches the job off, V(-1) for ever.
    type: int
  retry_period:
    description: How long to wait before repeating a failed run.
    type: str
  scheduled:
    description: Whether the job runs at all.
    type: bool
  timezone:
    description: Time zone of a job with O(initial_start).
    type: str
  initial_start:
    description: When the job runs first, with its offset from UTC; later runs keep to that hour.
    type: str
  config:
    description: Further keys of the job's configuration, such as V(maxchunks_to_compress); others are kept.
    type: dict
"""
