"""Which listening sockets the master holds for its programs, and where it waits for a connection. No I/O here.

- A socket is held from before the first process that uses it is spawned. With hold=always it is held as long as a
  process that uses it is in the fleet, so that connections wait while that is down; with hold=wanted, only while one of
  them is wanted, or is up.
- What an update brings is opened at once; what it takes away is closed when the last process that was started with it
  is gone.
- A shutdown closes each with the end of its last process. A reload keeps what is always held for the next fleet.
- Orders follow from the state as it is after an event: there is nothing else to remember, and nothing to go wrong
  when a process takes an unusual way.
"""

from collections.abc import Mapping

from procman.core.actions import Action, AwaitConnection, CloseSocket, OpenSocket, Quit
from procman.core.process import Process
from procman.core.spec import Address, SocketSpec
from procman.core.states import MasterState, State


class Sockets:
    """The sockets of a fleet."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        """The processes are those of the fleet at any time."""
        self._processes = processes
        self._users: tuple[str, ...] | None = None  # processes that use any; None: that is not known yet
        self.held: dict[Address, SocketSpec] = {}
        self.awaited: dict[str, tuple[Address, ...]] = {}  # by process

    def has_new_user(self) -> None:
        """A definition with sockets has come in."""
        self._users = None

    def follow(self, actions: list[Action], state: MasterState) -> list[Action]:
        """The same, with what has to be opened before and closed after it."""
        if self._users is None:
            self._find_users()
        if not (self._users or self.held):
            return actions
        opened, closed = self._hold(state)
        closed += self._await()
        end = actions[-1:] if actions and isinstance(actions[-1], Quit) else []
        return [*opened, *actions[: len(actions) - len(end)], *closed, *end]

    def restore(self, state: MasterState) -> None:
        """Go on with processes of another fleet, for which all was ordered that follows from their state."""
        self._find_users()
        self._hold(state)
        self._await()

    def pending(self) -> list[Action]:
        """After `restore`: what another process image has to begin anew."""
        return [AwaitConnection(name, addresses) for name, addresses in self.awaited.items()]

    def _find_users(self) -> None:
        self._users = tuple(
            name
            for name, process in self._processes.items()
            if process.program.sockets or (process.successor is not None and process.successor.sockets)
        )

    def _hold(self, state: MasterState) -> tuple[list[Action], list[Action]]:
        needed = self._needed(state)
        opened: list[Action] = [
            OpenSocket(address, spec) for address, spec in needed.items() if self.held.get(address) != spec
        ]
        closed: list[Action] = [CloseSocket(address) for address in self.held if address not in needed]
        self.held = needed
        return opened, closed

    def _needed(self, state: MasterState) -> dict[Address, SocketSpec]:
        needed: dict[Address, SocketSpec] = {}
        for name in self._users or ():
            process = self._processes.get(name)
            if process is None:
                continue
            for definition in (process.program, process.successor):
                for spec in definition.sockets if definition is not None else ():
                    if _is_held(process, spec, state):
                        needed.update(dict.fromkeys(spec.addresses(name), spec))
        return needed

    def _await(self) -> list[Action]:
        awaited = {
            name: process.program.addresses
            for name in self._users or ()
            if (process := self._processes.get(name)) is not None and process.listens
        }
        before, self.awaited = self.awaited, awaited
        ended = [AwaitConnection(name, ()) for name in before if name not in awaited]
        begun = [AwaitConnection(name, places) for name, places in awaited.items() if before.get(name) != places]
        return [*ended, *begun]


def _is_held(process: Process, spec: SocketSpec, state: MasterState) -> bool:
    if not process.settled or process.pid is not None:
        return True
    if state is MasterState.SHUTDOWN:
        return False
    return spec.hold == "always" or (process.wanted and process.state is not State.FATAL)
