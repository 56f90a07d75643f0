# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module alembic_migration: read where a database is, plan the way to a revision, guard it, walk it.

plan.py         revisions and the way between them; pure
losses.py       what a migration's SQL would throw away; pure
scripts.py      the Alembic side: load revisions, render their SQL, run them
database.py     the SQLAlchemy side: one connection, one transaction, what a refusal means
tables.py       what the tables hold, and who needs them
migrate.py      the order of it all
runner.py       the Ansible side
"""
