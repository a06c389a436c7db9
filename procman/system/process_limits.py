"""Limits that a process gets in the child, between fork and exec: so nothing of it ever runs without them.

Everything that can be done before the fork is: files are opened, functions loaded, texts written. The child calls one
prepared step after the other, and writes to a pipe which of them has failed. It takes no lock of another thread.
See setrlimit(2), setpriority(2), ioprio_set(2), sched_setaffinity(2), proc_pid_oom_score_adj(5).
"""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

from procman.system.accounts import Account
from procman.system.capabilities import (
    WantedCapabilities,
    bounder,
    bounding_set,
    giver,
    is_effective,
    keeper,
    privilege_stopper,
)
from procman.system.child_steps import Step
from procman.system.commands import CannotSpawn
from procman.system.libc import function
from procman.system.mount_namespace import WHOLE, MountNamespace, View

UNLIMITED = resource.RLIM_INFINITY
IoClass = Literal["idle", "best-effort", "realtime"]

_CLASSES: dict[IoClass, int] = {"realtime": 1, "best-effort": 2, "idle": 3}
_CLASS_SHIFT = 13
_PROCESS = 1
# The numbers of ioprio_set(2), which the C library does not have, by machine; that of ioprio_get(2) comes next.
_IOPRIO_SET = {
    "x86_64": 251,
    "aarch64": 30,
    "riscv64": 30,
    "loongarch64": 30,
    "ppc64le": 273,
    "s390x": 282,
    "i686": 289,
    "armv7l": 314,
    "armv6l": 314,
}
# The child itself may need memory until the exec: these come last.
_LATE = ("as", "data")
_BY_NAME: dict[str, int] = {
    name[7:].lower(): getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")
}


@dataclass(frozen=True, slots=True)
class Rlimit:
    """One limit of setrlimit(2), under its name in small letters; UNLIMITED: none."""

    name: str
    soft: int
    hard: int
    optional: bool = False

    @property
    def number(self) -> int:
        """Its number for the kernel."""
        return _BY_NAME[self.name]

    def __str__(self) -> str:
        return f"rlimit_{self.name} = {_shown(self.soft)}:{_shown(self.hard)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """What one process gets; None: what this process has. Of each pair, the second says whether it is a best effort."""

    rlimits: tuple[Rlimit, ...] = ()
    nice: tuple[int, bool] | None = None
    ionice: tuple[IoClass, int, bool] | None = None
    oom_score_adj: tuple[int, bool] | None = None
    cpus: tuple[tuple[int, ...], bool] | None = None
    capabilities: WantedCapabilities | None = None
    no_new_privs: bool = False

    def __bool__(self) -> bool:
        # Most programs have that very object, and each start asks.
        return self is not NO_LIMITS and self != NO_LIMITS


NO_LIMITS = ProcessLimits()


class Confinement:
    """All that a child does before its exec. Call `close` in the parent in any case."""

    def __init__(
        self,
        limits: ProcessLimits,
        *,
        account: Account | None = None,
        directory: str | None = None,
        cgroup: str | None = None,
        view: View = WHOLE,
        namespace: int | None = None,
        first: str | None = None,
    ) -> None:
        """Prepare it; raises CannotSpawn for what is known to be impossible.

        `account`: the user to become; `directory` is entered as that user; `cgroup`: the folder of the one to join.
        `view`: what it sees of the file system; `namespace`: that of its run, if there is one already; `first`: the
        directory that it enters then, as this user.
        """
        self._notes: list[str] = []
        self._mounts = MountNamespace(view, namespace) if view else None
        self._view, self._first = view, first
        self._reader, self._writer = os.pipe()
        self._procs: int | None = None
        try:
            self._steps = list(self._all_steps(limits, account, directory, cgroup))
        except BaseException:
            self.close()
            raise

    def apply(self) -> None:
        """In the child."""
        for number, step in enumerate(self._steps):
            try:
                step.do()
            except (OSError, ValueError) as error:
                # `resource` makes a ValueError of EPERM.
                code = (error.errno if isinstance(error, OSError) else None) or errno.EPERM
                os.write(self._writer, b"%d %d\n" % (number, code))
                if not step.optional:
                    raise

    def outcome(self) -> tuple[str, list[str]]:
        """In the parent, after the exec: why the child has failed ("": it has not), and what was left out."""
        os.close(self._writer)
        self._writer = -1
        failure, notes = "", list(self._notes)
        with open(self._reader, "rb", closefd=False) as file:
            for line in file:
                number, code = map(int, line.split())
                step = self._steps[number]
                if step.optional:
                    notes.append(step.why(code))
                else:
                    failure = step.why(code)
        return failure, [note for note in notes if note]

    @property
    def namespace(self) -> int | None:
        """In the parent, after the exec: the mount namespace that was made for it, which the caller closes."""
        return None if self._mounts is None else self._mounts.made()

    def close(self) -> None:
        """Close what is open."""
        if self._mounts is not None:
            self._mounts.close()
        for fd in (self._reader, self._writer, self._procs):
            if fd is not None and fd >= 0:
                os.close(fd)
        self._reader = self._writer = -1
        self._procs = None

    # ---- the steps, in an order that the kernel allows

    def _all_steps(
        self, limits: ProcessLimits, account: Account | None, directory: str | None, cgroup: str | None
    ) -> Iterator[Step]:
        if cgroup is not None:
            yield self._join(cgroup)
        if limits.oom_score_adj is not None:
            yield _oom(*limits.oom_score_adj)
        if self._mounts is not None:
            yield from self._mounts.steps()
        if self._first is not None:
            yield Step(partial(os.chdir, self._first), partial(_why_not_seen, self._view, self._first))
        late = [one for one in limits.rlimits if one.name in _LATE and _is_lowered(one)]
        for one in limits.rlimits:
            if one not in late:
                yield _rlimit(one)
        if limits.nice is not None:
            yield _nice(*limits.nice)
        if limits.ionice is not None:
            yield _ionice(*limits.ionice)
        if limits.cpus is not None:
            yield self._affinity(*limits.cpus)
        uid = os.geteuid() if account is None else account.uid
        given = None if limits.capabilities is None else self._capabilities(limits.capabilities)
        optional = limits.capabilities is not None and limits.capabilities.optional
        if given is not None:
            yield Step(bounder(given), partial(_why_not_bounded, given), optional)
            if account is not None and uid != 0 and given:
                yield Step(keeper(), partial(_why_not_bounded, given), optional)
        if account is not None:
            yield from _become(account)
        if directory is not None:
            why = partial(_why_not_seen, self._view) if self._view else _why_not_entered
            yield Step(partial(os.chdir, directory), partial(why, directory))
        if given is not None and uid != 0:
            yield Step(giver(given), partial(_why_not_given, given), optional)
        for one in late:
            yield _rlimit(one)
        if limits.no_new_privs:
            yield Step(privilege_stopper(), lambda code: f"cannot set no_new_privs: {os.strerror(code)}")

    def _join(self, cgroup: str) -> Step:
        path = f"{cgroup}/cgroup.procs"
        try:
            self._procs = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise CannotSpawn(f"cannot join the cgroup {cgroup}: {error.strerror}") from None
        return Step(
            partial(os.write, self._procs, b"0"), lambda code: f"cannot join the cgroup {cgroup}: {os.strerror(code)}"
        )

    def _affinity(self, cpus: tuple[int, ...], optional: bool) -> Step:
        text = missing_cpus(cpus)
        if text and not optional:
            raise CannotSpawn(text)
        if text:
            self._notes.append(text)
        wanted = frozenset(cpus) & frozenset(online_cpus()) if text else frozenset(cpus)
        if not wanted:
            return Step(lambda: None, lambda _: "", optional)

        def bind() -> None:
            os.sched_setaffinity(0, wanted)
            if os.sched_getaffinity(0) != wanted:  # the kernel leaves out what the cpuset of the cgroup lacks
                raise OSError(errno.ENODEV, "")

        def why(code: int) -> str:
            reason = "the cpuset of its cgroup has not all of them" if code == errno.ENODEV else os.strerror(code)
            return f"cannot bind it to the processors {sorted(wanted)} (cpu_affinity): {reason}"

        return Step(bind, why, optional)

    def _capabilities(self, wanted: WantedCapabilities) -> frozenset[str]:
        have = bounding_set()
        named = wanted.among(have)
        missing = sorted(named - have)
        if missing:
            text = f"cannot give it {', '.join(missing).lower()} (capabilities): the master may not have that itself"
            if not wanted.optional:
                raise CannotSpawn(text)
            self._notes.append(text)
        return named & have


# ---- what each of them does, and why it may fail


def online_cpus() -> tuple[int, ...]:
    """The processors of this machine that are there."""
    with suppress(OSError, ValueError), open("/sys/devices/system/cpu/online", encoding="ascii") as file:
        found: list[int] = []
        for part in file.read().strip().split(","):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
        return tuple(found)
    return tuple(range(os.cpu_count() or 1))


def missing_cpus(cpus: tuple[int, ...]) -> str:
    """Says which of these are not there; "" if all are."""
    there = online_cpus()
    missing = [str(cpu) for cpu in cpus if cpu not in there]
    if not missing:
        return ""
    what = "are no processors" if len(missing) > 1 else "is no processor"
    known = f"0-{there[-1]}" if there == tuple(range(len(there))) and len(there) > 1 else ",".join(map(str, there))
    return f"there {what} {', '.join(missing)} here (cpu_affinity): the machine has {known}"


def io_priority(ionice: tuple[IoClass, int, bool]) -> int:
    """As the kernel has it."""
    return _CLASSES[ionice[0]] << _CLASS_SHIFT | ionice[1]


def io_priority_setter(priority: int) -> Callable[[int], object]:
    """Sets it for a process or thread, 0 the calling one; raises OSError where the number of the call is not known."""
    number = _IOPRIO_SET.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    syscall = function("syscall")
    return lambda pid: syscall(number, _PROCESS, pid, priority)


def own_io_priority() -> int:
    """That of this process; 0: none was set."""
    number = _IOPRIO_SET.get(os.uname().machine)
    return 0 if number is None else function("syscall")(number + 1, _PROCESS, 0)


def why_no_rlimit(one: Rlimit, code: int = errno.EPERM) -> str:
    """Why it cannot be set, with both numbers."""
    _, hard = resource.getrlimit(one.number)
    raises = hard != UNLIMITED and (one.hard == UNLIMITED or one.hard > hard)
    if code == errno.EPERM and raises and not is_effective("SYS_RESOURCE"):
        return (
            f"cannot set {one}: the master's hard limit is {hard}, and only root (CAP_SYS_RESOURCE) may raise it: "
            "lower this one, or raise that of the master"
        )
    if code == errno.EPERM and one.name == "nofile" and (one.hard == UNLIMITED or one.hard > _nr_open()):
        return f"cannot set {one}: the kernel allows {_nr_open()} at most (fs.nr_open): lower it, or raise that"
    if code == errno.EPERM:
        return f"cannot set {one}: only root (CAP_SYS_RESOURCE) may raise a hard limit that was lowered"
    return f"cannot set {one}: {os.strerror(code)}; the master has {_shown(hard)}"


def is_raised(one: Rlimit) -> bool:
    """Whether the master's own hard limit is below it."""
    _, hard = resource.getrlimit(one.number)
    return hard != UNLIMITED and (one.hard == UNLIMITED or one.hard > hard)


def _is_lowered(one: Rlimit) -> bool:
    return not is_raised(one)


def _rlimit(one: Rlimit) -> Step:
    return Step(
        partial(resource.setrlimit, one.number, (one.soft, one.hard)), partial(why_no_rlimit, one), one.optional
    )


def _nice(value: int, optional: bool) -> Step:
    return Step(partial(os.setpriority, os.PRIO_PROCESS, 0, value), partial(why_not_nice, value), optional)


def why_not_nice(value: int, code: int = errno.EACCES) -> str:
    """Why it cannot be set."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    if code in (errno.EPERM, errno.EACCES):
        return (
            f"cannot set nice = {value}: the master has {own}, and only root (CAP_SYS_NICE) may go below that: raise "
            "it, or set rlimit_nice"
        )
    return f"cannot set nice = {value}: {os.strerror(code)}"


def _ionice(name: IoClass, level: int, optional: bool) -> Step:
    shown = name if name == "idle" else f"{name}:{level}"

    def why(code: int) -> str:
        hint = ": only root (CAP_SYS_ADMIN, CAP_SYS_NICE) may have realtime" if code == errno.EPERM else ""
        return f"cannot set ionice = {shown}: {os.strerror(code)}{hint}"

    try:
        put = io_priority_setter(io_priority((name, level, optional)))
    except OSError as error:
        code = error.errno or errno.ENOSYS
        if not optional:
            raise CannotSpawn(why(code)) from None
        return Step(partial(_raise, code), why, optional)
    return Step(partial(put, 0), why, optional)


def _raise(code: int) -> None:
    raise OSError(code, "")


def _oom(value: int, optional: bool) -> Step:
    def put() -> None:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"%d" % value)
        finally:
            os.close(fd)

    return Step(put, partial(why_no_oom_score, value), optional)


def why_no_oom_score(value: int, code: int = errno.EACCES) -> str:
    """Why it cannot be set."""
    if code in (errno.EPERM, errno.EACCES):
        return (
            f"cannot set oom_score_adj = {value}: the master has {own_oom_score()}, and only root (CAP_SYS_RESOURCE) "
            "may go below that: raise it"
        )
    return f"cannot set oom_score_adj = {value}: {os.strerror(code)}"


def own_oom_score() -> int:
    """That of this process."""
    try:
        with open("/proc/self/oom_score_adj", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _become(account: Account) -> Iterator[Step]:
    def why(code: int) -> str:
        return f"couldn't setuid to {account.uid}: {os.strerror(code)}"

    if os.geteuid() == 0:
        yield Step(partial(os.setgroups, account.groups), why)
    yield Step(partial(os.setresgid, account.gid, account.gid, account.gid), why)
    yield Step(partial(os.setresuid, account.uid, account.uid, account.uid), why)


def _why_not_entered(directory: str, code: int) -> str:
    # Since it existed just now, that user probably may not enter it.
    reason = "permission denied" if code == errno.EACCES or os.path.isdir(directory) else "no such directory"
    return f"couldn't chdir to {directory}: {reason}"


def _why_not_seen(view: View, directory: str, code: int) -> str:
    return f"couldn't chdir to {directory}: {view.hiding(directory) or os.strerror(code).lower()}"


def _why_not_bounded(names: frozenset[str], code: int) -> str:
    if code == errno.EPERM:
        return (
            f"cannot limit it to {_listed(names)} (capabilities): only root (CAP_SETPCAP) may: start procman as root, "
            "or take capabilities out"
        )
    return f"cannot limit it to {_listed(names)} (capabilities): {os.strerror(code)}"


def _why_not_given(names: frozenset[str], code: int) -> str:
    reason = "the master has not all of that itself" if code == errno.EPERM else os.strerror(code)
    return f"cannot give it {_listed(names)} (capabilities): {reason}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)).lower() or "no capabilities"


def _shown(limit: int) -> str:
    return "unlimited" if limit == UNLIMITED else str(limit)


def _nr_open() -> int:
    with suppress(OSError, ValueError), open("/proc/sys/fs/nr_open", encoding="ascii") as file:
        return int(file.read())
    return 1 << 20
