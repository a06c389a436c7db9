"""Commands about the master and about this shell: version, shutdown, reload, open, quit, exit."""

from __future__ import annotations

import errno
import time

from procman.cli.commands import processes
from procman.client.api_client import ApiError, Unreachable

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.cli.session import Session


# The old code goes a moment after it has answered, and the new one takes as long to answer as a start does.
_UPGRADE_TRIES = 200
_UPGRADE_PAUSE = 0.05  # seconds


def version(session: Session, words: list[str]) -> None:
    """The version of the master, which need not be ours."""
    if words:
        session.usage("Error: version accepts no arguments", "version")
        return
    answer = session.client.call("GET", "/v1/master")["version"]
    session.put(version=answer)
    session.say(answer)


def shutdown(session: Session, words: list[str]) -> None:
    """Stop all programs, and the master."""
    if words:
        session.usage("Error: shutdown accepts no arguments", "shutdown")
        return
    if not _really(session, "Really shut the remote supervisord process down y/N? "):
        return
    try:
        session.client.call("POST", "/v1/master/shutdown")
    except Unreachable as error:
        if error.errno not in {errno.ENOENT, errno.ECONNREFUSED}:
            raise
        reason = error.reason.replace("is it running?", "already shut down?")
        session.problem(f"ERROR: {Unreachable(error.address, reason)}", code="UNREACHABLE")
    except ApiError as error:
        if error.code != "SHUTDOWN_STATE":
            raise
        session.problem("ERROR: already shutting down", code=error.code, exitstatus=None)
    else:
        session.put(result="shutting down")
        session.say("Shut down")


def reload(session: Session, words: list[str]) -> None:
    """Stop all programs, read the file again, start them."""
    if words:
        session.usage("Error: reload accepts no arguments", "reload")
        return
    if not _really(session, "Really restart the remote supervisord process y/N? "):
        return
    try:
        session.client.call("POST", "/v1/master/reload")
    except ApiError as error:
        if error.code != "SHUTDOWN_STATE":
            raise
        session.problem("ERROR: already shutting down", code=error.code)
    else:
        session.put(result="reloading")
        session.say("Restarted supervisord")


def upgrade(session: Session, words: list[str]) -> None:
    """Have the master execute its own code anew, and wait until that has begun to answer."""
    if words:
        session.usage("Error: upgrade accepts no arguments", "upgrade")
        return
    expected = session.client.call("POST", "/v1/master/upgrade")["upgrades"]
    for _ in range(_UPGRADE_TRIES):
        try:
            about = session.client.call("GET", "/v1/master")
        except Unreachable:
            # It has taken the connection with it; its sockets are there all the time.
            about = {"upgrades": -1}
        if about["upgrades"] >= expected:
            session.put(result="upgraded", version=about["version"], pid=about["pid"])
            session.say(f"Upgraded: procman {about['version']} (pid {about['pid']})")
            return
        time.sleep(_UPGRADE_PAUSE)
    session.problem("ERROR: the upgrade has not come about; the master's log says why", code="FAILED")


def open_address(session: Session, words: list[str]) -> None:
    """Talk to another master from now on, and show its table; the exit status stays as it was."""
    url = " ".join(words)
    if not url.startswith(("unix://", "http://")):
        session.problem("ERROR: url must be http:// or unix://", code="BAD_ARGUMENTS")
        return
    before = session.exitstatus
    session.connect(url)
    try:
        processes.status(session, [])
    except Unreachable as error:
        session.problem(str(error), code="UNREACHABLE")
    session.exitstatus = before


def leave(session: Session, _words: list[str]) -> bool:
    """Leave the shell."""
    session.say("")
    session.put(left=True)
    return True


def _really(session: Session, question: str) -> bool:
    """Ask, in the shell only: a script means what it says."""
    return not session.interactive or session.ask(question).lower().startswith("y")
