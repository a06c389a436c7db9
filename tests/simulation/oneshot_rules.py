"""What must hold of one-shots: judged from spawns, ends and announcements alone."""

from collections import defaultdict

from procman.core.actions import Action, Announce, AnnounceMaster, ProcessRemoved
from procman.core.events import (
    Adopted,
    DeadlineReached,
    Event,
    Exited,
    KillFailed,
    RunRemembered,
    Spawned,
)
from procman.core.exit_codes import is_listed
from procman.core.process import Process
from procman.core.spec import ProcessType
from procman.core.states import State

A_HAIR = 1e-6
ASLEEP = 1.0  # a timer that rings so much later has found procman asleep
TO_BE_REAPED = 1.0


def is_oneshot(program) -> bool:
    return program.type is ProcessType.ONESHOT


def is_done(end: Announce) -> bool:
    """A one-shot has ended as it was to."""
    return is_oneshot(end.program) and end.after is State.EXITED and end.expected


class OneshotRules:
    """Watches one world; `must` raises what is not so."""

    def __init__(self, must):
        self._must = must
        self.remembered: set[str] = set()  # done in an earlier life, and not started since
        self._spawned: dict[str, float] = {}
        self._timed_out: set[str] = set()  # stopped for that, and nothing was asked for since
        self._was_timed_out: set[str] = set()  # the same, whatever was asked for
        self.ends = False  # the master shuts down, and nothing is wanted any more
        self._succeeded: dict[str, bool] = defaultdict(bool)  # the last run, unless another one has begun

    def go_on(self, process: Process) -> None:
        """Begin in the middle of a story."""
        if process.born is not None:
            self._spawned[process.name] = process.born
        if process.timed_out:
            # What was asked for since is not known.
            self._was_timed_out.add(process.name)
        self._succeeded[process.name] = process.done
        if process.done:
            self.remembered.add(process.name)

    def decided(self, event: Event, actions: list[Action], now: float, processes: dict[str, Process]) -> None:
        if isinstance(event, RunRemembered) and event.name in processes:
            process = processes[event.name]
            known = not is_oneshot(process.program) or process.state is not State.STOPPED
            self._must(known, f"{event.name} is remembered, and the boot would run it")
        if isinstance(event, RunRemembered) and processes[event.name].state is State.EXITED:
            self.remembered.add(event.name)
            self._succeeded[event.name] = True
            self._must(not actions, f"{event.name} is remembered, and something happens")
        self._forget_what_was_asked(event)
        if any(isinstance(action, AnnounceMaster) for action in actions):
            self.ends = True
        for action in actions:
            if isinstance(action, ProcessRemoved):
                self.forget(action.name)
        news = [action for action in actions if isinstance(action, Announce)]
        for at, action in enumerate(news):
            if is_oneshot(action.program):
                later = [one.after for one in news[at + 1 :] if one.name == action.name]
                self._one(event, action, later, now)
            if action.after is State.EXITED:
                # Also of a service, which may be a one-shot by the next definition.
                self._succeeded[action.name] = action.expected
            else:
                self._succeeded[action.name] = False
                if action.after is not State.STOPPING:
                    self._was_timed_out.discard(action.name)
                self.remembered.discard(action.name)
        if isinstance(event, Spawned | Adopted):
            self._spawned[event.name] = now - (event.age if isinstance(event, Adopted) else 0.0)
        for process in processes.values():
            self._at_any_time(process, now)

    def forget(self, name: str) -> None:
        """It has left; another one may take its name."""
        for names in (self.remembered, self._timed_out, self._was_timed_out):
            names.discard(name)
        self._succeeded.pop(name, None)

    def _forget_what_was_asked(self, event: Event) -> None:
        """After any request, what happens next is judged by the rules for that."""
        if isinstance(event, DeadlineReached | Exited | Spawned):
            return
        name = getattr(event, "name", None)
        if name is None or isinstance(event, KillFailed):
            self._timed_out.clear()
        else:
            self._timed_out.discard(name)

    def _one(self, event: Event, action: Announce, later: list[State], now: float) -> None:
        name, program = action.name, action.program
        match action.after:
            case State.STARTING:
                by_policy = action.before in {State.BACKOFF, State.EXITED} and isinstance(
                    event, DeadlineReached | Exited
                )
                self._must(
                    not (by_policy and self._succeeded[name]), f"{name} has succeeded, and is started again by itself"
                )
            case State.EXITED:
                self._succeeded[name] = action.expected
                self._timed_out.discard(name)
                self._must(State.RUNNING not in later, f"{name} is RUNNING after its end")
                given_up = is_listed(action.status, program.norestart_exitcodes)
                if given_up and State.BACKOFF in later:
                    self._must(State.FATAL in later, f"{name} has ended as it may only once, and is tried again")
                if action.expected:
                    self._must(not {State.BACKOFF, State.FATAL} & set(later), f"{name} has succeeded, and is {later}")
            case State.STOPPING if action.reason:
                limit = program.run_timeout
                over = limit is not None and now >= self._spawned[name] + limit - A_HAIR
                self._must(over and isinstance(event, DeadlineReached), f"{name} is stopped before its time is over")
                self._must(action.reason.startswith("timed out after "), f"{name} is stopped for {action.reason}")
                self._timed_out.add(name)
                self._was_timed_out.add(name)
            case State.STOPPED:
                self._must(self.ends or name not in self._timed_out, f"{name} was timed out, and has not failed")
            case State.BACKOFF if action.before is State.STOPPING:
                self._must(name in self._was_timed_out, f"{name} was stopped, and is tried again")
                self._must(action.reason.startswith("timed out after "), f"{name} has failed of {action.reason}")
                self._timed_out.discard(name)
            case _:
                pass

    def _at_any_time(self, process: Process, now: float) -> None:
        name, program = process.name, process.program
        claim = f"{name} is {process.state.name}, done: {process.done}"
        self._must(process.done is (is_oneshot(program) and self._succeeded[name]), claim)
        if process.state is State.RUNNING and is_oneshot(program) and program.run_timeout is not None:
            due = self._spawned[name] + program.run_timeout
            self._must(process.deadlines.run is not None, f"{name} may run for ever")
            until = process.deadlines.run or 0.0
            # What procman has slept over is given a moment in which it may be reaped.
            slept = due + ASLEEP <= until - TO_BE_REAPED + A_HAIR and until <= now + TO_BE_REAPED + A_HAIR
            self._must(abs(until - due) < A_HAIR or slept, f"{name} may run until another time")
        elif process.state is State.RUNNING:
            self._must(process.deadlines.run is None, f"{name} may not run for ever")
        if is_oneshot(program) and process.state is State.STARTING:
            self._must(process.pid is None, f"{name} is spawned and not RUNNING")
