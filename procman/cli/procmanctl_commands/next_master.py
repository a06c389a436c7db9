"""An update whose master goes before it has answered: what becomes of it is asked of the next one.

An upgrade hands an update over, and the next master goes on with it. After a kill, it may have been carried out or not.
A master that restarts takes no update, and the next one does.
"""

from __future__ import annotations

import errno
import time

from procman.cli.progress import Line
from procman.cli.progress_text import rolling_line
from procman.cli.until_answered import AWAY_TEXT, EVERY, until_answered
from procman.client.api_client import ApiError, Unreachable, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from procman.api.shapes.configuration import Step
    from procman.api.shapes.master import OperationInfo
    from procman.cli.invocation import Invocation
    from procman.errors import ProcmanError

# A master that is upgraded resets a connection or two.
_MOST_RESETS = 3
_UNCONFIRMED = "the file has what is active, and nothing is rolled back any more: see procmanctl maintail"


def after_a_loss(
    invocation: Invocation, groups: Sequence[str], lost: Unreachable, *, confirms: bool
) -> dict[str, Any] | None:
    """The answer to an update of these groups, or of all, once it is over; None if it has not been carried out.

    Raises ApiError if it has failed as a whole, or `confirms` and nobody rolls it back any more.
    """
    _tell_of(invocation, lost)
    line = Line(moves=invocation.moves and not invocation.as_json)
    try:
        update, pending = _ended(invocation, line)
    finally:
        line.erase()
    if update is not None and update["state"] == "failed":
        raise ApiError(update["error"]["code"], update["error"]["message"], 409)
    steps: list[Step] = [] if update is None else update["steps"]
    if pending is not None:
        return {"steps": steps, "pending": pending}
    if update is None:
        query = f"?groups={','.join(map(quoted, groups))}" if groups else ""
        if invocation.client.call("GET", f"/v1/config/plan{query}")["changes"]:
            return None
        if confirms:
            raise ApiError("FAILED", _UNCONFIRMED, 409)
        invocation.say("the file has what is active: the update has been carried out")
    return {"steps": [*steps, *_stopped(invocation, groups)]}


def decided_after_a_loss(invocation: Invocation, lost: Unreachable, path: str, body: object) -> dict[str, Any]:
    """The answer of the next master to the same confirmation or abort: twice is as once. Raises ApiError."""
    _tell_of(invocation, lost)
    line = Line(moves=invocation.moves and not invocation.as_json)
    try:
        until_answered(lambda: invocation.client.call("GET", "/v1/master"), on_away=_away(line))
    finally:
        line.erase()
    try:
        answer: dict[str, Any] = invocation.client.call("POST", path, body)
    except ApiError as error:
        # The first time has sufficed where the update has come to that end meanwhile.
        found = invocation.client.call("GET", "/v1/operations")["operations"]
        latest = next((one for one in found if one["kind"] == "update"), None)
        wanted = None if path.endswith("/confirm") else "ROLLED_BACK"
        if error.code != "BAD_NAME" or latest is None or latest.get("error", {}).get("code") != wanted:
            raise
        return {"operation": latest["id"]}
    return answer


def await_successor(invocation: Invocation) -> bool:
    """Whether the master restarts, and the next one answers; False: it shuts down for good."""

    def state() -> str:
        return str(invocation.client.call("GET", "/v1/master")["statename"])

    present = state()
    if present != "RESTARTING":
        return present == "RUNNING"
    invocation.say("procman restarts; asking the next master")
    invocation.flush()
    line = Line(moves=invocation.moves and not invocation.as_json)
    try:
        while present == "RESTARTING":
            line.show(AWAY_TEXT)
            time.sleep(EVERY)
            present = until_answered(state, on_away=_away(line))
    finally:
        line.erase()
    return present == "RUNNING"


def _away(line: Line) -> Callable[[ProcmanError], None]:
    """Shows that no master answers; raises what a server does again and again that wants a certificate, or TLS."""
    resets = 0

    def on_away(error: ProcmanError) -> None:
        nonlocal resets
        resets = resets + 1 if isinstance(error, Unreachable) and error.errno == errno.ECONNRESET else 0
        if resets == _MOST_RESETS:
            raise error
        line.show(AWAY_TEXT)

    return on_away


def _tell_of(invocation: Invocation, lost: Unreachable) -> None:
    invocation.say_safe(f"{lost.reason}; asking the next master")
    invocation.flush()


def _ended(invocation: Invocation, line: Line) -> tuple[OperationInfo | None, Any]:
    """The update that went on, once it is over, and what waits for its confirmation; None: there is no such thing."""

    def ask() -> tuple[list[OperationInfo], Any, str]:
        operations = invocation.client.call("GET", "/v1/operations")["operations"]
        pending = invocation.client.call("GET", "/v1/config/confirmation")["pending"]
        going = rolling_line(invocation.client.call("GET", "/v1/rolling")["rolling"])
        return [one for one in operations if one["kind"] == "update"], pending, going

    number = 0
    while True:
        updates, pending, going = until_answered(ask, on_away=_away(line))
        number = next((one["id"] for one in updates if one["state"] == "running"), number)
        update = next((one for one in updates if one["id"] == number), None)
        is_applied = pending is not None and pending["operation"] == number and pending["stage"] != "applying"
        if is_applied or not (going or (update is not None and update["state"] == "running")):
            return update, pending if is_applied else None
        line.show(going or "updating")
        time.sleep(EVERY)


def _stopped(invocation: Invocation, groups: Sequence[str]) -> list[Step]:
    """The rolling restarts that have stopped, as steps."""
    rolling = invocation.client.call("GET", "/v1/rolling")["rolling"]
    steps: list[Step] = []
    for one in rolling:
        group = one["program"].partition(":")[0]
        if one["state"] == "stopped" and (not groups or group in groups):
            steps.append({"group": group, "action": "rolling stopped", "message": f"{one['program']}: {one['text']}"})
    return steps
