"""One process: what each event means in each state. No I/O and no clock here.

The class is better whole than within the limits: each method is an event or a step, and all of them share one state.

The rules, from which the methods below follow:

- `wanted` says whether it should be up, `state` says what it is. Nothing is started because of a state alone.
- `deadlines` are when something happens by itself. They are cleared on entering a state (`_enter`) and nowhere else.
- A spawn is an order that takes effect later. A stop that comes before it settles the process at once and voids the
  order (`awaits`), so nothing is ever spawned only to be killed.
- A process that ends, or cannot be spawned, before it has been up for startsecs backs off for as many seconds as it
  has failed in a row, and is FATAL after startretries more tries. Whether the exit code was expected does not matter
  (as in supervisor).
- With `ready`, it is RUNNING when all conditions have held once as well. If it ends before, or has not got there within
  start_timeout and was stopped for it, that is a failed start, too. `core.readiness` has the conditions.
- A process that ends after that is EXITED, and autorestart decides. `core.restarts` says whether it starts again at
  once, after a delay in BACKOFF, or not at all, as it did so too often.
- A one-shot (`core.oneshots`) that ends as expected is EXITED and done; else the try has failed, and it backs off.
- STOPPING ends with the process. Uninterruptible sleep outlives even SIGKILL, so that is sent again and again.
- Where its whole tree is meant (stop_scope=tree), or nothing may be left of it (leftovers=stop), STOPPING ends with the
  last of its descendants (`pending_end` holds how the process itself did). Only then is it started again.
- With stop_scope=tree the descendants that it leaves behind when it ends by itself, a daemon for example, go on and
  still belong to its tree (`left_behind`): a stop, a restart and the shutdown reach them, whatever its state.
- With dependencies, STARTING begins with a wait (`ties.waiting`), and the order to spawn comes when `core.dependencies`
  releases it. Its own stop waits for those that depend on it and are being stopped (`ties.deferred`).
- A second stop signal makes many programs drop what they are saving. Descendants that got the signal together with the
  process do not get it again in the same stop (`stop_reached`); they are waited for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from signal import SIGKILL

from procman.core.actions import (
    Action,
    Announce,
    AnnounceDescendants,
    AnnounceInPlace,
    KeepDescendants,
    Kill,
    Probe,
    Spawn,
)
from procman.core.backoff import jitter
from procman.core.deadlines import NO_DEADLINES, Deadlines
from procman.core.events import ExitStatus, Notified, ProbeResult
from procman.core.exit_codes import is_listed
from procman.core.oneshots import timed_out
from procman.core.readiness import LOOK_LOST, TOO_EARLY, Readiness, is_said_ready
from procman.core.restarts import Next, Restarts
from procman.core.spec import Autorestart, EarlyExit, Leftovers, ProcessSpec, Scope
from procman.core.states import SETTLED, SIGNALLABLE, TRANSITIONS, UP, Phase, State
from procman.core.ties import Ties

# Between two SIGKILLs to a process that does not go. Not 0, whatever stopwaitsecs says: the loop would spin.
KILL_AGAIN = 1.0
# Between two rounds of looks. Not 0, whatever ready_interval says: they would take the machine.
SHORTEST_PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class PendingEnd:
    """How a process ended, kept until its descendants have ended, too."""

    pid: int  # 0: it had ended before it was stopped
    status: ExitStatus | None
    before: State  # STOPPING: it was asked to stop, then or since


@dataclass(slots=True)
class Process:
    """One process slot: its program and its present condition. `now` is in seconds of a monotonic clock."""

    program: ProcessSpec
    state: State = State.STOPPED
    wanted: bool = False  # should it be up?
    pid: int | None = None
    deadlines: Deadlines = NO_DEADLINES
    failures: int = 0  # starts in a row that did not last startsecs
    attempt: int = 0  # how often it was ordered to be spawned
    restarts: int = 0  # how often autorestart brought it back
    exit_status: ExitStatus | None = None  # of the last run that reached RUNNING or was stopped
    exit_code: int | None = None  # of the last run, or try, as a shell would have it
    last_end: ExitStatus | None = None  # of the last run, or try; None if it could not be spawned
    pending_end: PendingEnd | None = None  # it has ended, and its descendants have not
    stop_reached: Scope = Scope.PROCESS  # STOPPING: which processes the stop signal was sent to
    left_behind: bool = False  # descendants of an earlier run still run, as far as is known
    readiness: Readiness = field(default_factory=Readiness)  # of the present run, or the one before
    unready: str = ""  # STOPPING: why, as it was not ready in time; when it has ended, that was a failed start
    status_text: str = ""  # what the present run has said of itself (STATUS=)
    born: float | None = None  # when the present run, or the one before, was spawned
    again: Restarts = field(default_factory=Restarts)
    limited: bool = False  # FATAL because of restart_limit
    timed_out: bool = False  # its last run has taken longer than run_timeout, and nothing was asked for since
    failed: bool = False  # the last run ended unexpectedly, or did not start; nothing was asked for since
    brake: bool = True
    seed: int = 0  # of the master, for jitter
    reason: str = ""  # why it is not in the wanted state; supervisor's spawnerr
    successor: ProcessSpec | None = None  # replaces `program` when the process has settled
    leaving: bool = False  # forgotten when it has settled
    ties: Ties = field(default_factory=Ties)
    needed_by: Mapping[str, "Process"] = field(default_factory=dict, repr=False, compare=False)  # its dependents
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.program.namespec

    @property
    def settled(self) -> bool:
        """Nothing will happen by itself any more."""
        return self.state in SETTLED

    @property
    def phase(self) -> Phase:
        """What it is doing within its state."""
        if self.done:
            return Phase.DONE
        if self.state is State.STARTING and self.pid is not None and not self.readiness.holds:
            return Phase.UNREADY
        if self.pending_end is not None:
            return Phase.LEFTOVERS
        if self.state is State.STARTING and (self.ties.waiting or self.ties.queued):
            return Phase.WAITING
        if self.state is State.FATAL and self.ties.blocked:
            return Phase.BLOCKED
        return Phase.BOUND if self.state is State.STOPPED and self.ties.bound else Phase.NONE

    @property
    def goes_down(self) -> bool:
        """It is being stopped, or is going to be."""
        return self.state is State.STOPPING or self.ties.deferred

    @property
    def done(self) -> bool:
        """A one-shot whose last run has succeeded, and that does not run now."""
        return self.state is State.EXITED and not self.failed and self.program.is_oneshot

    @property
    def next_deadline(self) -> float | None:
        """When something happens to it by itself; None: not at all."""
        return self.deadlines.earliest

    @property
    def definition(self) -> ProcessSpec:
        """What it is, or will be once it has settled."""
        return self.successor or self.program

    @property
    def minds_descendants(self) -> bool:
        """Does it matter, when it ends, whether it has left anything behind?"""
        return self.program.leftovers is Leftovers.STOP or self.program.stop_scope is Scope.TREE

    def longest_stop(self, now: float) -> float:
        """How long it may take from now until SIGKILL has to come, in seconds."""
        if self.deadlines.stop is not None:
            return max(0.0, self.deadlines.stop - now)
        return self.program.stopwaitsecs if self.pid is not None or self.left_behind else 0.0

    def awaits(self, attempt: int) -> bool:
        """Is the spawn of that number still to be carried out?"""
        is_to_be_spawned = self.state is State.STARTING and self.pid is None and not self.ties.waiting
        return is_to_be_spawned and self.attempt == attempt

    # ---- what is asked for

    def start(self, now: float, *, alone: bool = False) -> list[Action]:
        """Want it up; `alone`: whatever it depends on. A process that is being stopped starts when it has settled."""
        if not self.wanted and self.successor is None:
            self.ties.deferred = False
        self.wanted = True
        self._begin_anew()
        self.ties.alone = alone
        match self.state:
            case State.STARTING if alone and self.ties.waiting:
                return self.release(now)
            case State.STOPPED | State.EXITED | State.FATAL:
                self.failures = 0
                return self._launch(now)
            case State.UNKNOWN:
                # It may still be alive, and there must never be two.
                self.wanted = False
                return []
            case State.STOPPING:
                self._asked_meanwhile()
                return []
            case _:
                return []

    def stop(self, now: float) -> list[Action]:
        """Want it down."""
        self.wanted = self.ties.bound = self.ties.pulls = False
        return self._take_down(now)

    def restart(self, now: float) -> list[Action]:
        """Want it up, in a new run."""
        if self.state is State.UNKNOWN or (self.settled and not self.left_behind):
            return self.start(now)
        self.wanted = True
        self._begin_anew()
        return self._take_down(now)

    def retry(self, now: float) -> list[Action]:
        """Start it now, if it waits for its next try, or was given up."""
        if self.state is State.FATAL:
            return self.start(now)
        if self.state is not State.BACKOFF:
            return []
        self.wanted = True
        self.failures = 0
        self._begin_anew()
        return self._launch(now)

    def call_off(self, now: float) -> list[Action]:
        """Cancel its start; a process that runs already is left alone."""
        self.wanted = False
        self._asked_meanwhile()
        waits = self.state in (State.STARTING, State.BACKOFF) and self.pid is None
        return self._settle(now) if waits else []

    def signal(self, signum: int) -> list[Action]:
        """Send it a signal; nothing else changes."""
        if self.pid is None or self.state not in SIGNALLABLE:
            return []
        return [Kill(self.name, self.pid, signum, Scope.PROCESS)]

    def kill(self, now: float) -> list[Action]:
        """Want it down at once, with SIGKILL."""
        self.wanted = self.ties.bound = self.ties.deferred = False
        if self.state is State.STOPPING:
            return self._send_sigkill(now, hurried=True)
        if self.pid is None and self.left_behind and self.state is not State.UNKNOWN:
            return [self._stop_left(now), *self._send_sigkill(now, hurried=True)]
        if self.pid is None or self.state not in SIGNALLABLE:
            return self._take_down(now)
        self.stop_reached = self.program.stop_scope
        return [self._enter(State.STOPPING, pid=self.pid), *self._send_sigkill(now, hurried=True)]

    def shorten_stop(self, until: float) -> None:
        """Send SIGKILL no later than that."""
        if self.deadlines.stop is not None:
            self.deadlines = Deadlines(stop=min(self.deadlines.stop, until))

    def replace(self, program: ProcessSpec, now: float) -> list[Action]:
        """Change to a definition that a running process cannot take over."""
        self.successor = program
        if self.state in UP:
            return self.restart(now)
        if self.state is State.STOPPING or self.pid is not None:
            # STOPPING or UNKNOWN: `_settle` sees the successor.
            self._asked_meanwhile()
            return []
        if self.left_behind:
            self.wanted = self._comes_back_replaced(program)
            return self._take_down(now)
        return self._succeed(now)

    def change_in_place(self, program: ProcessSpec, now: float) -> list[Action]:
        """Take over options that a running process does not notice."""
        if self.successor is not None:
            self.successor = program
            return []
        before, self.program = self.program, program
        actions: list[Action] = [AnnounceInPlace(self.name, before, program)]
        if self.state is State.RUNNING:
            self._limit_run()
        if self.deadlines.retry is not None and program.backoff not in (None, before.backoff):
            longest = program.backoff[1] * (1 + program.backoff_jitter) if program.backoff else 0.0
            self.deadlines = Deadlines(retry=min(self.deadlines.retry, now + longest))
        if self.state is State.STARTING and self.pid is None and not self.ties.waiting:
            # The pending order has the old options in it.
            self.attempt += 1
            return [*actions, Spawn(self.name, program, self.attempt)]
        if not before.autostart and program.autostart and self.attempt == 0:
            return [*actions, *self.start(now)]
        return actions

    # ---- what its dependencies make of it

    def release(self, now: float) -> list[Action]:
        """All that it waits for is as it has to be."""
        self.ties.waiting = self.ties.pulls = False
        self.deadlines = NO_DEADLINES
        return [self._order(now)]

    def hold(self, now: float) -> None:
        """Wait (again): something that it depends on is gone before it was spawned."""
        self.ties.waiting = True
        timeout = self.program.depends_timeout
        self.deadlines = NO_DEADLINES if timeout is None else Deadlines(wait=now + timeout)

    def block(self, reason: str, *, timed_out: bool = False) -> list[Action]:
        """What it waits for cannot come any more by itself."""
        self.failures = 0
        self.reason = reason
        fatal = self._enter(State.FATAL, reason=reason)
        self.ties.blocked, self.ties.timed_out = True, timed_out
        return [fatal]

    def come_back(self, now: float) -> list[Action]:
        """It was blocked by something, or taken down with it, and that is coming up again."""
        self.failures = 0
        return self._launch(now)

    def bind(self, now: float) -> list[Action]:
        """Take it down with something that it depends on; it stays wanted, and comes back with that."""
        self.ties.bound = True
        return self._take_down(now)

    def renew(self, now: float, reason: str) -> list[Action]:
        """Restart it by policy, since something that it depends on has another run."""
        self.ties.renewing = reason
        return self._take_down(now)

    def go_down(self, now: float) -> list[Action]:
        """Those have stopped that it has waited for in order to stop."""
        self.ties.deferred = False
        return self._take_down(now)

    # ---- what has happened

    def spawned(self, pid: int, now: float) -> list[Action]:
        """The ordered spawn succeeded."""
        self.pid = pid
        self.born = now
        if self.program.ready:
            return self._wait_until_ready(Readiness(self.program.ready, self.program.start_timeout), now, now)
        if self.program.startsecs <= 0:
            return [self._run()]
        self.deadlines = Deadlines(start=now + self.program.startsecs)
        return []

    def spawn_failed(self, reason: str, code: int, now: float) -> list[Action]:
        """The ordered spawn did not succeed; `code` is what a shell would exit with."""
        self.exit_code = code
        self.last_end = None
        self.born = None
        return self._back_off(now, reason)

    def adopted(self, pid: int, age: float, now: float, *, ready: bool = False) -> list[Action]:
        """It has been running for `age` seconds: an earlier master started it, and has seen whether it was ready."""
        if self.state is not State.STOPPED:
            return []
        self.wanted = True
        self.attempt += 1
        actions: list[Action] = [self._enter(State.STARTING, pid=pid)]
        self.pid = pid
        self.born = now - age
        timeout = self.program.start_timeout
        # Had it not been ready in time, it would have been stopped.
        if self.program.ready and not ready and (timeout is None or age < timeout):
            # It has all of its time: nobody has looked meanwhile.
            readiness = Readiness(self.program.ready, self.program.start_timeout)
            readiness.cannot_be_told()
            return [*actions, *self._wait_until_ready(readiness, now - age, now)]
        if age >= self.program.startsecs:
            return [*actions, self._run()]
        self.deadlines = Deadlines(start=now - age + self.program.startsecs)
        return actions

    def remember_run(self, code: int) -> list[Action]:
        """An earlier process of this master has seen it succeed; nothing is announced, as nothing happens."""
        if self.state is State.STOPPED and self.attempt == 0 and self.program.is_oneshot:
            self.attempt = 1
            self.state = State.EXITED
            self.exit_code = code
            self.exit_status = self.last_end = ExitStatus(code)
        return []

    def exited(self, status: ExitStatus, now: float, descendants: tuple[int, ...] = ()) -> list[Action]:
        """The process was reaped; these descendants of it still run."""
        if self.ties.deferred:
            # It was to be stopped after others, and has ended before them.
            stopping = self._enter(State.STOPPING, pid=self.pid or 0)
            self.deadlines = Deadlines(stop=now + self.program.stopwaitsecs)
            return [stopping, *self.exited(status, now, descendants)]
        if self.deadlines.due(now) == "start" and self.readiness.holds:
            # It was up for startsecs; only by chance did its end come before the timer.
            return [self._run(), *self.exited(status, now, descendants)]
        pid, self.pid = self.pid or 0, None
        self.last_end = status
        self.exit_code = 128 + status.signal if status.signal is not None else status.code if status.known else 1
        if descendants and self._waits_for_descendants():
            return self._stop_descendants(PendingEnd(pid, status, self.state), status, descendants, now)
        whole_tree = self.program.stop_scope is Scope.TREE and self.state is not State.UNKNOWN
        self.left_behind = bool(descendants) and whole_tree
        actions = self._finish(PendingEnd(pid, status, self.state), now)
        return [*actions, KeepDescendants(self.name, stop_later=self.left_behind)] if descendants else actions

    def descendants_gone(self, now: float) -> list[Action]:
        """The last of its descendants has ended."""
        self.left_behind = False
        if self.pending_end is None:
            return []
        ended, self.pending_end = self.pending_end, None
        return self._finish(ended, now)

    def deadline_reached(self, now: float) -> list[Action]:
        """One of its deadlines has come."""
        match self.deadlines.due(now):
            case "start":
                self.deadlines = replace(self.deadlines, start=None)
                return self._run_when_ready()
            case "look":
                return self._look(now)
            case "unready":
                return self._fail_unready(now)
            case "retry":
                return self._launch(now)
            case "run":
                self.timed_out = True
                return self._take_down(now, timed_out(self.program.run_timeout or 0.0))
            case "stop":
                return self._send_sigkill(now)
            case "wait":
                return self.block(f"blocked: {self.ties.waits_for} was not there in time", timed_out=True)
            case None:
                return []

    def heard(self, event: ProbeResult | Notified, now: float) -> list[Action]:
        """There is news about whether it is ready, or about what it does."""
        if event.run != self.attempt or self.pid is None:
            return []
        waits = self.state is State.STARTING
        match event:
            case Notified(fields=fields):
                self.status_text = dict(fields).get("STATUS", self.status_text)
                if not waits or not is_said_ready(fields):
                    return []
                self.readiness.notified()
            case ProbeResult(number=number, ok=ok, words=words):
                if not waits:
                    return []
                answers_look = self.readiness.looking == number
                self.readiness.answered(number, ok=ok, words=words)
                if answers_look:
                    return self._run_when_ready() or self._look(now)
        return self._run_when_ready()

    def kill_failed(self, reason: str, now: float) -> list[Action]:
        """The kernel refused the signal, so whether it will ever end is unknown."""
        if self.pending_end is not None:
            # The process itself has ended, and its descendants run as another user.
            return self.descendants_gone(now)
        if self.state is not State.STOPPING:
            return []
        self.reason = reason
        return [self._enter(State.UNKNOWN, pid=self.pid or 0, reason=reason)]

    # ---- the pieces of the above

    def _finish(self, ended: PendingEnd, now: float) -> list[Action]:
        """It has ended, and no descendant is waited for."""
        pid, status = ended.pid, ended.status
        if status is None:
            # It had ended long before, and its status was announced then.
            return self._settle(now)
        match ended.before:
            case State.STARTING if self.readiness.conditions:
                self.exit_status = None
                reason = f"Exited before it was ready ({self.readiness.missing() or TOO_EARLY})"
                return self._back_off(now, reason, status, pid)
            case State.STARTING if self._is_judged(status):
                # An ordinary end comes after RUNNING; but what it had left behind may have been stopped meanwhile.
                was_up = [self._run()] if self.state is State.STARTING else []
                self.failures = 0
                return [*was_up, *self._finish(replace(ended, before=State.RUNNING), now)]
            case State.STARTING:
                self.exit_status = None
                return self._back_off(now, "Exited too quickly (process log may have details)", status, pid)
            case State.RUNNING:
                self.exit_status = status
                for_good = is_listed(status, self.program.norestart_exitcodes)
                expected = is_listed(status, self.program.exitcodes) and not for_good
                self.reason = "" if expected else f"Bad exit code {status.code if status.known else 'unknown'}"
                announced = self._enter(State.EXITED, pid=pid, expected=expected, status=status)
                if self.wanted and self.program.is_oneshot and not expected:
                    return [announced, *self._back_off(now, self.reason, word=_word(status), is_last=for_good)]
                self.failed = not expected
                self.again.ended(self.program, self._age(now))
                if self.wanted and not for_good and self._restarts_after(expected=expected):
                    return [announced, *self._start_again(now, status)]
                self.wanted = False
                return [announced]
            case State.STOPPING if self.timed_out and self.wanted:
                self.exit_status = status
                reason = timed_out(self.program.run_timeout or 0.0)
                return self._back_off(now, reason, status, pid)
            case State.STOPPING if self.unready and self.wanted:
                self.exit_status = None
                return self._back_off(now, self.unready, status, pid)
            case _:
                self.exit_status = status
                if self.ties.renewing and self.wanted and self.state is State.STOPPING and self.successor is None:
                    return self._renewed(now, pid, status)
                return self._settle(now, pid, status)

    def _waits_for_descendants(self) -> bool:
        if self.program.leftovers is Leftovers.STOP:
            return self.state is not State.UNKNOWN
        return self.state is State.STOPPING and self.program.stop_scope is Scope.TREE

    def _stop_descendants(
        self, ended: PendingEnd, status: ExitStatus, descendants: tuple[int, ...], now: float
    ) -> list[Action]:
        self.pending_end = ended
        actions: list[Action] = [AnnounceDescendants(self.name, status, descendants)]
        if ended.before is not State.STOPPING:
            actions.append(self._enter(State.STOPPING, pid=ended.pid))
            self.deadlines = Deadlines(stop=now + self.program.stopwaitsecs)
        elif self.stop_reached is Scope.TREE:
            # They got the signal with the process, and share its deadline.
            return actions
        spared = ended.pid if ended.before is State.STOPPING and self.stop_reached is Scope.GROUP else 0
        return [*actions, Kill(self.name, 0, self.program.stopsignal, Scope.TREE, spared_group=spared)]

    def _stop_left(self, now: float) -> Announce:
        """Stop what an earlier run has left behind; no process runs."""
        stopping = self._enter(State.STOPPING)
        self.deadlines = Deadlines(stop=now + self.program.stopwaitsecs)
        self.pending_end = PendingEnd(0, None, State.STOPPING)
        return stopping

    def _asked_meanwhile(self) -> None:
        """A request decides what happens next, and no longer the way in which it ended."""
        self.timed_out = False
        self.unready = ""
        if self.pending_end is not None:
            self.pending_end = replace(self.pending_end, before=State.STOPPING)

    def _begin_anew(self) -> None:
        """An operator has asked for it: what policy has counted does not matter any more."""
        self.failed = False
        self.ties.alone, self.ties.renewing = False, ""
        self.again.forget()

    def _launch(self, now: float) -> list[Action]:
        self.reason = ""
        self.exit_status = None
        self.limited = self.timed_out = False
        self.readiness = Readiness()
        self.unready = self.status_text = ""
        self._take_over()
        self.ties.stale = self.ties.renewing = ""
        self.ties.seen.clear()
        starting = self._enter(State.STARTING)
        if self.program.depends_on and not self.ties.alone:
            self.attempt += 1
            self.hold(now)
            return [starting]
        return [starting, self._order(now)]

    def _order(self, now: float) -> Spawn:
        self.attempt += 1
        self.again.started(now)
        after_failure = self.failed and self.again.troubles <= 1
        return Spawn(self.name, self.program, self.attempt, after_failure)

    def _renewed(self, now: float, pid: int, status: ExitStatus) -> list[Action]:
        """It was stopped to start again after a dependency: at once, after a delay, or not any more."""
        reason, self.ties.renewing = self.ties.renewing, ""
        self.again.ended(self.program, self._age(now))
        coming = self._decide_restart(now, reason)
        if coming.delay == 0:
            return self._settle(now, pid, status)
        backing_off = self._enter(State.BACKOFF, pid=pid, status=status, reason=coming.text)
        if coming.delay is None:
            return [backing_off, self._give_up(coming.text, status)]
        self.deadlines = Deadlines(retry=now + coming.delay)
        return [backing_off]

    def _start_again(self, now: float, status: ExitStatus) -> list[Action]:
        """It has ended by itself, and is to be up: at once, after a delay, or not any more."""
        coming = self._decide_restart(now, _word(status))
        if coming.delay == 0:
            self.restarts += 1
            return self._launch(now)
        backing_off = self._enter(State.BACKOFF, reason=coming.text)
        if coming.delay is None:
            return [backing_off, self._give_up(coming.text, None)]
        self.restarts += 1
        self.deadlines = Deadlines(retry=now + coming.delay)
        return [backing_off]

    def _decide_restart(self, now: float, reason: str) -> Next:
        chance = jitter(self.program, self.seed, self.attempt)
        return self.again.decide(self.program, reason, now, failures=self.failures, chance=chance, brake=self.brake)

    def _give_up(self, reason: str, status: ExitStatus | None) -> Announce:
        """`restart_limit` is reached."""
        self.reason = reason
        tries, self.failures = self.failures, 0
        fatal = self._enter(State.FATAL, status=status, reason=reason, tries=tries)
        self.limited = True
        return fatal

    def _is_judged(self, status: ExitStatus) -> bool:
        """It ended before it was up; does its exit code decide what that was?"""
        if is_listed(status, self.program.norestart_exitcodes):
            return True
        return self.program.early_exit is EarlyExit.JUDGE and is_listed(status, self.program.exitcodes)

    def _age(self, now: float) -> float:
        return 0.0 if self.born is None else now - self.born

    def _wait_until_ready(self, readiness: Readiness, born: float, now: float) -> list[Action]:
        """It runs since `born`, and the conditions have to hold."""
        self.readiness = readiness
        up_at = born + max(self.program.startsecs, readiness.delay)
        timeout = readiness.timeout
        self.deadlines = Deadlines(
            start=up_at if up_at > now else None, unready=None if timeout is None else now + timeout
        )
        return self._run_when_ready() or self._look(now)

    def _run_when_ready(self) -> list[Action]:
        return [self._run()] if self.deadlines.start is None and self.readiness.holds else []

    def _look(self, now: float) -> list[Action]:
        """The next look of the round, or the pause before the next round."""
        self.readiness.lost()
        number = self.readiness.next_look()
        if number is None:
            again = now + max(self.program.ready_interval, SHORTEST_PAUSE) if self.readiness.looked_at else None
            self.deadlines = replace(self.deadlines, look=again)
            return []
        self.deadlines = replace(self.deadlines, look=now + LOOK_LOST)
        return [Probe(self.name, self.attempt, number, self.readiness.conditions[number], self.pid or 0)]

    def look_again(self) -> Probe | None:
        """The look that is under way, as an order: another process image has to begin it anew."""
        number = self.readiness.looking
        if self.state is not State.STARTING or self.pid is None or number is None:
            return None
        return Probe(self.name, self.attempt, number, self.readiness.conditions[number], self.pid)

    def _fail_unready(self, now: float) -> list[Action]:
        """It was not ready in time."""
        if not self.wanted:
            # In a shutdown, it is stopped with its wave.
            self.deadlines = replace(self.deadlines, unready=None)
            return []
        self.unready = self.reason = self.readiness.failure()
        return self._stop_run(now, self.unready)

    def _run(self) -> Announce:
        if not self.program.is_oneshot:
            self.failures = 0
        self.ties.alone = False
        running = self._enter(State.RUNNING, pid=self.pid or 0)
        self._limit_run()
        return running

    def _limit_run(self) -> None:
        """A one-shot that has just been spawned, or that has another run_timeout now."""
        if self.program.is_oneshot and self.program.run_timeout is not None and self.born is not None:
            self.deadlines = Deadlines(run=self.born + self.program.run_timeout)
        elif self.deadlines.run is not None:
            self.deadlines = NO_DEADLINES

    def _back_off(
        self,
        now: float,
        reason: str,
        status: ExitStatus | None = None,
        pid: int = 0,
        *,
        word: str = "failed start",
        is_last: bool = False,
    ) -> list[Action]:
        """A try has failed; `status` and `pid` are those of its end, where that has not been announced yet."""
        self.failures += 1
        self.failed = True
        self.reason = reason
        backing_off = self._enter(State.BACKOFF, pid=pid, status=status, reason=reason)
        if not self.wanted:
            # It ended before its wave of a shutdown, and must not be started again during an earlier one.
            return [backing_off, *self._settle(now)]
        self.again.ended(self.program, 0.0 if self.readiness.conditions else self._age(now))
        self.again.troubles = max(self.again.troubles, 1)  # however long it took, the try has failed
        never_again = status is not None and is_listed(status, self.program.norestart_exitcodes)
        never_again = never_again and bool(self.readiness.conditions) and not self.unready
        if is_last or never_again or self.failures > self.program.startretries:
            tries, self.failures = self.failures, 0
            return [backing_off, self._enter(State.FATAL, status=status, reason=reason, tries=tries)]
        coming = self._decide_restart(now, word if status is None else _word(status))
        if coming.delay is None:
            return [backing_off, self._give_up(coming.text, status)]
        self.deadlines = Deadlines(retry=now + coming.delay)
        return [backing_off]

    def _take_down(self, now: float, reason: str = "") -> list[Action]:
        """Bring it to a settled state, gracefully; `reason` says why policy does that."""
        match self.state:
            case State.STARTING | State.RUNNING if self.pid is not None and self._stops_later():
                self.ties.deferred = True
                if self.timed_out:
                    self.deadlines = NO_DEADLINES
                return []
            case State.STARTING | State.RUNNING if self.pid is not None:
                return self._stop_run(now, reason)
            case State.STARTING | State.BACKOFF | State.STOPPED | State.EXITED | State.FATAL if self.left_behind:
                return [self._stop_left(now), Kill(self.name, 0, self.program.stopsignal, Scope.TREE)]
            case State.STARTING | State.BACKOFF:
                return self._settle(now)
            case State.STOPPING:
                self._asked_meanwhile()
                return []
            case _:
                return []

    def _stop_run(self, now: float, reason: str = "") -> list[Action]:
        """Send the stop signal to what runs."""
        assert self.pid is not None
        stopping = self._enter(State.STOPPING, pid=self.pid, reason=reason)
        self.deadlines = Deadlines(stop=now + self.program.stopwaitsecs)
        program = self.program
        self.stop_reached = program.stop_scope
        return [stopping, Kill(self.name, self.pid, program.stopsignal, program.stop_scope)]

    def _stops_later(self) -> bool:
        """Is something being stopped that depends on it?"""
        return any(other.goes_down for other in self.needed_by.values())

    def _settle(self, now: float, pid: int = 0, status: ExitStatus | None = None) -> list[Action]:
        stopped = self._enter(State.STOPPED, pid=pid, status=status)
        self._take_over()
        if self.wanted and not self.ties.bound:
            self.failures = 0
            return [stopped, *self._launch(now)]
        return [stopped]

    def _succeed(self, now: float) -> list[Action]:
        """Take over the new definition in a process that is down, and start it unless it was stopped on request."""
        self._take_over()
        return self.start(now) if self._comes_back_replaced(self.program) else []

    def _comes_back_replaced(self, program: ProcessSpec) -> bool:
        """It is down; does it start with that definition, since it was not stopped on request?"""
        return (self.state in (State.EXITED, State.FATAL) or self.attempt == 0) and program.autostart

    def _take_over(self) -> None:
        if self.successor is not None:
            self.program, self.successor = self.successor, None

    def _send_sigkill(self, now: float, *, hurried: bool = False) -> list[Action]:
        self.deadlines = Deadlines(stop=now + max(self.program.stopwaitsecs, KILL_AGAIN))
        if self.pid is None:
            return [Kill(self.name, 0, SIGKILL, Scope.TREE, overdue=True, hurried=hurried)]
        return [Kill(self.name, self.pid, SIGKILL, self.program.kill_scope, overdue=True, hurried=hurried)]

    def _restarts_after(self, *, expected: bool) -> bool:
        match self.program.autorestart:
            case Autorestart.ALWAYS:
                return True
            case Autorestart.UNEXPECTED:
                return not expected
            case Autorestart.NEVER:
                return False

    def _enter(
        self,
        after: State,
        *,
        pid: int = 0,
        tries: int | None = None,
        expected: bool = True,
        status: ExitStatus | None = None,
        reason: str = "",
    ) -> Announce:
        before, ties = self.state, self.ties
        ties.waiting = ties.queued = ties.blocked = ties.timed_out = False
        ties.bound = ties.bound and after in (State.STOPPING, State.STOPPED)
        ties.deferred = ties.deferred and after is State.RUNNING
        assert after in TRANSITIONS[before], f"{self.name}: {before.name} cannot become {after.name}"
        self.state = after
        self.deadlines = NO_DEADLINES
        return Announce(
            name=self.name,
            program=self.program,
            before=before,
            after=after,
            pid=pid,
            tries=self.failures if tries is None else tries,
            expected=expected,
            status=status,
            reason=reason,
        )


def _word(status: ExitStatus) -> str:
    """How a run has ended, for the counts of a limit."""
    if not status.known:
        return "exit status unknown"
    return f"exit status {status.code}" if status.signal is None else f"signal {status.signal}"


def serve_deadlines(processes: Iterable[Process], now: float) -> list[Action]:
    """Serve the deadlines that have come."""
    due = [process for process in processes if process.deadlines.due(now) is not None]
    return [action for process in due for action in process.deadline_reached(now)]
