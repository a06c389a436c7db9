"""Becoming another user, once and for all."""

import os
import pwd

from procman.errors import ProcmanError


def drop_privileges(uid: int) -> bool:
    """Become that user with all its groups; False where the master is that user already. Raises ProcmanError."""
    if uid == os.getuid():
        return False
    if os.getuid() != 0:
        raise ProcmanError(f"cannot become user {uid}: only root can; leave user= out, or start procman as root")
    try:
        record = pwd.getpwuid(uid)
    except KeyError:
        raise ProcmanError(f"cannot become user {uid}: there is no such user; check user=") from None
    try:
        os.initgroups(record.pw_name, record.pw_gid)
        os.setgid(record.pw_gid)
        os.setuid(uid)
    except OSError as error:
        raise ProcmanError(f"cannot become user {record.pw_name}: {error.strerror}") from None
    return True
