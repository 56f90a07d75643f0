"""${message.replace("_", " ").capitalize()}.

A revision runs inside one transaction together with its neighbours, and must also render as plain SQL (`--check --diff`):
use `op.*` or `op.execute("...")`, never a query whose answer decides what to do next.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision).replace("'", '"')}
down_revision = ${repr(down_revision).replace("'", '"')}
branch_labels = ${repr(branch_labels).replace("'", '"')}
depends_on = ${repr(depends_on).replace("'", '"')}


def upgrade() -> None:
    ${upgrades if upgrades else 'op.execute(sa.text("SELECT 1"))  # replace with the change'}


def downgrade() -> None:
    ${downgrades if downgrades else 'op.execute(sa.text("SELECT 1"))  # replace with what undoes the change'}
