"""Updates as clients ask for them: what differs between the file and what is active, as a plan, and carried out.

A file with problems changes nothing. An update touches only what differs: what can be changed in a running process is
changed in place, the rest is stopped and replaced, one process at a time and not by whole groups as supervisord does.
What becomes of one that is to be confirmed is the business of `services.confirming`.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from procman.config.schema.configuration import Config
from procman.core.attribution import NOBODY, Actor
from procman.errors import BadRequest
from procman.runtime.call_queue import CallQueue
from procman.runtime.engine import Engine
from procman.runtime.update_mark import UpdateMark
from procman.services.configuration import ConfigService
from procman.services.confirming import Confirming
from procman.services.master import MasterService
from procman.services.operations import Operation, Step
from procman.services.rolling_words import why_stopped
from procman.services.update_state import Readers, UnderWay
from procman.services.updates import Updates

if TYPE_CHECKING:
    from procman.config.update_plan import PlannedChange
    from procman.core.actions import AnnounceRolling
    from procman.services.update_plans import Order, Plan, UpdatePlans

# How long an update may wait for its confirmation, in seconds.
LONGEST = 86400.0
# How long a plan may take to compute, in seconds: a thousand programs take one.
PLANNED_WITHIN = 30.0


class UpdateService:
    """One update at a time: two would each stop what the other starts."""

    def __init__(
        self,
        engine: Engine,
        master: MasterService,
        configuration: ConfigService,
        *,
        mark: UpdateMark,
        clock: Callable[[], float] = time.monotonic,
        beside: CallQueue | None = None,
    ) -> None:
        """`mark` tells the next master of what a kill has cut off, `beside` computes plans beside the loop.

        While an update waits for its confirmation, `configuration` refuses to add and to remove.
        """
        self._master = master
        self._operations = master.operations
        self._configuration = configuration
        self._updates = updates = Updates(engine, configuration)
        self._beside = CallQueue(PLANNED_WITHIN, engine.bus.nudge) if beside is None else beside
        self._made: UpdatePlans | None = None
        self._salt: str | None = None  # that plans were made with before an upgrade
        self.confirming = Confirming(engine, self._operations, configuration, updates, mark=mark, clock=clock)
        configuration.refuse_while_unconfirmed = self.confirming.refuse

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image: plans from here can be applied there, and an update goes on."""
        salt = self._salt if self._made is None else self._made.salt
        return {"salt": salt, "under_way": self.confirming.snapshot()}

    def restore(self, data: Mapping[str, Any], readers: Readers) -> None:
        """Go on from what `snapshot` returned; older masters have less."""
        self._salt = data.get("salt")
        self.confirming.restore(data.get("under_way"), readers)

    async def plan(self, names: Collection[str] | None = None, may: Callable[[str], bool] | None = None) -> "Plan":
        """What `update` would do, as JSON; it changes nothing.

        With `may`, there are only the groups of which it takes every process, as the file has them and as they run.
        """
        config = await self._configuration.look()
        plans, situation = self._plans, self._plans.situation()
        if may is None:
            return await self._beside.do(lambda: plans.make(situation, config, names))
        specs: dict[str, set[str]] = {}
        for group in (*situation.groups, *config.groups):
            specs.setdefault(group.name, set()).update(program.namespec for program in group.programs)
        seen = {name for name, found in specs.items() if all(map(may, found))}
        wanted, unseen = seen if names is None else names, specs.keys() - seen
        shown = {name for found in specs.values() for name in found if may(name)}
        return await self._beside.do(lambda: plans.make(situation, config, wanted, unseen, shown.__contains__))

    async def steps(self, names: Iterable[str] | None = None, hidden: Collection[str] = ()) -> list[Step]:
        """The same as the steps of an update."""
        async with self.confirming.one_at_a_time:
            config = await self._configuration.take_over()
            return await self._updates.carry_out(config, _targets(names), None, NOBODY, hidden=hidden)

    def update(
        self,
        names: Iterable[str] | None = None,
        actor: Actor | None = None,
        hidden: Collection[str] = (),
        *,
        confirm: float | None = None,
    ) -> Operation:
        """Read the file again and make it so, for all groups or those named; it ends when all has stopped that must.

        With `confirm` it ends when it is kept or rolled back: at the latest so many seconds after all has stopped.
        """
        self._refuse(confirm)
        return self._begin(None if names is None else tuple(names), actor, hidden, confirm, None)

    def apply(
        self, plan: object, actor: Actor | None, may: Callable[[str | None], bool], *, confirm: float | None = None
    ) -> Operation:
        """The same for a plan, if neither the file nor what runs has changed since it was made.

        `may` says of each group whether the client may have it updated; of None, whether it may all of them.
        """
        self._refuse(confirm)
        order = self._plans.read(plan)
        if not all(map(may, [None] if order.groups is None else order.groups)):
            raise BadRequest("cannot apply the plan: it has groups that are not there")
        return self._begin(order.groups, actor, (), confirm, order)

    async def _compare(self, order: "Order", config: Config) -> None:
        plans, situation = self._plans, self._plans.situation()
        await self._beside.do(lambda: plans.compare(situation, order, config))

    async def _planned(self, config: Config, wanted: Collection[str] | None) -> "tuple[PlannedChange, ...]":
        plans, situation = self._plans, self._plans.situation()
        return await self._beside.do(lambda: plans.planned(situation, config, wanted))

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now."""
        return "an update is being planned" if self._beside.busy else None

    @property
    def _plans(self) -> "UpdatePlans":
        if self._made is None:
            from procman.services.update_plans import UpdatePlans  # noqa: PLC0415 - a whole feature

            self._made = UpdatePlans(self._configuration, self._salt)
        return self._made

    def _refuse(self, confirm: float | None) -> None:
        self._master.refuse_while_ending()
        self.confirming.refuse()
        if confirm is not None and not 0 < confirm <= LONGEST:
            text = f"cannot wait {confirm:g} s for a confirmation: expected more than 0 s, and at most a day"
            raise BadRequest(text)

    def _begin(
        self,
        names: tuple[str, ...] | None,
        actor: Actor | None,
        hidden: Collection[str],
        confirm: float | None,
        order: "Order | None",
    ) -> Operation:
        operation = self._operations.begin("update", names or ("all",), actor)

        async def work() -> None:
            rolling: list[asyncio.Future[AnnounceRolling]] = []
            async with self.confirming.one_at_a_time:
                self.confirming.refuse()
                config = await self._configuration.take_over()
                if order is not None:
                    await self._compare(order, config)
                wanted = _targets(names)
                under = UnderWay(operation, None if wanted is None else frozenset(wanted - set(hidden)), confirm)
                if confirm is not None:
                    self.confirming.prepare(under, await self._planned(config, under.names))
                with self.confirming.carrying_out(under, marked=confirm is not None or order is not None):
                    operation.steps = await self._updates.carry_out(
                        config, wanted, operation.steps.extend, operation.origin, hidden=hidden, rolling=rolling
                    )
            if confirm is None:
                for end in await asyncio.gather(*rolling):
                    if text := why_stopped(end):
                        operation.steps.append(Step(end.program.partition(":")[0], "rolling stopped", message=text))
                operation.accept()

        self._operations.do(operation, work())
        return operation


def _targets(names: Iterable[str] | None) -> set[str] | None:
    return None if names is None else set(names) - {"all"} or None
