"""How Alembic reaches the database: over the connection it is handed, or over the PG* variables when run by hand."""

from __future__ import annotations

from logging.config import fileConfig

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool


def run_offline() -> None:
    """Write the SQL instead of running it."""
    context.configure(dialect_name="postgresql", literal_binds=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def run_over(connection) -> None:
    """Run the revisions over an open connection; whoever began its transaction ends it."""
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def run_by_hand() -> None:
    """Run the revisions over a connection of our own, for the `alembic` command line."""
    if context.config.config_file_name:
        fileConfig(context.config.config_file_name)
    # An address without parts leaves them all to libpq: PGHOST, PGUSER, ~/.pgpass and so on.
    engine = create_engine("postgresql+psycopg://", poolclass=NullPool)
    with engine.connect() as connection:
        run_over(connection)


handed_connection = context.config.attributes.get("connection")
if context.is_offline_mode():
    run_offline()
elif handed_connection is not None:
    run_over(handed_connection)
else:
    run_by_hand()
