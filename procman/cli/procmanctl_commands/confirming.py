"""The wait for the confirmation of an update: ENTER keeps it, Ctrl-C rolls it back, both as with `netplan try`.

The client may go at any time: what becomes of the update is decided by the master.
"""

from __future__ import annotations

import select
import sys
import time

from procman.cli import update_text
from procman.cli.invocation import GENERIC
from procman.cli.progress import Line
from procman.cli.until_answered import AWAY_TEXT, EVERY, until_answered
from procman.client.api_client import ApiError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.update import PendingInfo
    from procman.cli.invocation import Invocation


def await_confirmation(invocation: Invocation, pending: PendingInfo, *, waits: bool) -> None:
    """Wait until it is kept or rolled back; exit status 1 if it was rolled back. The caller sees to Ctrl-C."""
    number = pending["operation"]
    invocation.put(operation=number)
    invocation.say(update_text.pending_line(pending))
    asks = not invocation.as_json and sys.stdin is not None and sys.stdin.isatty()
    if waits and asks:
        invocation.say("Press ENTER to keep it, Ctrl-C to roll it back.")
    else:
        invocation.say(f"to keep it: procmanctl confirm {number}; to roll it back: procmanctl update --abort {number}")
    invocation.flush()
    if not waits:
        invocation.put(pending=pending)
        return
    line = Line(moves=invocation.moves)
    try:
        _follow(invocation, number, line, asks=asks)
    finally:
        line.erase()


def roll_back(invocation: Invocation) -> None:
    """After Ctrl-C, at whatever time it came."""
    invocation.say("rolling back")
    invocation.flush()
    try:
        answer = invocation.client.call("POST", "/v1/config/abort", {})
    except ApiError as error:
        invocation.problem(f"ERROR: {error.message}", code=error.code)
        return
    text = f"update {answer['operation']} is rolled back: the definitions from before it are in effect again"
    invocation.problem(text, code="ROLLED_BACK", exitstatus=GENERIC)


def _follow(invocation: Invocation, number: int, line: Line, *, asks: bool) -> None:
    def ask() -> tuple[dict[str, Any], PendingInfo | None]:
        operation = invocation.client.call("GET", f"/v1/operations/{number}")
        return operation, invocation.client.call("GET", "/v1/config/confirmation")["pending"]

    told = ""
    while True:
        try:
            # The master may be executing new code; the update goes on there.
            operation, pending = until_answered(ask, on_away=lambda _: line.show(AWAY_TEXT))
        except ApiError as error:
            if error.code != "BAD_NAME":
                raise
            text = f"update {number} has ended: the master does not know it any more (see procmanctl maintail)"
            invocation.problem(text, code=error.code)
            return
        if operation["state"] != "running":
            line.erase()
            _tell_end(invocation, operation)
            return
        told = _tell_progress(invocation, line, pending, told)
        if asks:
            asks = _ask(invocation, number)
        else:
            time.sleep(EVERY)


def _tell_progress(invocation: Invocation, line: Line, pending: PendingInfo | None, told: str) -> str:
    news = ""
    if pending is not None and pending["stage"] == "rolling back":
        news = f"rolling back: {pending['reason']}"
    elif pending is not None and (missing := update_text.missing_line(pending)):
        news = f"not ready and healthy yet: {missing}"
    if news and line.moves:
        line.show(news)
    elif news and news != told:
        invocation.say_safe(news)
        invocation.flush()
    elif not news:
        line.erase()
        if told and pending is not None and pending["stage"] == "waiting":
            invocation.say("all of it is ready and healthy")
            invocation.flush()
    return news


def _ask(invocation: Invocation, number: int) -> bool:
    """Look for ENTER until the next question; whether to go on with that."""
    ready, _, _ = select.select([sys.stdin], [], [], EVERY)
    if not ready:
        return True
    if not sys.stdin.readline():
        invocation.say(f"to keep it: procmanctl confirm {number}")
        return False
    try:
        invocation.client.call("POST", "/v1/config/confirm", {"operation": number, "timeout": 0})
    except ApiError as error:
        if error.code not in ("ROLLED_BACK", "BAD_NAME"):
            raise  # these are told as its end
    else:
        invocation.say("confirmed")
        invocation.flush()
    return False


def _tell_end(invocation: Invocation, operation: dict[str, Any]) -> None:
    if operation["state"] == "done":
        invocation.put(result="kept")
        invocation.say(f"update {operation['id']} is kept")
        return
    error = operation["error"]
    rolled_back = error["code"] == "ROLLED_BACK"
    invocation.put(result="rolled back" if rolled_back else "failed")
    invocation.problem(error["message"], code=error["code"])
