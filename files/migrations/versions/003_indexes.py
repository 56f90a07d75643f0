"""Indexes for the questions the application asks.

There is no partial index on recent rows (`WHERE time > now() - ...`): a predicate must be immutable. Excluding the
chunks outside the asked time range serves the same purpose; see docs/decisions.md.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "003"
down_revision = "002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("devices_type_idx", "devices", ["type"])
    op.create_index("devices_location_idx", "devices", ["location"], postgresql_using="gin")
    op.create_index(
        "devices_online_idx",
        "devices",
        [sa.text("(status ->> 'online')")],
        postgresql_where=sa.text("status ->> 'online' = 'true'"),
    )
    # PostgreSQL does not index the referring side of a foreign key; without these a deleted parent means a full scan.
    op.create_index("api_tokens_user_id_idx", "api_tokens", ["user_id"])
    op.create_index("alerts_user_id_idx", "alerts", ["user_id"])
    op.create_index("alerts_device_id_idx", "alerts", ["device_id"])
    op.create_index("metrics_device_id_time_idx", "metrics", ["device_id", sa.text("time DESC")])
    op.create_index("metrics_metric_type_time_idx", "metrics", ["metric_type", sa.text("time DESC")])
    op.create_index("metrics_tags_idx", "metrics", ["tags"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_index("metrics_tags_idx", "metrics")
    op.drop_index("metrics_metric_type_time_idx", "metrics")
    op.drop_index("metrics_device_id_time_idx", "metrics")
    op.drop_index("alerts_device_id_idx", "alerts")
    op.drop_index("alerts_user_id_idx", "alerts")
    op.drop_index("api_tokens_user_id_idx", "api_tokens")
    op.drop_index("devices_online_idx", "devices")
    op.drop_index("devices_location_idx", "devices")
    op.drop_index("devices_type_idx", "devices")
