"""Tells people of failing programs, as the notify sections of the file say.

What is told and when is decided in `notify`; this hears the bus, keeps one timer, and has messages sent beside the
loop: by the helper process of `webhooks`, or by a command. A message that is under way at the end of the master has
the time that `finish` gets.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from procman.config.schema.notify import Notify
from procman.config.secrets import masked
from procman.core.actions import Announce, AnnounceHealth, ProcessRemoved
from procman.core.health_checks import UNHEALTHY
from procman.core.spec import ProcessSpec
from procman.core.states import State
from procman.errors import OperationError, Reason
from procman.notify.incidents import Incidents
from procman.notify.message import LONGEST_WORDS, Item, Message
from procman.notify.outbox import Counts, Outbox, Outcome
from procman.notify.words import Sender, body_of, fields_of, variables_of
from procman.runtime.bus import Notification
from procman.runtime.ending import ending
from procman.runtime.helper_process import register
from procman.services.endings import End, Oom
from procman.services.selectors import selects
from procman.services.surroundings import Surroundings
from procman.services.webhooks import Webhooks
from procman.system.commands import CannotSpawn, find_command
from procman.system.spawn import LaunchSpec, Stdio

# How long the command of a section may take, in seconds, and how much of its output is kept for the log.
COMMAND_WITHIN = 30.0
MOST_OUTPUT = 4096
# So many processes of a message are named in the journal.
MOST_NOTED = 20
# How long the end of what was killed is waited for.
KILLED_WITHIN = 0.5

# Between an event and a look at what is due, in seconds: a thousand programs may fail at once.
SOON = 0.05

_FAILURES = (State.BACKOFF, State.FATAL)
_TOO_QUICKLY = "Exited too quickly"  # supervisor's words, which say less than how it ended
_WANT_OF_MEMORY = (Oom.CERTAIN, Oom.LIKELY)

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SectionStatus:
    """One section, for clients."""

    rule: Notify
    counts: Counts
    waiting: int  # messages that are not sent yet
    reported: tuple[str, ...]  # processes that were told of, and have not recovered

    @property
    def command(self) -> str:
        """That of exec, without what looks like a secret in it; "" for a web hook."""
        return masked(self.rule.exec or "")


class _Section:
    """What is kept of one section."""

    def __init__(self, rule: Notify) -> None:
        self.rule = rule
        self.incidents = Incidents(rule)
        self.outbox = Outbox()

    def hears_of(self, group: str, name: str) -> bool:
        return any(selects(spec, group, name) for spec in self.rule.programs)


class Notifications:
    """All sections. It hears the bus while there are any."""

    def __init__(self, around: Surroundings) -> None:
        """`apply` gives it the sections."""
        self._around = around
        self._log = around.log
        self._sender = Sender(around.host, around.identifier)
        self._loop = asyncio.get_running_loop()
        self._webhooks = Webhooks(around.children, around.tag)
        self._sections: dict[str, _Section] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands = 0  # that run
        self._serial = 0
        self._closing = False

    # ---- what clients ask for

    def statuses(self) -> list[SectionStatus]:
        """Every section, in the order of the file."""
        return [
            SectionStatus(one.rule, replace(one.outbox.counts), one.outbox.waiting, tuple(one.incidents.reported()))
            for one in self._sections.values()
        ]

    def troubles(self) -> list[str]:
        """The sections that cannot send messages at present, and why."""
        troubles = ((name, one.outbox.trouble) for name, one in self._sections.items())
        return [f"notify:{name} {trouble}" for name, trouble in troubles if trouble is not None]

    async def test(self, name: str) -> Outcome:
        """Send a test message at once, once, past all that waits; raises OperationError(UNKNOWN_NAME)."""
        section = self._sections.get(name)
        if section is None:
            known = ", ".join(self._sections) or "the configuration has none"
            raise OperationError(f"there is no [notify:{name}]; sections: {known}", Reason.UNKNOWN_NAME)
        return await self._send(section.rule, self._message(name, test=True))

    # ---- the configuration

    def apply(self, rules: Iterable[Notify]) -> None:
        """Go by these sections from now on."""
        wanted = {rule.name: rule for rule in rules}
        for name in self._sections.keys() - wanted.keys():
            lost = self._sections.pop(name).outbox.discard()
            if lost:
                self._log.warn(f"notify:{name} was removed: {_messages(lost)} not sent")
        for name, rule in wanted.items():
            section = self._sections.get(name)
            if section is None:
                self._sections[name] = _Section(rule)
            elif section.rule != rule:
                section.rule = section.incidents.rule = rule
                section.outbox.hurry()
        self._sections = {name: self._sections[name] for name in wanted}
        if self._sections and self._unsubscribe is None:
            self._unsubscribe = self._around.bus.subscribe(self._hear)
        elif not self._sections and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self._pump()

    def snapshot(self, *, goes_on: bool) -> Data:
        """What is not told or not sent yet; and the helper, if its pid `goes_on` to be a child of ours."""
        return {
            "sections": {
                name: {"incidents": one.incidents.snapshot(), "outbox": one.outbox.snapshot()}
                for name, one in self._sections.items()
            },
            "helper": self._webhooks.pid if goes_on else None,
        }

    def restore(self, data: Data) -> None:
        """Go on from there, with the sections that there are now. The old helper ends by itself."""
        if data["helper"] is not None:
            register(self._around.children, data["helper"])
        for name, kept in data["sections"].items():
            section = self._sections.get(name)
            if section is None:
                lost = len(kept["outbox"]["waiting"])
                if lost:
                    self._log.warn(f"there is no notify:{name} any more: {_messages(lost)} not sent")
                continue
            section.incidents.restore(kept["incidents"])
            section.outbox.restore(kept["outbox"])
        self._pump()

    @property
    def obstacle(self) -> str | None:
        """Why no other code could go on from here just now."""
        return "the command of a notify section runs" if self._commands else None

    # ---- the end

    async def finish(self, within: float) -> None:
        """Send what there is, and end the helper; what is not sent by then is dropped, and the log says so."""
        self._closing = True
        now = self._loop.time()
        for name, section in self._sections.items():
            self._post(name, section, *section.incidents.all(now=now))
            section.outbox.hurry()
        self._pump()
        deadline = now + within
        while self._tasks and (left := deadline - self._loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        for name, section in self._sections.items():
            lost = section.outbox.discard()
            if lost:
                why = section.outbox.counts.last_error or "there was no time"
                self._log.warn(f"notify:{name}: {_messages(lost)} not sent: {why}")
        await self.stop()

    async def stop(self) -> None:
        """Send nothing more, and end the helper and the commands."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        for task in self._tasks:
            task.cancel()
        self._webhooks.close()
        # What was killed is not to be an orphan of the next run, or a stranger at the end of PID 1.
        await self._around.children.commands_ended(KILLED_WITHIN)

    # ---- what the bus tells

    def _hear(self, notification: Notification) -> None:
        match notification.event:
            case Announce(after=State.RUNNING, name=name, program=program):
                unseen = program.health is None and program.watchdog is None
                self._each(name, lambda incidents: incidents.up(name, now=self._loop.time(), well=unseen))
            case AnnounceHealth(healthy=True, name=name):
                self._each(name, lambda incidents: incidents.up(name, now=self._loop.time(), well=True))
            case AnnounceHealth() as news:
                self._unhealthy(news)
            case Announce() as news:
                if news.before is State.RUNNING:
                    self._each(news.name, lambda incidents: incidents.down(news.name))
                # An end that a delay follows was told when it came.
                failed = news.after in _FAILURES and news.before is not State.EXITED
                if failed or (news.after is State.EXITED and not news.expected):
                    self._failed(news)
            case ProcessRemoved(name):
                for section in self._sections.values():
                    section.incidents.removed(name)
            case _:
                pass

    def _each(self, name: str, tell: Callable[[Incidents], None]) -> None:
        """Those that know of trouble with that process."""
        for section in self._sections.values():
            if section.incidents.knows(name):
                tell(section.incidents)
                self._pump_soon()

    def _hearing(self, program: ProcessSpec) -> list[Incidents]:
        """Those of the sections that are about it."""
        return [one.incidents for one in self._sections.values() if one.hears_of(program.group, program.name)]

    def _unhealthy(self, news: AnnounceHealth) -> None:
        for incidents in self._hearing(news.program):
            now, at = self._loop.time(), time.time()
            incidents.failed("unhealthy", news.name, news.program.group, news.words, count=True, now=now, at=at)
            self._pump_soon()

    def _failed(self, news: Announce) -> None:
        hearing = self._hearing(news.program)
        if news.before is State.STOPPING and news.reason.startswith(UNHEALTHY) and news.after is not State.FATAL:
            # Who is told of that knows already.
            hearing = [incidents for incidents in hearing if "unhealthy" not in incidents.rule.on]
        if not hearing:
            return
        group = news.program.group
        end = self._around.end_of(news.name)
        fatal = news.after is State.FATAL
        for_memory = not fatal and end is not None and end.oom in _WANT_OF_MEMORY
        words = self._words(news, end)
        now, at = self._loop.time(), time.time()
        for incidents in hearing:
            event = "fatal" if fatal else "oom" if for_memory and "oom" in incidents.rule.on else "exit"
            # The last end of a process that is FATAL was announced before.
            incidents.failed(event, news.name, group, words, count=not fatal, now=now, at=at)
        self._pump_soon()

    def _words(self, news: Announce, end: End | None) -> str:
        """How it ended and why, what else is known of that, and its last line."""
        why = self._around.why(news.name) or news.reason
        if end is not None and why.startswith(short := ending(end.status)):
            why = end.sentence + why.removeprefix(short)
        if news.after is State.FATAL and news.reason not in why and not news.reason.startswith(_TOO_QUICKLY):
            why = f"{news.reason}; {why}"  # restart_limit
        finding = self._around.finding(news.name)
        return why if finding is None else f"{finding.sentence}; {why}"

    # ---- sending

    def _pump_soon(self) -> None:
        """The same in a moment, however much happens until then."""
        due = self._loop.time() + SOON
        if self._timer is None or self._timer.when() > due:
            self._pump_at(due)

    def _pump_at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if self._closing else self._loop.call_at(due, self._pump)

    def _pump(self) -> None:
        """Have everything sent that is due, and look again when something will be."""
        now = self._loop.time()
        deadlines = []
        for name, section in self._sections.items():
            if not self._closing:
                self._post(name, section, *section.incidents.due(now=now))
                deadlines.append(section.incidents.deadline())
            message = section.outbox.take(now)
            if message is not None:
                self._start(section, message)
            deadlines.append(section.outbox.deadline())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = min((when for when in deadlines if when is not None), default=None)
        if due is not None:
            self._pump_at(due)

    def _post(self, name: str, section: _Section, items: tuple[Item, ...], more: int) -> None:
        if items:
            # Not with each failure: a crash-looper has hundreds in a second.
            items = tuple(replace(item, words=masked(item.words)[:LONGEST_WORDS]) for item in items)
            said = section.outbox.put(self._message(name, items=items, more=more), self._loop.time())
            if said is not None:
                self._log.warn(f"notify:{name}: {said}")

    def _message(self, section: str, *, items: tuple[Item, ...] = (), more: int = 0, test: bool = False) -> Message:
        self._serial += 1
        at = time.time()
        return Message(
            id=f"{os.getpid()}-{int(at * 1000):x}-{self._serial}",
            section=section,
            at=at,
            items=items,
            more=more,
            test=test,
        )

    def _start(self, section: _Section, message: Message) -> None:
        async def deliver() -> None:
            outcome = await self._send(section.rule, message)
            said = section.outbox.done(outcome, now=self._loop.time(), at=time.time())
            if outcome.ok or said is not None:  # not each try of a series that fails
                self._note(message, outcome)
            if said is not None:
                say = self._log.info if outcome.ok else self._log.warn
                say(f"notify:{message.section}: {said}")

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled():
                self._pump()

        task = asyncio.ensure_future(deliver())
        self._tasks.add(task)
        task.add_done_callback(ended)

    def _note(self, message: Message, outcome: Outcome) -> None:
        names = [item.process for item in message.items][:MOST_NOTED]
        what = "was sent" if outcome.ok else "could not be sent"
        data: Data = {"section": message.section, "programs": names}
        if not outcome.ok:
            data["failed"] = True
        about = f" about {', '.join(names)}" if names else ""
        self._around.note(f"a message of notify:{message.section}{about} {what}: {outcome.words}", data)

    async def _send(self, rule: Notify, message: Message) -> Outcome:
        if rule.webhook is not None:
            return await self._webhooks.post(rule.webhook, body_of(rule, message, self._sender))
        return await self._run(rule.exec or "", message)

    async def _run(self, command: str, message: Message) -> Outcome:
        if not await self._around.may_run(command):
            return Outcome(ok=False, words="the disk of the command does not respond", again=True)
        variables = {**self._around.environment, **variables_of(message, self._sender)}
        given = os.memfd_create("message")
        self._commands += 1
        try:
            os.write(given, json.dumps(fields_of(message, self._sender)).encode() + b"\n")
            os.lseek(given, 0, os.SEEK_SET)
            spec = LaunchSpec(
                name=f"notify:{message.section}",
                command=find_command(command, path=variables.get("PATH")),
                environment={**os.environb, **{os.fsencode(k): os.fsencode(v) for k, v in variables.items()}},
                stdin=given,
                stderr=Stdio.STDOUT,
                spare_fds=0,
            )
            result = await self._around.commands.run(spec, within=COMMAND_WITHIN, most_output=MOST_OUTPUT)
        except CannotSpawn as error:
            return Outcome(ok=False, words=str(error), again=True)
        finally:
            self._commands -= 1
            os.close(given)
            self._around.bus.nudge()
        if result.how is None:
            return Outcome(
                ok=False, words=f"the command did not end within {COMMAND_WITHIN:g} s, and was killed", again=True
            )
        lines = result.output.decode(errors="replace").strip().splitlines()
        last = f": {masked(lines[-1].strip())[:200]}" if lines and not result.succeeded else ""
        return Outcome(ok=result.succeeded, words=f"{ending(result.how)}{last}", again=True)


def _messages(count: int) -> str:
    return "1 message was" if count == 1 else f"{count} messages were"
