"""Metrics: the table of measurements.

It is created as a plain table; the lifecycle declaration turns it into a hypertable. It has no primary key: two
measurements of one moment are no contradiction, and a unique index would have to be searched, and compressed chunks
unpacked, by every insert.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB

revision = "002"
down_revision = "001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "metrics",
        sa.Column("time", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it was measured"),
        sa.Column("device_id", sa.String(100), nullable=False, comment="Device that measured it"),
        sa.Column("metric_type", sa.String(50), nullable=False, comment="What was measured, such as power"),
        sa.Column("value", DOUBLE_PRECISION(), nullable=False, comment="Measured value, in the row's unit"),
        sa.Column("unit", sa.String(20), nullable=False, comment="Unit of the value, such as W, kWh or °C"),
        sa.Column("tags", JSONB(), server_default=sa.text("'{}'::jsonb"), comment="Labels to search by"),
        sa.Column("metadata", JSONB(), server_default=sa.text("'{}'::jsonb"), comment="Anything else worth keeping"),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.device_id"], name="metrics_device_id_fkey", ondelete="CASCADE"
        ),
        comment="Measurements of all devices, one row for each",
    )


def downgrade() -> None:
    # Without CASCADE on purpose: continuous aggregates hold history that the raw rows no longer have.
    op.drop_table("metrics")
