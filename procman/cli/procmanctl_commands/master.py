"""Commands about the master and the shell: version, shutdown, reload, upgrade, open, quit, exit."""

import errno
import time

from procman.cli.invocation import Invocation
from procman.cli.procmanctl_commands import status
from procman.client.api_client import ApiError, Unreachable

# The old code ends just after its answer, and the new one takes as long as a start until it answers.
_UPGRADE_TRIES = 200
_UPGRADE_PAUSE = 0.05  # seconds


def version(invocation: Invocation, words: list[str]) -> None:
    """Print the version of the master, which may differ from that of procmanctl."""
    if words:
        invocation.usage("Error: version accepts no arguments", "version")
        return
    answer = invocation.client.call("GET", "/v1/master")["version"]
    invocation.put(version=answer)
    invocation.say(answer)


def shutdown(invocation: Invocation, words: list[str]) -> None:
    """Stop all programs and the master."""
    if words:
        invocation.usage("Error: shutdown accepts no arguments", "shutdown")
        return
    if not _really(invocation, "Really shut the remote supervisord process down y/N? "):
        return
    try:
        invocation.client.call("POST", "/v1/master/shutdown")
    except Unreachable as error:
        if error.errno not in {errno.ENOENT, errno.ECONNREFUSED}:
            raise
        reason = error.reason.replace("is it running?", "already shut down?")
        invocation.problem(f"ERROR: {Unreachable(error.address, reason)}", code="UNREACHABLE")
    except ApiError as error:
        if error.code != "SHUTDOWN_STATE":
            raise
        invocation.problem("ERROR: already shutting down", code=error.code, exitstatus=None)
    else:
        invocation.put(result="shutting down")
        invocation.say("Shut down")


def reload(invocation: Invocation, words: list[str]) -> None:
    """Stop all programs, read the file again, and start them."""
    if words:
        invocation.usage("Error: reload accepts no arguments", "reload")
        # It would restart the master if the name were missing, as from an empty variable.
        invocation.suggest(f"refresh {' '.join(words)}", note="reload without a name restarts everything")
        return
    if not _really(invocation, "Really restart the remote supervisord process y/N? "):
        return
    try:
        invocation.client.call("POST", "/v1/master/reload")
    except ApiError as error:
        if error.code != "SHUTDOWN_STATE":
            raise
        invocation.problem("ERROR: already shutting down", code=error.code)
    else:
        invocation.put(result="reloading")
        invocation.say("Restarted supervisord")


def upgrade(invocation: Invocation, words: list[str]) -> None:
    """Make the master execute the procman that is installed now, and wait until it answers."""
    if words:
        invocation.usage("Error: upgrade accepts no arguments", "upgrade")
        return
    expected = invocation.client.call("POST", "/v1/master/upgrade")["upgrades"]
    for _ in range(_UPGRADE_TRIES):
        try:
            about = invocation.client.call("GET", "/v1/master")
        except Unreachable:
            # The connection ended with the old code; the sockets stay open.
            about = {"upgrades": -1}
        if about["upgrades"] >= expected:
            invocation.put(result="upgraded", version=about["version"], pid=about["pid"])
            invocation.say(f"Upgraded: procman {about['version']} (pid {about['pid']})")
            return
        time.sleep(_UPGRADE_PAUSE)
    invocation.problem("ERROR: the upgrade has failed; the master's log says why", code="FAILED")


def open_address(invocation: Invocation, words: list[str]) -> None:
    """Use another master from now on, and show its status; the exit status stays as it was."""
    url = " ".join(words)
    if not url.startswith(("unix://", "http://")):
        invocation.problem("ERROR: url must be http:// or unix://", code="BAD_ARGUMENTS")
        return
    before = invocation.exitstatus
    invocation.connect(url)
    try:
        status.status(invocation, [])
    except Unreachable as error:
        invocation.problem(str(error), code="UNREACHABLE")
    invocation.exitstatus = before


def leave(invocation: Invocation, _words: list[str]) -> bool:
    """Leave the shell."""
    invocation.say("")
    invocation.put(left=True)
    return True


def _really(invocation: Invocation, question: str) -> bool:
    """Ask for confirmation, in the shell only."""
    return not invocation.interactive or invocation.ask(question).lower().startswith("y")
