"""A server made of the model: it takes a plan, fills in what servers fill in, and can be read again."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from ansible.module_utils.timescaledb.declaration import Declaration
from ansible.module_utils.timescaledb.model import (
    REFRESH,
    Belongings,
    Compression,
    ContinuousAggregate,
    Database,
    JobSettings,
    Policy,
    Rehearsal,
)
from ansible.module_utils.timescaledb.names import QualifiedName
from ansible.module_utils.timescaledb.plan.actions import Plan
from ansible.module_utils.timescaledb.plan.planner import make_plan
from ansible.module_utils.timescaledb.plan.simulate import simulate
from ansible.module_utils.timescaledb.values import OPEN, Interval, OrderBy
from tests.unit.builders import interval
from tests.unit.timescaledb.strategies import World, deparse

DEFAULTS = JobSettings(interval("1 day"), Interval(), -1, interval("5 minutes"), scheduled=True)


class Server:
    """Holds a database over the tables of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.database = Database(tables=world.tables)
        self.jobs = 999

    def read(self, declaration: Declaration) -> Database:
        """The database as a run reads it for this declaration."""
        return replace(self.database, rehearsals=tuple(self.rehearse(declaration).items()))

    def rehearse(self, declaration: Declaration) -> dict[QualifiedName, Rehearsal]:
        """What becomes of the declared queries: time as it is beneath, the relation behind FROM as source."""
        types = {table.name: dict(table.columns)["time"] for table in self.world.tables}
        found: dict[QualifiedName, Rehearsal] = {}
        for wanted in declaration.aggregates:
            if wanted.query is not None:
                source = next(name for name in types if f"FROM {name.sql} GROUP" in wanted.query)
                types[wanted.name] = types[source]
                columns = (("bucket", types[source]), ("device_id", "text"), ("value", "double precision"))
                found[wanted.name] = Rehearsal(deparse(wanted.query), columns, (source,))
        return found

    def plan(self, declaration: Declaration) -> Plan:
        """The plan for a declaration."""
        return make_plan(declaration, self.read(declaration), self.world.server)

    def run(self, plan: Plan) -> None:
        """Take a plan, and fill in what was left to the server."""
        after = simulate(self.database, plan.actions)
        self.database = replace(
            after,
            hypertables=tuple(self.settle(item) for item in after.hypertables),
            aggregates=tuple(self.settle(item) for item in after.aggregates),
        )

    def settle(self, relation: Any) -> Any:
        """The relation as it is read back."""
        storage = relation.storage or QualifiedName("_timescaledb_internal", f"_materialized_{relation.name.name}")
        policies = tuple(self.settle_policy(item) for item in relation.policies)
        compression = relation.compression
        if compression is not None and self.world.server.keeps_automatic_compression:
            order = (OrderBy(relation.time_column, descending=True, nulls_first=True),)
            segmentby = ("device_id",) if compression.segmentby is None else compression.segmentby
            compression = Compression(segmentby, order if compression.orderby is None else compression.orderby)
        settled = replace(relation, policies=policies, compression=compression, storage=storage)
        if isinstance(settled, ContinuousAggregate):
            settled = replace(settled, belongings=settled.belongings or Belongings("owner"))
        return settled

    def settle_policy(self, policy: Policy) -> Policy:
        """The policy with a job, and defaults for what was not said."""
        if policy.job_id is None:
            self.jobs += 1
            policy = replace(policy, job_id=self.jobs)
        chosen = {
            item.name: getattr(DEFAULTS, item.name)
            for item in fields(JobSettings)
            if getattr(policy.settings, item.name) is None
        }
        window = dict(policy.window)
        if policy.kind == REFRESH:
            window = {key: window.get(key, OPEN) for key in ("start_offset", "end_offset")}
        return replace(policy, settings=replace(policy.settings, **chosen), window=tuple(sorted(window.items())))
