"""The hooks of processes in virtual time: their order, each way to end, and what becomes of them in a hurry."""

import pytest

from procman.config.schema.master import Master
from procman.core.actions import (
    Action,
    Announce,
    AnnounceRefreshed,
    EndHook,
    Kill,
    Quit,
    RunHook,
    SkipHook,
    Spawn,
)
from procman.core.events import (
    Adopted,
    BootRequested,
    DeadlineReached,
    DescendantsGone,
    EndedUnseen,
    ExitStatus,
    GroupChanged,
    GroupRemoved,
    HookEnded,
    KillFailed,
    Notified,
    ProbeResult,
    RefreshRequested,
    RestartRequested,
    ShutdownRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.spec import (
    Autorestart,
    Condition,
    Edge,
    Hook,
    HookCommand,
    Leftovers,
    ProcessType,
    ReadyKind,
    Reload,
    Scope,
)
from procman.core.states import Phase
from procman.core.stopping import take_down
from tests.support.driven_fleet import Drive
from tests.support.programs import group

ALL = {hook.value: (HookCommand(hook.value),) for hook in Hook if hook is not Hook.RELOAD}
BAD = ExitStatus(1)


class Hooked(Drive):
    """A fleet whose commands end when a test says so."""

    def __init__(self, *groups, boot=True, **options):
        self.orders: list[RunHook] = []
        super().__init__(*groups, boot=False, **options)
        if boot:
            self.says(BootRequested())

    def says(self, event) -> list[Action]:
        actions = self.fleet.handle(event, self.now)
        self.orders += [action for action in actions if isinstance(action, RunHook)]
        for order in [action for action in actions if isinstance(action, Spawn)]:
            if self.fleet.awaits(order):
                actions += self.spawns(order)
        return actions

    def spawns(self, order) -> list[Action]:
        return self.says(Spawned(order.name, self.next_pid()))

    def done(self, hook: str, *, ok: bool = True, name: str = "web", said: str = "") -> list[Action]:
        """The command of that hook that was begun last ends."""
        order = next(one for one in reversed(self.orders) if one.hook.value == hook and one.name == name)
        words = "" if ok else f"./{hook} exited 1"
        return self.says(HookEnded(name, order.number, ok, words, said, 0 if ok else 1))

    def after(self, seconds: float) -> list[Action]:
        self.now += seconds
        return self.says(DeadlineReached())

    @property
    def phase(self) -> str:
        return self.fleet.processes["web"].phase.value

    @property
    def state(self) -> str:
        return self.fleet.processes["web"].state.name


def words(actions) -> list[str]:
    """What was decided, in short."""
    found = []
    for action in actions:
        match action:
            case RunHook(hook=hook):
                found.append(f"run {hook.value}")
            case EndHook(hook=hook):
                found.append(f"end {hook.value}")
            case SkipHook(hook=hook):
                found.append(f"skip {hook.value}")
            case Announce(after=after):
                found.append(after.name)
            case Kill(signal=signal):
                found.append(signal.name if hasattr(signal, "name") else f"signal {signal}")
            case Spawn():
                found.append("spawn")
            case AnnounceRefreshed(ok=ok):
                found.append("refreshed" if ok else "not refreshed")
            case Quit():
                found.append("quit")
    return found


def hooked(**options) -> Hooked:
    """One process with every hook, up; only the hooks that options name otherwise differ."""
    drive = Hooked(group(**{"startsecs": 0, **ALL, **options}))
    if drive.phase == "pre_start":
        drive.done("pre_start")
    return drive


# ---- the order


def test_each_hook_has_its_place():
    """From the start to the stop: pre_start, spawn, post_start, pre_stop, stop_command, before_kill, post_stop."""
    drive = Hooked(group(startsecs=0, stopwaitsecs=10, **ALL), boot=False)
    assert words(drive.says(StartRequested("web"))) == ["STARTING", "run pre_start"]
    assert words(drive.done("pre_start")) == ["spawn", "RUNNING", "run post_start"]
    assert words(drive.says(StopRequested("web"))) == ["STOPPING", "run pre_stop", "end post_start"]
    assert words(drive.done("pre_stop")) == ["run stop_command"]
    assert words(drive.after(10)) == ["end stop_command", "run before_kill"]
    assert words(drive.done("before_kill")) == ["SIGKILL"]
    assert words(drive.ends("web")) == ["run post_stop"]
    assert words(drive.done("post_stop")) == ["STOPPED"]


def test_hooks_run_on_a_restart_as_on_a_stop_and_a_start():
    """A restart is no exception: https://github.com/docker/compose/issues/13318."""
    drive = hooked(stop_command=(), before_kill=())
    assert words(drive.says(RestartRequested("web"))) == ["STOPPING", "run pre_stop", "end post_start"]
    assert words(drive.done("pre_stop")) == ["SIGTERM"]
    assert words(drive.ends("web")) == ["run post_stop"]
    assert words(drive.done("post_stop")) == ["STOPPED", "STARTING", "run pre_start"]
    assert words(drive.done("pre_start")) == ["spawn", "RUNNING", "run post_start"]


def test_a_crash_has_its_hooks_too():
    """post_stop comes before the end is announced, and pre_start before the next start."""
    drive = hooked()
    assert words(drive.ends("web", BAD)) == ["STOPPING", "run post_stop", "end post_start"]
    assert words(drive.done("post_stop")) == ["EXITED", "STARTING", "run pre_start"]


def test_an_update_runs_them():
    """What is replaced stops and starts with its hooks: the old ones for the stop, the new one for the start."""
    drive = hooked(stop_command=(), before_kill=(), post_start=())
    new = group(startsecs=0, command="new", pre_start=(HookCommand("new"),))
    assert words(drive.says(GroupChanged(new, frozenset({"web"})))) == ["STOPPING", "run pre_stop"]
    drive.done("pre_stop")
    drive.ends("web")
    drive.done("post_stop")
    assert drive.orders[-1].command.text == "new"


def test_several_commands_run_one_after_the_other():
    """The first failure is the last command, unless it may fail."""
    commands = (HookCommand("one"), HookCommand("two", may_fail=True), HookCommand("three"), HookCommand("four"))
    drive = Hooked(group(startsecs=0, pre_start=commands, startretries=0))
    drive.done("pre_start")
    drive.done("pre_start", ok=False)
    assert [order.command.text for order in drive.orders] == ["one", "two", "three"]
    drive.done("pre_start", ok=False)
    assert drive.state == "FATAL"
    assert len(drive.orders) == 3


# ---- failures and time-outs


def test_a_failed_pre_start_is_a_failed_start():
    """With the words of the command and its last line, and post_stop before the next try."""
    drive = Hooked(group(pre_start=(HookCommand("x"),), post_stop=(HookCommand("y"),)))
    assert words(drive.done("pre_start", ok=False, said="no such table")) == ["STOPPING", "run post_stop"]
    assert words(drive.done("post_stop")) == ["BACKOFF"]
    assert drive.fleet.processes["web"].reason == "pre_start: ./pre_start exited 1: no such table"
    assert words(drive.after(1)) == ["STARTING", "run pre_start"]


def test_a_pre_start_that_takes_too_long_is_killed():
    """It has failed then; hook_timeout counts for each command anew."""
    drive = Hooked(group(pre_start=(HookCommand("x"), HookCommand("y")), hook_timeout=30), boot=False)
    drive.says(StartRequested("web"))
    drive.now += 20
    drive.done("pre_start")
    assert drive.after(29) == []
    assert words(drive.after(1)) == ["end pre_start", "BACKOFF"]
    assert drive.fleet.processes["web"].reason == "pre_start command 2 timed out after 30 s"


def test_a_pre_start_that_has_ended_while_procman_slept_has_not_failed():
    """Its end is reaped in a moment; if it still runs then, it is killed."""
    drive = Hooked(group(pre_start=(HookCommand("x"), HookCommand("y")), hook_timeout=30), boot=False)
    drive.says(StartRequested("web"))
    assert drive.after(90) == []
    assert words(drive.done("pre_start")) == ["run pre_start"]
    assert drive.after(90) == []
    assert words(drive.after(1)) == ["end pre_start", "BACKOFF"]


def test_what_may_fail_may_take_too_long():
    """The row goes on after it."""
    drive = Hooked(group(pre_start=(HookCommand("x", may_fail=True), HookCommand("y"))), boot=False)
    drive.says(StartRequested("web"))
    assert words(drive.after(30)) == ["end pre_start", "run pre_start"]


@pytest.mark.parametrize("how", ["fails", "hangs"])
@pytest.mark.parametrize("hook", ["pre_stop", "stop_command", "before_kill", "post_stop"])
def test_a_stop_goes_on_whatever_becomes_of_its_hooks(hook, how):
    """Each failure and each time-out leads to the next step."""
    follows = {
        "pre_stop": ["SIGTERM"],
        "stop_command": ["SIGTERM"] if how == "fails" else ["SIGKILL"],
        "before_kill": ["SIGKILL"],
        "post_stop": ["STOPPED"],
    }
    drive = hooked(**{**dict.fromkeys(ALL, ()), hook: ALL[hook], "stopwaitsecs": 10})
    drive.says(StopRequested("web"))
    if hook == "before_kill":
        drive.after(10)
    if hook == "post_stop":
        drive.ends("web")
    assert drive.phase == hook
    limits = {"stop_command": 10, "before_kill": 5}
    actions = drive.done(hook, ok=False) if how == "fails" else drive.after(limits.get(hook, 30))
    assert words(actions) == [*([f"end {hook}"] if how == "hangs" else []), *follows[hook]]


def test_a_stop_command_that_succeeds_is_waited_for():
    """No signal is sent; SIGKILL comes when stopwaitsecs are over since its beginning."""
    drive = hooked(stop_command=(HookCommand("quit"),), pre_stop=(), before_kill=(), stopwaitsecs=10)
    drive.says(StopRequested("web"))
    drive.now += 4
    assert words(drive.done("stop_command")) == []
    assert words(drive.after(5)) == []
    assert words(drive.after(1)) == ["SIGKILL"]


def test_before_kill_runs_once():
    """SIGKILL is repeated, and the dump is not."""
    drive = hooked(pre_stop=(), stop_command=(), stopwaitsecs=2)
    drive.says(StopRequested("web"))
    assert words(drive.after(2)) == ["run before_kill"]
    assert words(drive.done("before_kill")) == ["SIGKILL"]
    assert words(drive.after(2)) == ["SIGKILL"]


def test_an_unready_process_has_the_hooks_of_a_stop():
    """It is stopped by policy, which the commands are told."""
    ready = {"ready": (Condition(ReadyKind.LISTEN),), "start_timeout": 5}
    drive = hooked(**ready, pre_start=(), stop_command=(), startsecs=0)
    actions = drive.after(5)
    assert words(actions)[:2] == ["STOPPING", "run pre_stop"]
    assert drive.orders[-1].why == "unready"


def test_an_unhealthy_process_is_dumped_before_it_is_stopped():
    """before_kill comes first then, and not a second time before SIGKILL."""
    drive = hooked(post_start=(), stop_command=(), stopwaitsecs=2)
    process = drive.fleet.processes["web"]
    process.reason = "unhealthy: http 503"
    assert words(take_down(process, drive.now, process.reason)) == ["STOPPING", "run before_kill"]
    drive.orders.append(RunHook("web", 1, Hook.BEFORE_KILL, 0, HookCommand(), process.hooks.waited, 0))
    assert words(drive.done("before_kill")) == ["run pre_stop"]
    assert drive.orders[-1].why == "unhealthy"
    assert words(drive.done("pre_stop")) == ["SIGTERM"]
    assert words(drive.after(2)) == ["SIGKILL"]


def test_a_run_that_takes_too_long_tells_its_hooks():
    """The word is timeout."""
    drive = hooked(type=ProcessType.ONESHOT, run_timeout=5, startretries=0, post_start=(), stop_command=())
    drive.after(5)
    assert (drive.orders[-1].hook, drive.orders[-1].why) == (Hook.PRE_STOP, "timeout")


# ---- the edge cases of the specification, by their numbers


def test_1_a_stop_during_pre_start_kills_it_and_cleans_up():
    """STOPPED follows after post_stop, as a command of the row was begun."""
    drive = Hooked(group(**ALL), boot=False)
    drive.says(StartRequested("web"))
    assert words(drive.says(StopRequested("web"))) == ["end pre_start", "STOPPING", "run post_stop"]
    assert words(drive.done("post_stop")) == ["STOPPED"]


def test_1_without_a_pre_start_there_is_nothing_to_clean_up():
    """A stop while it waits for the next try runs no post_stop a second time."""
    drive = hooked(pre_start=(), startsecs=5)
    drive.ends("web", BAD)
    drive.done("post_stop")
    assert drive.state == "BACKOFF"
    assert words(drive.says(StopRequested("web"))) == ["STOPPED"]


def test_2_an_end_during_pre_stop_is_what_was_wanted():
    """The hook is killed, and the process is STOPPED, not EXITED."""
    drive = hooked(post_start=())
    drive.says(StopRequested("web"))
    assert words(drive.ends("web", BAD)) == ["end pre_stop", "run post_stop"]
    assert words(drive.done("post_stop")) == ["STOPPED"]


def test_3_a_second_stop_skips_what_runs_and_what_comes():
    """What is left out is said."""
    drive = hooked(post_start=())
    drive.says(StopRequested("web"))
    assert words(drive.says(StopRequested("web"))) == ["end pre_stop", "skip stop_command", "SIGTERM"]
    assert words(drive.ends("web")) == ["skip post_stop", "STOPPED"]


def test_3_a_stop_of_what_restarts_is_the_first_one():
    """Only who has asked for a stop before is in a hurry."""
    drive = hooked(post_start=())
    drive.says(RestartRequested("web"))
    assert words(drive.says(StopRequested("web"))) == []
    assert drive.phase == "pre_stop"


def test_3_a_second_sigterm_kills_everything_now():
    """Hooks included, and those that would have come."""
    drive = hooked(post_start=())
    drive.says(ShutdownRequested())
    assert words(drive.says(ShutdownRequested())) == ["end pre_stop", "SIGKILL"]
    assert words(drive.ends("web")) == ["skip post_stop", "STOPPED", "quit"]


def test_4_the_delay_begins_after_post_stop():
    """BACKOFF is announced then, and its second counts from there."""
    drive = hooked(pre_start=(), startsecs=5)
    drive.ends("web", BAD)
    drive.now += 7
    assert words(drive.done("post_stop")) == ["BACKOFF"]
    assert drive.fleet.next_deadline() == drive.now + 1


def test_5_a_shutdown_cuts_the_time_of_hooks_as_it_cuts_waits():
    """Each has its share of shutdown_timeout, and what is cut is killed, and said."""
    options = {**dict.fromkeys(ALL, ()), "pre_stop": ALL["pre_stop"], "stopwaitsecs": 10, "startsecs": 0}
    drive = Hooked(group(**options), master=Master(shutdown_timeout=8))
    began = drive.now
    drive.says(ShutdownRequested())
    seen = []
    while "quit" not in seen:
        due = drive.fleet.next_deadline()
        assert due is not None
        drive.now = due
        seen += words(drive.says(DeadlineReached()))
    assert seen[:3] == ["end pre_stop", "SIGTERM", "SIGKILL"]
    assert drive.now - began <= 8


def test_5_three_programs_with_a_pre_stop_of_4_s_end_within_a_timeout_of_9_s():
    """Each in a wave of its own: nine seconds are the limit for all of it, and they are used."""
    options = {**dict.fromkeys(ALL, ()), "pre_stop": ALL["pre_stop"], "startsecs": 0, "stopwaitsecs": 10}
    groups = [group(name, priority=priority, **options) for priority, name in enumerate("abc")]
    drive = Hooked(*groups, master=Master(shutdown_timeout=9))
    began = drive.now
    actions = drive.says(ShutdownRequested())
    ends: list[tuple[float, str, str]] = [(drive.now + 4, "hook", "c")]
    while "quit" not in words(actions):
        # A pre_stop takes 4 s unless it is killed, and a program ends with its first signal.
        due = drive.fleet.next_deadline() or began + 60
        when, what, name = min([*ends, (due, "deadline", "")])
        drive.now = max(drive.now, when)
        ends = [end for end in ends if end[1:] != (what, name)]
        actions = drive.done("pre_stop", name=name) if what == "hook" else drive.says(DeadlineReached())
        for action in actions:
            if isinstance(action, EndHook):
                ends = [end for end in ends if end[2] != action.name]
        for action in list(actions):
            if isinstance(action, Kill):
                actions += drive.ends(action.name)
        for action in actions:
            if isinstance(action, RunHook):
                ends.append((drive.now + 4, "hook", action.name))
    assert drive.now - began <= 9


def test_8_what_has_ended_unseen_is_cleaned_up_before_it_starts():
    """A master that was killed has left a post_stop undone."""
    drive = Hooked(group(startsecs=0, post_stop=ALL["post_stop"]), boot=False)
    assert words(drive.says(EndedUnseen("web"))) == ["STOPPING", "run post_stop"]
    assert words(drive.says(StartRequested("web"))) == []
    assert words(drive.done("post_stop")) == ["STOPPED", "STARTING", "spawn", "RUNNING"]


def test_8_an_adopted_process_has_no_second_post_start():
    """Unless the first one had not ended."""
    for begun in (False, True):
        drive = Hooked(group(startsecs=0, post_start=ALL["post_start"]), boot=False)
        actions = drive.says(Adopted("web", 7, 60.0, post_start=begun))
        assert ("run post_start" in words(actions)) is begun


def test_9_a_command_that_cannot_be_started_has_failed():
    """A spawn that fails after its pre_start is followed by post_stop, too."""
    drive = Hooked(group(pre_start=ALL["pre_start"], post_stop=ALL["post_stop"]), boot=False)
    drive.spawns = lambda order: drive.says(SpawnFailed(order.name, "no such file", 127))
    drive.says(StartRequested("web"))
    assert words(drive.done("pre_start")) == ["spawn", "STOPPING", "run post_stop"]
    assert words(drive.done("post_stop")) == ["BACKOFF"]
    assert drive.fleet.processes["web"].exit_code == 127


def test_12_critical_is_decided_after_post_stop():
    """The master goes down when the end is announced, and waits for on_failure."""
    drive = hooked(critical=True, autorestart=Autorestart.NEVER, post_start=())
    assert words(drive.ends("web", BAD)) == ["STOPPING", "run post_stop"]
    assert words(drive.done("post_stop")) == ["EXITED", "run on_failure"]
    assert drive.fleet.state.name == "SHUTDOWN"
    assert words(drive.done("on_failure")) == ["quit"]


def test_a_shutdown_ends_though_what_has_failed_is_taken_out_of_the_file():
    """Its on_failure goes with it, and nothing else is waited for."""
    drive = hooked(critical=True, autorestart=Autorestart.NEVER, post_start=(), post_stop=())
    assert words(drive.ends("web", BAD)) == ["EXITED", "run on_failure"]
    assert words(drive.says(GroupRemoved("web"))) == ["end on_failure", "quit"]


def test_13_the_brake_counts_spawns():
    """A pre_start that fails is no start of a program that ends at once."""
    drive = Hooked(group(pre_start=ALL["pre_start"], startretries=3), boot=False)
    drive.says(StartRequested("web"))
    for wait in (1, 2, 3):
        drive.done("pre_start", ok=False)
        drive.after(wait)
    drive.done("pre_start", ok=False)
    assert drive.state == "FATAL"
    assert len(drive.orders) == 4


# ---- beside the process


def test_post_start_runs_beside_it_and_ends_with_it():
    """Nobody waits for it, and its failure changes nothing."""
    options = {"post_stop": (), "pre_start": (), "on_failure": ()}
    drive = hooked(**options)
    assert words(drive.done("post_start", ok=False)) == []
    assert drive.state == "RUNNING"
    assert words(drive.ends("web")) == ["EXITED"]
    assert words(hooked(**options).ends("web")) == ["EXITED", "end post_start"]


def test_on_failure_tells_of_what_is_down_for_good():
    """Not of a try that is followed by another one."""
    drive = Hooked(group(on_failure=ALL["on_failure"], pre_start=ALL["pre_start"], startretries=1))
    assert words(drive.done("pre_start", ok=False)) == ["BACKOFF"]
    drive.after(1)
    assert words(drive.done("pre_start", ok=False)) == ["BACKOFF", "FATAL", "run on_failure"]


def test_what_is_blocked_has_not_failed():
    """The failure of a dependency is told once, by the dependency."""
    db = group("db", startretries=0, on_failure=ALL["on_failure"], pre_start=ALL["pre_start"])
    web = group("web", depends_on=(Edge("db", "ready", False, ("db",)),), on_failure=ALL["on_failure"])
    drive = Hooked(db, web)
    drive.done("pre_start", ok=False, name="db")
    assert [order.name for order in drive.orders if order.hook is Hook.ON_FAILURE] == ["db"]


def test_a_dependency_that_goes_during_pre_start_is_waited_for_again():
    """The command is not killed for that; before the spawn, all has to be there again, and pre_start runs anew."""
    web = group("web", depends_on=(Edge("db", "ready", False, ("db",)),), pre_start=ALL["pre_start"])
    drive = Hooked(group("db", startsecs=0), web)
    assert words(drive.says(StopRequested("db"))) == ["STOPPING", "SIGTERM"]
    assert drive.fleet.processes["web"].phase is Phase.PRE_START
    drive.says(StartRequested("db"))
    assert "spawn" not in words(drive.done("pre_start"))[1:]
    assert drive.fleet.processes["web"].phase is Phase.WAITING
    assert words(drive.ends("db"))[-1] == "run pre_start"


def test_descendants_come_before_post_stop():
    """With leftovers=stop it is cleaned up when nothing of it runs any more."""
    drive = hooked(leftovers=Leftovers.STOP, stop_scope=Scope.PROCESS, post_start=())
    assert words(drive.ends("web", BAD, (9,)))[:1] == ["STOPPING"]
    assert drive.phase == "leftovers"
    assert words(drive.says(DescendantsGone("web"))) == ["run post_stop"]


# ---- a reload


def test_a_signal_has_worked_if_the_process_still_lives_a_second_later():
    """That is all that is known of most programs."""
    drive = hooked(reload=Reload(1), post_start=())
    assert words(drive.says(RefreshRequested("web"))) == ["signal 1"]
    assert words(drive.after(0.9)) == []
    assert words(drive.after(0.1)) == ["refreshed"]


@pytest.mark.parametrize("post_stop", [(), ALL["post_stop"]])
def test_why_a_post_start_is_ended_is_said(post_stop):
    """Also where the end is followed by a post_stop, it is an end and no stop."""
    for asked, why in ((False, "it has ended"), (True, "it is being stopped")):
        drive = hooked(post_stop=post_stop)
        actions = drive.says(StopRequested("web")) if asked else drive.ends("web")
        assert [one.reason for one in actions if isinstance(one, EndHook)] == [why]


def test_a_process_that_ends_of_it_was_not_refreshed():
    """The end is what it is by itself; nothing else is stopped."""
    drive = hooked(reload=Reload(1), post_start=(), post_stop=())
    drive.says(RefreshRequested("web"))
    assert "not refreshed" in words(drive.ends("web", BAD))


def test_a_program_that_notifies_is_done_when_it_says_so():
    """READY=1 counts after RELOADING=1 only, as in systemd's notify-reload."""
    drive = hooked(reload=Reload(1), post_start=(), ready=(Condition(ReadyKind.NOTIFY),), start_timeout=None)
    run = drive.fleet.processes["web"].attempt
    drive.says(Notified("web", run, (("READY", "1"),)))
    assert drive.state == "RUNNING"
    drive.says(RefreshRequested("web"))
    assert words(drive.says(Notified("web", run, (("READY", "1"),)))) == []
    assert words(drive.says(Notified("web", run, (("RELOADING", "1"),)))) == []
    assert words(drive.says(Notified("web", run, (("READY", "1"),)))) == ["refreshed"]


def test_a_program_that_does_not_say_so_in_time_was_not_refreshed():
    """reload_timeout is the limit."""
    drive = hooked(reload=Reload(1), post_start=(), ready=(Condition(ReadyKind.NOTIFY),), reload_timeout=3)
    run = drive.fleet.processes["web"].attempt
    drive.says(Notified("web", run, (("READY", "1"),)))
    drive.says(RefreshRequested("web"))
    assert words(drive.after(3)) == ["not refreshed"]


def test_a_command_reloads():
    """It has failed if the command has, with its words."""
    drive = hooked(reload=Reload(0, (HookCommand("r"),)), post_start=())
    assert words(drive.says(RefreshRequested("web"))) == ["run reload"]
    drive.done("reload")
    assert words(drive.after(1)) == ["refreshed"]
    drive.says(RefreshRequested("web"))
    failed = drive.done("reload", ok=False, said="syntax error")
    assert failed[0].words == "./reload exited 1: syntax error"


@pytest.mark.parametrize("why", ["down", "no option", "twice", "refused"])
def test_what_cannot_be_refreshed_says_why(why):
    """Nothing is done then."""
    drive = hooked(reload=None if why == "no option" else Reload(1), post_start=())
    if why == "down":
        drive.says(StopRequested("web"))
    if why in ("twice", "refused"):
        drive.says(RefreshRequested("web"))
    actions = drive.says(KillFailed("web", "no permission") if why == "refused" else RefreshRequested("web"))
    assert words(actions) == ["not refreshed"]


def test_a_dependency_that_is_there_again_refreshes():
    """on_dependency_restart=reload does what the option reload says."""
    web = group(
        "web",
        depends_on=(Edge("db", "ready", False, ("db",)),),
        on_dependency_restart=("reload", 0),
        reload=Reload(1),
        startsecs=0,
    )
    drive = Hooked(group("db", startsecs=0), web)
    drive.says(RestartRequested("db"))
    assert "signal 1" in words(drive.ends("db"))


def test_an_answer_of_the_past_changes_nothing():
    """What was killed may still answer."""
    drive = Hooked(group(pre_start=ALL["pre_start"]), boot=False)
    drive.says(StartRequested("web"))
    drive.says(StopRequested("web"))
    assert words(drive.done("pre_start")) == []
    assert drive.state == "STOPPED"
    assert drive.says(ProbeResult("web", 1, 0, ok=True)) == []


@pytest.mark.parametrize("ends", [False, True], ids=["removed", "removed and shut down"])
def test_what_leaves_during_its_post_stop_is_forgotten_when_its_tree_has_ended(ends):
    """It had ended by itself, and what it has left behind would go on for ever."""
    drive = hooked(stop_scope=Scope.TREE)
    assert words(drive.ends("web", descendants=(77,)))[:2] == ["STOPPING", "run post_stop"]
    drive.says(GroupRemoved("web"))
    if ends:
        drive.says(ShutdownRequested())
    assert words(drive.done("post_stop")) == ["STOPPED", "STOPPING", "SIGTERM"]
    assert words(drive.says(DescendantsGone("web"))) == ["STOPPED", *(["quit"] if ends else [])]
    assert drive.states() == {}
