"""`why` as a pure function: each state has its words, wanted or not; what else is known makes them say more."""

from itertools import product
from signal import SIGKILL

import pytest

from procman.config.schema.sockets import Socket
from procman.core.deadlines import Deadlines
from procman.core.events import ExitStatus
from procman.core.fleet import Fleet
from procman.core.health import Health
from procman.core.hook_state import Hooks
from procman.core.process import PendingEnd, Process
from procman.core.readiness import Readiness
from procman.core.restarts import BRAKED, Restarts
from procman.core.spec import (
    FOREVER,
    Autorestart,
    Condition,
    Hook,
    HookCommand,
    Leftovers,
    ProcessType,
    ReadyKind,
    Scope,
)
from procman.core.states import MasterState, Phase, State
from procman.core.ties import Ties
from procman.services.explain import around_of, explain, roots_first
from procman.services.explain_facts import Around, Known, Turn, Wish
from procman.services.explain_texts import duration, names, quoted_name
from procman.services.explain_words import TABLE
from tests.support.programs import group, program

AT = Around(now=100.0)
BOOT = Known(wish=Wish("boot"))
# A phase and the states that have it.
PHASES = {
    Phase.NONE: tuple(state for state in State if state is not State.BACKOFF),
    Phase.RETRY: (State.BACKOFF,),
    Phase.UNREADY: (State.STARTING,),
    Phase.UNHEALTHY: (State.RUNNING,),
    Phase.DONE: (State.EXITED,),
    Phase.LEFTOVERS: (State.STOPPING,),
    Phase.WAITING: (State.STARTING,),
    Phase.BLOCKED: (State.FATAL,),
    Phase.BOUND: (State.STOPPED,),
    Phase.LISTENING: (State.STOPPED, State.EXITED),
    Phase.PRE_START: (State.STARTING,),
    Phase.PRE_STOP: (State.STOPPING,),
    Phase.STOP_COMMAND: (State.STOPPING,),
    Phase.BEFORE_KILL: (State.STOPPING,),
    Phase.POST_STOP: (State.STOPPING,),
    Phase.SCHEDULED: (State.STOPPED, State.EXITED, State.FATAL),
}
ROWS = [
    (state, phase, wanted)
    for phase in Phase
    # Only what is wanted waits for a connection.
    for state, wanted in product(PHASES[phase], (True, False) if phase is not Phase.LISTENING else (True,))
]


def process(state: State, *, wanted: bool = True, **fields) -> Process:
    """One in that state, of a program with these options."""
    own = {name: fields.pop(name) for name in list(fields) if name in Process.__dataclass_fields__}
    pid = 12 if state in (State.STARTING, State.RUNNING, State.STOPPING) else None
    return Process(program(**fields), **{"state": state, "wanted": wanted, "pid": pid, "attempt": 1} | own)


def because(explanation) -> list[str]:
    return [link.text for link in explanation.because]


def test_each_state_and_phase_has_words_whether_wanted_or_not():
    """A new state or phase fails here until it has a row for each."""
    assert set(TABLE) == set(ROWS)


@pytest.mark.parametrize(("state", "phase", "wanted"), ROWS)
@pytest.mark.parametrize("master", MasterState)
@pytest.mark.parametrize("known", [Known(), BOOT], ids=["nothing-known", "boot"])
def test_every_row_says_why_and_what_comes_next(state, phase, wanted, master, known):
    """No text is empty, and none has a hole in it, for all that may be missing of what the edges know."""
    one = process(state, wanted=wanted)
    if phase is Phase.LEFTOVERS:
        one.pending_end = PendingEnd(12, ExitStatus(0), State.STOPPING)
    if phase is Phase.UNREADY:
        one.readiness = Readiness((Condition(ReadyKind.TCP),), 60.0, words={0: "tcp:5432 refused"})
    if phase.value in {hook.value for hook in Hook}:
        one.hooks = Hooks(running=Hook(phase.value), commands=(HookCommand("./x --password y"),))
    if phase is Phase.UNHEALTHY:
        one.health = Health(healthy=False, failures=3, words="tcp:5432 refused")
    if phase is Phase.DONE:
        one.program = program(type=ProcessType.ONESHOT)
    if phase is Phase.SCHEDULED:
        one.timing.on = True
    if phase is Phase.LISTENING:
        one.program = program(sockets=(Socket(name="http", listen=("tcp://*:80",)),), lazy=True)
        one.use.listening = True
    one.ties = Ties(waiting=phase is Phase.WAITING, blocked=phase is Phase.BLOCKED, bound=phase is Phase.BOUND)
    said = explain(one, Around(now=1.0, master=master), known)
    texts = [said.sentence, said.short, said.next, *because(said), *said.commands]
    assert all(texts)
    assert said.because
    assert "None" not in " ".join(texts)
    assert said.sentence.startswith(f"web is {state.name}")
    assert f" ({phase.value})" in said.sentence or phase in (Phase.NONE, Phase.RETRY)
    assert said.phase == phase.value


@pytest.mark.parametrize(
    ("state", "wanted", "fine"),
    [
        (State.RUNNING, True, True),
        (State.STOPPED, False, True),
        (State.EXITED, False, True),
        (State.FATAL, False, True),
        (State.RUNNING, False, False),
        (State.STARTING, True, False),
        (State.BACKOFF, True, False),
        (State.STOPPING, False, False),
        (State.STOPPING, True, False),
        (State.FATAL, True, False),
        (State.UNKNOWN, False, False),
    ],
)
def test_what_is_as_it_should_be(state, wanted, fine):
    """Up where that is wanted, and down where it is not; on the way there it is not yet."""
    assert explain(process(state, wanted=wanted), AT).as_wanted is fine


def test_a_process_that_was_given_up():
    """The sentence says for how long and who wants it up; the first reason how often it failed, how, and last words."""
    known = Known(
        wish=Wish("uid 0 (root, procmanctl start web, pid 812)", "14:02:11"),
        age=240.0,
        entered_at="14:02:20",
        end="exit status 1",
        last_words="data directory has wrong ownership",
        last_words_on="stderr",
        tries=4,
        tries_took=9.2,
    )
    said = explain(process(State.FATAL, last_end=ExitStatus(1)), AT, known)
    assert said.sentence == (
        "web has been FATAL for 4 m, and should be up "
        "(wanted by uid 0 (root, procmanctl start web, pid 812) at 14:02:11)"
    )
    assert because(said) == ["4 failed starts in 9 s; exit status 1, last words: data directory has wrong ownership"]
    assert said.short == f"FATAL: {because(said)[0]}"
    assert said.next == "nothing by itself"
    assert said.commands == ("procmanctl tail web stderr", "procmanctl start web")
    assert [setting.option for setting in said.options] == ["startretries", "startsecs"]


@pytest.mark.parametrize("state", [State.FATAL, State.BACKOFF])
def test_a_start_that_was_not_ready_names_the_options_of_readiness(state):
    """The option startsecs had no part in it."""
    condition = Condition(ReadyKind.TCP, "tcp:80")
    one = process(
        state, readiness=Readiness((condition,)), reason="Not ready after 60 s (tcp:80 refused; 9 looks)", failures=1
    )
    assert [setting.option for setting in explain(one, AT).options] == ["startretries", "ready", "start_timeout"]


def test_a_process_that_could_not_be_started():
    """Supervisor's reason comes first, and then what was found to be behind it; there is no log to look at."""
    one = process(State.FATAL, reason="can't find command '/opt/app'", startretries=0)
    said = explain(one, AT, Known(trouble=("/opt/app does not exist: check the path in command=",)))
    assert because(said) == [
        "1 failed start; can't find command '/opt/app'",
        "/opt/app does not exist: check the path in command=",
    ]
    assert said.commands == ("procmanctl config web", "procmanctl start web")


def test_a_run_that_ends_with_success_too_soon():
    """An exit status of 0 alone does not say why it has failed."""
    one = process(State.BACKOFF, failures=1, last_end=ExitStatus(0), deadlines=Deadlines(retry=101.0))
    assert because(explain(one, AT)) == [
        "1 failed start; exit status 0, sooner than startsecs (1 s)",
        "if it has done all that it is to do, it needs type = oneshot",
    ]
    assert "type" in [setting.option for setting in explain(one, AT).options]


def test_what_has_daemonized_is_not_taken_for_a_oneshot():
    """Where something else is known to be the matter, that is the advice."""
    one = process(State.FATAL, failures=4, last_end=ExitStatus(0))
    said = explain(one, AT, Known(trouble=("it has daemonized",)))
    assert because(said) == ["4 failed starts; exit status 0, sooner than startsecs (1 s)", "it has daemonized"]


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        (1, "try 2 of 4 in 7 s, at 14:02:18; if all of them fail, it is FATAL"),
        (3, "try 4 of 4 in 7 s, at 14:02:18; the last one: then it is FATAL"),
    ],
)
def test_backing_off_has_a_time(failures, words):
    """The number of the next try, when it comes, and what follows."""
    one = process(State.BACKOFF, failures=failures, last_end=ExitStatus(1), deadlines=Deadlines(retry=107.0))
    said = explain(one, Around(now=100.0, clock=lambda seconds: {7.0: "14:02:18"}[seconds]))
    assert said.next == words
    assert said.next_in == 7.0


def test_a_try_that_is_never_the_last():
    """With startretries = forever."""
    one = process(
        State.BACKOFF, failures=7, startretries=FOREVER, last_end=ExitStatus(1), deadlines=Deadlines(retry=107.0)
    )
    assert explain(one, AT).next == "try 8 in 7 s; it is never given up"


@pytest.mark.parametrize(
    ("fields", "options", "reason"),
    [
        (
            {"backoff": (1.0, 60.0)},
            ["autorestart", "backoff"],
            ["its last run was a short one: the delay grows until one lasts for 60 s"],
        ),
        (
            {"backoff": (2.0, 2.0), "backoff_reset": 90.0},
            ["autorestart", "backoff", "backoff_reset"],
            ["its last run was a short one: each start waits until one lasts for 90 s"],
        ),
        ({"again": Restarts(braking=True)}, ["autorestart"], [f"the brake is on: {BRAKED}"]),
        (
            {"restart_limit": (5, 600.0), "on_restart_limit": ("wait", 300.0)},
            ["autorestart", "restart_limit", "on_restart_limit"],
            ["it had 5 restarts in 10 m, which is its limit: that is waited out"],
        ),
    ],
    ids=["backoff", "constant", "brake", "limit"],
)
def test_a_run_that_is_followed_by_a_delay(fields, options, reason):
    """How it ended, why it is not started at once, and how to have it started now."""
    one = process(State.BACKOFF, last_end=ExitStatus(3), deadlines=Deadlines(retry=107.0), **fields)
    said = explain(one, AT)
    assert because(said) == ["exit status 3", *reason]
    assert said.next == "it is started again in 7 s"
    assert [setting.option for setting in said.options] == options
    assert "procmanctl retry web" in said.commands


def test_a_process_that_was_restarted_too_often():
    """The limit with the reasons that have led there, and how it ended last."""
    reason = "5 restarts in 600 s (5 x exit status 0)"
    said = explain(process(State.FATAL, limited=True, reason=reason, last_end=ExitStatus(0)), AT)
    assert because(said) == [f"{reason}; exit status 0"]
    assert [setting.option for setting in said.options] == ["restart_limit", "on_restart_limit"]


def test_an_exit_code_that_is_never_followed_by_a_start():
    """It is not autorestart that decides then."""
    one = process(
        State.EXITED,
        wanted=False,
        reason="Bad exit code 78",
        last_end=ExitStatus(78),
        autorestart=Autorestart.ALWAYS,
        norestart_exitcodes=(78,),
    )
    said = explain(one, AT)
    assert because(said) == ["exit status 78", "norestart_exitcodes has it: it is not started again"]
    assert [setting.option for setting in said.options] == ["norestart_exitcodes"]


@pytest.mark.parametrize(
    ("fields", "fine", "sentence", "reasons"),
    [
        (
            {"last_end": ExitStatus(0)},
            True,
            "web is EXITED, as it should be",
            ["exit status 0", "as expected; it is not started again"],
        ),
        (
            {"last_end": ExitStatus(3), "reason": "Bad exit code 3", "autorestart": Autorestart.NEVER},
            False,
            "web is EXITED, and has failed",
            ["exit status 3", "autorestart = false: it is not started again"],
        ),
    ],
)
def test_a_process_that_has_ended_by_itself(fields, fine, sentence, reasons):
    """Expected, it is as it should be; unexpected it has failed, although nobody wants it up any more."""
    said = explain(process(State.EXITED, wanted=False, **fields), AT, BOOT)
    assert (said.as_wanted, said.sentence, because(said)) == (fine, sentence, reasons)


def test_a_process_that_was_never_started():
    """The option autostart decides that, and nobody has asked for more."""
    said = explain(process(State.STOPPED, wanted=False, attempt=0, autostart=False), AT, BOOT)
    assert said.sentence == "web is STOPPED, as it should be"
    assert because(said) == ["it does not start with procman (autostart = false), and nobody has started it"]
    assert [setting.option for setting in said.options] == ["autostart"]


def test_a_process_that_was_stopped_names_the_one_that_did():
    """The sentence has the request; the reason how the run has ended."""
    known = Known(wish=Wish("uid 7 (ann, procmanctl stop web, pid 8)", "14:02:11"), end="terminated by SIGTERM")
    said = explain(process(State.STOPPED, wanted=False, last_end=ExitStatus(-1, 15)), AT, known)
    assert said.sentence == (
        "web is STOPPED, as it should be (stopped by uid 7 (ann, procmanctl stop web, pid 8) at 14:02:11)"
    )
    assert because(said) == ["terminated by SIGTERM", "it was asked to stop"]


def test_that_it_was_asked_to_stop_is_said_once():
    """The end says whose signal it was, and the request what for."""
    known = Known(end="terminated by SIGTERM; by procman: it was asked to stop")
    said = explain(process(State.STOPPED, wanted=False, last_end=ExitStatus(-1, 15)), AT, known)
    assert because(said) == ["terminated by SIGTERM; by procman", "it was asked to stop"]


def test_a_stop_that_takes_its_time():
    """The signal and since when, and when SIGKILL comes; after that, that it is stuck in the kernel."""
    one = process(State.STOPPING, wanted=False, deadlines=Deadlines(stop=104.0))
    said = explain(one, AT, Known(age=6.0))
    assert because(said) == ["its process (pid 12) got SIGTERM 6 s ago and has not ended", "it was asked to stop"]
    assert said.next == "SIGKILL in 4 s; then it stays down"
    said = explain(one, AT, Known(killed=True))
    assert because(said)[0] == (
        "its process (pid 12) got SIGKILL and has not ended: the kernel holds it, mostly in a wait for a disk"
    )
    assert said.next.startswith("SIGKILL again in 4 s")


def test_a_stop_for_a_restart_or_another_definition():
    """What comes after the stop is said."""
    one = process(State.STOPPING, deadlines=Deadlines(stop=104.0))
    said = explain(one, AT)
    assert because(said)[1] == "it is restarted"
    assert said.next == "SIGKILL in 4 s; then it is started again"
    one.successor = program(command="/bin/other")
    said = explain(one, AT)
    assert because(said)[1] == "it is replaced"
    assert said.next.endswith("then it is started again, with its new definition")
    one.wanted, one.leaving = False, True
    assert explain(one, AT).next.endswith("then it is removed")


@pytest.mark.parametrize(
    ("options", "why"),
    [({"leftovers": Leftovers.STOP}, "leftovers = stop"), ({"stop_scope": Scope.TREE}, "stop_scope = tree")],
)
def test_what_a_run_has_left_behind_is_named(options, why):
    """With the option that has it waited for."""
    one = process(State.STOPPING, pid=None, deadlines=Deadlines(stop=104.0), **options)
    one.pending_end = PendingEnd(12, ExitStatus(0), State.STARTING)
    said = explain(one, AT, Known(descendants=("pid 13 (sleep)", "pid 14 (sh)")))
    assert said.sentence == "web is STOPPING (leftovers), and what it has left behind is being stopped"
    assert because(said) == [
        f"it has ended (exit status 0), and pid 13 (sleep) and pid 14 (sh) have not; that is waited for ({why})",
        "it has ended by itself",
    ]
    assert said.next == "SIGKILL in 4 s; then its next try comes"
    one.pending_end = PendingEnd(12, ExitStatus(0), State.RUNNING)
    assert explain(one, AT).next.endswith("then it is started again, unless its exit status is expected")


@pytest.mark.parametrize(
    ("turn", "kind", "words"),
    [
        (None, "queue", "its start was ordered, and has not been made yet"),
        (Turn(), "queue", "its start was ordered, and has not been made yet"),
        (Turn(ahead=1), "queue", "1 start before it, in the order of priority, is still to be made"),
        (Turn(ahead=7), "queue", "7 starts before it, in the order of priority, are still to be made"),
        (
            Turn(silent="the disk of /mnt does not answer"),
            "gate",
            "the disk of /mnt does not answer; a start from there would hold up everything",
        ),
    ],
)
def test_a_start_that_waits_for_its_turn(turn, kind, words):
    """Other starts, or a disk that does not answer."""
    said = explain(process(State.STARTING, pid=None), AT, Known(turn=turn))
    assert (said.because[0].kind, because(said)) == (kind, [words])


def test_a_process_that_starts():
    """It is up after startsecs; failed tries before are said first."""
    one = process(State.STARTING, deadlines=Deadlines(start=100.4))
    assert because(explain(one, AT)) == ["its process (pid 12) counts as up after 1 s"]
    assert explain(one, AT).next == "RUNNING in 0.4 s; if it ends before that, the start has failed"
    one.failures, one.last_end = 2, ExitStatus(1)
    assert because(explain(one, AT))[0] == "2 failed starts; exit status 1"


def test_a_process_that_keeps_restarting_is_not_as_it_should_be():
    """Although it is RUNNING at the moment."""
    said = explain(process(State.RUNNING, restarts=17, last_end=ExitStatus(3)), AT, Known(flaps=True))
    assert not said.as_wanted
    assert said.sentence == "web is RUNNING, and should stay up"
    assert because(said) == [
        "it does not stay up: autorestart has brought it back again and again, 17 restarts so far",
        "exit status 3",
    ]


def test_a_signal_that_the_kernel_refused():
    """It may still run, and only the administrator can help."""
    said = explain(process(State.UNKNOWN, wanted=False, pid=12, reason="cannot signal pid 12: not permitted"), AT)
    assert because(said)[0] == "cannot signal pid 12: not permitted"
    assert said.next == "it becomes STOPPED when pid 12 has ended; end it as root, or as its own user"
    assert said.commands == ("ps -o pid,user,stat,args -p 12",)


def test_a_shutdown_has_the_wave_before_as_a_link():
    """What is to stop later waits for those before, which are named; they come first in the list."""
    fleet = Fleet((group("db", priority=1), group("web", priority=2)))
    fleet.state = MasterState.SHUTDOWN
    fleet.processes["db"].state, fleet.processes["db"].pid = State.RUNNING, 5
    fleet.processes["web"].state, fleet.processes["web"].pid = State.STOPPING, 6
    around = around_of(fleet, 100.0)
    said = [explain(one, around, Known(wish=Wish("SIGTERM", "14:02:11"))) for one in fleet.processes.values()]
    assert said[0].because[0].name == "web"
    assert because(said[0]) == ["web (priority 2) must end before its own wave", "procman is shutting down"]
    assert said[0].sentence == "db is RUNNING, and should be down (stopped by SIGTERM at 14:02:11)"
    assert [one.name for one in roots_first(said)] == ["web", "db"]


def test_roots_come_first_and_a_circle_does_no_harm():
    """The order of the rest stays."""
    one = explain(process(State.RUNNING), AT)
    link = one.because[0]

    def named(name: str, waits: str):
        made = explain(process(State.RUNNING), AT)
        fields = {field: getattr(made, field) for field in made.__dataclass_fields__}
        return type(made)(**fields | {"name": name, "because": (link._replace(name=waits),)})

    chain = [named("c", "b"), named("x", ""), named("b", "a"), named("a", "")]
    assert [one.name for one in roots_first(chain)] == ["x", "a", "b", "c"]
    assert len(roots_first([named("a", "b"), named("b", "a")])) == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.04, "0 s"),
        (0.61, "0.6 s"),
        (7.4, "7 s"),
        (119, "119 s"),
        (240, "4 m"),
        (7500, "2 h 5 m"),
        (7200, "2 h"),
        (273_906, "3 d 4 h"),
    ],
)
def test_durations(seconds, text):
    """Two units at most."""
    assert duration(seconds) == text


def test_lists_and_names():
    """Few are named, and a name is a word for a shell."""
    assert names(["a"]) == "a"
    assert names(["a", "b"]) == "a and b"
    assert names(list("abcdefg")) == "a, b, c, d and 3 more"
    assert quoted_name("group:web_1") == "group:web_1"
    assert quoted_name("it's") == "'it'\"'\"'s'"


def test_sigkill_is_told_from_the_stop_signal():
    """The stop signal is the program's own."""
    one = process(State.STOPPING, wanted=False, stopsignal=SIGKILL, deadlines=Deadlines(stop=104.0))
    assert because(explain(one, AT))[0].startswith("its process (pid 12) got SIGKILL and has not ended")


def test_what_a_state_followed_from_is_left_out_only_if_the_first_line_has_it():
    """The word health is in unhealthy, and says less."""

    def since(by, caused):
        one = process(State.STOPPED, wanted=False)
        return explain(one, AT, Known(wish=Wish(by), entered_at="14:02:11", caused=caused)).since

    failed = "after its process was stopped: unhealthy: tcp:1 refused"
    assert since("health", failed) == f"14:02:11, {failed}"
    assert since("uid 0 (root)", "after uid 0 (root) had stopped it") == "14:02:11"
    assert since("SIGTERM", "after SIGTERM") == "14:02:11"


def test_one_that_was_stopped_for_its_health_was_not_asked_to_stop():
    """The reason is said once, and the options that decide are those of its health check."""
    one = process(State.BACKOFF, sick="unhealthy: tcp:1 refused", deadlines=Deadlines(retry=104.0))
    made = explain(one, AT, Known(end="terminated by SIGTERM; by procman: it was asked to stop"))
    assert because(made)[:2] == ["unhealthy: tcp:1 refused", "terminated by SIGTERM; by procman"]
    assert [setting.option for setting in made.options] == ["health", "health_retries", "on_unhealthy"]


def test_a_log_that_cannot_be_written_is_said_of_one_that_has_failed():
    """What it wrote last may be missing for that."""
    known = Known(logs=("cannot write log /x: No space left on device; the program keeps running",))
    texts = because(explain(process(State.FATAL, last_end=ExitStatus(1)), AT, known))
    assert texts[1] == "cannot write log /x: No space left on device"
