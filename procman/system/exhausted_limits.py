"""Which limit has kept a process from being started: of processes, memory, descriptors, disk. Each as a sentence.

Counting the processes of a user reads all of /proc (20 ms for 1,000 processes): not for the loop.
"""

import os
import resource
from contextlib import suppress

from procman.system.accounts import Account
from procman.system.cgroup import locate, read_own
from procman.system.mounts import mounts
from procman.system.proc import CannotLook, all_pids, command_line

# MAX_ARG_STRLEN of the kernel: 32 pages.
LONGEST_ARGUMENT = 128 * 1024
_O_ACCMODE = os.O_ACCMODE
_MOST_WRITERS = 3
# A file system with less than this is as good as full, in bytes.
_NO_ROOM = 64 * 1024
# File systems of this machine that programs write to; one of another machine might not answer.
_WRITTEN = ("tmpfs", "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "vfat", "exfat", "overlay")


def processes(account: Account | None, own: int | None = None) -> str:
    """Of processes and threads: of the cgroup, of the user, of the machine; `own` is the program's rlimit_nproc."""
    full = _full_cgroup()
    if full is not None:
        limit, where = full
        return f"the limit of {limit:,} processes and threads of {where} is reached (pids.max): raise it, or run fewer"
    uid = os.geteuid() if account is None else account.uid
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0] if own is None else own
    if uid != 0 and soft != resource.RLIM_INFINITY:
        count = _count(uid)
        if own is not None:  # what it has started may have ended with it
            return (
                f"user {uid} may have {soft:,} processes and threads in all, and has {count:,} now: raise rlimit_nproc="
            )
        if count >= soft:
            return (
                f"user {uid} has {count:,} processes and threads, and may have {soft:,} (RLIMIT_NPROC): "
                "raise minprocs=, or the limit of the master (ulimit -u, LimitNPROC=)"
            )
    for name in ("threads-max", "pid_max"):
        most = _number(f"/proc/sys/kernel/{name}")
        if most is not None and _count(None) >= most * 0.98:
            return f"the machine has as many processes and threads as it may, {most:,} (kernel.{name}): raise that"
    return "a limit of processes was reached for a moment: of the user (RLIMIT_NPROC), or of a cgroup (pids.max)"


def memory() -> str:
    """Without room for the copy of the master that a start as another user takes."""
    if _number("/proc/sys/vm/overcommit_memory") == 2:  # noqa: PLR2004 - "do not overcommit"
        return "the kernel promises no more memory than there is (vm.overcommit_memory is 2): free some, or set it to 0"
    return "the kernel had no memory for one more process: free some, or raise the limit of the container"


def descriptors() -> str:
    """Of the master, or of the machine."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/sys/fs/file-nr", encoding="ascii") as file:
            used, _, most = map(int, file.read().split())
        if used >= most:
            return f"the machine has as many files open as it may, {most:,}: raise fs.file-max"
    count = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    room = f"up to {hard:,}" if hard != resource.RLIM_INFINITY else "freely"
    return f"the master has {count:,} descriptors open, and may have {soft:,}: raise minfds= ({room})"


def full_disks(paths: list[str]) -> list[str]:
    """Those on which an ordinary user finds no room, each with the place where it is mounted."""
    full = {}
    for path in paths:
        with suppress(OSError):
            found = os.statvfs(path)
            if found.f_blocks and found.f_bavail * found.f_frsize < _NO_ROOM:
                full[found.f_fsid, _mount_point(path)] = path
            elif found.f_files and not found.f_favail:
                full[found.f_fsid, f"{_mount_point(path)} (no inodes)"] = path
    return [where for _, where in full]


def full_mounts() -> list[str]:
    """As `full_disks`, of all file systems of this machine that are mounted for writing."""
    written = [mount.where for mount in mounts() if mount.kind in _WRITTEN and "ro" not in mount.options.split(",")]
    return full_disks(written)


def writers_of(file: str) -> str:
    """Which processes have it open for writing, for example "pid 7 (cp)"; "": none that may be seen."""
    try:
        wanted = os.stat(file)
        pids = all_pids()
    except (OSError, CannotLook):
        return ""
    found = []
    for pid in pids:
        with suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                held = os.stat(f"/proc/{pid}/fd/{number}")
                if (held.st_dev, held.st_ino) == (wanted.st_dev, wanted.st_ino) and _writes(pid, number):
                    found.append(f"pid {pid} ({command_line(pid)})")
                    break
        if len(found) == _MOST_WRITERS:
            break
    return ", ".join(found)


def _writes(pid: int, number: str) -> bool:
    with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
        flags = next((int(line.split()[1], 8) for line in file if line.startswith("flags:")), 0)
    return flags & _O_ACCMODE != os.O_RDONLY


def _full_cgroup() -> tuple[int, str] | None:
    """The limit that is reached, and whose it is."""
    try:
        cgroups, mounts = read_own()
    except OSError:
        return None
    for controller in ("pids", None):
        folder = locate(cgroups, mounts, controller)
        while folder not in (None, "/"):
            most, now = _number(f"{folder}/pids.max"), _number(f"{folder}/pids.current")
            if most is not None and now is not None and now >= most:
                return most, f"the cgroup {folder}"
            folder = os.path.dirname(folder or "/")
            if not os.path.exists(f"{folder}/cgroup.procs"):
                break
    return None


def _count(uid: int | None) -> int:
    """Processes and threads, of one user or of all."""
    try:
        pids = all_pids()
    except CannotLook:
        return 0
    count = 0
    for pid in pids:
        with suppress(OSError):
            if uid is None or os.stat(f"/proc/{pid}").st_uid == uid:
                count += len(os.listdir(f"/proc/{pid}/task"))
    return count


def _number(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None  # "max", too


def _mount_point(path: str) -> str:
    where = os.path.realpath(path)
    while not os.path.ismount(where):
        where = os.path.dirname(where)
    return where
