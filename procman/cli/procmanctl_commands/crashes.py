"""crashes and crash: the reports of unexpected ends, failed starts, and programs that had to be killed."""

from __future__ import annotations

from procman.cli import crash_text, suggestions
from procman.client.api_client import ApiError, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.crashes import CrashInfo, CrashReport
    from procman.cli.invocation import Invocation


def crashes(invocation: Invocation, words: list[str]) -> None:
    """Print the table, the latest report first."""
    found: list[CrashInfo] = []
    unknown: list[str] = []
    note = ""
    for word in words or ["all"]:
        try:
            answer = invocation.client.call("GET", f"/v1/crashes?name={quoted(word)}")
        except ApiError as error:
            if error.code != "BAD_NAME":
                raise
            invocation.problem(f"{word}: ERROR (no such process)", code=error.code, name=word)
            unknown.append(word)
            continue
        note = note or answer["note"]
        found += [info for info in answer["crashes"] if info not in found]
    chosen = sorted(found, key=lambda info: -info["ended"])
    invocation.put(crashes=chosen, note=note)
    if not chosen and not unknown:
        invocation.say("no crash reports: nothing has ended unexpectedly")
    for line in crash_text.table(chosen):
        invocation.say_safe(line)
    if note:
        invocation.say_safe(f"some may be missing: {note}")
    if unknown:
        suggestions.suggest_processes(invocation, unknown)


def crash(invocation: Invocation, words: list[str]) -> None:
    """Print one report."""
    if len(words) != 1:
        invocation.usage("Error: crash takes the number of a report (see crashes)", "crash")
        return
    report: CrashReport = invocation.client.call("GET", f"/v1/crashes/{quoted(words[0])}")
    invocation.put(**report)
    for line in crash_text.report(report):
        invocation.say_safe(line)
