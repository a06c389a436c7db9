"""Finds out why a process has failed while the traces are fresh: who holds its port, what is wrong with its file.

The looks ask disks and all of /proc, so each is made on a thread, one after the other; one that hangs stops further
looks, and nothing else. Bounded: one finding, and one look that waits, for each process of the fleet. A process that
fails for the same reason again and again is looked at once in AGAIN seconds.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from procman.config.schema.programs import Program
from procman.config.secrets import masked
from procman.core.actions import Announce, AnnounceDescendants, ProcessRemoved
from procman.core.events import ExitStatus, SpawnFailed
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.runtime.look_queue import LookQueue
from procman.runtime.process_trees import OrphanedDescendants, Trees
from procman.system.thread_cwd import working_folder

if TYPE_CHECKING:
    from procman.services.daemonized import Daemonized
    from procman.services.held_addresses import Held
    from procman.system.address_holders import Address, Holders
    from procman.system.core_files import Core
    from procman.system.failed_exec import Explanation

# In seconds.
AGAIN = 10.0

_KINDS = ("start", "words", "address", "shortage", "daemonized")
_CANNOT_LISTEN = "cannot listen on "
# Of such a start, no disk is asked: it may be looked at on the loop where there are no threads left, either.
_LIMITS = ("Too many processes", "not enough memory", "too many open files")

# So many processes that earlier runs have left behind are counted.
MOST_LEFT = 100
# The exit status of env and of shells for a command that is not there.
_NOT_FOUND = 127
# So many of the last lines are looked through.
MOST_LINES = 50
Lines = dict[str, list[str]]  # by channel
LastLines = Callable[[str, int, int, Callable[[Lines], None]], Lines]


class Kind(Enum):
    """What a finding is about."""

    START = "start"  # it could not be started; the fact is an Explanation
    ADDRESS = "address"  # its address was in use: Held
    SHORTAGE = "shortage"  # it has run out of room on a disk, processes, descriptors or memory: Explanation
    DAEMONIZED = "daemonized"  # it has put itself into the background: Daemonized


@dataclass(frozen=True, slots=True)
class Finding:
    """What is the matter with a process, beyond how it ended."""

    kind: Kind
    sentence: str
    fact: "Explanation | Held | Daemonized | None"  # the same as fields; None: another process image has found it
    line: str = ""  # what the process wrote that led there


class Explanations:
    """Subscribe `hear`; ask with `of`, or with `settled` to have what is under way in it."""

    hears = (
        State.STARTING,
        State.BACKOFF,
        State.EXITED,
        SpawnFailed,
        ProcessRemoved,
        OrphanedDescendants,
        AnnounceDescendants,
    )

    def __init__(
        self, fleet: Fleet, trees: Trees, last_lines: LastLines, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Fleet and trees are only read; `last_lines` gives those of a namespec and pid.

        Where a disk is slow, it calls the function with them later.
        """
        self._fleet = fleet
        self._trees = trees
        self._last_lines = last_lines
        self._clock = clock
        self._found: dict[str, Finding] = {}
        self._cores: dict[str, Core] = {}
        self._looks = LookQueue()
        self._looked: dict[tuple[str, str], tuple[object, float]] = {}  # by name and kind: what for, and when
        self._spawned_at: dict[str, float] = {}
        self._ended: dict[str, tuple[ExitStatus, float]] = {}  # how, and after how many seconds

    def of(self, name: str) -> Finding | None:
        """What is known of the last failure of the process of that namespec, also when it has come up since."""
        return self._found.get(name)

    def core_of(self, name: str) -> "Core | None":
        """Where the core of its last run went; None: it had none, or that is not known (yet)."""
        return self._cores.get(name)

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image to go on with."""
        return {name: [found.kind.value, found.sentence, found.line] for name, found in self._found.items()}

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._found = {name: Finding(Kind(kind), said, None, line) for name, (kind, said, line) in data.items()}

    async def settled(self, name: str, within: float) -> Finding | None:
        """The same, with what is under way; waits no longer than `within` seconds."""
        await self._looks.settled(within)
        return self.of(name)

    def look_again(self, name: str) -> None:
        """Look once more at what kept it from starting: it may have changed since.

        That is a start that was refused, or an address that was in use; nothing else is looked at again.
        """
        process, found = self._fleet.processes.get(name), self._found.get(name)
        if process is None:
            return
        if process.reason and process.last_end is None:
            self._explain_start(name, process.reason)
        elif found is not None and found.kind is Kind.ADDRESS:
            address = _address_of(found, program_of(process.program))
            if address is not None:
                self._explain_address(name, address, found.line)

    def hear(self, notification: Notification) -> None:
        """Note what calls for a look."""
        event = notification.event
        # By type first: hundreds of these come in a second where programs end at once.
        if isinstance(event, Announce):
            if event.after is State.STARTING:
                self._spawned_at[event.name] = self._clock()
            elif event.status is not None and event.after in (State.BACKOFF, State.EXITED):
                self._ends(event, event.status)
        elif isinstance(event, SpawnFailed):
            if self._is_due(event.name, "start", event.reason) or event.name not in self._found:
                self._explain_start(event.name, event.reason)
        elif isinstance(event, ProcessRemoved):
            self._forget(event.name)
        elif isinstance(event, OrphanedDescendants):
            if event.name in self._ended:
                self._explain_rest(event.name, *self._ended[event.name], event.pids)
        elif isinstance(event, AnnounceDescendants):
            self._explain_rest(event.name, event.status, self._age(event.name), event.pids)

    def _ends(self, news: Announce, status: ExitStatus) -> None:
        self._ended[news.name] = (status, self._age(news.name))
        self._cores.pop(news.name, None)
        if status.core_dumped:
            self._look_for_core(news, status)
        # A program that daemonizes ends with 0, each time; what else is found is about ends with an error.
        if (self._kind_of(news.name) is Kind.DAEMONIZED) == bool(status.code):
            self._found.pop(news.name, None)
        if status.code:
            self._read_last_words(news)

    def _age(self, name: str) -> float:
        """How long its run has lasted, in seconds."""
        now = self._clock()
        return now - self._spawned_at.get(name, now)

    # ---- what there is to look for

    # What it takes is imported when something has failed: most masters do without for months.

    def _explain_start(self, name: str, reason: str) -> None:
        from procman.services.failed_starts import explain  # noqa: PLC0415 - see above

        program = self._program(name)
        if program is None:
            return
        if reason.startswith(_CANNOT_LISTEN):
            self._explain_socket(name, reason)
            return

        def tell(answer: "Explanation | None") -> None:
            self._found.pop(name, None)
            if answer is not None:
                self._found[name] = _finding(Kind.START, answer.sentence, answer)

        self._looks.add(name, lambda: explain(program, reason), tell, asks_no_disk=reason.startswith(_LIMITS))

    def _explain_socket(self, name: str, reason: str) -> None:
        """Of a FastCGI program: the master itself listens for it."""
        from procman.services.addresses_in_use import address_in_use  # noqa: PLC0415 - see above

        said = address_in_use([reason])
        if said is None or said.address is None:
            self._found.pop(name, None)
        else:
            self._explain_address(name, said.address, "")

    def _read_last_words(self, news: Announce) -> None:
        process, name = self._fleet.processes.get(news.name), news.name
        restarts = not news.program.is_oneshot
        comes_back = news.after is State.EXITED and process is not None and process.wanted and restarts
        # One that is restarted at once, perhaps a hundred times a second, is not read each time.
        if comes_back and not self._is_due(name, "words"):
            return
        end = self._ended[name]

        def read(lines: Lines) -> None:
            if self._ended.get(name) is end:
                self._understand(news, lines)

        self._understand(news, self._last_lines(name, news.pid, MOST_LINES, read))

    def _understand(self, news: Announce, lines: Lines) -> None:
        """What it has written may say what it lacks."""
        from procman.services.addresses_in_use import address_in_use, address_of  # noqa: PLC0415 - see above

        name = news.name
        said = address_in_use(lines.get("stderr", [])) or address_in_use(lines.get("stdout", []))
        address = None if said is None else said.address or address_of(program_of(news.program))
        if said is None:
            self._read_of_shortages(news, lines)
        elif address is None:
            self._found.pop(name, None)
        elif self._is_due(name, "address", address) or name not in self._found:
            self._explain_address(name, address, said.line)

    def _read_of_shortages(self, news: Announce, lines: Lines) -> None:
        from procman.services.failed_starts import explain_not_found  # noqa: PLC0415 - see above
        from procman.services.shortages import look, shortage_in  # noqa: PLC0415 - see above

        name, program = news.name, program_of(news.program)
        said = shortage_in(lines.get("stderr", [])) or shortage_in(lines.get("stdout", []))
        not_found = said is None and news.status is not None and news.status.code == _NOT_FOUND
        if said is None and not not_found:
            self._found.pop(name, None)
            return
        if not self._is_due(name, "shortage", _NOT_FOUND if said is None else said.lacks) and name in self._found:
            return

        def ask() -> "Explanation | None":
            return explain_not_found(program) if said is None else look(said, program)

        def tell(answer: "Explanation | None") -> None:
            self._found.pop(name, None)
            if answer is not None:
                kind, line = (Kind.START, "") if said is None else (Kind.SHORTAGE, said.line)
                self._found[name] = _finding(kind, answer.sentence, answer, line)

        self._looks.add(name, ask, tell)

    def _explain_address(self, name: str, address: "Address", line: str) -> None:
        from procman.services.held_addresses import HeldAddresses, look  # noqa: PLC0415 - see above

        def tell(answer: "Holders") -> None:
            held = HeldAddresses(self._fleet, self._trees).say(answer, name)
            sentence = held.sentence or f"{address} was in use, and is free now"
            self._found[name] = _finding(Kind.ADDRESS, sentence, held, line)

        self._looks.add(name, lambda: look(address), tell)

    def _explain_rest(self, name: str, status: ExitStatus, age: float, pids: tuple[int, ...]) -> None:
        from procman.services.daemonized import Daemonized, daemonized, finding  # noqa: PLC0415 - see above

        program, before = self._program(name), self._found.get(name)
        ended_well = status.known and status.signal is None and not status.code
        if ended_well and before is not None and isinstance(before.fact, Daemonized):  # each start leaves some behind
            there = (pid for pid in before.fact.pids[-MOST_LEFT:] if os.path.exists(f"/proc/{pid}"))
            pids = tuple(dict.fromkeys((*there, *pids)))
            fact = finding(pids, before.fact.way_out)
            self._found[name] = _finding(Kind.DAEMONIZED, fact.sentence, fact)
        if program is None or not self._is_due(name, "daemonized"):
            return

        def tell(answer: "Daemonized | None") -> None:
            if answer is not None:
                self._found[name] = _finding(Kind.DAEMONIZED, answer.sentence, answer)

        self._looks.add(name, lambda: daemonized(status, age, pids, program.command), tell)

    def _look_for_core(self, news: Announce, status: ExitStatus) -> None:
        from procman.system.core_files import Dumped, find_core  # noqa: PLC0415 - see above

        program = program_of(news.program)
        began = time.time() - self._ended[news.name][1]
        dumped = Dumped(news.pid, began, status.signal or 0, program.directory or working_folder(), uid=program.uid)

        def tell(answer: "Core") -> None:
            self._cores[news.name] = answer

        self._looks.add(_core_key(news.name), lambda: find_core(dumped), tell)

    def _is_due(self, name: str, kind: str, what: object = None) -> bool:
        before, at = self._looked.get((name, kind), (None, -AGAIN))
        now = self._clock()
        if before == what and now - at < AGAIN:
            return False
        self._looked[name, kind] = (what, now)
        return True

    def _kind_of(self, name: str) -> Kind | None:
        found = self._found.get(name)
        return None if found is None else found.kind

    def _program(self, name: str) -> Program | None:
        process = self._fleet.processes.get(name)
        return None if process is None else program_of(process.program)

    def _forget(self, name: str) -> None:
        for known in (self._found, self._cores, self._spawned_at, self._ended):
            known.pop(name, None)
        self._looks.drop(name)
        self._looks.drop(_core_key(name))
        for kind in _KINDS:
            self._looked.pop((name, kind), None)


def _finding(kind: Kind, sentence: str, fact: "Explanation | Held | Daemonized", line: str = "") -> Finding:
    """Without secrets: there are command lines in the sentences, and in the output of programs."""
    return Finding(kind, masked(sentence), fact, masked(line))


def _address_of(found: Finding, program: Program) -> "Address | None":
    """The one that was in use."""
    from procman.services.addresses_in_use import address_in_use, address_of  # noqa: PLC0415 - as in `Explanations`
    from procman.services.held_addresses import Held  # noqa: PLC0415 - as in `Explanations`

    if isinstance(found.fact, Held):
        return found.fact.found.address
    said = address_in_use([found.line])
    return (said.address if said is not None else None) or address_of(program)


def _core_key(name: str) -> str:
    """Its look for a core, beside the one for a cause; no namespec has a line break."""
    return f"{name}\n"
