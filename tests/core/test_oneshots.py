"""One-shots in the core: what is a success, what is a failed try, and what becomes of the master."""

from signal import SIGTERM

import pytest

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.actions import Announce, Kill, Quit, Spawn
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Exited,
    ExitStatus,
    GroupChanged,
    RestartRequested,
    RunRemembered,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.oneshots import timed_out
from procman.core.snapshot import DefinitionReaders
from procman.core.spec import Autorestart, ProcessType, ShutdownWhen
from procman.core.states import Phase, State


def oneshot(name="migrate", **options):
    """As the configuration makes one."""
    made = {
        "type": ProcessType.ONESHOT,
        "startsecs": 0,
        "startretries": 0,
        "autorestart": Autorestart.NEVER,
        "command": "/bin/true",
    }
    return Program(name=name, group=name, **{**made, **options})


class Driven:
    """A fleet of one-shots and services; its events have the present time."""

    def __init__(self, *programs, **master):
        self.groups = tuple(Group(name=program.name, priority=1, programs=(program,)) for program in programs)
        self.fleet = Fleet(self.groups, Master(**master))
        self.now = 100.0
        self.pid = 10
        self.actions = []

    def do(self, event):
        self.actions = self.fleet.handle(event, self.now)
        return self.states

    @property
    def states(self):
        return [action.after for action in self.actions if isinstance(action, Announce)]

    def boot(self):
        self.do(BootRequested())
        return self.spawn()

    def spawn(self):
        """Carry out the spawns that were ordered, each with the next pid."""
        for order in [action for action in self.actions if isinstance(action, Spawn)]:
            self.pid += 1
            self.do(Spawned(order.name, self.pid))
        return self.states

    def ends(self, code=0, pid=None):
        return self.do(Exited(pid or self.pid, ExitStatus(code)))

    def __getitem__(self, name):
        return self.fleet.processes[name]


def test_it_is_running_at_the_spawn_and_done_at_once():
    """An end within no time at all is a success, and it is not started again."""
    world = Driven(oneshot())
    assert world.boot() == [State.RUNNING]
    assert world.ends(0) == [State.EXITED]
    process = world["migrate"]
    assert process.done
    assert process.phase is Phase.DONE
    assert not process.wanted
    assert process.reason == ""
    assert process.next_deadline is None


def test_a_failure_without_retries_is_fatal():
    """The end is announced as any other, and then that it is given up."""
    world = Driven(oneshot())
    world.boot()
    assert world.ends(3) == [State.EXITED, State.BACKOFF, State.FATAL]
    assert not world.actions[0].expected
    process = world["migrate"]
    assert (process.done, process.reason, process.exit_code, process.wanted) == (False, "Bad exit code 3", 3, True)
    assert process.exit_status == ExitStatus(3)


def test_it_is_tried_again_startretries_times():
    """Each try counts although each was RUNNING, and the delays grow as those of failed starts do."""
    world = Driven(oneshot(startretries=2))
    world.boot()
    for delay in (1, 2):
        assert world.ends(1) == [State.EXITED, State.BACKOFF]
        assert world["migrate"].next_deadline == world.now + delay
        world.now += delay
        assert world.do(DeadlineReached()) == [State.STARTING]
        world.spawn()
    assert world.ends(1) == [State.EXITED, State.BACKOFF, State.FATAL]


def test_success_after_a_retry_is_success():
    """What failed before does not matter then."""
    world = Driven(oneshot(startretries=1))
    world.boot()
    world.ends(1)
    world.now += 1
    world.do(DeadlineReached())
    world.spawn()
    assert world.ends(0) == [State.EXITED]
    assert world["migrate"].done
    world.do(StartRequested("migrate"))
    world.spawn()
    assert world.ends(1) == [State.EXITED, State.BACKOFF]  # it has all its retries again


def test_an_end_in_norestart_exitcodes_is_not_tried_again():
    """However many retries there are."""
    world = Driven(oneshot(startretries=5, norestart_exitcodes=(78,)))
    world.boot()
    assert world.ends(78) == [State.EXITED, State.BACKOFF, State.FATAL]


def test_what_cannot_be_spawned_is_a_failed_try():
    """With the reason of the spawn."""
    world = Driven(oneshot())
    world.do(BootRequested())
    assert world.do(SpawnFailed("migrate", "no such file", 127)) == [State.BACKOFF, State.FATAL]
    assert world["migrate"].reason == "no such file"


def test_a_run_that_takes_too_long_is_stopped_and_has_failed():
    """By the stop sequence; the reason says how long it had."""
    world = Driven(oneshot(run_timeout=600))
    world.boot()
    assert world["migrate"].next_deadline == 700
    world.now = 700.0
    assert world.do(DeadlineReached()) == [State.STOPPING]
    assert world.actions[1] == Kill("migrate", world.pid, SIGTERM, world["migrate"].program.stop_scope)
    assert world.actions[0].reason == "timed out after 10 m"
    world.now += 1
    assert world.do(Exited(world.pid, ExitStatus(-1, 15))) == [State.BACKOFF, State.FATAL]
    assert world["migrate"].reason == "timed out after 10 m"
    assert world.actions[0].status == ExitStatus(-1, 15)
    assert world["migrate"].exit_code == 143


def test_a_timed_out_run_that_exits_with_0_has_failed_all_the_same():
    """It did not end by itself; with retries there is another try."""
    world = Driven(oneshot(run_timeout=5, startretries=1))
    world.boot()
    world.now += 5
    world.do(DeadlineReached())
    assert world.ends(0) == [State.BACKOFF]
    world.now += 1
    assert world.do(DeadlineReached()) == [State.STARTING]
    world.spawn()
    assert world["migrate"].next_deadline == world.now + 5


def test_an_end_that_comes_with_the_timeout_counts_as_it_was():
    """Only by chance did the timer not come first."""
    world = Driven(oneshot(run_timeout=5))
    world.boot()
    world.now += 5
    assert world.ends(0) == [State.EXITED]
    assert world["migrate"].done


def test_an_end_that_procman_has_slept_over_counts_as_it_was():
    """It was stopped or starved when the time was over: the end may only not have been reaped yet."""
    world = Driven(oneshot(run_timeout=5))
    world.boot()
    world.now += 60
    assert world.do(DeadlineReached()) == []
    assert world.ends(0) == [State.EXITED]
    assert world["migrate"].done


def test_a_run_that_goes_on_after_such_a_sleep_is_stopped():
    """A moment after procman has woken."""
    world = Driven(oneshot(run_timeout=5))
    world.boot()
    world.now += 60
    world.do(DeadlineReached())
    world.now += 1
    assert world.do(DeadlineReached()) == [State.STOPPING]
    assert world.actions[0].reason == "timed out after 5 s"


@pytest.mark.parametrize(
    ("request_", "states"),
    [
        (StopRequested, [State.STOPPED]),
        (StartRequested, [State.STOPPED, State.STARTING]),
        (RestartRequested, [State.STOPPED, State.STARTING]),
    ],
)
def test_a_request_after_the_timeout_decides(request_, states):
    """The run has not failed then: it was stopped on request."""
    world = Driven(oneshot(run_timeout=5))
    world.boot()
    world.now += 5
    world.do(DeadlineReached())
    world.do(request_("migrate"))
    assert world.ends(0) == states


def test_a_changed_run_timeout_holds_for_the_present_run():
    """From the beginning of the run on."""
    program = oneshot()
    world = Driven(program)
    world.boot()
    assert world["migrate"].next_deadline is None
    world.now += 3
    for limit, deadline in ((10, 110.0), (None, None)):
        changed = oneshot(run_timeout=limit)
        world.do(GroupChanged(Group(name="migrate", priority=1, programs=(changed,)), frozenset()))
        assert world["migrate"].next_deadline == deadline


def test_a_changed_definition_runs_it_again():
    """Also when it is done; unless it is not started by itself."""
    for autostart in (True, False):
        world = Driven(oneshot(autostart=autostart))
        world.do(StartRequested("migrate"))
        world.spawn()
        world.ends(0)
        changed = oneshot(command="/bin/other", autostart=autostart)
        states = world.do(GroupChanged(Group(name="migrate", priority=1, programs=(changed,)), frozenset({"migrate"})))
        assert states == ([State.STARTING] if autostart else [])


def test_a_boot_does_not_run_what_is_remembered_as_done():
    """Nothing is announced, and a request runs it again."""
    world = Driven(oneshot(), oneshot("seed"))
    assert world.do(RunRemembered("migrate", 0, 10.0, 13.0)) == []
    assert world["migrate"].done
    world.do(BootRequested())
    assert [action.name for action in world.actions if isinstance(action, Spawn)] == ["seed"]
    assert world.do(RestartRequested("migrate")) == [State.STARTING]
    assert not world["migrate"].done


def test_only_one_shots_are_remembered():
    """A service that has become one is started by the boot."""
    world = Driven(oneshot(type=ProcessType.SERVICE))
    world.do(RunRemembered("migrate", 0, 10.0, 13.0))
    world.do(RunRemembered("unknown", 0, 10.0, 13.0))
    assert world.do(BootRequested()) == [State.STARTING]


@pytest.mark.parametrize("code", [0, 3])
def test_critical_ends_the_master_when_it_fails_and_not_when_it_is_done(code):
    """With its exit code."""
    world = Driven(oneshot(critical=True))
    world.boot()
    world.ends(code)
    quits = [action for action in world.actions if isinstance(action, Quit)]
    assert [action.code for action in quits] == ([3] if code else [])


def test_any_exit_does_not_count_one_that_is_done():
    """It was to end; a failed one counts."""
    for code, ends in ((0, False), (1, True)):
        world = Driven(
            oneshot(), Program(name="web", group="web", command="/bin/cat"), shutdown_when=ShutdownWhen.ANY_EXIT
        )
        world.boot()
        world.ends(code, pid=11)
        assert (world.fleet.state.name != "RUNNING") is ends


def test_all_done_waits_for_it_and_counts_it():
    """The last one that is done ends the master with 0."""
    world = Driven(oneshot(), oneshot("seed"), shutdown_when=ShutdownWhen.ALL_DONE)
    world.boot()
    world.ends(0, pid=11)
    assert not any(isinstance(action, Quit) for action in world.actions)
    world.ends(0, pid=12)
    assert [action.code for action in world.actions if isinstance(action, Quit)] == [0]


@pytest.mark.parametrize("moment", ["running", "timed out", "done", "failed"])
def test_a_snapshot_goes_on_where_it_was(moment):
    """With the deadline, and with the verdict of a run that is being stopped."""
    world = Driven(oneshot(run_timeout=5))
    world.boot()
    if moment == "timed out":
        world.now += 5
        world.do(DeadlineReached())
    elif moment != "running":
        world.ends(0 if moment == "done" else 1)
    readers = DefinitionReaders(lambda _: world.groups[0], lambda _: world.groups[0].programs[0])
    other = Fleet(policy=Master())
    other.restore(world.fleet.snapshot(lambda _: None), readers)
    assert other.processes["migrate"].next_deadline == world["migrate"].next_deadline
    assert other.processes["migrate"].done is (moment == "done")
    if moment == "timed out":
        announced = other.handle(Exited(world.pid, ExitStatus(0)), world.now)
        assert [action.after for action in announced if isinstance(action, Announce)] == [State.BACKOFF, State.FATAL]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(600, "10 m"), (90, "1 m 30 s"), (0.5, "0.5 s"), (3600, "1 h"), (90061, "1 d 1 h 1 m 1 s"), (45, "45 s")],
)
def test_the_words_of_a_timeout(seconds, words):
    """In the largest units."""
    assert timed_out(seconds) == f"timed out after {words}"


@pytest.mark.parametrize(("counts_as", "phase", "code"), [("failure", Phase.NONE, 1), ("success", Phase.DONE, 0)])
def test_an_end_of_which_nothing_is_known(counts_as, phase, code):
    """The master was killed meanwhile, and its successor cannot learn the exit status: unknown_exit decides."""
    fleet = Driven(oneshot(unknown_exit=counts_as))
    fleet.boot()
    fleet.do(Exited(fleet.pid, ExitStatus(0, known=False)))
    assert (fleet["migrate"].phase, fleet["migrate"].exit_code) == (phase, code)


def test_an_unknown_end_of_a_service_is_never_expected():
    """The option is for one-shots; a service is restarted, as ever."""
    service = Program(name="web", group="web", startsecs=0, command="/bin/web", unknown_exit="success")
    fleet = Driven(service)
    fleet.boot()
    states = fleet.do(Exited(fleet.pid, ExitStatus(0, known=False)))
    assert states == [State.EXITED, State.STARTING]
