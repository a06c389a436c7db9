"""The update that is under way: carried out, then kept or rolled back, over an upgrade of the master too.

What becomes of one with a confirmation is decided by `services.confirmation`, which is asked after each notification
and when its time is over. A roll-back is an update to the definitions that were in effect before; the file is left as
it is. When the master is to end or to reload, nothing is decided any more.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from procman.config.settings import origin_of
from procman.core.actions import (
    Announce,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceInPlace,
    AnnounceMaster,
    AnnounceRolling,
    ProcessRemoved,
)
from procman.core.attribution import Actor, Origin
from procman.core.process import Process
from procman.core.rolling import Rolling
from procman.core.states import MasterState
from procman.errors import OperationError, OperationFailed, Reason, WrongState
from procman.runtime.bus import ConfirmationNews, ConfirmationStep, Notification
from procman.runtime.engine import Engine
from procman.runtime.update_mark import Unfinished, UpdateMark
from procman.services.actors import describe_actor
from procman.services.configuration import ConfigService
from procman.services.confirmation import Confirmation, Decision, Outcome, Stand, Standing, is_well, stands_of
from procman.services.operations import Operation, Operations
from procman.services.update_state import Readers, Stage, UnderWay, read_under_way, write_under_way
from procman.services.updates import Updates

if TYPE_CHECKING:
    from procman.config.update_plan import PlannedChange

_CHANGES = (
    Announce,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceInPlace,
    AnnounceRolling,
    ProcessRemoved,
)
# Of those that a roll-back takes along, these have to come up again.
_COMES_BACK = frozenset({"restarted", "stopped and started"})
_MOST_NAMED = 3
# Nobody asks for these at that moment.
_BY_ITSELF = frozenset({"rolling back", "rolled back", "left"})


class Pending(NamedTuple):
    """An update that waits for its confirmation, as it stands."""

    operation: Operation
    stage: Stage
    left: float | None  # seconds until it is rolled back; None: it is being carried out, or rolled back already
    confirmed_by: str | None  # in words; None: nobody has
    names: tuple[str, ...]  # the namespecs of what it changed
    missing: tuple[Stand, ...]  # of these, what is not ready and healthy
    reason: str = ""  # why it is being rolled back


class Confirming:
    """Lives as long as the run of the master."""

    def __init__(
        self,
        engine: Engine,
        operations: Operations,
        configuration: ConfigService,
        updates: Updates,
        *,
        mark: UpdateMark,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`updates` puts back what was in effect, `mark` tells the next master of what a kill has cut off."""
        self._bus = engine.bus
        self._fleet = engine.fleet
        self._operations = operations
        self._configuration = configuration
        self._updates = updates
        self._mark = mark
        self._clock = clock
        self.one_at_a_time = asyncio.Lock()
        self._under_way: UnderWay | None = None
        self._handed_over: UnderWay | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._will_look = False
        self._leave: Callable[[], None] = lambda: None
        engine.bus.subscribe(self._hear_master, AnnounceMaster)

    # ---- what clients ask for

    def confirm(self, number: int | None, actor: Actor | None) -> Operation:
        """Have it kept as soon as all that it changed is ready and healthy."""
        under, confirmation = self.awaited(number)
        if under.stage == "rolling back":
            raise WrongState(f"update {under.operation.id} is being rolled back: {under.reason}", Reason.NOT_CONFIRMED)
        if confirmation.confirmed_by is None:
            confirmation.confirmed_by = by = describe_actor(actor) or "a client"
            self._tell(under, "confirmed", f"is confirmed by {by}", actor=actor)
            self._look_soon()
        return under.operation

    def abort(self, number: int | None, actor: Actor | None) -> Operation:
        """Have it rolled back now, or as soon as what has to stop has stopped."""
        under, confirmation = self.awaited(number)
        if confirmation.aborted_by is None:
            confirmation.aborted_by = describe_actor(actor) or "a client"
            self._look_soon()
        return under.operation

    def awaited(self, number: int | None = None) -> tuple[UnderWay, Confirmation]:
        """The update that waits for its confirmation; raises OperationError where there is none of that id."""
        under = self._under_way
        confirmation = None if under is None else under.confirmation
        if under is None or confirmation is None:
            which = "no update waits" if number is None else f"operation {number} does not wait"
            raise OperationError(f"{which} for a confirmation", Reason.UNKNOWN_OPERATION)
        if number is not None and number != under.operation.id:
            text = f"operation {number} does not wait for a confirmation; update {under.operation.id} does"
            raise OperationError(text, Reason.UNKNOWN_OPERATION)
        return under, confirmation

    @property
    def pending(self) -> Pending | None:
        """The update that waits for its confirmation."""
        under = self._under_way
        if under is None or under.confirmation is None:
            return None
        confirmation = under.confirmation
        missing = [stand for stand in self._stands(under, confirmation) if stand.standing is not Standing.READY]
        left = max(0.0, confirmation.deadline - self._clock()) if under.stage == "waiting" else None
        return Pending(
            under.operation,
            under.stage,
            left,
            confirmation.confirmed_by,
            confirmation.watched,
            tuple(missing),
            under.reason,
        )

    def refuse(self) -> None:
        """Raises WrongState while an update waits for its confirmation, or is rolled back."""
        under = self._under_way
        if under is None or under.confirmation is None:
            return
        number = under.operation.id
        if under.stage == "rolling back":
            raise WrongState(f"update {number} is being rolled back: wait for its end", Reason.UNCONFIRMED)
        raise WrongState(
            f"update {number} waits for its confirmation: keep it (procmanctl confirm) or have it rolled back "
            "(procmanctl update --abort) first",
            Reason.UNCONFIRMED,
        )

    # ---- an update

    def prepare(self, under: UnderWay, planned: "Iterable[PlannedChange]") -> None:
        """Remember what is in effect, and find out what is to be ready and healthy."""
        active = {group.name: group for group in self._configuration.active_groups()}
        read = (group.name for group in self._configuration.config.groups)
        under.previous = {
            name: active.get(name)
            for name in dict.fromkeys([*active, *read])
            if under.names is None or name in under.names
        }
        if under.names is None:
            under.sections = self._updates.sections
        watched: dict[str, None] = {}
        for change in planned:
            # What was not well before says nothing of a change that does not stop it.
            counts = change.action in ("added", "restarted") or is_well(self._fleet.processes.get(change.name))
            if counts and change.name and change.action != "removed":
                watched[change.name] = None
            watched |= {one.name: None for one in change.dependents if one.effect in _COMES_BACK}
        under.confirmation = Confirmation(tuple(watched), inf)

    @contextmanager
    def carrying_out(self, under: UnderWay, *, marked: bool) -> Iterator[None]:
        """While it is carried out; then it ends, or waits for its confirmation.

        `marked`: if the master is killed meanwhile, the next one says so.
        """
        self._under_way = under
        try:
            if marked:
                operation = under.operation
                self._mark.put(Unfinished(operation.id, operation.targets, operation.began, under.confirm))
            yield
        except BaseException:
            self._forget()
            raise
        operation, confirmation = under.operation, under.confirmation
        if confirmation is None or under.confirm is None or all(step.action == "error" for step in operation.steps):
            self._forget()
            if under.confirm is not None:
                operation.accept()
            return
        under.stage = "waiting"
        confirmation.deadline = self._clock() + under.confirm
        names = confirmation.watched
        are = f" and {_some(names)} {'is' if len(names) == 1 else 'are'} ready and healthy" if names else ""
        self._tell(
            under, "pending", f"is applied: it is rolled back in {under.confirm:g} s unless it is confirmed{are}", names
        )
        operation.applied()
        self._watch(confirmation)

    # ---- an upgrade, and a kill

    def snapshot(self) -> dict[str, Any] | None:
        """Plain data for another process image to go on with; None: no update is under way."""
        return None if self._under_way is None else write_under_way(self._under_way, self._clock())

    def restore(self, data: Mapping[str, Any] | None, readers: Readers) -> None:
        """What `snapshot` returned; `go_on` begins."""
        if data is not None:
            self._handed_over = read_under_way(data, readers, self._operations, self._clock())

    def go_on(self) -> None:
        """Go on from there, once the engine does."""
        if self._handed_over is None:
            return
        under, self._handed_over = self._handed_over, None
        self._under_way = under
        if under.stage == "applying":
            self._operations.do(under.operation, self._resume(under))
            return
        under.operation.applied()
        if under.stage == "rolling back":
            self._operations.do(under.operation, self._roll_back(under))
        elif under.confirmation is not None:
            self._watch(under.confirmation)

    def report_unfinished(self) -> None:
        """Tell of an update that a killed master has left."""
        left = self._mark.take()
        if left is not None:
            when = time.strftime("%H:%M:%S", time.localtime(left.began))
            was = "was under way" if left.confirm is None else "was under way, or waited for its confirmation,"
            words = (
                f"{was} when procman was killed (it began at {when}): it has ended without a roll-back, and what the "
                "file has now is in effect"
            )
            self._bus.publish(ConfirmationNews(left.operation, "unfinished", words, left.targets))

    async def _resume(self, under: UnderWay) -> None:
        """It was being carried out when the master was upgraded: what has begun to stop is waited for first."""
        operation = under.operation
        async with self.one_at_a_time:
            await self._bus.until(self._nothing_leaves)
            with self.carrying_out(under, marked=False):
                operation.steps += await self._updates.carry_out(
                    self._configuration.config, under.names, lambda _: None, operation.origin
                )
        if under.confirm is None:
            operation.accept()

    def _nothing_leaves(self) -> bool:
        processes = self._fleet.processes.values()
        return not any(process.leaving or process.successor is not None for process in processes)

    # ---- the decision

    def look(self) -> None:
        """Decide, if that can be done."""
        self._will_look = False
        under = self._under_way
        if under is None or under.confirmation is None or under.stage != "waiting":
            return
        decision = under.confirmation.decide(self._stands(under, under.confirmation), self._clock())
        if decision is None:
            return
        self._watch_no_more()
        if decision.outcome is Outcome.KEPT:
            self._tell(under, "kept", f"is kept: {decision.reason}")
            self._forget()
            under.operation.end()
            return
        under.stage = "rolling back"
        under.reason = decision.reason + self._places(decision)
        seq = self._tell(under, "rolling back", f"is rolled back: {under.reason}", decision.failed)
        self._operations.do(under.operation, self._roll_back(under, seq))

    def _stands(self, under: UnderWay, confirmation: Confirmation) -> list[Stand]:
        def rolling_of(process: Process) -> Rolling | None:
            rolling = self._fleet.rollings.by_program.get(process.program.program)
            return rolling if rolling is not None and rolling.operation == under.operation.id else None

        return stands_of(confirmation.watched, self._fleet.processes.get, rolling_of)

    def _watch(self, confirmation: Confirmation) -> None:
        self._leave = self._bus.subscribe(lambda _: self._look_soon(), *_CHANGES)
        left = max(0.0, confirmation.deadline - self._clock())
        self._timer = asyncio.get_running_loop().call_later(left, self.look)
        self._look_soon()

    def _look_soon(self) -> None:
        """After all that follows from the present event."""
        if not self._will_look:
            self._will_look = True
            asyncio.get_running_loop().call_soon(self.look)

    def _watch_no_more(self) -> None:
        self._leave()
        self._leave = lambda: None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _places(self, decision: Decision) -> str:
        """Where the file says what has failed."""
        config = self._configuration.config
        sections = {program.namespec: program.section for group in config.groups for program in group.programs}
        places: dict[str, None] = {}  # processes of one program have the same
        for name in decision.failed:
            origin = origin_of(config, sections[name], "command") if name in sections else {"file": None}
            if origin["file"]:
                places[f"{origin['file']}:{origin['line']}" if origin["line"] else str(origin["file"])] = None
        return f" (see {', '.join(list(places)[:_MOST_NAMED])})" if places else ""

    async def _roll_back(self, under: UnderWay, cause: int | None = None) -> None:
        async with self.one_at_a_time:
            try:
                origin = _by_roll_back(under.operation.id)._replace(cause=cause)
                stopped = await self._updates.put_back(under.previous, under.sections, origin)
            except Exception as bug:
                self._tell(under, "left", f"could not be rolled back: {type(bug).__name__}: {bug}")
                self._forget()
                raise
            but = "".join(f"; but {text}" for text in stopped)
            words = f"has been rolled back: the definitions from before it are in effect again{but}"
            self._tell(under, "rolled back", words)
            self._forget()
            text = f"update {under.operation.id} was rolled back: {under.reason}{but}"
            under.operation.end(OperationFailed(text, Reason.NOT_CONFIRMED))

    def _forget(self) -> None:
        self._watch_no_more()
        self._under_way = None
        self._mark.clear()

    def _tell(
        self,
        under: UnderWay,
        what: ConfirmationStep,
        words: str,
        names: Iterable[str] = (),
        *,
        actor: Actor | None = None,
    ) -> int:
        operation = under.operation
        origin = _by_roll_back(operation.id) if what in _BY_ITSELF else operation.origin
        if actor is not None:
            origin = origin._replace(actor=actor)
        return self._bus.publish(ConfirmationNews(operation.id, what, words, tuple(names)), origin)

    def _hear_master(self, _: Notification) -> None:
        under, state = self._under_way, self._fleet.state
        if state is MasterState.RUNNING or under is None:
            return
        if under.confirmation is not None:
            words = "procman reads the file again" if state is MasterState.RESTARTING else "procman shuts down"
            self._tell(under, "left", f"ends without a confirmation and without a roll-back, as {words}")
        self._forget()


def _by_roll_back(number: int) -> Origin:
    return Origin(Actor("rollback", via=f"roll-back of update {number}"), None, number)


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMED
    return f"{', '.join(names[:_MOST_NAMED])} and {more} more" if more > 0 else ", ".join(names)
