"""Keeps the program of `procman run`: passes signals on, reaps orphans, starts it again, and hands its status back.

There is no loop but the wait for the next signal. All signals are blocked and taken one after the other, so that none
comes between two steps, and PID 1, for which the kernel drops signals without a handler, gets every one.
"""

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

from procman.core.backoff import DoublingDelay
from procman.entrypoint import terminal
from procman.entrypoint.launch import launch
from procman.entrypoint.run_spec import KILLED, NOT_FOUND, NOT_PASSED_ON, CannotRun, RunSpec
from procman.errors import ProcmanError
from procman.system.kill_remaining import AT_LEAST, FinalKill, Left, signal_all_others
from procman.system.reaper import Reaped, reap
from procman.system.signals import STOP, signal_name
from procman.system.tree import look


def run(
    spec: RunSpec, started: Callable[[str], None] = lambda _: None, say: Callable[[str], None] = lambda _: None
) -> int:
    """Run it to its end; returns the exit status for this process.

    Args:
        spec: what to run.
        started: called once, when it counts as started, or with a remark when it has ended before that and is started
            again. Not called when it has ended before that for good.
        say: gets a line for each thing that is done.

    Raises:
        CannotRun: it cannot be started, the first time.
    """
    return Supervisor(spec, started, say).run()


class Supervisor:
    """Keeps one program."""

    def __init__(self, spec: RunSpec, started: Callable[[str], None], say: Callable[[str], None]) -> None:
        self._spec = spec
        self._started = started
        self._say = say
        self._delay = DoublingDelay(spec.first_delay)
        self._signals = signal.valid_signals() - NOT_PASSED_ON
        self._stopped_at: float | None = None  # when the first stop signal was passed on
        self._kill_at: float | None = None
        self._started_at: float | None = None  # when it will count as started
        self._told_group = 0  # the process group that a stop signal was passed on to
        self._pid = 0  # 0: it could not be started

    def run(self) -> int:
        """Start the program, wait, and start it again as asked for; returns the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, self._signals)
        self._pid = self._launch()
        if self._spec.settle:
            self._started_at = time.monotonic() + self._spec.settle
        else:
            self._started("")
        while True:
            began = time.monotonic()
            status = self._wait_for_the_end()
            terminal.take_back(self._pid)
            if not self._comes_back(status):
                break
            delay = self._delay.after(time.monotonic() - began)
            self._say(f"ended with {status}; starting it again in {delay:g} s")
            self._counts_as_started(
                f"{self._spec.argv[0]} has ended with status {status}, and is started again in {delay:g} s"
            )
            if not self._rest(delay):
                break
            try:
                self._pid = self._launch()
            except CannotRun as error:
                # It was there a moment ago, and may come back: it may be about to be installed again, say.
                print(f"procman: {error}", file=sys.stderr)
                self._pid = 0
        if os.getpid() == 1:
            self._see_off_the_rest()
        return 0 if status in self._spec.good else status

    def _launch(self) -> int:
        self._pid = pid = launch(self._spec)
        terminal.put_in_front(pid)
        self._say(f"started {self._spec.argv[0]} with pid {pid}")
        return pid

    def _wait_for_the_end(self) -> int:
        """Pass signals on until the program has ended; returns its status, as a shell has it."""
        if not self._pid:
            return NOT_FOUND
        while True:
            deadlines = [when for when in (self._kill_at, self._started_at) if when is not None]
            number = self._next_signal(min(deadlines, default=None))
            if number is None and self._started_at == min(deadlines):
                self._counts_as_started()
            elif number is None:
                self._say("stop timeout expired; sending SIGKILL")
                self._send(signal.SIGKILL)
                self._kill_at = None
            elif number == signal.SIGCHLD:
                ended = self._reap()
                if ended is not None:
                    return KILLED + ended.signal if ended.signal is not None else ended.code
                terminal.stop_with(self._pid)
            else:
                self._pass_on(number)

    def _counts_as_started(self, remark: str = "") -> None:
        if self._started_at is not None:
            self._started_at = None
            self._started(remark)

    def _pass_on(self, number: int) -> None:
        passed = self._spec.rewrite.get(number, number)
        self._say(f"{signal_name(number)} is {_passed_on_as(number, passed)}")
        if not passed:
            return
        if number == signal.SIGCONT:
            # `fg` has made this process's group the one of the terminal.
            terminal.put_in_front(self._pid)
        if self._is_stop(number):
            self._stopped_at = self._stopped_at or time.monotonic()
            if self._spec.to_group:
                self._told_group = self._pid
            if self._spec.kill_after is not None and self._kill_at is None:
                self._kill_at = time.monotonic() + self._spec.kill_after
        self._send(passed)

    def _is_stop(self, number: int) -> bool:
        return number in STOP or self._spec.rewrite.get(number) in STOP

    def _send(self, number: int) -> None:
        try:
            if self._spec.to_group:
                os.killpg(self._pid, number)
            else:
                os.kill(self._pid, number)
        except ProcessLookupError:
            pass  # it has ended, and SIGCHLD is on its way
        except OSError as error:
            print(f"procman: cannot send {signal_name(number)}: {error.strerror}", file=sys.stderr)

    def _reap(self) -> Reaped | None:
        """Reap all that have ended; returns the program's own end, if it is among them."""
        own = None
        for reaped in reap():
            if reaped.pid == self._pid:
                own = reaped
            else:
                self._say(f"reaped pid {reaped.pid}, an orphan")
        return own

    def _comes_back(self, status: int) -> bool:
        if self._stopped_at is not None:
            return False
        match self._spec.restart:
            case "always":
                return True
            case "on-failure":
                return status not in {0, *self._spec.good}
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
        if until is None or until == math.inf:
            return signal.sigwaitinfo(self._signals).si_signo
        info = signal.sigtimedwait(self._signals, max(0.0, until - time.monotonic()))
        return None if info is None else info.si_signo

    def _see_off_the_rest(self) -> None:
        """As PID 1. A group that has had a stop signal gets no second one."""
        asked = time.monotonic()
        if left := _others():
            names = ", ".join(f"{one.process.name} (pid {one.process.pid})" for one in left)
            self._say(f"waiting for {names} to leave")
            signal_all_others(signal.SIGTERM, {self._told_group} if self._told_group else ())
        farewell = FinalKill(lambda one: self._deadline(asked, one))
        while (until := farewell.see_off(_others(), time.monotonic())) is not None:
            number = self._next_signal(until)
            if number == signal.SIGCHLD:
                self._reap()
            elif number is not None and not (self._is_stop(number) and self._stopped_at is None):
                # A signal from outside is for all of them.
                passed = self._spec.rewrite.get(number, number)
                if passed:
                    signal_all_others(passed)

    def _deadline(self, asked: float, one: Left) -> float:
        """What the program has left behind has as long as the program itself; a stranger has less."""
        least = asked + AT_LEAST
        if one.of is None:
            return least
        if self._spec.kill_after is not None:
            return max((self._stopped_at or asked) + self._spec.kill_after, least)
        # Without --kill-after a stop has no end but that of the container runtime's patience.
        return least if self._stopped_at is None else math.inf


def _others() -> Sequence[Left]:
    """All that run beside PID 1; a process that was brought in from outside has no parent here."""
    try:
        found = look()
    except ProcmanError:
        return []
    ours = {process.pid for process in found.descendants(os.getpid())}
    return [Left(process, "" if process.pid in ours else None) for process in found.all_others()]


def _passed_on_as(number: int, passed: int) -> str:
    if not passed:
        return "kept away"
    return "passed on" if passed == number else f"passed on as {signal_name(passed)}"
