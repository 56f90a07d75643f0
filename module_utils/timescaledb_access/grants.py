# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From rights as wanted and as found to GRANT and REVOKE. Pure.

Only the roles that are named, and PUBLIC, gain or lose anything; what other roles hold is left as it is. So is what
belongs to an extension.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Sequence, Tuple

from ..timescaledb.names import QualifiedName, quote_identifier
from .model import (
    DATABASE,
    DEFAULT_SEQUENCE,
    DEFAULT_TABLE,
    ORDER,
    PUBLIC,
    SCHEMA,
    SEQUENCE,
    TABLE,
    VIEW,
    Holding,
    Privileges,
    Rule,
    Statement,
    Target,
    WantedGrants,
)

NOTHING = Rule()
_READ = frozenset({"SELECT"})
_WRITE = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_COUNT = frozenset({"USAGE", "SELECT"})
_CONNECT = frozenset({"CONNECT"})
_USE = frozenset({"USAGE"})
_OWN_DATABASE = frozenset({"CONNECT", "CREATE", "TEMPORARY"})
_OWN_SCHEMA = frozenset({"CREATE", "USAGE"})
_SPELLED = {DATABASE: "DATABASE", SCHEMA: "SCHEMA", SEQUENCE: "SEQUENCE", TABLE: "TABLE", VIEW: "TABLE"}
_DEFAULTS = {DEFAULT_TABLE: "TABLES", DEFAULT_SEQUENCE: "SEQUENCES"}

Change = Tuple[str, str, str, Privileges]  # GRANT, REVOKE or REVOKE GRANT OPTION FOR; the kind; the grantee; what


def plan_grants(wanted: WantedGrants, found: Sequence[Holding]) -> List[Statement]:
    """Return the statements that give everybody named what it is to have, and take what it is not to have."""
    grouped: Dict[Change, List[Target]] = {}
    for holding in found:
        if holding.extension or not holding.grantable:
            continue
        for grantee in grantees(wanted, holding.target):
            for change in _changes(wanted, holding, grantee):
                grouped.setdefault(change, []).append(holding.target)
    ordered = sorted(grouped.items(), key=lambda item: (item[0][0] == "GRANT", _place(item[0][1])))
    return [statement for change, targets in ordered for statement in _render(change, targets, wanted.owner)]


def out_of_reach(found: Sequence[Holding]) -> List[Holding]:
    """Return what the session may not grant on, as it belongs to somebody else."""
    return [holding for holding in found if not holding.grantable and not holding.extension]


def grantees(wanted: WantedGrants, target: Target) -> Iterator[str]:
    """Yield whose rights on a target are managed; those of the owner only where owning does not say them."""
    if target.kind in (DATABASE, SCHEMA):
        yield wanted.owner
    yield from dict.fromkeys(name for name in (wanted.writer, wanted.reader) if name)
    yield from wanted.connecting
    yield from wanted.revoked
    yield PUBLIC


def rule_for(wanted: WantedGrants, target: Target, grantee: str) -> Rule:
    """Return what a grantee is to have on a target."""
    if grantee == wanted.owner:
        return _exactly({DATABASE: _OWN_DATABASE, SCHEMA: _OWN_SCHEMA}.get(target.kind, frozenset()))
    if grantee == PUBLIC:
        return Rule(allowed=_USE) if target.kind == SCHEMA else NOTHING
    if target.kind == DATABASE:
        return NOTHING if grantee in wanted.revoked else _exactly(_CONNECT)
    if grantee not in (wanted.writer, wanted.reader):
        return NOTHING
    if target.kind == SCHEMA:
        return _exactly(_USE)
    writes = grantee == wanted.writer
    if target.kind in (SEQUENCE, DEFAULT_SEQUENCE):
        return _exactly(_COUNT if writes else _READ)
    writable = target.kind in (TABLE, DEFAULT_TABLE) and (target.schema, target.name) not in wanted.read_only
    return _exactly(_WRITE if writes and writable else _READ)


def _exactly(privileges: Privileges) -> Rule:
    return Rule(privileges, privileges)


def _changes(wanted: WantedGrants, holding: Holding, grantee: str) -> Iterator[Change]:
    rule = rule_for(wanted, holding.target, grantee)
    held = holding.rights.get(grantee, frozenset())
    plain = frozenset(item.rstrip("*") for item in held)
    passable = frozenset(item.rstrip("*") for item in held if item.endswith("*"))
    kind = TABLE if holding.target.kind == VIEW else holding.target.kind
    extra = plain - rule.allowed
    if extra:
        yield "REVOKE", kind, grantee, extra
    if passable - extra:
        yield "REVOKE GRANT OPTION FOR", kind, grantee, passable - extra
    if rule.required - plain:
        yield "GRANT", kind, grantee, rule.required - plain


def _place(kind: str) -> int:
    return [DATABASE, SCHEMA, TABLE, VIEW, SEQUENCE, DEFAULT_TABLE, DEFAULT_SEQUENCE].index(kind)


def _render(change: Change, targets: Sequence[Target], owner: str) -> List[Statement]:
    verb, kind, grantee, privileges = change
    what = ", ".join(name for name in ORDER if name in privileges)
    whom = ("TO " if verb == "GRANT" else "FROM ") + (PUBLIC if grantee == PUBLIC else quote_identifier(grantee))
    if kind in _DEFAULTS:
        return [
            Statement(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {quote_identifier(owner)} IN SCHEMA "
                f"{quote_identifier(target.schema)} {verb} {what} ON {_DEFAULTS[kind]} {whom}"
            )
            for target in targets
        ]
    names = ", ".join(_sql_name(target) for target in sorted(targets))
    return [Statement(f"{verb} {what} ON {_SPELLED[kind]} {names} {whom}")]


def _sql_name(target: Target) -> str:
    if target.kind in (DATABASE, SCHEMA):
        return quote_identifier(target.schema)
    return QualifiedName(target.schema, target.name).sql


def describe_before(wanted: WantedGrants, found: Sequence[Holding]) -> Dict[str, Any]:
    """Return the managed rights on everything that is to change, for a diff."""
    return _describe(wanted, found, after=False)


def describe_after(wanted: WantedGrants, found: Sequence[Holding]) -> Dict[str, Any]:
    """Return the same as it will be."""
    return _describe(wanted, found, after=True)


def _describe(wanted: WantedGrants, found: Sequence[Holding], after: bool) -> Dict[str, Any]:
    shown: Dict[str, Any] = {}
    for holding in found:
        if holding.extension or not holding.grantable:
            continue
        changing = [who for who in grantees(wanted, holding.target) if any(_changes(wanted, holding, who))]
        for grantee in changing:
            rule = rule_for(wanted, holding.target, grantee)
            held = holding.rights.get(grantee, frozenset())
            rights = (frozenset(item.rstrip("*") for item in held) & rule.allowed) | rule.required if after else held
            words = sorted(rights, key=lambda item: ORDER.index(item.rstrip("*")))
            shown.setdefault(show_target(holding.target), {})[grantee] = ", ".join(words) or "nothing"
    return shown


def show_target(target: Target) -> str:
    """Return what rights are on, as people write it."""
    if target.kind in _DEFAULTS:
        return f"new {_DEFAULTS[target.kind].lower()} in schema {target.schema}"
    name = target.schema if target.kind in (DATABASE, SCHEMA) else str(QualifiedName(target.schema, target.name))
    return f"{target.kind.lower()} {name}"
