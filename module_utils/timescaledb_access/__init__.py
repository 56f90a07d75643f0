# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules timescaledb_roles and timescaledb_grants: who may log in, who is in which group, who may do what.

runner.py       options in, result out
catalog.py      what the server has, in a constant number of queries
parse.py        options to what is wanted, every refusal naming the variable
roles.py        roles wanted and found to statements; pure
grants.py       rights wanted and found to statements; pure
scram.py        passwords as the server keeps them; pure
model.py        roles and rights; the same types for wanted and found
"""
