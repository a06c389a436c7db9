"""`procman run`: one program, without a configuration. What an entrypoint of a container, or `nohup`, is there for.

Signals are passed on, orphans are reaped, and the program's exit status is handed back; it can be started again when it
ends. There is no loop but the wait for the next signal: all of them are blocked, and taken one after the other, so that
none comes between two steps, and PID 1, for which the kernel drops signals without a handler, gets every one.
"""

import errno
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from procman.errors import ProcmanError
from procman.system.exec_errors import is_text, why_not_found
from procman.system.pidfd import send_to
from procman.system.proc import Process
from procman.system.reaper import Reaped, reap
from procman.system.signals import STOP, signal_name
from procman.system.tree import ROUNDS, ProcSnapshot, Sweep, look

# Not to be waited for: the kernel sends them for what this process does itself, or it cannot be asked not to act.
NOT_PASSED_ON = frozenset(
    {
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGABRT,
        signal.SIGTRAP,
        signal.SIGSYS,
    }
)
# What the kernel stops those with that use a terminal which is not theirs.
_NOT_ITS_TURN = frozenset({signal.SIGTTIN, signal.SIGTTOU})
# What a terminal stops a job with. Blocked with the others, they do not stop this process for giving the terminal away.
_JOB = _NOT_ITS_TURN | {signal.SIGTSTP}

# As a shell has them.
NOT_EXECUTABLE = 126
NOT_FOUND = 127
KILLED = 128

# Runs scripts without a #! line.
SHELL = "/bin/sh"

# Between two starts, in seconds: doubled each time up to the longest, and begun anew by a program that lasts.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
LASTS = 10.0

# The least that those have whom PID 1 finds at the very end, from SIGTERM to SIGKILL, in seconds.
FAREWELL = 2.0
# How many are reaped before signals have their turn again.
REAP_AT_ONCE = 64


class CannotRun(ProcmanError):
    """Why a program cannot be started; `status` is what to exit with."""

    def __init__(self, text: str, status: int) -> None:
        """`text` is the whole sentence."""
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What to run, and how."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    directory: str | None = None  # where it runs; None: where this process is
    to_group: bool = False  # signals reach the program's process group
    rewrite: Mapping[int, int] = field(default_factory=dict)  # this signal is passed on as that one; 0: not at all
    restart: Literal["never", "on-failure", "always"] = "never"
    kill_after: float | None = None  # seconds from a stop signal to SIGKILL; None: it is waited for
    good: frozenset[int] = frozenset()  # exit statuses that are reported as 0
    settle: float = 0.0  # seconds that it is up before it counts as started


def run(
    order: RunSpec, started: Callable[[str], None] = lambda _: None, say: Callable[[str], None] = lambda _: None
) -> int:
    """Run it to its end; the exit status for this process.

    Args:
        order: what to run.
        started: called once, when it counts as started, or has ended before and is started again, which it is told
            then. Not called when it has ended before, and for good.
        say: told what is done, for who wants to look on.

    Raises:
        CannotRun: it cannot be started, the first time.
    """
    return Supervisor(order, started, say).run()


class Supervisor:
    """Keeps one program."""

    def __init__(self, order: RunSpec, started: Callable[[str], None], say: Callable[[str], None]) -> None:
        self._order = order
        self._started = started
        self._say = say
        self._signals = signal.valid_signals() - NOT_PASSED_ON
        self._stopped_at: float | None = None  # when the first stop signal was passed on
        self._kill_at: float | None = None
        self._started_at: float | None = None  # when it will count as started
        self._told = 0  # the process group that a stop signal was passed on to
        self._pid = 0

    def run(self) -> int:
        """Start the program, wait, and start it again as asked for; returns the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, self._signals)
        self._pid = self._spawn()
        if self._order.settle:
            self._started_at = time.monotonic() + self._order.settle
        else:
            self._started("")
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            status = self._wait_for_the_end()
            self._take_terminal_back()
            if not self._comes_back(status):
                break
            if time.monotonic() - began >= LASTS:
                pause = FIRST_PAUSE
            self._say(f"ended with {status}; starting it again in {pause:g} s")
            self._counts_as_started(
                f"{self._order.argv[0]} has ended with status {status}, and is started again in {pause:g} s"
            )
            if not self._rest(pause):
                break
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                self._pid = self._spawn()
            except CannotRun as error:
                # It was there a moment ago, and may come back: while it is being installed anew, say.
                print(f"procman: {error}", file=sys.stderr)
                self._pid = 0
        if os.getpid() == 1:
            self._part_from_the_rest()
        return 0 if status in self._order.good else status

    def _spawn(self) -> int:
        name = self._order.argv[0]
        with self._in_its_directory():
            pid = self._execute(name)
        self._put_in_front(pid)
        self._say(f"started {name} with pid {pid}")
        return pid

    def _execute(self, name: str) -> int:
        """Start what has that name, as execvp(3) would: the first file in its own PATH that can be executed."""
        if not name:
            raise CannotRun("cannot run '': name a command", NOT_FOUND)
        # What is in the way of a file that is there says more than that the last folder has none.
        in_the_way: CannotRun | None = None
        for file in [name] if "/" in name else _candidates(name, self._order.environment):
            try:
                return self._execute_file(file)
            except FileNotFoundError:
                if os.path.exists(file):
                    in_the_way = in_the_way or CannotRun(f"cannot run {name}: {why_not_found(file)}", NOT_FOUND)
            except NotADirectoryError:
                pass
            except PermissionError as error:
                in_the_way = in_the_way or CannotRun(f"cannot run {name}: {error.strerror}", NOT_EXECUTABLE)
            except OSError as error:
                raise CannotRun(f"cannot run {name}: {_why_not(error)}", NOT_EXECUTABLE) from None
        where = "No such file or directory" if "/" in name else "it is in no folder of PATH"
        raise in_the_way or CannotRun(f"cannot run {name}: {where}", NOT_FOUND)

    def _execute_file(self, file: str) -> int:
        """Start it; a script without a #! line by sh, as every shell does, and so tini and dumb-init."""
        try:
            return self._start(file, self._order.argv)
        except OSError as error:
            if error.errno != errno.ENOEXEC or not is_text(file):
                raise
        return self._start(SHELL, (SHELL, file, *self._order.argv[1:]))

    def _start(self, file: str, argv: tuple[str, ...]) -> int:
        return os.posix_spawn(
            file,
            argv,
            self._order.environment,
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
        )

    @contextmanager
    def _in_its_directory(self) -> Iterator[None]:
        """Go there for the moment in which the program is started: a daemon itself keeps no file system busy."""
        directory = self._order.directory
        if directory is None:
            yield
            return
        # Not by its name: where it stands may have been removed.
        here = os.open(".", os.O_PATH | os.O_DIRECTORY)
        try:
            try:
                os.chdir(directory)
            except OSError as error:
                reason = f"cannot run {self._order.argv[0]} in {directory}: {error.strerror}; name another with --chdir"
                raise CannotRun(reason, NOT_EXECUTABLE) from None
            yield
        finally:
            os.fchdir(here)
            os.close(here)

    def _wait_for_the_end(self) -> int:
        """Pass signals on until the program has ended; how, as a shell would say it."""
        if not self._pid:
            return NOT_FOUND
        while True:
            deadlines = [when for when in (self._kill_at, self._started_at) if when is not None]
            number = self._next_signal(min(deadlines, default=None))
            if number is None and self._started_at == min(deadlines):
                self._counts_as_started()
            elif number is None:
                self._say("it has had its time")
                self._send(signal.SIGKILL)
                self._kill_at = None
            elif number == signal.SIGCHLD:
                ended = self._reap()
                if ended is not None:
                    return KILLED + ended.signal if ended.signal is not None else ended.code
                self._stop_with_it()
            else:
                self._pass_on(number)

    def _counts_as_started(self, remark: str = "") -> None:
        if self._started_at is not None:
            self._started_at = None
            self._started(remark)

    def _pass_on(self, number: int) -> None:
        passed = self._order.rewrite.get(number, number)
        self._say(f"{signal_name(number)} is {_passed_on_as(number, passed)}")
        if not passed:
            return
        if number == signal.SIGCONT:
            # `fg` has made this process's group the one of the terminal.
            self._put_in_front(self._pid)
        if self._is_stop(number):
            self._stopped_at = self._stopped_at or time.monotonic()
            if self._order.to_group:
                self._told = self._pid
            if self._order.kill_after is not None and self._kill_at is None:
                self._kill_at = time.monotonic() + self._order.kill_after
        self._send(passed)

    def _is_stop(self, number: int) -> bool:
        return number in STOP or self._order.rewrite.get(number) in STOP

    def _send(self, number: int) -> None:
        try:
            if self._order.to_group:
                os.killpg(self._pid, number)
            else:
                os.kill(self._pid, number)
        except ProcessLookupError:
            pass  # it has ended, and SIGCHLD is on its way
        except OSError as error:
            print(f"procman: cannot send {signal_name(number)}: {error.strerror}", file=sys.stderr)

    def _reap(self) -> Reaped | None:
        """All that have ended; the program's own end, if it is among them."""
        own = None
        while True:
            found = list(reap(REAP_AT_ONCE))
            for reaped in found:
                if reaped.pid == self._pid:
                    own = reaped
                else:
                    self._say(f"reaped pid {reaped.pid}, which was somebody's orphan")
            if len(found) < REAP_AT_ONCE:
                return own

    def _put_in_front(self, pid: int) -> None:
        """Unless it writes into a pipe: `less` at the other end wants the keys, and is in the group of this process.

        A program that wants them itself is stopped by the kernel for that, and is given the terminal then.
        """
        if os.isatty(1):
            self._give_terminal_to(pid)

    def _give_terminal_to(self, pid: int) -> bool:
        """Its process group reads from the terminal and gets Ctrl-C, as a shell's job does; where that is ours to give.

        It is not when this runs in the background of a shell: somebody types there.
        """
        try:
            if os.tcgetpgrp(0) not in (os.getpgrp(), self._pid):
                return False
            os.tcsetpgrp(0, pid)
        except OSError:
            return False  # there is no terminal
        return True

    def _take_terminal_back(self) -> None:
        """Nobody is left in front: Ctrl-C has to end a rest, and a script to read what is typed after our end."""
        try:
            if os.tcgetpgrp(0) == self._pid:
                os.tcsetpgrp(0, os.getpgrp())
        except OSError:
            pass  # there is no terminal

    def _stop_with_it(self) -> None:
        """A job is stopped as a whole: Ctrl-Z gives the terminal back to the shell only if it sees this process stop.

        Without a terminal nobody would think of continuing it; and PID 1 cannot be stopped.
        """
        try:
            stopped = os.waitid(os.P_PID, self._pid, os.WSTOPPED | os.WNOHANG)
            if stopped is None or stopped.si_status not in _JOB:
                return
            os.tcgetpgrp(0)
        except OSError:
            return
        # It may have wanted the terminal before it was given it; that is no reason to stop when it can have it.
        if not (stopped.si_status in _NOT_ITS_TURN and self._give_terminal_to(self._pid)):
            os.kill(os.getpid(), signal.SIGSTOP)
            # Here `fg` or `bg` has continued this process, and nobody in the program's group. Passed on later as well,
            # that signal could undo the next stop.
            signal.sigtimedwait({signal.SIGCONT}, 0)
            self._put_in_front(self._pid)
        try:
            os.killpg(self._pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # it was killed meanwhile, and SIGCHLD is on its way

    def _comes_back(self, status: int) -> bool:
        if self._stopped_at is not None:
            return False
        match self._order.restart:
            case "always":
                return True
            case "on-failure":
                return status not in {0, *self._order.good}
            case "never":
                return False

    def _rest(self, seconds: float) -> bool:
        """Wait; False when a stop is asked for meanwhile."""
        until = time.monotonic() + seconds
        while (number := self._next_signal(until)) is not None:
            if number == signal.SIGCHLD:
                self._reap()
            elif self._is_stop(number):
                return False
            elif number == signal.SIGTSTP and os.isatty(0):
                os.kill(os.getpid(), signal.SIGSTOP)
        return True

    def _next_signal(self, until: float | None) -> int | None:
        """The next one that comes; None when it is that late."""
        if until is None:
            return signal.sigwaitinfo(self._signals).si_signo
        info = signal.sigtimedwait(self._signals, max(0.0, until - time.monotonic()))
        return None if info is None else info.si_signo

    def _part_from_the_rest(self) -> None:
        """The kernel kills them with PID 1, so they are asked to leave first, but for those that have been already.

        What the program has left behind has what it has itself from its stop signal to SIGKILL. Strangers have less.
        """
        asked = time.monotonic()
        if left := _others():
            self._say(f"waiting for {', '.join(f'{process.name} (pid {process.pid})' for process, _ in left)} to leave")
            self._ask_others(signal.SIGTERM)
        while left := _others():
            now = time.monotonic()
            deadlines = {process.identity: self._deadline(asked, is_ours=is_ours) for process, is_ours in left}
            if due := [identity for identity, deadline in deadlines.items() if deadline <= now]:
                for identity in due:
                    send_to(identity, signal.SIGKILL)
                if len(due) == len(left):
                    return
            until = min(deadline for deadline in deadlines.values() if deadline > now)
            number = self._next_signal(None if until == math.inf else until)
            if number == signal.SIGCHLD:
                self._reap()
            elif number is not None and not (self._is_stop(number) and self._stopped_at is None):
                # Whoever asks again wants all of them to hear it.
                self._ask_others(self._order.rewrite.get(number, number), again=True)

    def _deadline(self, asked: float, *, is_ours: bool) -> float:
        least = asked + FAREWELL
        if not is_ours:
            return least
        if self._order.kill_after is not None:
            return max((self._stopped_at or asked) + self._order.kill_after, least)
        # Without --kill-after a stop has no end but that of the runtime's patience.
        return least if self._stopped_at is None else math.inf

    def _ask_others(self, number: int, *, again: bool = False) -> None:
        """Signal all but those who have had the stop signal; `again`: what has come from outside is for everybody."""
        if not number:
            return
        sweep = Sweep(
            lambda found: tuple(p for p in found.everybody_else() if again or not self._told or p.group != self._told),
            number,
        )
        try:
            for _ in range(ROUNDS):
                if sweep.round(look()).settled:
                    return
        except ProcmanError:
            pass  # without /proc nobody is found


def _candidates(name: str, environment: Mapping[str, str]) -> list[str]:
    return [os.path.join(folder, name) for folder in os.get_exec_path(environment)]


def _why_not(error: OSError) -> str:
    if error.errno == errno.ENOEXEC:
        return "neither a binary of this machine nor a script"
    return str(error.strerror)


def _others() -> list[tuple[Process, bool]]:
    """Who is here but PID 1, and whether it comes from the program: who was brought in from outside has no parent."""
    try:
        found: ProcSnapshot = look()
    except ProcmanError:
        return []
    ours = {process.pid for process in found.descendants(os.getpid())}
    return [(process, process.pid in ours) for process in found.everybody_else()]


def _passed_on_as(number: int, passed: int) -> str:
    if not passed:
        return "kept away"
    return "passed on" if passed == number else f"passed on as {signal_name(passed)}"
