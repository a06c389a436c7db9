"""What the bus says, as it reaches people; commands stand in for web hooks."""

import asyncio
import json
import shlex
from signal import SIGKILL

from procman.config.schema.notify import Notify
from procman.core.actions import Announce, AnnounceHealth, ProcessRemoved
from procman.core.events import ExitStatus
from procman.core.spec import Condition, ReadyKind
from procman.core.states import State
from procman.runtime.command_runner import CommandRunner
from procman.services.endings import End, Oom, Sender
from procman.services.explanations import Finding, Kind
from procman.services.notifications import Notifications
from procman.services.surroundings import Surroundings
from tests.support.programs import program
from tests.support.running_engine import RunningEngine, on_engine

WEB = program("web")
FAILED = ExitStatus(code=3)
KILLED = ExitStatus(code=-1, signal=SIGKILL)


def end(oom=Oom.NO, sentence="terminated by SIGKILL; not by procman"):
    return End(
        status=KILLED,
        meaning="",
        sender=Sender.OTHERS,
        sent=None,
        oom=oom,
        memory=None,
        core_file="",
        sentence=sentence,
    )


class Telling:
    """Notifications of an engine, whose command appends each message to a file."""

    def __init__(self, folder, rules=(), *, why="exit status 3", end_of=None, finding=None, responds=True):
        self.running = RunningEngine()
        self.file = folder / "told"
        self.file.touch()
        self.lines = []
        self.noted = []
        self.command = f"sh -c {shlex.quote(f'cat >> {self.file}')}"

        async def may_run(_):
            return responds

        self.notifications = Notifications(
            Surroundings(
                bus=self.running.bus,
                commands=CommandRunner(self.running.children, lambda: self.running.trees.tag("")),
                children=self.running.children,
                log=self,
                host="box",
                identifier="supervisor",
                tag=lambda: self.running.trees.tag(""),
                why=lambda _: why,
                end_of=lambda _: end_of,
                finding=lambda _: finding,
                note=lambda words, data: self.noted.append((words, data)),
                may_run=may_run,
                environment={},
            )
        )
        if rules:
            self.notifications.apply(rules)

    def warn(self, text):
        self.lines.append(text)

    info = warn

    def rule(self, **options):
        return Notify(**{"name": "ops", "exec": self.command, "interval": 0.05, **options})

    def say(self, before, after, status=FAILED, of=WEB, **more):
        self.running.bus.publish(Announce(of.namespec, of, before, after, 7, status=status, **more))

    def exits(self, **more):
        self.say(State.RUNNING, State.EXITED, expected=False, **more)

    def look(self):
        """What it does in a moment, at once."""
        self.notifications._pump()

    async def until(self, condition):
        """Wait for it; what a command has come to is a nudge of the bus."""
        assert await self.running.bus.until(condition, 30.0)

    async def told(self):
        """Everything, once it is sent, at the end."""
        await self.notifications.finish(30.0)
        return [json.loads(line) for line in self.file.read_text().splitlines()]


def tell(folder, steps, **options):
    async def whole():
        telling = Telling(folder, **options)
        return await steps(telling)

    return on_engine(whole)


def items(messages):
    return [(one["event"], one["process"], one["reason"]) for message in messages for one in message["processes"]]


def test_an_unexpected_exit_is_told_and_an_expected_one_is_not(tmp_path):
    async def steps(telling):
        telling.notifications.apply([telling.rule()])
        telling.say(State.RUNNING, State.EXITED, expected=True)
        telling.say(State.STOPPING, State.STOPPED)
        telling.exits(of=program("api"))
        return items(await telling.told())

    assert tell(tmp_path, steps) == [("exit", "api", "exit status 3")]


def sick(telling, healthy=False, of=WEB):
    telling.running.bus.publish(AnnounceHealth(of.namespec, of, None, healthy, "http 503 (3 in a row)"))


def restarted_for_that(telling):
    telling.say(State.RUNNING, State.STOPPING, None, reason=SICK)
    telling.say(State.STOPPING, State.BACKOFF, KILLED, reason=SICK)


SICK = "unhealthy: http 503 (3 in a row)"


def test_an_unhealthy_process_is_told_once_though_it_is_restarted_for_that(tmp_path):
    """A section without that word is told of the restart."""

    async def steps(telling):
        telling.notifications.apply([telling.rule(on=("unhealthy", "exit"))])
        sick(telling)
        restarted_for_that(telling)
        return items(await telling.told())

    assert tell(tmp_path, steps) == [("unhealthy", "web", "http 503 (3 in a row)")]

    async def without(telling):
        telling.notifications.apply([telling.rule(on=("exit",))])
        sick(telling)
        restarted_for_that(telling)
        return items(await telling.told())

    folder = tmp_path / "without"
    folder.mkdir()
    ((event, name, reason),) = tell(folder, without, why=SICK)
    assert (event, name) == ("exit", "web")
    assert reason.startswith(SICK)


def test_an_unhealthy_process_has_recovered_when_its_check_succeeds(tmp_path):
    """Whether it was restarted or not; one whose check was taken out, when it runs."""
    checked = program("web", health=Condition(ReadyKind.TCP, "tcp:1"))

    async def steps(telling):
        telling.notifications.apply([telling.rule(on=("unhealthy", "recovered"), recovered_after=0.01)])
        for of, well in ((checked, lambda: sick(telling, healthy=True, of=checked)), (program("db"), lambda: None)):
            sick(telling, of=of)
            telling.look()
            await telling.until(lambda: telling.notifications.statuses()[0].reported == (of.namespec,))  # noqa: B023
            telling.say(State.STARTING, State.RUNNING, None, of=of)
            well()
            await telling.until(lambda: not telling.notifications.statuses()[0].reported)
        return [(event, name) for event, name, _ in items(await telling.told())]

    assert tell(tmp_path, steps) == [
        ("unhealthy", "web"),
        ("recovered", "web"),
        ("unhealthy", "db"),
        ("recovered", "db"),
    ]


def test_what_became_of_a_message_is_in_the_journal(tmp_path):
    """With its section and the processes that it is about; a series of tries that fail is one record."""

    async def steps(telling):
        telling.notifications.apply([telling.rule(), telling.rule(name="bad", exec="sh -c 'echo no; exit 1'")])
        telling.exits(of=program("api"))
        telling.look()
        await telling.until(lambda: len(telling.noted) == 2)
        await telling.notifications.stop()
        return sorted(telling.noted, key=lambda noted: noted[0])

    (words, data), (failed_words, failed) = tell(tmp_path, steps)[::-1]
    assert words == "a message of notify:ops about api was sent: exit status 0"
    assert data == {"section": "ops", "programs": ["api"]}
    assert failed_words == "a message of notify:bad about api could not be sent: exit status 1: no"
    assert failed == {"section": "bad", "programs": ["api"], "failed": True}


def test_a_process_that_was_killed_for_want_of_memory_is_told_as_that(tmp_path):
    """The sentence on its end comes with it."""

    async def steps(telling):
        telling.notifications.apply([telling.rule()])
        telling.exits(status=KILLED)
        return items(await telling.told())

    killed = end(
        Oom.LIKELY, "terminated by SIGKILL; not by procman; the container's memory limit was hit once (oom_kill)"
    )
    why = "terminated by SIGKILL; its last line on stdout: token=s3cr3t"
    assert tell(tmp_path, steps, why=why, end_of=killed) == [
        ("oom", "web", f"{killed.sentence}; its last line on stdout: token=********")
    ]


def test_why_procman_has_given_up_is_told(tmp_path):
    """A limit of restarts says more than the last exit status; supervisor's words do not."""

    async def steps(telling):
        telling.notifications.apply([telling.rule(on=("fatal",))])
        telling.say(State.BACKOFF, State.FATAL, None, reason="restarted 5 times in 60 s")
        telling.say(State.BACKOFF, State.FATAL, of=program("api"), reason="Exited too quickly (process log may …)")
        return sorted(items(await telling.told()))

    assert tell(tmp_path, steps) == [
        ("fatal", "api", "exit status 3"),
        ("fatal", "web", "restarted 5 times in 60 s; exit status 3"),
    ]


def test_what_was_found_out_comes_first(tmp_path):
    """Who holds the port says more than the exit status."""

    async def steps(telling):
        telling.notifications.apply([telling.rule()])
        telling.exits()
        return items(await telling.told())

    held = Finding(Kind.ADDRESS, "port 80 is held by nginx (pid 12)", None)
    assert tell(tmp_path, steps, finding=held) == [("exit", "web", "port 80 is held by nginx (pid 12); exit status 3")]


def test_a_thousand_failures_at_once_are_looked_at_together(tmp_path):
    """One message at once has the first of them and the number of the others."""

    async def steps(telling):
        telling.notifications.apply([telling.rule()])
        for number in range(1000):
            telling.exits(of=program(f"web{number}"))
        [message] = await telling.told()
        return len(message["processes"]) + message["more"]

    assert tell(tmp_path, steps) == 1000


def test_who_is_not_told_of_memory_is_told_of_the_exit(tmp_path):
    async def steps(telling):
        telling.notifications.apply([telling.rule(on=("exit",))])
        telling.exits(status=KILLED)
        return items(await telling.told())

    killed = end(Oom.CERTAIN)
    assert tell(tmp_path, steps, why="terminated by SIGKILL", end_of=killed) == [("exit", "web", killed.sentence)]


def test_a_program_that_cannot_be_spawned_is_told(tmp_path):
    """There is no end, but a reason."""

    async def steps(telling):
        telling.notifications.apply([telling.rule()])
        telling.say(State.STARTING, State.BACKOFF, None, reason="can't find command 'x'")
        return items(await telling.told())

    assert tell(tmp_path, steps, why="") == [("exit", "web", "can't find command 'x'")]


def test_a_section_hears_of_its_programs_alone(tmp_path):
    """Names are as procmanctl has them."""

    async def steps(telling):
        telling.notifications.apply([telling.rule(programs=("site:*", "w*"))])
        for of in (program("api"), program("web"), program("a", group="site"), program("web", group="other")):
            telling.exits(of=of)
        return sorted(name for _, name, _ in items(await telling.told()))

    assert tell(tmp_path, steps) == ["site:a", "web"]


def test_a_removed_process_is_not_told_of_any_more(tmp_path):
    async def steps(telling):
        telling.notifications.apply([telling.rule(interval=1000.0)])
        telling.exits()
        telling.look()
        telling.exits()
        telling.running.bus.publish(ProcessRemoved("web"))
        return [one["processes"][0]["count"] for one in await telling.told()]

    assert tell(tmp_path, steps) == [1]


def test_without_a_section_nothing_is_heard(tmp_path):
    """The last section takes the subscription with it, and the log says what was lost."""

    async def steps(telling):
        bus = telling.running.bus
        before = len(bus._subscribers)
        telling.notifications.apply([telling.rule(exec="false")])
        telling.exits()
        telling.look()
        telling.notifications.apply([])
        assert len(bus._subscribers) == before
        await telling.notifications.stop()
        return telling.lines

    assert tell(tmp_path, steps) == ["notify:ops was removed: 1 message was not sent"]


def test_a_changed_section_keeps_what_waits_and_tries_at_once(tmp_path):
    """A command that was wrong is corrected."""

    async def steps(telling):
        telling.notifications.apply([telling.rule(exec="sh -c 'exit 9'")])
        telling.exits()
        await telling.until(lambda: telling.lines)
        [failing] = telling.notifications.statuses()
        telling.notifications.apply([telling.rule()])
        return failing.counts.last_error, failing.waiting, len(await telling.told()), telling.lines

    error, waiting, told, lines = tell(tmp_path, steps)
    assert (error, waiting, told) == ("exit status 9", 1, 1)
    assert lines == [
        "notify:ops: cannot send a message: exit status 9; trying again until it works",
        "notify:ops: messages are sent again; 0 were dropped so far",
    ]


def test_another_run_goes_on_with_what_waits(tmp_path):
    """What was reported before recovers afterwards."""

    async def steps(telling):
        telling.notifications.apply([telling.rule(recovered_after=0.05)])
        telling.exits()
        await telling.until(lambda: telling.notifications.statuses()[0].counts.sent)
        kept = json.loads(json.dumps(telling.notifications.snapshot(goes_on=False)))
        await telling.notifications.stop()
        other = Telling(tmp_path)
        other.notifications.apply([other.rule(recovered_after=0.05)])
        other.notifications.restore(kept)
        assert other.notifications.statuses()[0].reported == ("web",)
        other.say(State.STARTING, State.RUNNING, None)
        await other.until(lambda: other.notifications.statuses()[0].counts.sent == 2)
        return items(await other.told())

    assert [event for event, *_ in tell(tmp_path, steps)] == ["exit", "recovered"]


def test_a_command_on_a_disk_that_does_not_respond_is_tried_later(tmp_path):
    """It is not executed, which would hang the master."""

    async def steps(telling):
        telling.notifications.apply([telling.rule()])
        outcome = await telling.notifications.test("ops")
        await telling.notifications.stop()
        return outcome.ok, outcome.again, outcome.words

    assert tell(tmp_path, steps, responds=False) == (False, True, "the disk of the command does not respond")


def test_a_command_that_hangs_ends_with_the_master(tmp_path):
    """It and what it has started are killed, and none of it is an orphan."""

    async def steps(telling):
        telling.notifications.apply([telling.rule(exec="sh -c 'sleep 1000; true'")])
        telling.exits()
        telling.look()
        for _ in range(20):
            await asyncio.sleep(0)
        assert telling.notifications.obstacle == "the command of a notify section runs"
        await telling.notifications.finish(0.1)
        assert await telling.running.children.commands_ended(30.0)
        return telling.lines, telling.notifications.obstacle

    lines, obstacle = tell(tmp_path, steps)
    assert lines == ["notify:ops: 1 message was not sent: there was no time"]
    assert obstacle is None
