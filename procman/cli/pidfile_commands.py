"""`procman stop`, `reload` and `status --pidfile FILE`: a master asked by its pid file, which takes no socket.

Only the process that holds the lock on that file is ever signalled, through a pidfd, so that a pid that was given to
somebody else meanwhile harms nobody.
"""

import select
import signal

from procman.config.schema.kinds import DURATION
from procman.config.schema.options import Unfit
from procman.errors import BadRequest, ProcmanError
from procman.system.pidfile_owner import Holder, NotRunning, find_holder

OK = 0
FAILED = 1
NOT_THERE = 3  # as an init script's `status` has it (LSB)


def stop(given: dict[str, str]) -> int:
    """SIGTERM, and wait until it has ended; 0 when it has, or was not there."""
    timeout = _timeout(given)
    try:
        holder = find_holder(_file(given))
    except NotRunning as nobody:
        print(nobody)
        return OK
    with holder:
        _send(holder, signal.SIGTERM)
        ended = select.poll()
        ended.register(holder, select.POLLIN)
        if not ended.poll(None if timeout is None else timeout * 1000):
            print(f"pid {holder.pid} has SIGTERM, and has not ended within {timeout:g} s; it is still stopping")
            return FAILED
        print(f"pid {holder.pid} has ended")
        return OK


def reload(given: dict[str, str]) -> int:
    """SIGHUP: stop all programs, read the file again, start them."""
    with find_holder(_file(given)) as holder:
        _send(holder, signal.SIGHUP)
        print(f"pid {holder.pid} is reloading")
    return OK


def status(given: dict[str, str]) -> int:
    """Who runs; 3 where nobody does."""
    try:
        with find_holder(_file(given)) as holder:
            print(f"pid {holder.pid} is running ({holder.command})")
    except NotRunning as nobody:
        print(nobody)
        return NOT_THERE
    return OK


def _file(given: dict[str, str]) -> str:
    if "pidfile" not in given:
        raise BadRequest("there is no --pidfile FILE to find the master by; procmanctl asks it by its socket")
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
        raise ProcmanError(f"{refusal}; do it as the user that it runs as, or as root")
