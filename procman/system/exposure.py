"""Finds whether another user could write or replace a file. Changes nothing."""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from procman.system.file_trust import is_kept, trusted_users

MOST_LINKS = 40  # as many as the kernel follows


@dataclass(frozen=True, slots=True)
class Exposure:
    """Another user may write it; `by_mode`: because of its mode, not only because of its owner."""

    path: str
    who: str
    by_mode: bool
    is_folder: bool

    def __str__(self) -> str:
        if self.is_folder:
            return f"{self.who} may put another file in its place, by way of {self.path}"
        return f"{self.who} may write it"


def exposure(path: str) -> Exposure | None:
    """How another user could change the content of the file; None if none could, or if there is no such file.

    The file and each folder and link on the way to it are checked. In a folder with the sticky bit (/tmp), only the
    owner of a file can replace it. Read-only mounts, such as a ConfigMap of Kubernetes, are ignored. Of several
    problems the worst is returned.
    """
    trusted = trusted_users()
    found = list(_exposures(path, trusted))
    return min(found, key=lambda one: not one.by_mode) if found else None


def whole_path(path: str) -> str:
    """The absolute path, without removing `..`: the folder above a link's target is not that of its name.

    An absolute path needs no current directory, which may have been removed.
    """
    return path if path.startswith("/") else os.path.join(os.getcwd(), path)


def way_to(path: str) -> Iterator[tuple[str, str]]:
    """Each folder on the way to a file, with the entry looked up in it; links are followed, the last is the file."""
    todo = whole_path(path).split("/")[::-1]
    folder, links = "/", 0
    while todo:
        name = todo.pop()
        if name in ("", "."):
            continue
        if name == "..":
            folder = os.path.dirname(folder)
            continue
        entry = os.path.join(folder, name)
        yield folder, entry
        try:
            target = os.readlink(entry)
        except OSError:
            folder = entry
            continue
        links += 1
        if links > MOST_LINKS:
            return
        folder = "/" if target.startswith("/") else folder
        todo += target.split("/")[::-1]


def _exposures(path: str, trusted: frozenset[int]) -> Iterator[Exposure]:
    entry = path
    try:
        for folder, entry in way_to(path):
            above, below = os.stat(folder), os.lstat(entry)
            who = _writer(above, folder, trusted)
            if who is not None and not is_kept(above, below, trusted) and not _is_read_only(folder):
                yield Exposure(folder, *who, is_folder=True)
        found = os.stat(entry)
        who = _writer(found, entry, trusted) if stat.S_ISREG(found.st_mode) else None
        if who is not None and not _is_read_only(entry):
            yield Exposure(entry, *who, is_folder=False)
    except (OSError, ValueError):
        return  # opening it reports why


def _writer(found: os.stat_result, path: str, trusted: frozenset[int]) -> tuple[str, bool] | None:
    """An untrusted user or group that may write it, and whether its mode is the reason."""
    if found.st_mode & stat.S_IWOTH:
        return "everybody", True
    if found.st_mode & stat.S_IWGRP and (_has_acl(path) or not _is_in_trusted_hands(found.st_gid, trusted)):
        return f"group {_group_name(found.st_gid)}", True
    if found.st_uid not in trusted:
        return f"its owner {_user_name(found.st_uid)}", False
    return None


def _is_in_trusted_hands(gid: int, trusted: frozenset[int]) -> bool:
    """Whether all members of a group are trusted: root's group (as in images for any user), private and empty ones."""
    if gid == 0:
        return True
    try:
        names = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        names = set()
    return all(user.pw_uid in trusted for user in pwd.getpwall() if user.pw_gid == gid or user.pw_name in names)


def _has_acl(path: str) -> bool:
    """Whether it has an ACL, whose rights show up as those of the group."""
    try:
        os.getxattr(path, "system.posix_acl_access")
    except OSError:
        return False
    return True


def _is_read_only(path: str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
