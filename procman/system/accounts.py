"""Users, as the machine knows them: from its files, or from a directory service elsewhere, which may not answer."""

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
    """The account of that number, with all the groups it is in.

    Other threads go on meanwhile; for the groups the system asks each service that it knows, even for those that stand
    in its own files.

    Raises:
        KeyError: there is none.
    """
    record = pwd.getpwuid(uid)
    return Account(uid, record.pw_gid, groups_of(os.fsencode(record.pw_name), record.pw_gid))
