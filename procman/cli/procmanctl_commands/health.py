"""health: checks that all wanted processes are up, for container probes, which look at the exit status.

With names it is about their health checks, which is in `health_checks`.
"""

from __future__ import annotations

import sys

from procman.cli import terminal_text
from procman.cli.invocation import GENERIC, Invocation
from procman.cli.procmanctl_commands.health_checks import checks
from procman.client.api_client import ApiError, AuthRequired

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.health import HealthInfo

# Seconds that the master may take to answer; a hanging master is unhealthy.
PATIENCE = 10


def health(invocation: Invocation, words: list[str]) -> None:
    """Exit status 0 if every wanted process runs; with `--live`, if the master answers; with names, about these."""
    if words not in ([], ["--live"]):
        checks(invocation, words)
        return
    if words:
        invocation.client.exchange("GET", "/livez", patience=PATIENCE)
        invocation.put(ready=True, missing=[], warnings=[])
        invocation.say("ok")
        return
    found = _found(invocation)
    invocation.put(**found)
    for line in found["missing"]:
        invocation.say_safe(line)
    for line in found["warnings"]:
        sys.stderr.write(f"Warning: {terminal_text.safe(line)}\n")
    if found["ready"]:
        invocation.say("ok")
    else:
        invocation.exitstatus = GENERIC


def file_warnings(invocation: Invocation) -> list[str]:
    """Why the configuration file could not be used now; nothing if it could."""
    warnings: list[str] = invocation.client.call("GET", "/v1/health?file=1").get("warnings", [])
    invocation.put(warnings=warnings)
    return warnings


def _found(invocation: Invocation) -> HealthInfo:
    try:
        answer: HealthInfo = invocation.client.call("GET", "/v1/health?file=1", patience=PATIENCE)
    except AuthRequired:
        if not invocation.settings.unreadable:
            raise
        # The file with the password is broken; without it the master tells its health, but no names.
        warnings = [invocation.settings.unreadable]
        try:
            invocation.client.exchange("GET", "/readyz", patience=PATIENCE)
        except ApiError as error:
            return {"ready": False, "missing": [error.message], "warnings": warnings}
        return {"ready": True, "missing": [], "warnings": warnings}
    return {**answer, "warnings": answer.get("warnings", [])}  # an older master has none
