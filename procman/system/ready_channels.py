"""The ways in which a program says that it is ready: a datagram socket of its own, and a pipe.

Whoever can write to the socket speaks for the program: it has the mode 0600 and belongs to the program's user, and the
kernel says of each message which user has sent it. So also a child of a shell may speak, and one that has ended.
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import array
import errno
import fcntl
import os
import socket
import struct
from contextlib import suppress

from procman.system.accounts import Account

LONGEST_MESSAGE = 4096
_PREFIX = "procman-notify-"
_MOST_FDS = 64
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid
# From the kernel's include/linux/socket.h; not in Python's `socket` everywhere.
_SO_PASSCRED = 16
_SCM_CREDENTIALS = 2


def make_folder() -> tuple[str, int]:
    """A folder that all may enter and none may list, for the sockets of one master; raises OSError.

    Also returns a descriptor of it, with a lock that tells others that its master lives. Folders of masters that were
    killed are removed.
    """
    place = _place()
    remove_left_folders(place)
    while True:
        folder = os.path.join(place, f"{_PREFIX}{os.urandom(6).hex()}")
        os.mkdir(folder, 0o700)
        try:
            lock = _lock(folder)
        except FileNotFoundError:
            continue  # another master took it for one that was left
        os.chmod(folder, 0o711)  # noqa: S103 - programs of other users have to reach their own sockets in it
        return folder, lock


def remove_left_folders(place: str | None = None) -> None:
    """Remove folders of masters of this user that live no more, as far as that is possible."""
    place = _place() if place is None else place
    with suppress(OSError), os.scandir(place) as entries:
        found = [
            entry.path for entry in entries if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False)
        ]
        for folder in found:
            with suppress(OSError):
                lock = _lock(folder)
                try:
                    for name in os.listdir(lock):
                        os.unlink(name, dir_fd=lock)
                    os.rmdir(folder)
                finally:
                    os.close(lock)


def _lock(folder: str) -> int:
    """A descriptor of the folder with the lock; raises OSError if it is held, gone, or of another user."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(lock).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), folder)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It may have been removed in between.
        os.stat(folder, follow_symlinks=False)
    except OSError:
        os.close(lock)
        raise
    return lock


def _place() -> str:
    return "/run" if os.access("/run", os.W_OK) else os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - a new folder in it


def open_socket(path: str, account: Account | None) -> socket.socket:
    """A socket in that place, for messages of that user; raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        umask = os.umask(0o177)
        try:
            sock.bind(path)
        finally:
            os.umask(umask)
        if account is not None:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    except OSError:
        sock.close()
        raise
    return sock


def receive(sock: socket.socket) -> tuple[int | None, bytes] | None:
    """The user that has sent the next message, and the message; None if there is none.

    Descriptors that come with it are closed, so that a sender that waits for that (BARRIER=1) goes on.
    """
    room = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(_MOST_FDS * array.array("i").itemsize)
    try:
        data, ancillary, flags, _ = sock.recvmsg(LONGEST_MESSAGE, room, socket.MSG_CMSG_CLOEXEC)
    except (BlockingIOError, InterruptedError):
        return None
    uid = None
    for level, kind, content in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == socket.SCM_RIGHTS:
            fds = array.array("i")
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
            for fd in fds:
                with suppress(OSError):
                    os.close(fd)
        elif kind == _SCM_CREDENTIALS and len(content) >= _CREDENTIALS.size:
            uid = _CREDENTIALS.unpack_from(content)[1]
    return uid, b"" if flags & socket.MSG_TRUNC else data
