"""Which part of a path is missing, or closed to a user: "permission denied" alone does not say.

Goes by owner, group and mode; access control lists and security modules may say otherwise. It asks the disk, and so
waits where that hangs: not for the loop.
"""

import os
import stat
from dataclasses import dataclass
from enum import Enum
from errno import ELOOP

from procman.system.accounts import Account

MOST_LINKS = 8


class Obstacle(Enum):
    """What is the matter with one part of a path."""

    MISSING = "missing"
    DANGLING = "dangling"  # a link to something that is not there
    NOT_A_DIRECTORY = "not a directory"
    CLOSED = "closed"  # a directory that the user may not enter
    LOOP = "loop"  # links lead around in a circle


@dataclass(frozen=True, slots=True)
class Blocked:
    """The first part of a path that does not let the user on."""

    path: str
    obstacle: Obstacle
    sentence: str


def where_blocked(path: str, account: Account | None = None, links: int = MOST_LINKS) -> Blocked | None:
    """Follow an absolute path from the root; None: all its directories let the user on, and something is there.

    `account` is the user, None: this process's own; so many broken `links` are followed to where they lead.
    """
    here = "/"
    if (blocked := _closed(here, account)) is not None:
        return blocked
    parts = [part for part in path.split("/") if part not in ("", ".")]
    for number, part in enumerate(parts):
        here = os.path.join(here, part)
        last = number == len(parts) - 1
        try:
            mode = os.stat(here).st_mode
        except OSError as error:
            return _unreachable(here, error, account, links)
        if not stat.S_ISDIR(mode):
            return None if last else Blocked(here, Obstacle.NOT_A_DIRECTORY, f"{here} is not a directory")
        if not last and (blocked := _closed(here, account)) is not None:
            return blocked
    return None


def may(path: str, right: int, account: Account | None) -> bool:
    """Whether the user has a right (R_OK, W_OK, X_OK) to it; True where that cannot be told."""
    if account is None:
        return os.access(path, right, effective_ids=True)
    try:
        status = os.stat(path)
    except OSError:
        return True
    mode = status.st_mode
    if account.uid == 0:
        return right != os.X_OK or stat.S_ISDIR(mode) or bool(mode & 0o111)
    if account.uid == status.st_uid:
        return bool(mode >> 6 & right)
    if status.st_gid in (account.gid, *account.groups):
        return bool(mode >> 3 & right)
    return bool(mode & right)


def named(account: Account | None) -> str:
    """The user in a sentence."""
    return f"user {os.geteuid() if account is None else account.uid}"


def owner_and_mode(path: str) -> str:
    """For example "drwx------, of user 0 and group 0"."""
    try:
        status = os.stat(path)
    except OSError:
        return "of unknown mode"
    return f"{stat.filemode(status.st_mode)}, of user {status.st_uid} and group {status.st_gid}"


def _closed(directory: str, account: Account | None) -> Blocked | None:
    if may(directory, os.X_OK, account):
        return None
    text = f"{named(account)} may not enter the directory {directory} ({owner_and_mode(directory)}): chmod or chown it"
    return Blocked(directory, Obstacle.CLOSED, text)


def _unreachable(path: str, error: OSError, account: Account | None, links: int) -> Blocked:
    parent = os.path.dirname(path)
    try:
        target = os.readlink(path)
    except OSError:
        if isinstance(error, PermissionError):
            return Blocked(parent, Obstacle.CLOSED, f"{parent} may not be entered ({owner_and_mode(parent)})")
        return Blocked(path, Obstacle.MISSING, f"{path} does not exist")
    inner = where_blocked(os.path.join(parent, target), account, links - 1) if links and error.errno != ELOOP else None
    if inner is None:
        return Blocked(path, Obstacle.LOOP, f"{path} is a link to {target}, which leads nowhere: {error.strerror}")
    obstacle = Obstacle.DANGLING if inner.obstacle is Obstacle.MISSING else inner.obstacle
    return Blocked(path, obstacle, f"{path} is a link to {target}; {inner.sentence}")
