"""health: is all up that should be? For the probes of containers, which look at the exit status."""

from __future__ import annotations

from procman.cli import show
from procman.cli.ctl_session import GENERIC

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes import HealthInfo
    from procman.cli.ctl_session import Session

# For how long the master may take to answer, in seconds: who asks how it is wants to be told that, too.
PATIENCE = 10


def health(session: Session, words: list[str]) -> None:
    """Exit status 0 when every process that is wanted up runs; with `--live` when the master answers at all."""
    if words not in ([], ["--live"]):
        session.usage("Error: health takes nothing but --live", "health")
        return
    found: HealthInfo = session.client.call("GET", "/v1/health", patience=PATIENCE)
    if words:
        # It has answered, whatever it said.
        found = {"ready": True, "missing": []}
    session.put(**found)
    for line in found["missing"]:
        session.say(show.safe(line) if session.terminal else line)
    if found["ready"]:
        session.say("ok")
    else:
        session.exitstatus = GENERIC
