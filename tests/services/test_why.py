"""`why` gathers what all rooms know: who asked, when, what was found out, and what the file says by now."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from procman.config.resolve.origins import COMMAND_LINE
from procman.config.schema.configuration import Config
from procman.core.attribution import BOOT, Actor, Origin
from procman.core.events import (
    BootRequested,
    ShutdownRequested,
    SignalRequested,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.spec import Autorestart
from procman.errors import UnknownProcess
from procman.runtime.bus import OperationBegan
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.ring import ALL_GAVE_WAY
from procman.runtime.journal.translation import Translator
from procman.runtime.spawn_queue import Turn
from procman.runtime.written_output import LogFiles
from procman.services.ends import Ends
from procman.services.explain_facts import Link
from procman.services.explain_origins import clock_time, left_behind
from procman.services.explain_parts import AboutMaster, Parts
from procman.services.explain_service import MOST_GAPS
from procman.services.explanations import Finding, Kind
from procman.services.terminals import ClientFacts
from procman.services.why import Why
from tests.support.programs import group, program
from tests.support.virtual_engine import Services

ROOT = Actor("client", uid=0, pid=812, user="root", command="procmanctl")
FILE = "/etc/procman/procman.toml"


class Found:
    """What was found out, as a test says it."""

    def __init__(self) -> None:
        self.findings: dict[str, Finding] = {}
        self.looked: list[str] = []

    def of(self, name: str) -> Finding | None:
        return self.findings.get(name)

    def core_of(self, _name: str) -> None:
        return None

    async def settled(self, name: str, _within: float) -> Finding | None:
        return self.of(name)

    def look_again(self, name: str) -> None:
        self.looked.append(name)


class Asked:
    """Services on a virtual engine, and `why` of them."""

    def __init__(self, *groups, config: Config | None = None, origins=None) -> None:
        known = config or Config(file=FILE, here="/etc/procman", groups=groups, origins=origins or {})
        self.services = Services(*groups, config=known)
        self.engine = engine = self.services.engine
        self.journal = Journal(Translator(engine.fleet), engine.bus.sequence)
        engine.bus.subscribe(self.journal.hear)
        ends = Ends(engine.fleet)
        engine.bus.subscribe(ends.hear)
        self.found = Found()
        self.turns: dict[str, Turn] = {}
        self.silent = ""
        self.unwatched: dict[str, str] = {}
        self.log_files: dict[str, list[LogFiles]] = {}
        self.at_terminals: list[ClientFacts] = []
        self.reports: dict[str, int] = {}
        self.disks: list[str] = []
        self.obstacle: str | None = None
        self.unsent: list[str] = []
        self.on_disk: tuple[Config | None, list[str]] = (known, [])
        engine.turn_of = self.turns.get  # type: ignore[attr-defined]
        parts = Parts(
            engine=engine,  # type: ignore[arg-type]
            status=self.services.board,
            processes=self.services.processes.table,
            ends=ends,
            explanations=self.found,  # type: ignore[arg-type]
            journal=self.journal,
            configuration=self.services.configuration,
            gate=self,
            report_of=self.reports.get,
            terminals=self,
            watches=self,
            written=self,
            confirming=self.services.updates.confirming,
            master=AboutMaster(
                began=0.0,
                obstacle=lambda: self.obstacle,
                silent_disks=lambda: self.disks,
                unsent=lambda: self.unsent,
                look_at_file=self._look_at_file,
            ),
        )
        self.why = Why(parts)

    def clients(self, name):
        return [one for one in self.at_terminals if one.name == name]

    def trouble(self, name) -> str:
        return self.unwatched.get(name, "")

    def files(self, name) -> list[LogFiles]:
        return self.log_files.get(name, [])

    def silence_for(self, _program) -> str | None:
        return self.silent or None

    async def _look_at_file(self):
        return self.on_disk

    def asks(self, kind: str, event) -> None:
        """An operator asks for that."""
        seq = self.engine.bus.publish(OperationBegan(7, kind, (event.name,)), Origin(ROOT, None, 7))
        self.engine.post(event, Origin(ROOT, seq, 7))

    async def one(self, name: str):
        (explanation,) = (await self.why.answer(name)).explanations
        return explanation


def on_loop(steps: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await steps()

    asyncio.run(whole())


def texts(explanation) -> list[str]:
    return [link.text for link in explanation.because]


def test_the_one_that_has_asked_is_named():
    """With the command, the pid and the time; of a boot, that it was one."""

    async def steps():
        asked = Asked(group("web"), group("db"))
        asked.engine.post(BootRequested(), Origin(BOOT))
        asked.engine.spawn_all()
        asked.engine.pass_time(10)
        web = await asked.one("web")
        assert (web.wish.by, web.wish.since) == ("boot", None)
        asked.asks("stop", StopRequested("web"))
        asked.engine.end("web")
        web = await asked.one("web")
        assert web.wish.by == "uid 0 (root, procmanctl stop web, pid 812)"
        assert web.sentence.startswith("web has been STOPPED for ")
        assert f"(stopped by {web.wish.text})" in web.sentence
        assert web.wish.by not in web.since  # the first line has it already
        assert (await asked.one("db")).wish.by == "boot"

    on_loop(steps)


def test_a_signal_is_not_what_a_state_follows_from():
    """What was asked for before still is."""

    async def steps():
        asked = Asked(group("web"))
        asked.asks("start", StartRequested("web"))
        asked.engine.spawn_all()
        asked.engine.pass_time(10)
        since = (await asked.one("web")).since
        assert since
        asked.asks("signal", SignalRequested("web", signal.SIGHUP))
        assert (await asked.one("web")).since == since

    on_loop(steps)


def test_failed_starts_are_counted_and_timed():
    """From the first of them to the end of the last."""

    async def steps():
        asked = Asked(group("web", startretries=1))
        asked.asks("start", StartRequested("web"))
        asked.engine.spawn_all()
        asked.engine.end("web", 3)
        assert asked.why.one_sentence("web") == "BACKOFF: 1 failed start; exit status 3"
        asked.engine.pass_time(2)
        asked.engine.spawn_all()
        asked.engine.end("web", 3)
        web = await asked.one("web")
        assert texts(web) == ["2 failed starts in 0 s; exit status 3"]
        assert (web.end, web.short) == ("exit status 3", f"FATAL: {texts(web)[0]}")

    on_loop(steps)


def test_what_was_found_out_is_a_link():
    """Such as who holds the port; a program that could not be started is looked at once more."""

    async def steps():
        asked = Asked(group("web", startretries=0))
        asked.asks("start", StartRequested("web"))
        asked.engine.post(SpawnFailed("web", "couldn't exec /bin/web: EACCES (Permission denied)", 126))
        finding = Finding(Kind.START, "chmod +x /bin/web", None)  # type: ignore[arg-type]
        asked.found.findings["web"] = finding
        web = await asked.one("web")
        assert texts(web)[-1] == "chmod +x /bin/web"
        assert asked.found.looked == ["web"]

    on_loop(steps)


def test_a_start_waits_for_its_turn_or_a_disk():
    """How many come before it; what does not answer."""

    async def steps():
        asked = Asked(group("web"))
        asked.asks("start", StartRequested("web"))
        asked.turns["web"] = Turn(3)
        assert texts(await asked.one("web"))[0].startswith("3 starts before it")
        asked.silent = "the disk of /mnt does not answer"
        assert texts(await asked.one("web"))[0].startswith("the disk of /mnt does not answer")

    on_loop(steps)


def test_without_a_name_only_what_is_wrong():
    """The number of all is said; what is well is left out."""

    async def steps():
        asked = Asked(group("web"), group("db", startretries=0), group("off", autostart=False))
        asked.engine.run("web", "db")
        answer = await asked.why.answer()
        assert (answer.as_wanted, answer.explanations, answer.processes) == (True, (), 3)
        asked.engine.end("db", 1)
        asked.engine.end("web", 0)
        answer = await asked.why.answer()
        assert not answer.as_wanted
        assert [one.name for one in answer.explanations] == ["db"]

    on_loop(steps)


def test_a_group_a_pattern_and_a_stranger():
    """As for all commands."""

    async def steps():
        asked = Asked(group("g", program("a", "g"), program("b", "g")), group("web"))
        assert [one.name for one in (await asked.why.answer("g:*")).explanations] == ["g:a", "g:b"]
        assert [one.name for one in (await asked.why.answer("g")).explanations] == ["g:a", "g:b"]
        assert [one.name for one in (await asked.why.answer("w*")).explanations] == ["web"]
        with pytest.raises(UnknownProcess):
            await asked.why.answer("nope")
        assert asked.why.one_sentence("nope") == ""

    on_loop(steps)


def test_a_program_called_procman_does_not_hide_the_master():
    """Both are explained."""

    async def steps():
        asked = Asked(group("procman"))
        answer = await asked.why.answer("procman")
        assert [one.name for one in answer.explanations] == ["procman", "procman"]
        assert {one.state for one in answer.explanations} == {"stopped", "running"}

    on_loop(steps)


def test_each_option_has_its_place():
    """File and line, the default, the command line; relative to the folder of the main file."""

    async def steps():
        origins = {
            "program:web": {"command": (FILE, 12), "autostart": ("/etc/procman/conf.d/web.toml", 3)},
            "supervisord": {"shutdown_when": (COMMAND_LINE, None)},
        }
        asked = Asked(group("web", autostart=False, section="program:web"), origins=origins)
        web = await asked.one("web")
        assert web.defined == "procman.toml:12"
        (autostart,) = web.options
        assert (autostart.shown, autostart.place) == ("false", "conf.d/web.toml:3")
        assert (autostart.file, autostart.line) == ("/etc/procman/conf.d/web.toml", 3)
        (shutdown_when,) = (await asked.one("procman")).options
        assert (shutdown_when.place, shutdown_when.file) == ("command line", None)

    on_loop(steps)


def test_what_the_file_says_by_now():
    """Options that differ, of variables their names; an option that decides and has changed says so."""

    async def steps():
        was = group("web", environment={"A": "1", "B": "2"}, autostart=False)
        asked = Asked(was)
        now = group("web", environment={"A": "1", "B": "3", "C": "secret"}, autostart=True)
        asked.services.configuration.config = replace(asked.services.configuration.config, groups=(now,))
        web = await asked.one("web")
        assert web.changed == ("autostart", "environment B", "environment C")
        assert web.options[0].source == "earlier"
        asked.services.configuration.config = replace(asked.services.configuration.config, groups=())
        web = await asked.one("web")
        assert (web.changed, web.defined) == ((), "the file has no such process any more")

    on_loop(steps)


def test_the_master_is_well():
    """What ends it, and what an upgrade would have to wait for."""

    async def steps():
        asked = Asked(group("web"), group("db"))
        asked.engine.run("web")
        asked.obstacle = "a client waits for web"
        master = await asked.one("procman")
        assert master.as_wanted
        assert texts(master)[0].endswith("1 of 2 processes are RUNNING")
        assert texts(master)[1] == "an upgrade would have to wait: a client waits for web"
        assert master.next == "nothing ends it by itself; SIGTERM or procmanctl shutdown does"

    on_loop(steps)


def test_the_troubles_of_the_master():
    """A file that cannot be used, a disk that does not answer, lost output: named in the list of what is wrong."""

    async def steps():
        asked = Asked(group("web", autostart=False))
        asked.on_disk = None, ["the configuration on the disk cannot be used: line 3"]
        asked.disks = ["the disk of /logs does not answer"]
        asked.unsent = ["notify:ops cannot be sent"]
        asked.services.processes.table.lost = lambda _: 1234
        master = await asked.one("procman")
        assert not master.as_wanted
        assert texts(master) == [
            "the configuration on the disk cannot be used: line 3",
            "the disk of /logs does not answer",
            "notify:ops cannot be sent",
            "1,234 bytes of the programs' output could not be written anywhere",
        ]
        # Without a name the file is not read.
        (master,) = (await asked.why.answer()).explanations
        assert texts(master)[0] == "the disk of /logs does not answer"

    on_loop(steps)


def test_the_file_on_the_disk_differs():
    """Only by reading it: which groups an update would change."""

    async def steps():
        asked = Asked(group("web"), group("old"))
        changed = replace(asked.services.configuration.config, groups=(group("web", stopwaitsecs=3), group("new")))
        asked.on_disk = changed, []
        master = await asked.one("procman")
        assert set(master.changed) == {"web", "old", "new"}
        assert master.as_wanted
        assert master.commands == ("procmanctl update --dry-run", "procmanctl update")

    on_loop(steps)


def test_the_report_of_the_last_end_is_among_what_to_type():
    """After the command that shows more of it."""

    async def steps():
        asked = Asked(group("web"))
        asked.engine.run("web")
        asked.engine.end("web", 3)
        asked.reports["web"] = 12
        commands = (await asked.one("web")).commands
        assert commands[1] == "procmanctl crash 12"

    on_loop(steps)


def test_gaps_of_the_journal_are_told():
    """Each reason once; what has only grown old is none."""

    async def steps():
        asked = Asked(group("web"))
        for reason in (ALL_GAVE_WAY, "disk full", "disk full", "", "a", "b", "c"):
            asked.journal.note("gap", "", data={"reason": reason})
        said = [text for text in texts(await asked.one("procman")) if text.startswith("the journal has a gap")]
        assert said == ["the journal has a gap: disk full", "the journal has a gap: a", "the journal has a gap: b"]
        assert len(said) == MOST_GAPS

    on_loop(steps)


def test_a_shutdown_says_who_has_asked_and_what_it_waits_for():
    """The master, too, then is on the list of what is not as it should be."""

    async def steps():
        asked = Asked(group("web"))
        asked.engine.run("web")
        asked.engine.post(ShutdownRequested(), Origin(Actor("signal", via="SIGTERM")))
        web, master = (await asked.why.answer()).explanations
        assert "(stopped by SIGTERM" in web.sentence
        assert "(asked for by SIGTERM" in master.sentence
        assert texts(master)[0] == "it waits for web (priority 999)"
        assert master.because[0].name == "web"

    on_loop(steps)


def test_one_sentence_of_what_has_failed_is_made_once():
    """As long as nothing happens to the process; of one that is well there is none."""

    async def steps():
        asked = Asked(group("web", startretries=0, autorestart=Autorestart.NEVER))
        asked.engine.run("web")
        processes = asked.services.processes
        assert asked.why.if_failed(processes.table.one("web")) == ""
        asked.engine.end("web", 3)
        said = asked.why.if_failed(processes.table.one("web"))
        assert said == "EXITED: exit status 3"
        assert asked.why.if_failed(processes.table.one("web")) is said

    on_loop(steps)


def test_many_are_explained_in_slices():
    """A thousand of them do not hold the loop: others have their turn in between."""

    async def steps():
        asked = Asked(*(group(f"p{number}", startretries=0) for number in range(200)))
        asked.engine.run(*asked.engine.fleet.processes)
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        await asked.why.answer("all")
        task.cancel()
        assert turns > 3

    on_loop(steps)


def test_times_of_another_day_have_a_date(monkeypatch):
    """Of today the time alone."""
    day = 86_400.0
    assert clock_time(1_800_000_000.0, 1_800_000_000.0 + 1).count(":") == 2
    assert " " not in clock_time(1_800_000_000.0, 1_800_000_000.0)
    assert clock_time(1_800_000_000.0, 1_800_000_000.0 + 3 * day).startswith("Jan ")


def test_pids_that_were_left_behind_come_from_the_journal():
    """Of that process alone, each once."""

    async def steps():
        asked = Asked(group("web"), group("db"))
        asked.journal.note("state", "descendants still run", name="web", data={"descendants": [5, 6]})
        asked.journal.note("state", "descendants still run", name="db", data={"descendants": [9]})
        asked.journal.note("state", "descendants still run", name="web", data={"descendants": [6, 7]})
        assert left_behind(asked.journal, "web") == (6, 7, 5)

    on_loop(steps)


def test_clients_at_a_terminal_are_named():
    """Who looks, who types, and who debugs it: that its definition is another one is then no difference."""

    async def steps() -> None:
        asked = Asked(group("web"))
        asked.engine.post(StartRequested("web"))
        asked.at_terminals = [
            ClientFacts(1, "web", "uid 7 (eve)", True, False),
            ClientFacts(2, "db", "x", False, False),
        ]
        found = await asked.one("web")
        assert "uid 7 (eve) is attached to its terminal, and only looks" in texts(found)
        asked.at_terminals = [ClientFacts(3, "web", "uid 0 (root)", False, True)]
        found = await asked.one("web")
        assert texts(found)[-1] == "uid 0 (root) debugs it: limits of time and what follows an end are paused"
        assert found.next.startswith("when that client leaves")
        assert found.changed == ()

    on_loop(steps)


def test_files_that_are_not_watched_are_among_the_causes():
    """It runs as it should, and what was just saved does not."""

    async def steps():
        asked = Asked(group("web", startsecs=0, watch=("src/",)))
        asked.engine.post(BootRequested(), Origin(BOOT))
        asked.engine.spawn_all()
        asked.unwatched["web"] = "its files are not watched: src/a changed again and again"
        web = await asked.one("web")
        assert web.as_wanted
        assert [link.kind for link in web.because] == ["policy", "file"]
        assert [setting.option for setting in web.options][-2:] == ["watch", "watch_ignore"]

    on_loop(steps)


def test_logs_that_are_not_rotated_are_among_the_causes():
    """It runs as it should, and fills the disk."""

    async def steps():
        asked = Asked(group("web", startsecs=0))
        asked.engine.post(BootRequested(), Origin(BOOT))
        asked.engine.spawn_all()
        asked.log_files["web"] = [LogFiles("stdout", ("/log",), None, ("cannot rotate log /log: Read-only",))]
        web = await asked.one("web")
        assert web.as_wanted
        assert web.because[-1] == Link("trouble", "cannot rotate log /log: Read-only")

    on_loop(steps)
