"""Enables the controllers of cgroup v2 for the leaves of a master.

A cgroup that passes controllers on may hold no processes itself. So a master that is in such a cgroup first moves
itself, and all that it has started, into a leaf of its own beside those of its programs (`init`).
https://docs.kernel.org/admin-guide/cgroup-v2.html#no-internal-process-constraint
"""

import errno
import os
from collections.abc import Iterable

from procman.errors import ProcmanError
from procman.system.proc import CannotLook
from procman.system.tree import ProcSnapshot

INIT = "init"
"""The name of the leaf that holds the master."""

_MOST_NAMED = 3


class NoCgroups(ProcmanError):
    """Why no cgroups can be made here, or why they cannot limit anything."""


def available(folder: str) -> frozenset[str]:
    """The controllers that the cgroup may pass on; raises NoCgroups."""
    try:
        return frozenset(read(f"{folder}/cgroup.controllers").split())
    except OSError as error:
        raise NoCgroups(f"cannot read which controllers the cgroup {folder} has: {error.strerror}") from None


def why_missing(folder: str, wanted: Iterable[str], known: frozenset[str]) -> str:
    """Says which controllers are missing there; "" if none is."""
    missing = sorted(set(wanted) - known)
    if not missing:
        return ""
    has = f"it has {', '.join(sorted(known))}" if known else "it has none"
    s = "s" if len(missing) > 1 else ""
    reason = (
        "cgroup v1 uses that: boot with cgroup v2 alone (systemd.unified_cgroup_hierarchy=1)"
        if any(os.path.isdir(f"/sys/fs/cgroup/{name}") for name in missing)
        else "have it passed on (cgroup.subtree_control of the one above; Delegate= in a unit)"
    )
    return f"the cgroup {folder} does not have the controller{s} {', '.join(missing)} ({has}): {reason}"


def enable(own: str, path: str, wanted: frozenset[str]) -> None:
    """Pass these controllers on from `own`, the cgroup of this process, to the leaves in `path` below it.

    Raises NoCgroups with the reason.
    """
    text = why_missing(own, wanted, available(own))
    if text:
        raise NoCgroups(text)
    for folder in (own, path):
        todo = wanted - frozenset(_read_or_nothing(f"{folder}/cgroup.subtree_control").split())
        if not todo:
            continue
        if folder == own and os.path.exists(f"{own}/cgroup.type") and _read_or_nothing(f"{own}/cgroup.procs").strip():
            # Below the root, no process may stay beside the leaves: memory is refused then (EBUSY), and what the kernel
            # can share out by threads (cpu, pids) is taken, but makes leaves that take no controllers.
            _move_out(own, path)
            if _read_or_nothing(f"{own}/cgroup.procs").strip():
                raise NoCgroups(_why_busy(own))
        try:
            write(f"{folder}/cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(todo)))
        except OSError as error:
            raise NoCgroups(_why_busy(own) if error.errno == errno.EBUSY else why_not_written(folder, error)) from None


def move_back(own: str, path: str) -> None:
    """Undo `enable`, so that `path` can be removed when its leaves are empty."""
    if str(os.getpid()) not in _read_or_nothing(f"{path}/{INIT}/cgroup.procs").split():
        return
    for folder in (path, own):
        names = _read_or_nothing(f"{folder}/cgroup.subtree_control").split()
        try:
            if names:
                write(f"{folder}/cgroup.subtree_control", " ".join(f"-{name}" for name in names))
        except OSError:
            return  # a leaf is in use
    try:
        write(f"{own}/cgroup.procs", str(os.getpid()))
    except OSError:
        pass  # it has other cgroups, which use the controllers


def why_not_written(folder: str, error: OSError) -> str:
    """Why nothing can be changed in a cgroup."""
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"the cgroup {folder} is read-only for this process: {WRITABLE}"
    return f"cannot change the cgroup {folder}: {error.strerror}"


WRITABLE = (
    "run the container with a writable one (podman: --security-opt unmask=/sys/fs/cgroup; docker: --security-opt "
    "writable-cgroups=true; Kubernetes: cgroup_writable of containerd), or a unit with Delegate=yes"
)


def read(path: str) -> str:
    """One file of a cgroup; raises OSError."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def write(path: str, text: str) -> None:
    """One file of a cgroup, which has to be there; raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _move_out(own: str, path: str) -> None:
    """Move this process, and all that it has started, out of `own`; as PID 1 everything there is."""
    leaf = f"{path}/{INIT}"
    try:
        os.makedirs(leaf, exist_ok=True)
    except OSError as error:
        raise NoCgroups(why_not_written(own, error)) from None
    for pid in sorted(_in(own)):
        try:
            write(f"{leaf}/cgroup.procs", str(pid))
        except ProcessLookupError:
            continue  # it has ended
        except OSError as error:
            raise NoCgroups(f"cannot move pid {pid} to {leaf}: {error.strerror}") from None


def _in(own: str) -> set[int]:
    """Those of the processes in that cgroup that are ours."""
    pids = {int(pid) for pid in _read_or_nothing(f"{own}/cgroup.procs").split()} - {0}
    if os.getpid() == 1:
        return pids
    return pids & {os.getpid(), *_ours()}


def _ours() -> set[int]:
    try:
        look = ProcSnapshot()
        while not look.read():
            pass
    except CannotLook:
        return set()
    return {process.pid for process in look.descendants(os.getpid())}


def _why_busy(own: str) -> str:
    pids = _read_or_nothing(f"{own}/cgroup.procs").split()
    named = []
    for pid in pids[:_MOST_NAMED]:
        name = _read_or_nothing(f"/proc/{pid}/comm").strip()
        named.append(f"pid {pid} ({name})" if name else f"pid {pid}")
    more = f" and {len(pids) - _MOST_NAMED} more" if len(pids) > _MOST_NAMED else ""
    return (
        f"the cgroup {own} is busy: {', '.join(named) or 'a process'}{more} is in it, and is not procman's: start "
        "procman in a cgroup of its own, such as a unit with Delegate=yes, or systemd-run --scope -p Delegate=yes"
    )


def _read_or_nothing(path: str) -> str:
    try:
        return read(path)
    except OSError:
        return ""
