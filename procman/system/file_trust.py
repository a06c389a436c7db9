"""Whether a file or folder can be trusted, by its owner and mode: the one rule.

Trusted are root, the current user, and a user who has become root by sudo. The client uses this module on most calls,
so it imports only what is quick; `system.exposure` applies the rule to a whole path.
"""

import os
import stat


def trusted_users() -> frozenset[int]:
    """The trusted uids: see above."""
    uid = os.geteuid()
    by_sudo = os.environ.get("SUDO_UID", "") if uid == 0 else ""
    return frozenset({0, uid, *([int(by_sudo)] if by_sudo.isdecimal() else [])})


def trusted_owners() -> frozenset[int]:
    """The users whose directory a client trusts: its own user, root, and for root also the user of PID 1.

    In a container that is the user who runs it; on a host it is root. Another user could put a socket of their own in
    the place of a master that does not run.
    """
    owners = {0, os.geteuid()}
    if os.geteuid() == 0:
        try:
            # The owner of /proc/1 would be root even if PID 1 has changed its user since.
            with open("/proc/1/status", "rb") as file:
                owners.update(int(line.split()[2]) for line in file if line.startswith(b"Uid:"))
        except (OSError, ValueError, IndexError):
            pass  # no /proc, or one that hides other users' processes
    return frozenset(owners)


def is_open_to_others(found: os.stat_result, trusted: frozenset[int]) -> bool:
    """Whether an untrusted user may write it, by owner and mode only: members of groups are not looked up."""
    by_group = found.st_gid != 0 and found.st_mode & stat.S_IWGRP
    return bool(found.st_uid not in trusted or by_group or found.st_mode & stat.S_IWOTH)


def is_kept(above: os.stat_result, below: os.stat_result, trusted: frozenset[int]) -> bool:
    """Whether others cannot replace an entry of a folder although they may write there: it is sticky, like /tmp."""
    return bool(above.st_mode & stat.S_ISVTX and below.st_uid in trusted and above.st_uid in trusted)


def is_own_folder(path: str) -> bool:
    """Whether this user owns a folder and no other user may write in it."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def is_trusted_folder(path: str) -> bool:
    """Whether a client can trust the sockets in a folder: its owner could have made any of them."""
    try:
        return os.lstat(path).st_uid in trusted_owners() and os.access(path, os.R_OK)
    except OSError:
        return False
