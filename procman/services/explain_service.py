"""`why`: gathers what is known of processes from all rooms, and explains them.

What asks disks or all of /proc is `explanations`, beside the loop; here is at most a look at a few processes.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from signal import SIGKILL

from procman.core.process import Process
from procman.core.states import MasterState, Phase, State
from procman.runtime.definitions import program_of
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.ring import GAVE_WAY
from procman.services.explain import around_of, explain, roots_first
from procman.services.explain_config import Definitions
from procman.services.explain_confirmation import master_with_confirmation, with_confirmation
from procman.services.explain_facts import Around, Explanation, Known, Turn, Wish
from procman.services.explain_master import MasterFacts, explain_master
from procman.services.explain_origins import Origins, clock_time, left_behind
from procman.services.explain_parts import MASTER, Parts
from procman.services.explain_rolling import with_rolling, with_scales
from procman.services.explain_terminals import with_clients
from procman.services.schedule_words import next_run
from procman.system.proc import look_at

# So many processes are explained in one turn of the loop: about 5 ms.
AT_ONCE = 50
# How long an answer waits for looks at disks and other processes that are under way, in seconds.
PATIENCE = 2.0
# So many processes that could not be started are looked at once more for one answer.
MOST_SECOND_LOOKS = 50
# So many gaps of the journal are named.
MOST_GAPS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """Explanations, those first that others wait for."""

    explanations: tuple[Explanation, ...]
    processes: int  # how many were looked at

    @property
    def as_wanted(self) -> bool:
        """Whether nothing is otherwise than it should be."""
        return all(one.as_wanted for one in self.explanations)


class Explainer:
    """Explains processes; lives on the loop's thread."""

    def __init__(self, parts: Parts) -> None:
        """`parts` are what it looks at."""
        self._engine = parts.engine
        self._fleet = parts.engine.fleet
        self._status = parts.status
        self._processes = parts.processes
        self._ends = parts.ends
        self._report_of = parts.report_of
        self._journal = parts.journal
        self._configuration = parts.configuration
        self._gate = parts.gate
        self._master = parts.master
        self._found = parts.explanations
        self._terminals = parts.terminals
        self._watches = parts.watches
        self._written = parts.written
        self._confirming = parts.confirming

    def one_sentence(self, name: str) -> str:
        """Why the process of that namespec is as it is: `FATAL: 4 failed starts in 9 s; exit status 1, last words: …`.

        It does not change while nothing happens to the process. "" where there is no such process.
        """
        process = self._fleet.processes.get(name)
        if process is None:
            return ""
        around = around_of(self._fleet, time.monotonic())
        return explain(process, around, self._of_the_moment(process)).short

    async def answer(self, spec: str | None = None, may: Callable[[str], bool] | None = None) -> Answer:
        """Explain what `spec` names; without it what is not as it should be. Raises UnknownProcess.

        With `may`, only the processes that it takes, by namespec, are there, and no master.
        """
        if spec == MASTER and spec not in self._fleet.processes and may is None:
            return Answer((await self._about_master(reads=True),), 0)
        processes = self._all(may) if spec is None else self._named(spec, may)
        wrong = processes
        if spec is None:
            around = around_of(self._fleet, time.monotonic())
            wrong = [one for one in processes if not explain(one, around, self._of_the_moment(one)).as_wanted]
        for process in wrong[:MOST_SECOND_LOOKS]:
            self._found.look_again(process.name)
        await self._found.settled("", PATIENCE)
        drifted = await self._drifts(wrong[:AT_ONCE])
        now = time.time()
        around = _with_clock(around_of(self._fleet, time.monotonic()), now)
        origins, definitions = Origins(self._journal, now, may), Definitions(self._configuration.config)
        scaled = self._configuration.scaled()
        explanations = []
        for number, process in enumerate(wrong):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)  # others have their turn
            if self._fleet.processes.get(process.name) is process:  # it may have gone meanwhile
                known = replace(self._known(process, origins, definitions), drift=drifted.get(process.name, ()))
                made = explain(process, around, known)
                made = with_confirmation(made, self._confirming.pending)
                program = process.program.program
                made = with_rolling(made, self._fleet.rollings.by_program.get(program))
                made = with_scales(made, (one for one in scaled if one.program == program))
                explanations.append(with_clients(made, self._terminals.clients(process.name)))
        if (spec is None or spec == MASTER) and may is None:
            master = await self._about_master(reads=spec is not None)
            if spec is not None or not master.as_wanted:
                explanations.append(master)
        if may is not None:
            explanations = [_without_hidden(one, may) for one in explanations]
        return Answer(tuple(roots_first(explanations)), len(processes))

    async def _drifts(self, processes: list[Process]) -> dict[str, tuple[str, ...]]:
        """What those that run were given from files otherwise than they would give them now."""
        running = [process for process in processes if process.pid is not None]
        programs = {process.name: program_of(process.program) for process in running}
        given = {name: program for name, program in programs.items() if program.is_given}
        return {name: (await self._engine.sources.differences(one)).sentences for name, one in given.items()}

    def _all(self, may: Callable[[str], bool] | None) -> list[Process]:
        return [process for process in self._fleet.in_start_order() if may is None or may(process.name)]

    def _named(self, spec: str, may: Callable[[str], bool] | None) -> list[Process]:
        """Other than with the commands that change something, the bare name of a group will do."""
        table = self._processes.among(may)
        if table.is_active(spec) and spec not in self._fleet.processes:
            spec = f"{spec}:*"
        return [self._fleet.processes[status.namespec] for status in table.statuses(spec)]

    async def _about_master(self, *, reads: bool) -> Explanation:
        """`reads`: look at the file on the disk, too."""
        config, problems = await self._master.look_at_file() if reads else (None, [])
        differences = self._configuration.compare(config) if config is not None else None
        now, origins = time.time(), Origins(self._journal, time.time())
        began = self._master.began
        ending = self._fleet.state is not MasterState.RUNNING
        news = next((one for one in self._journal.latest_first() if one.kind == "master" and one.after), None)
        if ending and news is not None:
            began = news.time
        made = explain_master(
            MasterFacts(
                name=MASTER,
                pid=os.getpid(),
                fleet=self._fleet,
                around=_with_clock(around_of(self._fleet, time.monotonic()), now),
                policy=self._configuration.started_with.master,
                setting=Definitions(self._configuration.started_with).of_master,
                file=self._configuration.config.file,
                age=max(0.0, now - began),
                entered=began,
                entered_at=origins.clock(began),
                wish=origins.wish(self._engine.attribution.of_master) if ending else Wish(),
                file_problems=tuple(problems),
                differs=() if differences is None else (*differences.added, *differences.changed, *differences.removed),
                silent=tuple(self._master.silent_disks()),
                unsent=tuple(self._master.unsent()),
                lost=sum(self._processes.lost(name) for name in self._fleet.processes),
                gaps=_gaps(self._journal),
                obstacle=None if ending else self._master.obstacle(),
            )
        )
        return with_scales(master_with_confirmation(made, self._confirming.pending), self._configuration.scaled())

    # ---- what is known

    def _of_the_moment(self, process: Process) -> Known:
        """What costs next to nothing, and what does not change while nothing happens to it."""
        name, times = process.name, self._status.times(process.name)
        end = self._ends.last(name)
        failed = process.state in (State.BACKOFF, State.FATAL)
        coming, now = self._status.of(process).next, time.time()
        return Known(
            next_run="" if coming is None else next_run(program_of(process.definition), coming, now),
            next_run_in=None if coming is None else max(0.0, coming - now),
            end="" if end is None else end.sentence,
            last_words=times.last_words,
            last_words_on=times.last_words_on,
            tries=times.tries or None if failed else None,
            tries_took=times.entered_steady - times.first_try if failed and times.first_try else None,
            turn=self._turn(process),
            killed=self._is_killed(process),
            report=self._report_of(process.name) if process.pid is None else None,
            watch=self._watches.trouble(process.name),
            logs=tuple(text for files in self._written.files(name) for text in files.problems),
            flaps=process.state in (State.STARTING, State.RUNNING) and times.flapping_until > time.time(),
        )

    def _known(self, process: Process, origins: Origins, definitions: Definitions) -> Known:
        times, attribution = self._status.times(process.name), self._engine.attribution
        program = program_of(process.definition)
        return replace(
            self._of_the_moment(process),
            wish=origins.wish(attribution.wanted_by(process.name)),
            age=time.monotonic() - times.entered_steady if times.entered else None,
            entered=times.entered or None,
            entered_at=origins.clock(times.entered) if times.entered else "",
            caused=origins.caused(attribution.of_state(process.name), process.name),
            trouble=self._trouble(process.name),
            descendants=self._descendants(process),
            setting=definitions.setting,
            priority=definitions.priority(process, self._fleet.groups[process.program.group].spec.priority),
            defined=definitions.defined(program),
            changed=definitions.changed(program),
            gone_from_file=definitions.is_gone(program),
        )

    def _trouble(self, name: str) -> tuple[str, ...]:
        """What was found to be behind its last failure."""
        found, core = self._found.of(name), self._found.core_of(name)
        return tuple(one.sentence for one in (found, core) if one is not None and one.sentence)

    def _turn(self, process: Process) -> Turn | None:
        if process.state is not State.STARTING or process.pid is not None:
            return None
        stands = self._engine.turn_of(process.name)
        silent = self._gate.silence_for(program_of(process.program)) or ""
        return Turn(stands.ahead if stands is not None else 0, silent)

    def _is_killed(self, process: Process) -> bool:
        sent = process.pid and self._ends.signals.sent_to(process.name, process.pid, SIGKILL)
        return process.state is State.STOPPING and bool(sent)

    def _descendants(self, process: Process) -> tuple[str, ...]:
        """What is waited for, where it is still there."""
        if process.phase is not Phase.LEFTOVERS:
            return ()
        there = (look_at(pid) for pid in left_behind(self._journal, process.name))
        return tuple(f"pid {one.pid} ({one.name})" for one in there if one is not None and not one.ended)


def _with_clock(around: Around, now: float) -> Around:
    return replace(around, clock=lambda seconds: clock_time(now + seconds, now))


def _gaps(journal: Journal) -> tuple[str, ...]:
    """What the journal does not have, other than what gave way to newer records."""
    said = (str((record.data or {}).get("reason", "")) for record in journal.records() if record.kind == "gap")
    reasons = dict.fromkeys(reason for reason in said if reason and reason not in GAVE_WAY)
    return tuple(f"the journal has a gap: {reason}" for reason in reasons)[:MOST_GAPS]


def _without_hidden(explanation: Explanation, may: Callable[[str], bool]) -> Explanation:
    """Without what is said of other processes that the client may not know of."""
    links = tuple(link for link in explanation.because if not link.name or may(link.name))
    return replace(explanation, because=links)
