"""A view of the file system of its own for a program: a mount namespace, see mount_namespaces(7).

The steps are carried out in the child, as root, before it changes users. Its mounts are seen by nobody else. The kernel
removes them, and what is in a /tmp of its own, with the last process in the namespace. All commands of a run share one:
the first of them makes it and sends a descriptor of it to the master, the others enter it.
"""

import array
import errno
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from procman.system.child_steps import Step
from procman.system.libc import function

TMP = ("/tmp", "/var/tmp")  # noqa: S108 - what is mounted over
KERNELS_OWN = ("/dev", "/proc", "/sys")
"""Where no files are kept: read-only only if they are named."""

_CLONE_NEWNS = 0x20000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_BIND, _MS_REC, _MS_SLAVE = 4096, 16384, 1 << 19
# These have the same number on all machines; the C library may not have the functions.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_HERE = -100  # AT_FDCWD
_RECURSIVE = 0x8000
_CLONE = 1
_CLOEXEC = os.O_CLOEXEC
_FROM_EMPTY_PATH, _TO_SYMLINK = 0x4, 0x10
_ATTR_RDONLY, _ATTR_NODEV = 1, 4
# In the child, and never anybody's reason to fail.
_GONE = (errno.ENOENT, errno.ENOTDIR)


@dataclass(frozen=True, slots=True)
class Covered:
    """A path that is seen otherwise; `optional`: a best effort, left out without a word where it does not exist."""

    path: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is seen otherwise than by the master. What is inaccessible is so whatever else is said of it."""

    read_only: tuple[Covered, ...] = ()
    read_write: tuple[Covered, ...] = ()  # within what is read-only
    inaccessible: tuple[Covered, ...] = ()
    private_tmp: tuple[int | None, bool] | None = None  # the most bytes in each; whether it is a best effort

    def __bool__(self) -> bool:
        # Most programs have that very object, and each start asks.
        return self is not WHOLE and self != WHOLE

    @property
    def options(self) -> str:
        """Their names in a configuration."""
        pairs = (
            ("private_tmp", self.private_tmp),
            ("read_only_paths", self.read_only),
            ("read_write_paths", self.read_write),
            ("inaccessible_paths", self.inaccessible),
        )
        return ", ".join(name for name, value in pairs if value)

    @property
    def is_optional(self) -> bool:
        """Whether all of it is a best effort."""
        paths = (*self.read_only, *self.read_write, *self.inaccessible)
        return all(one.optional for one in paths) and (self.private_tmp is None or self.private_tmp[1])

    def hiding(self, path: str) -> str:
        """Says which option hides that path from the program; "": none does."""
        within = self.private_tmp is not None and os.path.normpath(path) not in TMP
        if within and any(_is_in(path, place) for place in TMP):
            return f"private_tmp hides {path} from it: use a place outside of /tmp and /var/tmp"
        for one in self.inaccessible:
            if _is_in(path, one.path):
                return f"inaccessible_paths hides {path} from it: use another place"
        return ""


WHOLE = View()
Pairs = Iterable[tuple[str, bool]]


def view_with(private_tmp: tuple[int, bool] | None, read_only: Pairs, read_write: Pairs, inaccessible: Pairs) -> View:
    """Of paths that may be a best effort; a private_tmp of less than 0 bytes has the kernel's limit."""
    return View(
        read_only=tuple(Covered(*pair) for pair in read_only),
        read_write=tuple(Covered(*pair) for pair in read_write),
        inaccessible=tuple(Covered(*pair) for pair in inaccessible),
        private_tmp=private_tmp and (private_tmp[0] if private_tmp[0] >= 0 else None, private_tmp[1]),
    )


class RunNamespace:
    """The mount namespace that all commands of a run share, once the first of them has made it."""

    def __init__(self, fd: int | None = None) -> None:
        """`fd`: a descriptor of it, if it is there already."""
        self.fd = fd

    def take(self, made: int | None) -> None:
        """A command has made it; of two at the same time, the first."""
        if self.fd is None:
            self.fd = made
        elif made is not None:
            os.close(made)

    def close(self) -> None:
        """The run is over: what is still in it keeps it."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class MountNamespace:
    """The steps that make one, or enter one that there is; `close` it in the parent in any case."""

    def __init__(self, view: View, joins: int | None) -> None:
        """`joins`: a descriptor of the namespace of this run, if there is one already."""
        self._view = view
        self._joins = joins
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._entered = False  # in the child

    def steps(self) -> Iterator[Step]:
        """In the order in which the child has to do them."""
        view = self._view
        if self._joins is not None:
            yield Step(partial(function("setns"), self._joins, _CLONE_NEWNS), partial(_why_not, view), view.is_optional)
            return
        yield self._enter()
        # What the machine mounts later is seen here, and what is mounted here nowhere else.
        yield self._step("make its mounts its own", "", _mount(None, "/", None, _MS_REC | _MS_SLAVE), optional=False)
        yield from self._covers()
        if view.private_tmp is not None:
            most, optional = view.private_tmp
            data = "mode=1777" if most is None else f"mode=1777,size={most}"
            for place in TMP:
                mount = _mount("tmpfs", place, "tmpfs", _MS_NOSUID | _MS_NODEV, data)
                yield self._step(f"give it a {place} of its own", "private_tmp", mount, optional=optional, missing=True)
        for one in view.inaccessible:
            yield self._on(one, "hide", "inaccessible_paths", _hide(one.path))

    def made(self) -> int | None:
        """In the parent, after the exec: a descriptor of the namespace that was made, once; None: there is none."""
        fds, flags = array.array("i"), socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
        try:
            # (socket.recv_fds takes no notice of the flags.)
            _, news, _, _ = self._ours.recvmsg(1, socket.CMSG_LEN(fds.itemsize), flags)
        except OSError:
            return None
        for _, _, data in news:
            fds.frombytes(data[: fds.itemsize])
        return fds[0] if fds else None

    def close(self) -> None:
        """What is still on its way is closed by the kernel."""
        self._ours.close()
        self._theirs.close()

    def _enter(self) -> Step:
        unshare, room = function("unshare"), array.array("i", [0])

        def enter() -> None:
            unshare(_CLONE_NEWNS)
            self._entered = True
            with suppress(OSError):  # without /proc, its commands have namespaces of their own
                room[0] = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
                self._theirs.sendmsg([b"n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, room)])
                os.close(room[0])

        return Step(enter, partial(_why_not, self._view), self._view.is_optional)

    def _covers(self) -> Iterator[Step]:
        """Those that are read-only, and within these those that are not: the outer ones first."""
        view = self._view
        whole = any(one.path == "/" for one in view.read_only)
        named = {one.path for one in (*view.read_only, *view.read_write)}
        spared = [Covered(path, optional=True) for path in KERNELS_OWN if whole and path not in named]
        kept: dict[str, int] = {}  # as they were before
        writable = (*spared, *view.read_write)
        for one in writable:
            yield self._on(one, "leave it writable", "read_write_paths", _keep(one.path, kept))
        covers = [(one.path, "make it read-only", "read_only_paths", one, _protect(one.path)) for one in view.read_only]
        covers += [
            (one.path, "leave it writable", "read_write_paths", one, _put_back(one.path, kept)) for one in writable
        ]
        for _, what, option, one, do in sorted(covers, key=lambda cover: cover[0]):
            yield self._on(one, what, option, do)

    def _on(self, one: Covered, what: str, option: str, do: Callable[[], object]) -> Step:
        return self._step(f"{what}: {one.path}", option, do, optional=one.optional, missing=one.optional)

    def _step(self, what: str, option: str, do: Callable[[], object], *, optional: bool, missing: bool = False) -> Step:
        """`missing`: nothing is to be said where the path does not exist."""

        def done() -> None:
            # What was not entered must not be changed: it is that of the machine.
            if self._entered:
                try:
                    do()
                except OSError as error:
                    if not missing or error.errno not in _GONE:
                        raise

        def why(code: int) -> str:
            named = f" ({option})" if option else ""
            return f"cannot {what}{named}: {_reason(code)}"

        return Step(done, why, optional)


def own_namespace_of(pid: int) -> int | None:
    """A descriptor of the mount namespace of a process; None if it is that of this process, or cannot be told."""
    try:
        fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    with suppress(OSError):
        ours, theirs = os.stat("/proc/self/ns/mnt"), os.fstat(fd)
        if (ours.st_dev, ours.st_ino) != (theirs.st_dev, theirs.st_ino):
            return fd
    os.close(fd)
    return None


# ---- what the steps do: everything is loaded before the fork


def _call(name: str, *arguments: int | str | bytes | None) -> Callable[[], int]:
    """A function of the C library with these; texts are passed by their address."""
    import ctypes  # noqa: PLC0415 - only for programs with such a view: see libc

    called = function(name)
    buffers = [
        ctypes.create_string_buffer(os.fsencode(one) if isinstance(one, str) else one)
        for one in arguments
        if isinstance(one, str | bytes)
    ]
    texts = iter(buffers)
    words = [
        ctypes.addressof(next(texts)) if isinstance(one, str | bytes) else 0 if one is None else one
        for one in arguments
    ]

    def call() -> int:
        assert buffers is not None  # they live as long as this function
        return called(*words)

    return call


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> Callable[[], int]:
    return _call("mount", source, target, kind, flags, data)


def _set(path: str, attributes: int) -> Callable[[], int]:
    """On the mount at that path, and on those below it: see mount_setattr(2)."""
    wanted = b"".join(one.to_bytes(8, sys.byteorder) for one in (attributes, 0, 0, 0))
    # The buffer has a byte more, as a text has.
    return _call("syscall", _MOUNT_SETATTR, _HERE, path, _RECURSIVE, wanted, len(wanted))


def _protect(path: str) -> Callable[[], object]:
    bind = _mount(path, path, None, _MS_BIND | _MS_REC)
    protect = _set(path, _ATTR_RDONLY)

    def do() -> None:
        if path != "/":  # which is a mount already, and cannot be covered
            bind()
        protect()

    return do


def _keep(path: str, kept: dict[str, int]) -> Callable[[], object]:
    clone = _call("syscall", _OPEN_TREE, _HERE, path, _CLONE | _CLOEXEC | _RECURSIVE)

    def do() -> None:
        kept[path] = clone()

    return do


def _put_back(path: str, kept: dict[str, int]) -> Callable[[], object]:
    import ctypes  # noqa: PLC0415 - see above

    move = function("syscall")
    empty, target = ctypes.create_string_buffer(b""), ctypes.create_string_buffer(os.fsencode(path))
    addresses = ctypes.addressof(empty), ctypes.addressof(target)

    def do() -> None:
        assert empty, target
        fd = kept.pop(path, None)
        if fd is not None:
            move(_MOVE_MOUNT, fd, addresses[0], _HERE, addresses[1], _FROM_EMPTY_PATH | _TO_SYMLINK)
            os.close(fd)

    return do


def _hide(path: str) -> Callable[[], object]:
    """A directory is covered by an empty one that nobody may enter, a file by a device that nobody can open."""
    empty = _mount("tmpfs", path, "tmpfs", _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "mode=000,size=4k")
    device = _mount("/dev/null", path, None, _MS_BIND)
    close = _set(path, _ATTR_RDONLY | _ATTR_NODEV)

    def do() -> None:
        if stat.S_ISDIR(os.stat(path).st_mode):
            empty()
        else:
            device()
            close()

    return do


# ---- why it may fail


def _why_not(view: View, code: int) -> str:
    what = f"cannot give it a file system view of its own ({view.options})"
    if code in (errno.EPERM, errno.EACCES):
        why = f"{what}: only root with CAP_SYS_ADMIN may, which a container usually lacks"
        if view.is_optional:
            return why
        return f"{why}: start procman as root, put a ? in front of each value, or have the container engine do it"
    if code == errno.ENOSPC:
        return f"{what}: the kernel allows no more mount namespaces (user.max_mnt_namespaces): raise that"
    return f"{what}: {os.strerror(code)}"


def _reason(code: int) -> str:
    match code:
        case errno.ENOSYS:
            return "this kernel is too old: it takes Linux 5.12"
        case errno.ENOENT | errno.ENOTDIR:
            return "there is no such path: make it, or put a ? in front to leave it out where it is missing"
        case errno.EPERM | errno.EACCES:
            return "the container, or a security module such as AppArmor, does not allow to mount: put a ? in front"
        case _:
            return os.strerror(code)


def _is_in(path: str, folder: str) -> bool:
    return (os.path.normpath(path) + "/").startswith(folder.rstrip("/") + "/")
