"""notify: the sections that tell somebody, what they have sent, and a test of one."""

from __future__ import annotations

import time

from procman.cli.invocation import Invocation
from procman.client.api_client import ApiError, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.notify import NotifyInfo, NotifyResult


def notify(invocation: Invocation, words: list[str]) -> None:
    """List them, or send a test message; exit status 1 if that was not sent."""
    match words:
        case []:
            _list(invocation)
        case ["test", *names] if names:
            results: list[NotifyResult] = []
            invocation.put(results=results)
            for name in names:
                _test(invocation, name, results)
        case _:
            invocation.usage("Error: notify takes nothing, or test and the names of sections", "notify")


def _list(invocation: Invocation) -> None:
    sections: list[NotifyInfo] = invocation.client.call("GET", "/v1/notify")["sections"]
    invocation.put(sections=sections)
    if not sections:
        invocation.say("No section tells anybody: add [notify:NAME], and see docs/how-to/be-told.md")
    for section in sections:
        for line in lines_of(section):
            invocation.say_safe(line)


def lines_of(section: NotifyInfo) -> list[str]:
    """What it tells, by what, and its counts; then what is wrong, if anything."""
    by = f"exec {section['command']}" if section["by"] == "exec" else "webhook ********"
    counts = ", ".join(f"{word} {section[word]}" for word in ("sent", "failed", "dropped", "waiting"))
    lines = [
        f"{section['name']:<16} {counts}",
        f"  {', '.join(section['on'])} of {', '.join(section['programs'])}: {by}",
    ]
    if section["reported"]:
        lines.append(f"  reported, and not recovered: {', '.join(section['reported'])}")
    if section["last_error"]:
        lines.append(f"  last error, {_moment(section['last_error_at'])}: {section['last_error']}")
    return lines


def _test(invocation: Invocation, name: str, results: list[NotifyResult]) -> None:
    try:
        result: NotifyResult = invocation.client.call("POST", f"/v1/notify/{quoted(name)}/test")
    except ApiError as error:
        if error.code != "BAD_NAME":
            raise
        invocation.problem(f"{name}: ERROR ({error.message})", code=error.code, name=name)
        return
    results.append(result)
    if result["sent"]:
        invocation.say_safe(f"{name}: sent ({result['words']})")
    else:
        invocation.problem(f"{name}: ERROR (not sent: {result['words']})", code="FAILED", name=name)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
