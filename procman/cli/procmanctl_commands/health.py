"""health: is all up that should be? For the probes of containers, which look at the exit status."""

from __future__ import annotations

import sys

from procman.cli import terminal_text
from procman.cli.invocation import GENERIC
from procman.client.api_client import ApiError, AuthRequired

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes import HealthInfo
    from procman.cli.invocation import Invocation

# For how long the master may take to answer, in seconds: who asks how it is wants to be told that, too.
PATIENCE = 10


def health(invocation: Invocation, words: list[str]) -> None:
    """Exit status 0 when every process that is wanted up runs; with `--live` when the master answers at all."""
    if words not in ([], ["--live"]):
        invocation.usage("Error: health takes nothing but --live", "health")
        return
    if words:
        invocation.client.exchange("GET", "/livez", patience=PATIENCE)
        invocation.put(ready=True, missing=[], warnings=[])
        invocation.say("ok")
        return
    found = _found(invocation)
    invocation.put(**found)
    for line in found["missing"]:
        invocation.say(terminal_text.safe(line) if invocation.terminal else line)
    for line in found["warnings"]:
        sys.stderr.write(f"Warning: {terminal_text.safe(line)}\n")
    if found["ready"]:
        invocation.say("ok")
    else:
        invocation.exitstatus = GENERIC


def warn_of_file(invocation: Invocation) -> None:
    """A line below what was said, where the configuration on the disk could not be used now."""
    warnings: list[str] = invocation.client.call("GET", "/v1/health?file=1").get("warnings", [])
    invocation.put(warnings=warnings)
    for line in warnings:
        invocation.say(f"Warning: {terminal_text.safe(line)}")


def _found(invocation: Invocation) -> HealthInfo:
    try:
        answer: HealthInfo = invocation.client.call("GET", "/v1/health?file=1", patience=PATIENCE)
    except AuthRequired:
        if not invocation.settings.unreadable:
            raise
        # The password is in a file that is broken; whether all is well is said without one, but no names.
        warnings = [invocation.settings.unreadable]
        try:
            invocation.client.exchange("GET", "/readyz", patience=PATIENCE)
        except ApiError as error:
            return {"ready": False, "missing": [error.message], "warnings": warnings}
        return {"ready": True, "missing": [], "warnings": warnings}
    return {**answer, "warnings": answer.get("warnings", [])}  # a master of before does not know them
