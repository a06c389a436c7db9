"""Why the master ends by itself, and its exit status. No I/O and no clock here.

- A `critical` process that has ended and is not started again ends the master, whatever its exit code, unless it was
  stopped on request; that code is then the master's. A one-shot that is done has done what it was to do. One with a
  schedule has its next run to come, and never ends the master.
- `shutdown_when` ends it when all are done, or one has ended or failed. Groups that do not count are left out of that.
- `exit_code_from` names the process whose status is the master's, or the first of those that are down because they
  failed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from procman.core.actions import Action, Announce, AnnounceHealth
from procman.core.groups import ActiveGroup
from procman.core.process import Process
from procman.core.spec import MasterPolicy, ShutdownWhen
from procman.core.states import State

FIRST_FAILURE = "first_failure"

DEFAULT_POLICY = MasterPolicy(
    shutdown_timeout=None,
    shutdown_when=ShutdownWhen.NEVER,
    exit_code_from=None,
    start_concurrency=None,
    restart_brake=True,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the master ends by itself: in words, and the exit code of the critical process, if that is why."""

    text: str
    code: int | None = None


class ExitPolicy:
    """Watches the ends of processes."""

    def __init__(
        self, policy: MasterPolicy, groups: Mapping[str, ActiveGroup], processes: Mapping[str, Process]
    ) -> None:
        """Groups and processes are those of the fleet at any time."""
        self.failed: dict[str, int] = {}  # the exit codes of those that are down because they failed, first come first
        self.cause: Cause | None = None  # set when a program has brought the shutdown about
        self._policy = policy
        self._groups = groups
        self._processes = processes

    def note(self, actions: Iterable[Action]) -> Cause | None:
        """Remember which processes are down because they failed; why that ends the master, or None if it does not."""
        cause = None
        for action in actions:
            if not isinstance(action, Announce):
                if isinstance(action, AnnounceHealth):
                    cause = cause or self._unhealthy_ends_master(action)
                continue
            match action.after:
                case State.STARTING:
                    self.forget(action.name)
                case State.FATAL:
                    # Of one that is blocked, what has failed is the process that it depends on.
                    code = self.failed.get(action.because) or self._processes[action.name].exit_code
                    self.failed[action.name] = code or 1
                    cause = cause or self._ends_master(action)
                case State.EXITED if not self._processes[action.name].wanted:
                    if not action.expected:
                        self.failed[action.name] = self._processes[action.name].exit_code or 1
                    cause = cause or self._ends_master(action)
                case _:
                    pass
        return cause

    def forget(self, name: str) -> None:
        """It has not failed, or is no longer there."""
        self.failed.pop(name, None)

    def exit_code(self) -> int:
        """The master's, if it ended now."""
        wanted = self._policy.exit_code_from
        if wanted is None and self.cause is not None:
            if self.cause.code is not None:
                return self.cause.code
            wanted = FIRST_FAILURE
        if wanted == FIRST_FAILURE:
            return next(iter(self.failed.values()), 0)
        process = self._processes.get(wanted or "")
        return process.exit_code or 0 if process is not None else 0

    @staticmethod
    def _unhealthy_ends_master(news: AnnounceHealth) -> Cause | None:
        """A process is unhealthy, or well again."""
        what = news.program.on_unhealthy.what
        if news.healthy:
            return None
        if what == "shutdown":
            return Cause(f"{news.name} is unhealthy: {news.words}, and on_unhealthy=shutdown", 1)
        if what == "stop" and news.program.critical:
            return Cause(f"{news.name} is critical and unhealthy: {news.words}, and on_unhealthy=stop", 1)
        return None

    def _ends_master(self, end: Announce) -> Cause | None:
        """`end` is of a process that will not be started again, and that was not stopped on request."""
        if self._processes[end.name].limited and end.program.on_restart_limit[0] == "shutdown":
            return Cause(f"{end.name}: {end.reason} and on_restart_limit=shutdown", self.failed.get(end.name))
        fatal = end.after is State.FATAL
        done = self._processes[end.name].done  # a one-shot: it was to end
        how = "is FATAL" if fatal else f"has ended{'' if end.expected else ' unexpectedly'}"
        by_schedule = end.program.schedule is not None
        if end.program.critical and not done and not by_schedule:
            code = self.failed.get(end.name, self._processes[end.name].exit_code)
            return Cause(f"{end.name} is critical and {how}", code)
        if not self._groups[end.program.group].spec.counts:
            return None
        match self._policy.shutdown_when:
            case ShutdownWhen.ANY_EXIT if not done and not by_schedule:
                return Cause(f"{end.name} {how} and shutdown_when=any_exit")
            case ShutdownWhen.ANY_FATAL if fatal and not by_schedule:
                return Cause(f"{end.name} {how} and shutdown_when=any_fatal")
            case ShutdownWhen.ALL_DONE if all(group.over for group in self._groups.values() if group.spec.counts):
                return Cause(f"{end.name} {how}, as the last one, and shutdown_when=all_done")
            case _:
                return None
