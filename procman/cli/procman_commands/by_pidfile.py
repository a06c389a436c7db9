"""`procman stop`, `reload` and `status --pidfile FILE`: signals to a master, without its control socket.

Only the process that holds the lock on that file is signalled, through a pidfd, so a reused pid is never hit.
"""

import select
import signal

from procman.config.schema.kinds import DURATION
from procman.config.schema.options import Unfit
from procman.errors import BadRequest, ProcmanError
from procman.system.pidfile_owner import Holder, NotRunning, find_holder

OK = 0
FAILED = 1
NOT_THERE = 3  # the status that LSB init scripts use


def stop(given: dict[str, str]) -> int:
    """Send SIGTERM, and wait until it has ended; 0 if it has, or if it was not running."""
    timeout = _timeout(given)
    try:
        holder = find_holder(_file(given))
    except NotRunning as reason:
        print(reason)
        return OK
    with holder:
        _send(holder, signal.SIGTERM)
        ended = select.poll()
        ended.register(holder, select.POLLIN)
        if not ended.poll(None if timeout is None else timeout * 1000):
            print(f"pid {holder.pid} was sent SIGTERM, and has not ended within {timeout:g} s; it is still stopping")
            return FAILED
        print(f"pid {holder.pid} has ended")
        return OK


def reload(given: dict[str, str]) -> int:
    """Send SIGHUP: the master stops all programs, reads the file again, and starts them."""
    with find_holder(_file(given)) as holder:
        _send(holder, signal.SIGHUP)
        print(f"pid {holder.pid} is reloading")
    return OK


def status(given: dict[str, str]) -> int:
    """Report what runs; 3 if the master does not."""
    try:
        with find_holder(_file(given)) as holder:
            print(f"pid {holder.pid} is running ({holder.command})")
    except NotRunning as reason:
        print(reason)
        return NOT_THERE
    return OK


def _file(given: dict[str, str]) -> str:
    if "pidfile" not in given:
        raise BadRequest("--pidfile FILE is missing; procmanctl finds a master by its socket")
    return given["pidfile"]


def _timeout(given: dict[str, str]) -> float | None:
    if "timeout" not in given:
        return None
    try:
        return DURATION.accept(given["timeout"])
    except (Unfit, TypeError) as error:
        raise BadRequest(f"cannot read --timeout {given['timeout']!r}: {error}") from None


def _send(holder: Holder, number: int) -> None:
    refusal = holder.send(number)
    if refusal is not None:
        raise ProcmanError(f"{refusal}; try as the user that it runs as, or as root")
