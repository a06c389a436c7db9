"""User accounts of the machine, from its files or from a directory service, which may not respond."""

import os
import pwd
from dataclasses import dataclass

from procman.system.libc import groups_of


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a process becomes."""

    uid: int
    gid: int
    groups: list[int]


def find_account(uid: int) -> Account:
    """The account with that uid, and all its groups.

    Other threads go on meanwhile; for the groups the system asks each service that it knows, even for those that stand
    in its own files.

    Raises:
        KeyError: there is none.
    """
    record = pwd.getpwuid(uid)
    return Account(uid, record.pw_gid, groups_of(os.fsencode(record.pw_name), record.pw_gid))


class LocalNames:
    """Account names by uid, from /etc/passwd only: a directory service might not respond, and nothing may wait here."""

    def __init__(self, path: str = "/etc/passwd") -> None:
        self._path = path
        self._read_at: int | None = None  # st_mtime_ns
        self._names: dict[int, str] = {}

    def name(self, uid: int) -> str:
        """The name; "" if the file has none."""
        try:
            changed = os.stat(self._path).st_mtime_ns
            if changed != self._read_at:
                self._names = self._read()
                self._read_at = changed
        except OSError:
            return ""
        return self._names.get(uid, "")

    def _read(self) -> dict[int, str]:
        with open(self._path, encoding="utf-8", errors="replace") as file:
            fields = [line.split(":") for line in file if ":" in line]
        # The first account of a number counts, as in getpwuid(3).
        numbered = [(rest[0], name) for name, _, *rest in fields if rest]
        return {int(uid): name for uid, name in reversed(numbered) if uid.isdecimal()}
