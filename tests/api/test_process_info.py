"""/v1 and XML-RPC describe processes as they are at that moment, whatever has been kept from earlier answers.

Each answer is compared with a description that is made from scratch.
"""

import asyncio
import gc
import math
import time
from dataclasses import asdict, replace
from types import SimpleNamespace
from xmlrpc import client as wire

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procman.api.facts_to_shapes import process_info
from procman.api.supervisor_states import supervisor_state
from procman.api.xmlrpc.adapter import XmlRpc
from procman.api.xmlrpc.structs import PROCESS_FIELDS
from procman.api.xmlrpc.wire import Template, write_answer
from procman.core.actions import Spawn
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    DescendantsGone,
    Exited,
    ExitStatus,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    KillFailed,
    RestartRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.spec import Autorestart, Leftovers
from procman.core.states import MasterState, Phase, State
from procman.http.messages import Request
from procman.runtime.ending import ending
from procman.services.master import MasterService
from procman.services.operations import Operations
from procman.services.processes import ProcessService
from procman.services.status import Moment, StatusBoard, Times
from tests.support.notifications import new_bus
from tests.support.programs import group, program

BEGAN = 1_700_000_000.0
# A program's name may be nearly anything.
NAMES = ("web", "a&b", "<w>", "100%s", "caf\u00e9")


class Clock:
    """Both clocks; the test moves them."""

    def __init__(self):
        self.passed = 0.0

    localtime = staticmethod(time.localtime)
    strftime = staticmethod(time.strftime)

    def time(self):
        return BEGAN + self.passed

    def monotonic(self):
        return 1000.0 + self.passed


class Engine:
    """Carries no order out: the test says what came of it."""

    def __init__(self, fleet, clock):
        self.fleet = fleet
        self.clock = clock
        self.spawns = {}
        self.bus = new_bus()

    def post(self, event, _origin=None):
        for action in self.fleet.handle(event, self.clock.monotonic()):
            if isinstance(action, Spawn):
                self.spawns[action.name] = action
            self.bus.publish(action)


class Interfaces:
    """The processes of a master, and the two interfaces that describe them."""

    def __init__(self, monkeypatch, names=NAMES):
        self.clock = Clock()
        monkeypatch.setattr("procman.services.status.time", self.clock)
        self.fleet = Fleet(tuple(group(name, startsecs=2, startretries=1) for name in names))
        self.engine = Engine(self.fleet, self.clock)
        self.logs = {}
        self.losses = {}
        self.words = {}  # by the pid of the run
        self.board = StatusBoard(self.engine, self.logs_of, lambda _, pid, _later: self.words.get(pid, ("", "")))
        self.master = MasterService(self.engine, Operations())
        self.processes = ProcessService(self.engine, self.master, self.board, lambda name: self.losses.get(name, 0))
        logs = SimpleNamespace(main=SimpleNamespace(trace=lambda _: None))
        self.rpc = XmlRpc(self.master, self.processes, None, logs, about=lambda: None, tell_listeners=lambda *_: None)
        self.pids = 0

    def logs_of(self, name):
        return self.logs.get(name, (f"/log/{name}", ""))

    # ---- what happens

    def post(self, event):
        self.engine.post(event)

    def spawn(self, name):
        """Carry out the spawn that was ordered."""
        order = self.engine.spawns.pop(name, None)
        if order is not None and self.fleet.awaits(order):
            self.pids += 1
            # In the engine's order: the subscribers first.
            self.engine.bus.publish(Spawned(name, self.pids))
            self.post(Spawned(name, self.pids))

    def fail_to_spawn(self, name, reason):
        order = self.engine.spawns.pop(name, None)
        if order is not None and self.fleet.awaits(order):
            self.post(SpawnFailed(name, reason, 127))

    def end(self, name, status, descendants=()):
        process = self.fleet.processes.get(name)
        if process is not None and process.pid is not None:
            self.post(Exited(process.pid, status, descendants))

    def run(self, name):
        """Bring it up to RUNNING."""
        self.post(StartRequested(name))
        self.spawn(name)
        self.wait(5)

    def wait(self, seconds):
        self.clock.passed += seconds
        self.post(DeadlineReached())

    def update(self, name, *, replaces=False, **options):
        process = self.fleet.processes.get(name)
        if process is not None:
            changed = replace(process.definition, **options)
            self.post(GroupChanged(group(name, changed), frozenset({name} if replaces else ())))

    # ---- answers

    @staticmethod
    def ending(process):
        if process.last_end is None:
            return ""
        too_soon = process.last_end == ExitStatus(0) and process.state.name in ("BACKOFF", "FATAL")
        return ending(process.last_end) + (", sooner than startsecs (2 s)" if too_soon else "")

    def expected(self, process):
        """Its description, made from scratch."""
        times = self.board._times.get(process.name)
        start, stop, started = (times.start, times.stop, times.started) if times else (0.0, 0.0, 0.0)
        stdout, stderr = self.logs_of(process.name)
        up = int(self.clock.monotonic() - started)
        match process.state:
            case State.RUNNING:
                days, rest = divmod(up, 86400)
                clock = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
                many = f"{days} day{'s' if days > 1 else ''}, " if days else ""
                description = f"pid {process.pid}, uptime {many}{clock}"
            case State.FATAL | State.BACKOFF:
                description = process.reason or f'unknown error (try "tail {process.program.name}")'
            case State.STOPPED | State.EXITED:
                ended = time.strftime("%b %d %I:%M %p", time.localtime(stop))
                description = ended if start and stop else "Not started"
            case _:
                description = ""
        retry = process.deadlines.retry
        return {
            "name": process.program.name,
            "group": process.program.group,
            "namespec": process.name,
            "description": description,
            "state": supervisor_state(process.state).code,
            "statename": process.state.name,
            "start": int(start),
            "stop": int(stop),
            "now": int(self.clock.time()),
            "uptime": up if process.pid else 0,
            "pid": process.pid or 0,
            "exitstatus": process.exit_status.code if process.exit_status else 0,
            "ending": self.ending(process),
            "last_words": times.last_words if times else "",
            "last_words_on": times.last_words_on if times else "",
            "spawnerr": process.reason,
            "logfile": stdout,
            "stdout_logfile": stdout,
            "stderr_logfile": stderr,
            "redirect_stderr": process.program.redirect_stderr,
            "wanted": process.wanted,
            "restarts": process.restarts,
            "flapping_until": math.ceil(times.flapping_until) if times else 0,
            "lost": self.losses.get(process.name, 0),
            "why": "",  # what fills it in is tested in tests/services/test_why.py
            "phase": process.phase.value,
            "done": process.phase is Phase.DONE,
            "ready": None,
            "healthy": None,
            "status_text": "",
            "waits_for": [],
            "next": None if retry is None else round(self.clock.time() + retry - self.clock.monotonic(), 1),
            "type": "service",
        }

    def call(self, method, *parameters):
        body = wire.dumps(parameters, method).encode()
        request = Request.of("POST", "/RPC2", headers={"content-length": str(len(body))}, body=body)
        return asyncio.run(self.rpc.call(request)).body

    def check(self):
        """Compare the answers of both interfaces."""
        known = sorted(self.fleet.processes.values(), key=lambda process: process.name)
        infos = [self.expected(process) for process in known]
        structs = [{name: info[name] for name in PROCESS_FIELDS} for info in infos]
        method = "supervisor.getAllProcessInfo"
        assert self.call(method) == written(structs)
        assert self.call("system.multicall", [{"methodName": method}] * 2) == written([structs, structs])
        for process, info, struct in zip(known, infos, structs, strict=True):
            assert self.call("supervisor.getProcessInfo", process.name) == written(struct)
            # As JSON has them: in the same order, and true is not 1.
            assert [*map(repr, self.infos(process.name)[0].items())] == [*map(repr, info.items())]
            assert self.info(process.name) == info
        assert self.infos() == infos

    def infos(self, spec="all"):
        moment, lost = Moment.present(), self.processes.table.lost
        return [process_info(status, moment, lost(status.namespec)) for status in self.processes.table.statuses(spec)]

    def info(self, name):
        return process_info(self.processes.table.status(name), Moment.present(), self.processes.table.lost(name))


def written(value):
    return asyncio.run(write_answer(value))


@pytest.fixture
def interfaces(monkeypatch):
    return Interfaces(monkeypatch)


# ---- one thing after the other

REASONS = st.sampled_from(["", "cannot run <x> & \x1b[31my\x00", "caf\u00e9 \ud800", "100%s", "]]>"])
STATUSES = st.sampled_from([ExitStatus(0), ExitStatus(3), ExitStatus(-1, 9), ExitStatus(-1, known=False)])
ANY = st.sampled_from(NAMES)
LOGS = st.tuples(st.sampled_from(["", "/a", "/<b>&"]), st.sampled_from(["", "/e%s"]))
STEPS = st.one_of(
    st.tuples(st.just(Interfaces.run), ANY),
    st.tuples(st.just(Interfaces.spawn), ANY),
    st.tuples(st.just(Interfaces.fail_to_spawn), ANY, REASONS),
    st.tuples(st.just(Interfaces.end), ANY, STATUSES, st.sampled_from([(), (77,)])),
    st.tuples(st.just(Interfaces.wait), st.sampled_from([0.3, 1, 59, 3600, 86400, 200_000])),
    st.builds(
        lambda event: (Interfaces.post, event),
        st.one_of(
            st.builds(StartRequested, ANY),
            st.builds(StopRequested, ANY),
            st.builds(RestartRequested, ANY),
            st.builds(KillFailed, ANY, REASONS),
            st.builds(DescendantsGone, ANY),
            st.builds(GroupRemoved, ANY),
            st.builds(lambda name: GroupAdded(group(name, autostart=False)), ANY),
        ),
    ),
    st.builds(
        lambda name, options, replaces: (lambda interfaces: interfaces.update(name, replaces=replaces, **options),),
        ANY,
        st.sampled_from([{"stopwaitsecs": 3}, {"startsecs": 0}, {"leftovers": Leftovers.STOP}]),
        st.booleans(),
    ),
    st.builds(lambda name, logs: (lambda interfaces: interfaces.logs.update({name: logs}),), ANY, LOGS),
    st.builds(
        lambda name, lost: (lambda interfaces: interfaces.losses.update({name: lost}),), ANY, st.integers(0, 2**40)
    ),
    st.just((lambda interfaces: interfaces.post(BootRequested()),)),
)


@settings(suppress_health_check=[*settings().suppress_health_check, HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=30))
def test_no_answer_is_out_of_date_whatever_happens(monkeypatch, steps):
    """Any sequence of events, with or without questions in between, leads to correct answers."""
    interfaces = Interfaces(monkeypatch)
    for (do, *parameters), looks in steps:
        do(interfaces, *parameters)
        if looks:
            interfaces.check()
    interfaces.check()


def test_each_step_of_a_life_is_answered_correctly(interfaces):
    """The answers are correct before and after each start, stop, restart, failure and end."""
    steps = [
        lambda: interfaces.post(StartRequested("a&b")),
        lambda: interfaces.spawn("a&b"),
        lambda: interfaces.wait(2),
        lambda: interfaces.wait(1),
        lambda: interfaces.post(RestartRequested("a&b")),
        lambda: interfaces.end("a&b", ExitStatus(-1, 15)),
        lambda: interfaces.spawn("a&b"),
        lambda: interfaces.wait(86400),
        lambda: interfaces.end("a&b", ExitStatus(3)),
        lambda: interfaces.fail_to_spawn("a&b", "cannot run \x07 <a&b>: no such file"),
        lambda: interfaces.wait(1),
        lambda: interfaces.fail_to_spawn("a&b", "cannot run \x07 <a&b>: no such file"),
        lambda: interfaces.run("a&b"),
        lambda: interfaces.post(StopRequested("a&b")),
        lambda: interfaces.end("a&b", ExitStatus(0)),
    ]
    seen = set()
    for step in steps:
        interfaces.check()
        step()
        interfaces.check()
        seen.add(interfaces.fleet.processes["a&b"].state)
    assert seen >= {State.STARTING, State.RUNNING, State.BACKOFF, State.FATAL, State.STOPPING, State.STOPPED}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("pid", [None, 17])
def test_every_state_is_described(interfaces, state, pid):
    """Each state is described with and without a pid, also with a reason that XML cannot contain."""
    interfaces.run("<w>")
    process = interfaces.fleet.processes["<w>"]
    for reason in ("", "because of \x00 & <\x1b>"):
        process.state, process.pid, process.reason = state, pid, reason
        interfaces.check()


def test_the_uptime_counts_from_the_spawn(interfaces):
    """A process whose spawn was delayed, such as by a silent disk, is as old as its process."""
    interfaces.post(StartRequested("web"))
    interfaces.wait(9)
    assert interfaces.info("web")["statename"] == "STARTING"
    interfaces.spawn("web")
    interfaces.wait(5)
    assert interfaces.info("web")["uptime"] == 5
    assert interfaces.info("web")["start"] == BEGAN + 9


@pytest.mark.parametrize(
    "change",
    [
        lambda process: setattr(process, "pid", 4242),
        lambda process: setattr(process, "state", State.STOPPING),
        lambda process: setattr(process, "reason", "<why>"),
        lambda process: setattr(process, "exit_status", ExitStatus(7)),
        lambda process: setattr(process, "wanted", False),
        lambda process: setattr(process, "restarts", 3),
        lambda process: setattr(process, "program", program("web", "other")),
    ],
)
def test_a_change_without_an_announcement_is_seen(interfaces, change):
    """Such as a new pid, which is not announced before the process is RUNNING."""
    interfaces.run("web")
    interfaces.check()
    change(interfaces.fleet.processes["web"])
    interfaces.check()


@pytest.mark.parametrize("times", [Times(7.0, 0.0, 1000.0), Times(BEGAN, 8.0, 1000.0), Times(BEGAN, 0.0, 900.0)])
def test_the_times_of_the_code_before_an_upgrade_are_kept(interfaces, times):
    """The times that were handed over are in the answers."""
    interfaces.post(StartRequested("web"))
    interfaces.spawn("web")
    interfaces.check()
    interfaces.board.restore({"web": asdict(times)})
    interfaces.check()
    interfaces.end("web", ExitStatus(3))
    interfaces.check()
    interfaces.board.restore({"web": asdict(times) | {"stop": 99.0}})
    interfaces.check()


def test_a_failed_process_has_its_end_and_its_last_words(interfaces):
    """They stand beside supervisor's description until the next run ends."""
    interfaces.words[1] = ("no database", "stderr")
    interfaces.post(StartRequested("web"))
    interfaces.spawn("web")
    interfaces.end("web", ExitStatus(-1, 9))
    info = interfaces.info("web")
    assert (info["ending"], info["last_words"], info["last_words_on"]) == (
        "terminated by SIGKILL",
        "no database",
        "stderr",
    )
    assert info["description"] == "Exited too quickly (process log may have details)"
    assert interfaces.board.why("web") == "terminated by SIGKILL; its last line on stderr: no database"
    interfaces.check()
    interfaces.wait(1)
    interfaces.check()
    interfaces.fail_to_spawn("web", "no such file")
    info = interfaces.info("web")
    assert (info["statename"], info["ending"], info["last_words"]) == ("FATAL", "", "")
    assert interfaces.board.why("web") == "no such file"
    interfaces.check()


def test_a_success_that_comes_too_soon_is_told_as_such(interfaces):
    """An exit status of 0 alone does not explain why a process is FATAL."""
    interfaces.post(StartRequested("web"))
    for _ in range(2):
        interfaces.spawn("web")
        interfaces.end("web", ExitStatus(0))
        interfaces.check()
        interfaces.wait(1)
    info = interfaces.info("web")
    assert (info["statename"], info["ending"]) == ("FATAL", "exit status 0, sooner than startsecs (2 s)")
    assert interfaces.board.why("web") == "exit status 0, sooner than startsecs (2 s)"


def test_an_expected_end_has_no_last_words(interfaces):
    """Neither a stopped process nor an expected exit has last words."""
    interfaces.words = {1: ("bye", "stdout"), 2: ("bye", "stdout")}
    interfaces.run("web")
    interfaces.post(StopRequested("web"))
    interfaces.end("web", ExitStatus(3))
    assert (interfaces.info("web")["ending"], interfaces.info("web")["last_words"]) == ("exit status 3", "")
    interfaces.run("web")
    interfaces.update("web", autorestart=Autorestart.NEVER)
    interfaces.end("web", ExitStatus(0))
    assert (interfaces.info("web")["statename"], interfaces.info("web")["last_words"]) == ("EXITED", "")
    interfaces.check()


@pytest.mark.parametrize(("status", "until"), [(ExitStatus(3), 300), (ExitStatus(0), 60)])
def test_a_process_that_keeps_being_restarted_is_flapping(interfaces, status, until):
    """Three restarts within five minutes count, or within one if the exits are expected; a stop ends that."""
    interfaces.update("web", autorestart=Autorestart.ALWAYS)
    interfaces.run("web")
    ends = []
    for _ in range(3):
        assert interfaces.info("web")["flapping_until"] == 0
        interfaces.wait(7)
        ends.append(interfaces.clock.time())
        interfaces.end("web", status)
        interfaces.spawn("web")
        interfaces.wait(7)
        interfaces.check()
    info = interfaces.info("web")
    assert (info["statename"], info["restarts"], info["flapping_until"]) == ("RUNNING", 3, ends[0] + until)
    interfaces.wait(7)
    interfaces.end("web", status)
    assert interfaces.info("web")["flapping_until"] == ends[1] + until
    interfaces.spawn("web")
    interfaces.wait(7)
    interfaces.post(StopRequested("web"))
    interfaces.end("web", ExitStatus(0))
    assert interfaces.info("web")["flapping_until"] == 0
    interfaces.check()


def test_the_new_path_of_a_log_is_in_the_answers(interfaces):
    """An update that changes stdout_logfile of a running program changes the answers."""
    interfaces.run("web")
    interfaces.check()
    interfaces.logs["web"] = ("/new/<log>", "/new/errors")
    interfaces.update("web", stdout_logfile="/new/<log>")
    interfaces.check()


def test_a_signal_and_cleared_logs_change_nothing_but_the_losses(interfaces):
    async def clear(_):
        pass

    interfaces.run("web")
    interfaces.check()

    async def both():
        interfaces.processes.signal(["web"], "HUP")
        await interfaces.master.operations.wait(interfaces.processes.on_logs("clear", ["web"], clear))

    asyncio.run(both())
    interfaces.losses["web"] = 12
    interfaces.check()


def kept_of(name):
    """The templates that exist for it."""
    gc.collect()
    return [
        kept for kept in gc.get_objects() if isinstance(kept, Template) and any(name in text for text in kept.pieces)
    ]


def test_no_template_outlives_its_status(monkeypatch):
    """There is one for a process that exists, and none for a process that was removed."""
    interfaces = Interfaces(monkeypatch, ("stays", "leaves-for-good"))
    for _ in range(3):
        interfaces.run("leaves-for-good")
        interfaces.check()
        interfaces.post(StopRequested("leaves-for-good"))
        interfaces.check()
        interfaces.end("leaves-for-good", ExitStatus(0))
        interfaces.check()
    assert len(kept_of("leaves-for-good")) == 1
    interfaces.post(GroupRemoved("leaves-for-good"))
    assert list(interfaces.fleet.processes) == ["stays"]
    assert kept_of("leaves-for-good") == []
    interfaces.check()


def test_a_new_process_of_an_old_name_starts_from_scratch(interfaces):
    interfaces.run("web")
    interfaces.post(StopRequested("web"))
    interfaces.end("web", ExitStatus(0))
    interfaces.check()
    interfaces.post(GroupRemoved("web"))
    interfaces.check()
    interfaces.post(GroupAdded(group("web", autostart=False)))
    interfaces.check()
    assert interfaces.infos("web")[0]["description"] == "Not started"


def test_no_template_is_made_again_while_nothing_happens(interfaces):
    """A later call is answered from the templates of the first one."""
    for name in NAMES:
        interfaces.run(name)
    before = interfaces.processes.table.statuses()
    interfaces.call("supervisor.getAllProcessInfo")
    laid_out = kept_of("")
    interfaces.wait(90_000)
    interfaces.call("supervisor.getAllProcessInfo")
    assert all(old is new for old, new in zip(before, interfaces.processes.table.statuses(), strict=True))
    assert {*map(id, kept_of(""))} <= {*map(id, laid_out)}


def test_while_shutting_down_calls_are_faults(interfaces):
    interfaces.fleet.state = MasterState.SHUTDOWN
    with pytest.raises(wire.Fault, match="SHUTDOWN_STATE"):
        wire.loads(interfaces.call("supervisor.getAllProcessInfo"))
