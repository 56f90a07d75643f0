# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules timescaledb_connection_info and timescaledb_diagnosis: what a server is, will do, and ails of.

runner.py       options in, result out
reader.py       what is asked of the server, in a number of queries that does not grow with what it holds
queries.py      the queries
findings.py     the order in which everything is looked at; pure
server.py       what can be wrong with a server and its extension; pure
rights.py       what roles may not do and should; pure
compression.py  why chunks are not compressed; pure
jobs.py         what keeps jobs from running; pure
speed.py        what reads far more than it finds; pure
plans.py        reading plans of queries; pure
needs.py        what an inventory needs of a server that is not ours; pure
model.py        facts and findings
"""
