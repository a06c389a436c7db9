"""Binds listening sockets: the master's own, before any child exists, and those that programs share.

A socket file without a listener is left over from a killed master, and is replaced; one with a listener belongs to a
running program.
"""

import contextlib
import errno
import fcntl
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from procman.errors import CannotListen
from procman.system.proc import look_at

# sizeof(sun_path) less the closing zero; https://man7.org/linux/man-pages/man7/unix.7.html
PATH_MAX = 107

# Wait for another master that binds in the same folder: half a second, before any child exists.
LOCK_TRIES = 50
LOCK_PAUSE = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a socket is for, and the words of its error messages."""

    option: str  # where its address is from
    rights: str = ""  # the options for a unix socket's owner and mode
    occupant: str = "another program is listening"  # what may have it already
    handed_on: bool = False  # whether children have it, which can outlive the process that opened it


_UNIX_SERVER = Purpose("file= in [unix_http_server]", "chown= and chmod=", "procman is already running")
_INET_SERVER = Purpose("port= in [inet_http_server]")


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """Where to bind, and which users may connect. `owner` is (uid, gid); -1 leaves one unchanged."""

    path: str
    mode: int = 0o700
    owner: tuple[int, int] | None = None


def listen_unix(address: UnixAddress, backlog: int = 128) -> socket.socket:
    """A listening socket at that path, non-blocking; raises CannotListen with the path and a way out."""
    with _alone_in(os.path.dirname(address.path) or "."):
        sock = open_unix(address, backlog, _UNIX_SERVER)
    sock.setblocking(False)
    return sock


def open_unix(address: UnixAddress, backlog: int, purpose: Purpose) -> socket.socket:
    """A listening socket at that path, blocking. Never waits; raises CannotListen with the path and a way out."""
    path = address.path
    if len(os.fsencode(path)) > PATH_MAX:
        raise CannotListen(
            f"cannot listen on {path}: the path has {len(os.fsencode(path))} bytes and a socket's may have {PATH_MAX}; "
            f"choose a shorter one with {purpose.option}"
        )
    _make_way(path, purpose)
    sock = _bind(path, purpose)
    try:
        give_rights(address, purpose)
        sock.listen(backlog)
    except (OSError, CannotListen):
        sock.close()
        remove_socket(path)
        raise
    return sock


def give_rights(address: UnixAddress, purpose: Purpose) -> None:
    """Give the socket's file its owner and its mode; raises CannotListen.

    The file is held open meanwhile: a user who may write in its folder could replace it by a link to another file.
    """
    try:
        fd = os.open(address.path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                raise CannotListen(
                    f"cannot give {address.path} its owner or mode: somebody has put another file there; choose a "
                    f"directory in which others may not write with {purpose.option}"
                )
            held = f"/proc/self/fd/{fd}"
            if address.owner is not None:
                os.chown(held, *address.owner)
            os.chmod(held, address.mode)
        finally:
            os.close(fd)
    except OSError as error:
        raise CannotListen(
            f"cannot give {address.path} its owner or mode: {error.strerror}; check {purpose.rights}"
        ) from None


@contextlib.contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """Keep another master from replacing a socket that is bound but does not listen yet.

    The folder itself is locked, so that no lock file is left. If it cannot be locked, or another program has locked it
    for longer than a start takes, continue without the lock.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield
        return
    try:
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(LOCK_PAUSE)
        yield
    finally:
        os.close(fd)


def _bind(path: str, purpose: Purpose) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The file must never have wider permissions than requested, not even for a moment.
    umask = os.umask(0o177)
    try:
        sock.bind(path)
    except OSError as error:
        sock.close()
        raise CannotListen(f"cannot listen on {path}: {_way_out(path, error, purpose)}") from None
    finally:
        os.umask(umask)
    return sock


def listen_tcp(host: str, port: int, backlog: int = 128) -> socket.socket:
    """A listening socket, non-blocking; an empty host is every interface. Raises CannotListen."""
    sock = open_tcp(host, port, backlog, _INET_SERVER)
    sock.setblocking(False)
    return sock


def open_tcp(host: str, port: int, backlog: int, purpose: Purpose, *, reuseport: bool = False) -> socket.socket:
    """A listening socket, blocking; an empty host is every interface. Raises CannotListen.

    With `reuseport` others of the same user may listen there, too. The C library looks up the name of a
    host, and waits for name servers if it is not in /etc/hosts.
    """
    shown = f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except (OSError, UnicodeError) as error:
        # A text that cannot be the name of a host raises no OSError.
        why = error.strerror if isinstance(error, OSError) else "that is no host name"
        raise CannotListen(f"cannot listen on {shown}: {why}; check {purpose.option}") from None
    # IPv4 first, as supervisor has it, unless the host is an IPv6 address.
    family, kind, protocol, _, where = min(found, key=lambda info: info[0] != socket.AF_INET)
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuseport:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(where)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        way_out = _TCP_WAYS_OUT.get(error.errno or 0, "check {option}").format(option=purpose.option)
        raise CannotListen(f"cannot listen on {shown}: {error.strerror}; {way_out}") from None
    return sock


_TCP_WAYS_OUT = {
    errno.EADDRINUSE: "stop the program that listens there, or choose another port",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address; check {option}",
    errno.EACCES: "low ports take root; choose one above 1023",
}


def identity_of(path: str) -> tuple[int, int] | None:
    """What distinguishes this file from another one with its name; None if there is no file."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def remove_socket(path: str) -> None:
    """Remove the file; that it does not exist is no error."""
    try:
        os.unlink(path)
    except OSError:
        pass


def lead_to(path: str, target: str) -> bool:
    """Make `path` a link to the socket `target`; False if a program already listens there, or if it fails."""
    with _alone_in(os.path.dirname(path)):
        try:
            if os.path.islink(path) and os.readlink(path) == target:
                return True
            if listener_pid(path) is not None:
                return False
            remove_socket(path)
            os.symlink(target, path)
        except OSError:
            return False
    return True


def remove_stale(folder: str) -> None:
    """Remove the sockets of a folder that have no listener any more, and links to them."""
    with _alone_in(folder), contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            is_ours = entry.is_symlink() or stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)
            if is_ours and entry.name.endswith(".sock") and listener_pid(entry.path) is None:
                remove_socket(entry.path)


def _make_way(path: str, purpose: Purpose) -> None:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotListen(
            f"cannot listen on {path}: there is a file that is no socket; move it away, or choose another path"
        )
    holder = listener_pid(path)
    if holder is not None and not (purpose.handed_on and _has_gone(holder)):
        pid = f" (pid {holder})" if holder else ""
        raise CannotListen(f"cannot listen on {path}: {purpose.occupant} there{pid}; stop it first")
    try:
        os.unlink(path)
    except OSError as error:
        raise CannotListen(f"cannot replace the stale socket {path}: {error.strerror}; remove it by hand") from None


def listener_pid(path: str) -> int | None:
    """The pid of the listener, 0 if it cannot be known, None if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A full backlog must not hold up the start; a program listens there, too.
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            return 0
        except PermissionError:
            return 0
        except OSError:
            return None
        pid, _, _ = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        return int(pid)


def _has_gone(pid: int) -> bool:
    """Whether the process that called listen(2) has ended; its children may still have the socket."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    # Not every PID 1 of a container reaps orphans.
    process = look_at(pid)
    return process is not None and process.ended


def _way_out(path: str, error: OSError, purpose: Purpose) -> str:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f"there is no directory {folder}; create it, or choose another path with {purpose.option}"
    if isinstance(error, PermissionError):
        return f"the directory {folder} is not writable; choose another path with {purpose.option}"
    return f"{error.strerror}"
