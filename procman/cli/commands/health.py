"""health: is all up that should be? For the probes of containers, which look at the exit status."""

from __future__ import annotations

import sys

from procman.cli import render as show
from procman.cli.session import GENERIC
from procman.client.api_client import ApiError, AuthRequired

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes import HealthInfo
    from procman.cli.session import Session

# For how long the master may take to answer, in seconds: who asks how it is wants to be told that, too.
PATIENCE = 10


def health(session: Session, words: list[str]) -> None:
    """Exit status 0 when every process that is wanted up runs; with `--live` when the master answers at all."""
    if words not in ([], ["--live"]):
        session.usage("Error: health takes nothing but --live", "health")
        return
    if words:
        session.client.exchange("GET", "/livez", patience=PATIENCE)
        session.put(ready=True, missing=[], warnings=[])
        session.say("ok")
        return
    found = _found(session)
    session.put(**found)
    for line in found["missing"]:
        session.say(show.safe(line) if session.terminal else line)
    for line in found["warnings"]:
        sys.stderr.write(f"Warning: {show.safe(line)}\n")
    if found["ready"]:
        session.say("ok")
    else:
        session.exitstatus = GENERIC


def warn_of_file(session: Session) -> None:
    """A line below what was said, where the configuration on the disk could not be used now."""
    warnings: list[str] = session.client.call("GET", "/v1/health?file=1").get("warnings", [])
    session.put(warnings=warnings)
    for line in warnings:
        session.say(f"Warning: {show.safe(line)}")


def _found(session: Session) -> HealthInfo:
    try:
        answer: HealthInfo = session.client.call("GET", "/v1/health?file=1", patience=PATIENCE)
    except AuthRequired:
        if not session.settings.unreadable:
            raise
        # The password is in a file that is broken; whether all is well is said without one, but no names.
        warnings = [session.settings.unreadable]
        try:
            session.client.exchange("GET", "/readyz", patience=PATIENCE)
        except ApiError as error:
            return {"ready": False, "missing": [error.message], "warnings": warnings}
        return {"ready": True, "missing": [], "warnings": warnings}
    return {**answer, "warnings": answer.get("warnings", [])}  # a master of before does not know them
