"""What is told of processes is what they are at that moment, whoever has asked before.

Beside the answers stands what each of them says when all of it is gathered anew.
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
from procman.core.states import MasterState, State
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
    """Both clocks, which go on when they are told to."""

    def __init__(self):
        self.passed = 0.0

    localtime = staticmethod(time.localtime)
    strftime = staticmethod(time.strftime)

    def time(self):
        return BEGAN + self.passed

    def monotonic(self):
        return 1000.0 + self.passed


class Engine:
    """Carries no order out: the test says what has come of it."""

    def __init__(self, fleet, clock):
        self.fleet = fleet
        self.clock = clock
        self.spawns = {}
        self.bus = new_bus()

    def post(self, event):
        for action in self.fleet.handle(event, self.clock.monotonic()):
            if isinstance(action, Spawn):
                self.spawns[action.name] = action
            self.bus.publish(action)


class Asked:
    """A master's processes, and who is asked about them."""

    def __init__(self, monkeypatch, names=NAMES):
        self.clock = Clock()
        monkeypatch.setattr("procman.services.status.time", self.clock)
        self.fleet = Fleet(tuple(group(name, startsecs=2, startretries=1) for name in names))
        self.engine = Engine(self.fleet, self.clock)
        self.logs = {}
        self.losses = {}
        self.words = {}  # by the pid of the run
        self.board = StatusBoard(self.engine, self.logs_of, lambda _, pid: self.words.get(pid, ("", "")))
        self.master = MasterService(self.engine, Operations())
        self.control = ProcessService(self.engine, self.master, self.board, lambda name: self.losses.get(name, 0))
        logs = SimpleNamespace(main=SimpleNamespace(trace=lambda _: None))
        self.rpc = XmlRpc(self.master, self.control, None, logs, about=lambda: None, tell_listeners=lambda *_: None)
        self.pids = 0

    def logs_of(self, name):
        return self.logs.get(name, (f"/log/{name}", ""))

    # ---- what happens

    def post(self, event):
        self.engine.post(event)

    def spawn(self, name):
        """As ordered."""
        order = self.engine.spawns.pop(name, None)
        if order is not None and self.fleet.awaits(order):
            self.pids += 1
            # As the engine does it: whoever subscribes hears it first.
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
        """Up to RUNNING."""
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

    # ---- what is told

    def anew(self, process):
        """All that is known of it."""
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
            "ending": ending(process.last_end) if process.last_end else "",
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
        }

    def call(self, method, *parameters):
        body = wire.dumps(parameters, method).encode()
        request = Request.of("POST", "/RPC2", headers={"content-length": str(len(body))}, body=body)
        return asyncio.run(self.rpc.call(request)).body

    def look(self):
        """Every way to ask tells what is so now."""
        known = sorted(self.fleet.processes.values(), key=lambda process: process.name)
        infos = [self.anew(process) for process in known]
        structs = [{name: info[name] for name in PROCESS_FIELDS} for info in infos]
        asked = "supervisor.getAllProcessInfo"
        assert self.call(asked) == written(structs)
        assert self.call("system.multicall", [{"methodName": asked}] * 2) == written([structs, structs])
        for process, info, struct in zip(known, infos, structs, strict=True):
            assert self.call("supervisor.getProcessInfo", process.name) == written(struct)
            # As JSON has them: in the same order, and true is not 1.
            assert [*map(repr, self.infos(process.name)[0].items())] == [*map(repr, info.items())]
            assert self.info(process.name) == info
        assert self.infos() == infos

    def infos(self, spec="all"):
        moment, lost = Moment.present(), self.control.lost
        return [process_info(status, moment, lost(status.namespec)) for status in self.control.statuses(spec)]

    def info(self, name):
        return process_info(self.control.status(name), Moment.present(), self.control.lost(name))


def written(value):
    return asyncio.run(write_answer(value))


@pytest.fixture
def asked(monkeypatch):
    return Asked(monkeypatch)


# ---- one thing after the other

REASONS = st.sampled_from(["", "cannot run <x> & \x1b[31my\x00", "caf\u00e9 \ud800", "100%s", "]]>"])
STATUSES = st.sampled_from([ExitStatus(0), ExitStatus(3), ExitStatus(-1, 9), ExitStatus(-1, known=False)])
ANY = st.sampled_from(NAMES)
LOGS = st.tuples(st.sampled_from(["", "/a", "/<b>&"]), st.sampled_from(["", "/e%s"]))
STEPS = st.one_of(
    st.tuples(st.just(Asked.run), ANY),
    st.tuples(st.just(Asked.spawn), ANY),
    st.tuples(st.just(Asked.fail_to_spawn), ANY, REASONS),
    st.tuples(st.just(Asked.end), ANY, STATUSES, st.sampled_from([(), (77,)])),
    st.tuples(st.just(Asked.wait), st.sampled_from([0.3, 1, 59, 3600, 86400, 200_000])),
    st.builds(
        lambda event: (Asked.post, event),
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
        lambda name, options, replaces: (lambda asked: asked.update(name, replaces=replaces, **options),),
        ANY,
        st.sampled_from([{"stopwaitsecs": 3}, {"startsecs": 0}, {"leftovers": Leftovers.STOP}]),
        st.booleans(),
    ),
    st.builds(lambda name, logs: (lambda asked: asked.logs.update({name: logs}),), ANY, LOGS),
    st.builds(lambda name, lost: (lambda asked: asked.losses.update({name: lost}),), ANY, st.integers(0, 2**40)),
    st.just((lambda asked: asked.post(BootRequested()),)),
)


@settings(suppress_health_check=[*settings().suppress_health_check, HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=30))
def test_whatever_happens_nothing_is_told_that_was_so_before(monkeypatch, steps):
    """And whether or not somebody has asked in between."""
    asked = Asked(monkeypatch)
    for (do, *parameters), looks in steps:
        do(asked, *parameters)
        if looks:
            asked.look()
    asked.look()


def test_a_life_is_told_step_by_step(asked):
    """Start, stop, restart, failure and end of one, each looked at before and after."""
    steps = [
        lambda: asked.post(StartRequested("a&b")),
        lambda: asked.spawn("a&b"),
        lambda: asked.wait(2),
        lambda: asked.wait(1),
        lambda: asked.post(RestartRequested("a&b")),
        lambda: asked.end("a&b", ExitStatus(-1, 15)),
        lambda: asked.spawn("a&b"),
        lambda: asked.wait(86400),
        lambda: asked.end("a&b", ExitStatus(3)),
        lambda: asked.fail_to_spawn("a&b", "cannot run \x07 <a&b>: no such file"),
        lambda: asked.wait(1),
        lambda: asked.fail_to_spawn("a&b", "cannot run \x07 <a&b>: no such file"),
        lambda: asked.run("a&b"),
        lambda: asked.post(StopRequested("a&b")),
        lambda: asked.end("a&b", ExitStatus(0)),
    ]
    seen = set()
    for step in steps:
        asked.look()
        step()
        asked.look()
        seen.add(asked.fleet.processes["a&b"].state)
    assert seen >= {State.STARTING, State.RUNNING, State.BACKOFF, State.FATAL, State.STOPPING, State.STOPPED}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("pid", [None, 17])
def test_every_state_is_told(asked, state, pid):
    """With and without a process, and with a reason that XML cannot say."""
    asked.run("<w>")
    process = asked.fleet.processes["<w>"]
    for reason in ("", "because of \x00 & <\x1b>"):
        process.state, process.pid, process.reason = state, pid, reason
        asked.look()


def test_one_that_has_waited_for_its_start_is_as_old_as_its_process(asked):
    """The disk that it is on had not answered, say."""
    asked.post(StartRequested("web"))
    asked.wait(9)
    assert asked.info("web")["statename"] == "STARTING"
    asked.spawn("web")
    asked.wait(5)
    assert asked.info("web")["uptime"] == 5
    assert asked.info("web")["start"] == BEGAN + 9


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
def test_what_nobody_has_announced_is_told_all_the_same(asked, change):
    """A pid is not, for instance, where a program has to be up for a while."""
    asked.run("web")
    asked.look()
    change(asked.fleet.processes["web"])
    asked.look()


@pytest.mark.parametrize("times", [Times(7.0, 0.0, 1000.0), Times(BEGAN, 8.0, 1000.0), Times(BEGAN, 0.0, 900.0)])
def test_times_of_a_master_before_this_one_are_told(asked, times):
    """As after an upgrade."""
    asked.post(StartRequested("web"))
    asked.spawn("web")
    asked.look()
    asked.board.restore({"web": asdict(times)})
    asked.look()
    asked.end("web", ExitStatus(3))
    asked.look()
    asked.board.restore({"web": asdict(times) | {"stop": 99.0}})
    asked.look()


def test_who_has_failed_is_told_of_with_its_end_and_its_last_words(asked):
    """Until something else has ended; supervisor's words stay beside it."""
    asked.words[1] = ("no database", "stderr")
    asked.post(StartRequested("web"))
    asked.spawn("web")
    asked.end("web", ExitStatus(-1, 9))
    info = asked.info("web")
    assert (info["ending"], info["last_words"], info["last_words_on"]) == (
        "terminated by SIGKILL",
        "no database",
        "stderr",
    )
    assert info["description"] == "Exited too quickly (process log may have details)"
    assert asked.board.why("web") == "terminated by SIGKILL; its last line on stderr: no database"
    asked.look()
    asked.wait(1)
    asked.look()
    asked.fail_to_spawn("web", "no such file")
    info = asked.info("web")
    assert (info["statename"], info["ending"], info["last_words"]) == ("FATAL", "", "")
    assert asked.board.why("web") == "no such file"
    asked.look()


def test_what_ends_as_it_should_has_no_last_words(asked):
    """Nor what somebody has stopped."""
    asked.words = {1: ("bye", "stdout"), 2: ("bye", "stdout")}
    asked.run("web")
    asked.post(StopRequested("web"))
    asked.end("web", ExitStatus(3))
    assert (asked.info("web")["ending"], asked.info("web")["last_words"]) == ("exit status 3", "")
    asked.run("web")
    asked.update("web", autorestart=Autorestart.NEVER)
    asked.end("web", ExitStatus(0))
    assert (asked.info("web")["statename"], asked.info("web")["last_words"]) == ("EXITED", "")
    asked.look()


@pytest.mark.parametrize(("status", "until"), [(ExitStatus(3), 300), (ExitStatus(0), 60)])
def test_what_is_brought_back_again_and_again_flaps(asked, status, until):
    """Three times within five minutes, or within one where it ends as expected; a stop ends that."""
    asked.update("web", autorestart=Autorestart.ALWAYS)
    asked.run("web")
    ends = []
    for _ in range(3):
        assert asked.info("web")["flapping_until"] == 0
        asked.wait(7)
        ends.append(asked.clock.time())
        asked.end("web", status)
        asked.spawn("web")
        asked.wait(7)
        asked.look()
    info = asked.info("web")
    assert (info["statename"], info["restarts"], info["flapping_until"]) == ("RUNNING", 3, ends[0] + until)
    asked.wait(7)
    asked.end("web", status)
    assert asked.info("web")["flapping_until"] == ends[1] + until
    asked.spawn("web")
    asked.wait(7)
    asked.post(StopRequested("web"))
    asked.end("web", ExitStatus(0))
    assert asked.info("web")["flapping_until"] == 0
    asked.look()


def test_logs_that_have_moved_are_told_where_they_are(asked):
    """As after an update that changes stdout_logfile of a program that goes on."""
    asked.run("web")
    asked.look()
    asked.logs["web"] = ("/new/<log>", "/new/errors")
    asked.update("web", stdout_logfile="/new/<log>")
    asked.look()


def test_a_signal_and_cleared_logs_are_no_news(asked):
    async def clear(_):
        pass

    asked.run("web")
    asked.look()

    async def both():
        asked.control.signal(["web"], "HUP")
        await asked.master.operations.wait(asked.control.clear_logs(["web"], clear))

    asyncio.run(both())
    asked.losses["web"] = 12
    asked.look()


def kept_of(name):
    """What is still there of what was laid out for it."""
    gc.collect()
    return [
        kept for kept in gc.get_objects() if isinstance(kept, Template) and any(name in text for text in kept.pieces)
    ]


def test_nothing_is_kept_of_a_process_that_is_gone(monkeypatch):
    """Nor of what one that is there has been."""
    asked = Asked(monkeypatch, ("stays", "leaves-for-good"))
    for _ in range(3):
        asked.run("leaves-for-good")
        asked.look()
        asked.post(StopRequested("leaves-for-good"))
        asked.look()
        asked.end("leaves-for-good", ExitStatus(0))
        asked.look()
    assert len(kept_of("leaves-for-good")) == 1
    asked.post(GroupRemoved("leaves-for-good"))
    assert list(asked.fleet.processes) == ["stays"]
    assert kept_of("leaves-for-good") == []
    asked.look()


def test_one_that_comes_back_under_the_same_name_is_another(asked):
    asked.run("web")
    asked.post(StopRequested("web"))
    asked.end("web", ExitStatus(0))
    asked.look()
    asked.post(GroupRemoved("web"))
    asked.look()
    asked.post(GroupAdded(group("web", autostart=False)))
    asked.look()
    assert asked.infos("web")[0]["description"] == "Not started"


def test_nothing_is_laid_out_again_while_nothing_happens(asked):
    """A later question is answered from what was laid out for the first one."""
    for name in NAMES:
        asked.run(name)
    before = asked.control.statuses()
    asked.call("supervisor.getAllProcessInfo")
    laid_out = kept_of("")
    asked.wait(90_000)
    asked.call("supervisor.getAllProcessInfo")
    assert all(old is new for old, new in zip(before, asked.control.statuses(), strict=True))
    assert {*map(id, kept_of(""))} <= {*map(id, laid_out)}


def test_a_master_that_is_going_tells_nothing(asked):
    asked.fleet.state = MasterState.SHUTDOWN
    with pytest.raises(wire.Fault, match="SHUTDOWN_STATE"):
        wire.loads(asked.call("supervisor.getAllProcessInfo"))
