"""${message.replace("_", " ").capitalize()}.

All revisions of a run share one transaction, and each must also render as plain SQL for `--check --diff`: use `op.*` or
`op.execute("...")`, never a query whose answer decides what to do next.
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
    ${upgrades if upgrades else 'raise NotImplementedError("write what changes")'}


def downgrade() -> None:
    ${downgrades if downgrades else 'raise NotImplementedError("write what undoes the change")'}
