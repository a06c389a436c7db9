"""Changes the user of this process irrevocably."""

import os
import pwd

from procman.errors import ProcmanError


def drop_privileges(uid: int) -> bool:
    """Become that user with all its groups; False if the process has that user already. Raises ProcmanError."""
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
        os.setresgid(record.pw_gid, record.pw_gid, record.pw_gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise ProcmanError(f"cannot become user {record.pw_name}: {error.strerror}") from None
    _check_no_way_back()
    return True


def _check_no_way_back() -> None:
    """Raises if capabilities remain: with certain securebits(7) the kernel keeps them when the user changes."""
    try:
        os.setresuid(0, 0, 0)
    except PermissionError:
        return
    raise ProcmanError(
        "cannot give up root for good: the securebits of this environment keep capabilities across a change of user; "
        "clear them, or start procman as that user"
    )
