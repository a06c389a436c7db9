"""Changes the limits of processes that run: prlimit(2) and the rest, for each process and thread.

A process that has changed such a limit of its own keeps that; what it has started, and was left as it was, is changed
with it. Nothing here waits.
"""

import errno
import os
import resource
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from procman.system.process_limits import (
    ProcessLimits,
    Rlimit,
    io_priority,
    io_priority_setter,
    missing_cpus,
    own_io_priority,
    own_oom_score,
    why_no_oom_score,
    why_no_rlimit,
    why_not_nice,
)


def change(pids: Iterable[int], before: ProcessLimits, after: ProcessLimits) -> list[str]:
    """Go from one to the other; the first pid is the process itself, which has to have what is new.

    What is not set any more is as this process has it. Returns why something could not be changed; an end is
    no failure. Capabilities and no_new_privs stay as they are.
    """
    everybody = list(pids)
    failures: list[str] = []
    for do in (_rlimits, _nice, _ionice, _oom, _cpus):
        for text in do(everybody, before, after):
            if text not in failures:
                failures.append(text)
    return failures


def _rlimits(pids: list[int], before: ProcessLimits, after: ProcessLimits) -> Iterator[str]:
    old = {one.name: one for one in before.rlimits}
    new = {one.name: one for one in after.rlimits}
    for name in dict.fromkeys((*old, *new)):
        was, wanted = old.get(name), new.get(name)
        if was is not None and wanted is not None and (was.soft, was.hard) == (wanted.soft, wanted.hard):
            continue
        number = (wanted or was or new[name]).number
        inherited = resource.getrlimit(number)
        values = inherited if wanted is None else (wanted.soft, wanted.hard)
        had = inherited if was is None else (was.soft, was.hard)
        for pid in pids:
            try:
                if pid == pids[0] or resource.prlimit(pid, number) == had:
                    resource.prlimit(pid, number, values)
            except ProcessLookupError:
                continue
            except (OSError, ValueError) as error:
                code = error.errno if isinstance(error, OSError) else None
                one = wanted or Rlimit(name, *values)
                if code == errno.EPERM and _is_anothers(pid):
                    yield (
                        f"cannot set {one} before its next start: it has another user, and without CAP_SYS_RESOURCE "
                        "not even root may change limits of its processes"
                    )
                else:
                    yield why_no_rlimit(one) if code is None else why_no_rlimit(one, code)


def _is_anothers(pid: int) -> bool:
    """Whether this process may not even look at limits of that one."""
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE)
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def _nice(pids: list[int], before: ProcessLimits, after: ProcessLimits) -> Iterator[str]:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    old, new = _number(before.nice, own), _number(after.nice, own)
    if old != new:
        yield from _each_thread(
            pids,
            lambda thread: os.getpriority(os.PRIO_PROCESS, thread) == old,
            lambda thread: os.setpriority(os.PRIO_PROCESS, thread, new),
            lambda code: why_not_nice(new, code),
        )


def _ionice(pids: list[int], before: ProcessLimits, after: ProcessLimits) -> Iterator[str]:
    if before.ionice == after.ionice:
        return
    try:
        put = io_priority_setter(own_io_priority() if after.ionice is None else io_priority(after.ionice))
    except OSError as error:
        yield f"cannot change ionice: {error.strerror}"
        return
    yield from _each_thread(pids, lambda _: True, put, lambda code: f"cannot change ionice: {os.strerror(code)}")


def _cpus(pids: list[int], before: ProcessLimits, after: ProcessLimits) -> Iterator[str]:
    own = os.sched_getaffinity(0)
    old = own if before.cpus is None else set(before.cpus[0])
    new = own if after.cpus is None else set(after.cpus[0])
    if old == new:
        return
    if after.cpus is not None and (text := missing_cpus(after.cpus[0])):
        yield text
    yield from _each_thread(
        pids,
        lambda thread: os.sched_getaffinity(thread) == old,
        lambda thread: os.sched_setaffinity(thread, new),
        lambda code: f"cannot change cpu_affinity: {os.strerror(code)}",
    )


def _oom(pids: list[int], before: ProcessLimits, after: ProcessLimits) -> Iterator[str]:
    own = own_oom_score()
    old, new = _number(before.oom_score_adj, own), _number(after.oom_score_adj, own)
    if old == new:
        return
    for pid in pids:
        path = f"/proc/{pid}/oom_score_adj"
        try:
            with open(path, encoding="ascii") as file:
                had = int(file.read())
            if pid == pids[0] or had == old:
                with open(path, "w", encoding="ascii") as file:
                    file.write(str(new))
        except (FileNotFoundError, ProcessLookupError):
            continue
        except OSError as error:
            yield why_no_oom_score(new, error.errno or 0)


def _each_thread(
    pids: list[int],
    is_as_before: Callable[[int], bool],
    put: Callable[[int], object],
    why: Callable[[int], str],
) -> Iterator[str]:
    """Of the process itself, and of what it has started as far as that is as it was."""
    for pid in pids:
        for thread in _threads(pid):
            try:
                if pid == pids[0] or is_as_before(thread):
                    put(thread)
            except ProcessLookupError:
                continue
            except OSError as error:
                yield why(error.errno or 0)


def _threads(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    return [pid]


def _number(value: tuple[int, bool] | None, own: int) -> int:
    return own if value is None else value[0]
