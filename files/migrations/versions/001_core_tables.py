"""Core tables: devices, users, API tokens, rate schedules, alerts, plugins.

Closed sets of values are CHECK constraints rather than enum types: a value is added or removed by replacing one
constraint inside a transaction, and nothing else depends on it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "001"
down_revision = None
branch_labels = None
depends_on = None

TABLES_WITH_UPDATED_AT = ("devices", "users", "alerts", "plugins")

# The search path is fixed so that nobody can slip a function of their own under the trigger.
SET_UPDATED_AT = """
CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.execute(SET_UPDATED_AT)
    op.execute("COMMENT ON FUNCTION set_updated_at() IS 'Keeps updated_at at the time of the last change of a row'")
    create_devices()
    create_users()
    create_api_tokens()
    create_rate_schedules()
    create_alerts()
    create_plugins()
    for table in TABLES_WITH_UPDATED_AT:
        create_updated_at_trigger(table)


def downgrade() -> None:
    for table in ("plugins", "alerts", "rate_schedules", "api_tokens", "users", "devices"):
        op.drop_table(table)
    op.execute("DROP FUNCTION set_updated_at()")


def create_updated_at_trigger(table: str) -> None:
    """Keep `updated_at` current; an UPDATE that changes nothing does not count."""
    op.execute(
        f"CREATE TRIGGER {table}_set_updated_at BEFORE UPDATE ON {table} "
        "FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at()"
    )


def uuid_key(name: str, comment: str) -> sa.Column:
    return sa.Column(name, UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False, comment=comment)


def moment(name: str, comment: str) -> sa.Column:
    """A timestamptz that is set when the row is written."""
    return sa.Column(
        name, sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False, comment=comment
    )


def json_object(name: str, comment: str, *, nullable: bool) -> sa.Column:
    return sa.Column(name, JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=nullable, comment=comment)


def text_list(name: str, comment: str, *, nullable: bool) -> sa.Column:
    return sa.Column(name, ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=nullable, comment=comment)


def create_devices() -> None:
    op.create_table(
        "devices",
        sa.Column("device_id", sa.String(100), nullable=False, comment="Stable identifier, chosen by the integration"),
        sa.Column("name", sa.String(255), nullable=False, comment="Name shown to people"),
        sa.Column("type", sa.String(50), nullable=False, comment="Kind of device, such as smart_plug"),
        sa.Column("manufacturer", sa.String(100), comment="Who made it"),
        sa.Column("model", sa.String(100), comment="The maker's model name"),
        json_object("location", "Where it is, such as room and floor", nullable=False),
        text_list("capabilities", "What it can measure and do", nullable=True),
        json_object("configuration", "Settings of the integration for this device", nullable=False),
        json_object("metadata", "Anything else worth keeping", nullable=True),
        json_object("status", "Last known state, such as whether it is online", nullable=True),
        moment("created_at", "When the device was added"),
        moment("updated_at", "When this row last changed"),
        sa.PrimaryKeyConstraint("device_id", name="devices_pkey"),
        sa.CheckConstraint("device_id <> ''", name="devices_device_id_not_empty"),
        comment="Devices that measure or use energy",
    )


def create_users() -> None:
    op.create_table(
        "users",
        uuid_key("user_id", "Stable identifier"),
        sa.Column("username", sa.String(100), nullable=False, comment="Login name, unique whatever its case"),
        sa.Column("email", sa.String(255), nullable=False, comment="E-mail address, unique whatever its case"),
        sa.Column("role", sa.String(20), server_default="user", nullable=False, comment="admin, user or viewer"),
        json_object("preferences", "Settings of the user interface", nullable=False),
        moment("created_at", "When the user was added"),
        moment("updated_at", "When this row last changed"),
        sa.PrimaryKeyConstraint("user_id", name="users_pkey"),
        sa.CheckConstraint("role IN ('admin', 'user', 'viewer')", name="users_role_known"),
        sa.CheckConstraint("username <> ''", name="users_username_not_empty"),
        sa.CheckConstraint("position('@' in email) > 1", name="users_email_has_at_sign"),
        comment="People who use the system",
    )
    # Unique indexes on lower(...) rather than the citext extension: nothing to install, plain text to the application.
    op.create_index("users_username_key", "users", [sa.text("lower(username)")], unique=True)
    op.create_index("users_email_key", "users", [sa.text("lower(email)")], unique=True)


def create_api_tokens() -> None:
    op.create_table(
        "api_tokens",
        uuid_key("token_id", "Stable identifier; it is not the token"),
        sa.Column("user_id", UUID(), nullable=False, comment="Whose token it is; goes when the user goes"),
        sa.Column("name", sa.String(100), nullable=False, comment="What the token is for, in the words of its owner"),
        sa.Column("token_hash", sa.Text(), nullable=False, comment="SHA-256 of the token, 64 lower-case hex digits"),
        text_list("permissions", "What the token allows", nullable=False),
        moment("created_at", "When the token was issued"),
        sa.Column("last_used_at", sa.TIMESTAMP(timezone=True), comment="When it was last accepted; null: never"),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), comment="From when it is refused; null: never"),
        sa.PrimaryKeyConstraint("token_id", name="api_tokens_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="api_tokens_user_id_fkey", ondelete="CASCADE"),
        sa.UniqueConstraint("token_hash", name="api_tokens_token_hash_key"),
        sa.CheckConstraint("token_hash ~ '^[0-9a-f]{64}$'", name="api_tokens_token_hash_is_sha256"),
        sa.CheckConstraint("expires_at > created_at", name="api_tokens_expires_after_creation"),
        comment="Tokens for programs; only their hashes are kept",
    )


def create_rate_schedules() -> None:
    op.create_table(
        "rate_schedules",
        uuid_key("rate_id", "Stable identifier"),
        sa.Column("provider", sa.String(255), nullable=False, comment="Who sells the energy"),
        sa.Column("plan_name", sa.String(255), nullable=False, comment="The provider's name for the plan"),
        sa.Column("effective_date", sa.Date(), nullable=False, comment="First day it applies, in its time zone"),
        sa.Column("expiry_date", sa.Date(), comment="Last day it applies, in its time zone; null: open"),
        sa.Column("currency", sa.CHAR(3), nullable=False, comment="Currency of all its amounts, ISO 4217"),
        sa.Column("time_zone", sa.String(64), nullable=False, comment="IANA time zone of its days and hours"),
        sa.Column("rate_structure", JSONB(), nullable=False, comment="Prices of a kWh and when they apply"),
        json_object("fixed_charges", "Charges that do not depend on use", nullable=False),
        json_object("metadata", "Anything else worth keeping", nullable=True),
        sa.PrimaryKeyConstraint("rate_id", name="rate_schedules_pkey"),
        sa.CheckConstraint("expiry_date >= effective_date", name="rate_schedules_ends_after_it_begins"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="rate_schedules_currency_is_iso_4217"),
        comment="What energy costs and when",
    )


def create_alerts() -> None:
    op.create_table(
        "alerts",
        uuid_key("alert_id", "Stable identifier"),
        sa.Column("user_id", UUID(), comment="Whose alert it is; null: everybody's; goes when the user goes"),
        sa.Column("device_id", sa.String(100), comment="Device it watches; null: all; goes when the device goes"),
        sa.Column("name", sa.String(255), nullable=False, comment="Name shown to people"),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False, comment="Whether it may fire"),
        sa.Column("conditions", JSONB(), nullable=False, comment="When it fires"),
        sa.Column("actions", JSONB(), nullable=False, comment="What happens when it fires"),
        sa.Column("schedule", JSONB(), comment="When it is watched; null: always"),
        json_object("metadata", "Anything else worth keeping", nullable=True),
        moment("created_at", "When the alert was added"),
        moment("updated_at", "When this row last changed"),
        sa.PrimaryKeyConstraint("alert_id", name="alerts_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="alerts_user_id_fkey", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.device_id"], name="alerts_device_id_fkey", ondelete="CASCADE"),
        comment="Conditions on measurements, and what to do when they hold",
    )


def create_plugins() -> None:
    op.create_table(
        "plugins",
        sa.Column("plugin_id", sa.String(100), nullable=False, comment="Stable identifier, chosen by its author"),
        sa.Column("name", sa.String(255), nullable=False, comment="Name shown to people"),
        sa.Column("version", sa.String(50), nullable=False, comment="Installed version"),
        sa.Column("enabled", sa.Boolean(), server_default=sa.false(), nullable=False, comment="Whether it may run"),
        sa.Column(
            "status", sa.String(20), server_default="stopped", nullable=False, comment="running, stopped or failed"
        ),
        json_object("configuration", "Settings of the plugin", nullable=False),
        moment("installed_at", "When the plugin was installed"),
        moment("updated_at", "When this row last changed"),
        sa.PrimaryKeyConstraint("plugin_id", name="plugins_pkey"),
        sa.CheckConstraint("plugin_id <> ''", name="plugins_plugin_id_not_empty"),
        sa.CheckConstraint("status IN ('running', 'stopped', 'failed')", name="plugins_status_known"),
        comment="Installed extensions of the application",
    )
