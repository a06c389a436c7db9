"""A cgroup for each started process, if the machine permits that: no process can leave its cgroup by itself.

Used only if cgroup v2 is mounted writable and delegated to us: in a container with a writable cgroup of its own, in a
unit with `Delegate=yes`, or as root on a machine without systemd. They group processes, so that `cgroup.kill` (Linux
5.14) ends them all at once, however fast they fork. Controllers are enabled for programs with limits only.

A process without limits is moved in after it was started, because `subprocess` offers no CLONE_INTO_CGROUP. What it
forks before that (about 0.1 ms; rarely 10, when the kernel lets all its processors pass a barrier first) stays outside,
so whoever kills a cgroup looks for the tag of `system.tree` as well.
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import errno
import itertools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from procman.system.cgroup_controllers import INIT, WRITABLE, NoCgroups, available, enable, move_back, why_missing
from procman.system.mounts import Mount, parse

if TYPE_CHECKING:
    from procman.system.cgroup_limits import CgroupLimits, Setting

_PREFIX = "procman-"
# Of a process's name in that of its cgroup, which may have 255 bytes and no slash.
_SHOWN = 80

# A cgroup that has one of these attributes with the value 1 was delegated by systemd; the second is for older versions,
# and for root.
# https://systemd.io/CGROUP_DELEGATION/
_DELEGATED = ("user.delegate", "trusted.delegate")


class Leaf:
    """The cgroup of one process and its descendants. None of its methods raises."""

    def __init__(self, path: str) -> None:
        """Made by `Cgroups.leaf`."""
        self.path = path

    def add(self, pid: int) -> str | None:
        """Move a process in that was just started; returns why that failed. A process that has ended is no failure."""
        try:
            self._write("cgroup.procs", b"%d" % pid)
        except ProcessLookupError:
            return None
        except OSError as error:
            return f"cannot move pid {pid} to {self.path}: {error.strerror}"
        return None

    def pids(self) -> tuple[int, ...]:
        """The processes in it and in cgroups below it, without zombies, in no particular order."""
        return tuple(pid for folder in _tree(self.path) for pid in _pids(folder))

    def kill(self) -> str | None:
        """Send SIGKILL to all of its processes; returns why that failed."""
        try:
            self._write("cgroup.kill", b"1")
        except OSError as error:
            return f"cannot kill the processes in {self.path}: {error.strerror}"
        return None

    def remove(self) -> bool:
        """Remove it; False while a process is in it."""
        _remove(self.path)
        return not os.path.exists(self.path)

    def _write(self, file: str, data: bytes) -> None:
        fd = os.open(f"{self.path}/{file}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)


class Cgroups:
    """A master's own cgroup, with a leaf for each process."""

    def __init__(self, path: str) -> None:
        """Made by `make_cgroups`."""
        self.path = path
        self._numbers = itertools.count(1)

    def leaf(self, name: str) -> Leaf:
        """A new leaf for the process of that name; raises NoCgroups."""
        while True:
            path = f"{self.path}/{next(self._numbers)}-{_shown(name)}"
            try:
                os.mkdir(path)
            except FileExistsError:
                continue  # of the image of this process before an upgrade
            except OSError as error:
                raise NoCgroups(f"cannot make the cgroup {path}: {error.strerror}") from None
            return Leaf(path)

    def limited_leaf(self, name: str, limits: "CgroupLimits") -> tuple[Leaf, list[str]]:
        """A new leaf with these limits, and those of them that were left out; raises NoCgroups."""
        from procman.system.cgroup_limits import put  # noqa: PLC0415 - for those that have any

        own = os.path.dirname(self.path)
        known = available(own)
        settings = limits.settings()
        needed = frozenset(one.controller for one in settings if not one.optional)
        missing = why_missing(own, needed, known)
        if not missing:
            enable(own, self.path, frozenset(one.controller for one in settings) & known)
            leaf = self.leaf(name)
            failed, left_out = put(leaf.path, [one for one in settings if one.controller in known])
            if not failed:
                return leaf, [*left_out, *_without(own, settings, known)]
            leaf.remove()
            missing = "; ".join(failed)
        raise NoCgroups(missing)

    def close(self) -> None:
        """Remove the empty leaves. The next master removes the others."""
        move_back(os.path.dirname(self.path), self.path)
        _remove(self.path)


def _without(own: str, settings: "list[Setting]", known: frozenset[str]) -> list[str]:
    """Those that are left out since their controller is missing, with the reason."""
    lost = [one for one in settings if one.controller not in known]
    if not lost:
        return []
    reason = why_missing(own, {one.controller for one in lost}, known)
    return [f"cannot set {', '.join(one.option for one in lost)}: {reason}"]


def leaf_of(pid: int, name: str) -> Leaf | None:
    """The leaf that a master has made for that process, which has this name; None if it is in no such."""
    try:
        cgroups, mounts = read_of(pid), read_own()[1]
    except OSError:
        return None
    folder = locate(cgroups, mounts)
    while folder not in (None, "", "/"):
        parent, number, shown = os.path.dirname(folder), *os.path.basename(folder).partition("-")[::2]
        if os.path.basename(parent).startswith(_PREFIX) and number.isdecimal() and shown == _shown(name):
            return Leaf(folder)
        folder = parent  # of a procman within it, or of another engine
    return None


def why_no_limits(controllers: frozenset[str]) -> str:
    """Why this process could not limit its programs by these controllers; "": nothing is known. It changes nothing."""
    try:
        own = _own_folder()
        text = why_missing(own, controllers, available(own)) if _is_ours(own) else _systemds(own)
    except NoCgroups as error:
        return str(error)
    if not text and (not os.access(own, os.W_OK) or os.statvfs(own).f_flag & os.ST_RDONLY):
        return f"the cgroup {own} is read-only for this process: {WRITABLE}"
    return text


def make_cgroups() -> Cgroups:
    """The cgroup in which this process may make leaves; raises NoCgroups with the reason."""
    own = _own_folder()
    if not _is_ours(own):
        raise NoCgroups(_systemds(own))
    _remove_stale(own)
    path = f"{own}/{_PREFIX}{os.getpid()}"
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise NoCgroups(f"the cgroup {own} is read-only for this process: {WRITABLE}") from None
        raise NoCgroups(f"no cgroups can be made in {own}: {error.strerror}") from None
    if not os.path.exists(f"{path}/cgroup.kill"):
        _remove(path)
        raise NoCgroups("this kernel has no cgroup.kill; it came with Linux 5.14")
    return Cgroups(path)


def _own_folder() -> str:
    try:
        cgroups, mounts = read_own()
    except OSError as error:
        raise NoCgroups(f"cannot look for cgroups: {error.strerror}") from None
    folder = locate(cgroups, mounts)
    if folder is None:
        raise NoCgroups("no cgroup v2 is mounted here that holds this process")
    parent, name = os.path.split(folder)
    if name == INIT and os.path.basename(parent).startswith(_PREFIX):
        return os.path.dirname(parent)  # this process has moved itself there before
    # With DelegateSubgroup= what was delegated is the one above.
    return parent if any(_attribute(parent, name) == b"1" for name in _DELEGATED) else folder


def _systemds(own: str) -> str:
    return f"the cgroup {own} is systemd's; set Delegate=yes in the unit to have processes killed and limited by it"


def _shown(name: str) -> str:
    """As much of a process's name as that of its cgroup has."""
    shown = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in name)
    return shown[:_SHOWN]


def read_of(pid: int) -> str:
    """The /proc/PID/cgroup of a process; raises OSError."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def read_own() -> tuple[str, str]:
    """Our own /proc/PID/cgroup and mountinfo; raises OSError."""
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        cgroups = file.read()
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return cgroups, file.read()


def locate(cgroups: str, mounts: str, controller: str | None = None) -> str | None:
    """The folder of a process's cgroup, from its /proc/PID/cgroup and mountinfo: of version 2, or of a controller."""
    own = next(
        (path for names, path in _memberships(cgroups) if (controller in names if controller else not names)), None
    )
    if own is None:
        return None
    for mount in parse(mounts):
        # In a container without a cgroup namespace the path is the host's, and the mount shows a part of that.
        inside = own == mount.root or own.startswith(mount.root.rstrip("/") + "/")
        if inside and _holds(mount, controller):
            return os.path.normpath(f"{mount.where}/{own[len(mount.root) :]}")
    return None


def _holds(mount: Mount, controller: str | None) -> bool:
    if controller is None:
        return mount.kind == "cgroup2"
    return mount.kind == "cgroup" and controller in mount.options.split(",")


def _memberships(cgroups: str) -> Iterator[tuple[list[str], str]]:
    """The controllers of each hierarchy, of version 2 none, and the path in it; see cgroups(7)."""
    for line in cgroups.splitlines():
        _, names, path = line.split(":", 2)
        yield list(filter(None, names.split(","))), path


def _is_ours(folder: str) -> bool:
    """Whether no other process manages it: only one may, and where systemd runs that is systemd."""
    if not os.path.isdir("/run/systemd/system"):
        return True
    # With DelegateSubgroup= the processes of a unit are in a part of what was delegated.
    return any(_attribute(path, name) == b"1" for path in (folder, os.path.dirname(folder)) for name in _DELEGATED)


def _attribute(path: str, name: str) -> bytes:
    try:
        return os.getxattr(path, name)
    except OSError:
        return b""


def _remove_stale(own: str) -> None:
    """Remove what killed masters have left behind."""
    for name in _folders(own):
        number = name.removeprefix(_PREFIX)
        if name.startswith(_PREFIX) and number.isdecimal() and not _runs(int(number)):
            _remove(f"{own}/{name}")


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        # This process has not made one yet, so the leaf is that of an earlier one.
        return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True


def _remove(path: str) -> None:
    """Remove it with all cgroups below it; those with processes remain."""
    for folder in reversed(_tree(path)):
        try:
            os.rmdir(folder)
        except OSError:
            pass


def _pids(folder: str) -> list[int]:
    try:
        with open(f"{folder}/cgroup.procs", encoding="ascii") as file:
            # Those of another pid namespace have the number 0.
            return [pid for pid in map(int, file) if pid]
    except OSError:
        return []


def _tree(path: str) -> list[str]:
    """A cgroup and all below it, parents first."""
    return [folder for folder, _, _ in os.walk(path)]


def _folders(path: str) -> list[str]:
    return next(os.walk(path), ("", [], []))[1]
