"""health NAME: what health checks have seen, a look now, and a pause of the looks."""

from __future__ import annotations

from procman.cli import suggestions
from procman.cli.durations import seconds_of
from procman.cli.health_text import lines_of
from procman.cli.invocation import GENERIC, Invocation
from procman.client.api_client import ApiError, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.health import HealthCheckInfo, HealthLookInfo

_NOBODY = "No program has a health check: set its option health, and see docs/how-to/health.md"


def checks(invocation: Invocation, words: list[str]) -> None:
    """Show those of the named processes, look at them now, or pause the looks; exit status 1 if one is unhealthy."""
    try:
        names, now, pause, reason = _read(words)
    except ValueError as error:
        invocation.usage(f"Error: {error}", "health")
        return
    for name in names:
        try:
            if pause is not None:
                _pause(invocation, name, pause, reason)
            elif now:
                _look(invocation, name)
            else:
                _show(invocation, name)
        except ApiError as error:
            invocation.problem(f"{name}: ERROR ({error.message})", code=error.code, name=name)
            if error.code == "BAD_NAME":
                suggestions.suggest_processes(invocation, [name])


def _read(words: list[str]) -> tuple[list[str], bool, float | None, str]:
    names: list[str] = []
    now, pause, reason = False, None, ""
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        match flag:
            case "--now":
                now = True
            case "--pause" | "--reason":
                value = value if equals else next(rest, "")
                if not value:
                    raise ValueError(f"{flag} needs {'a time such as 10m' if flag == '--pause' else 'a text'}")
                if flag == "--pause":
                    pause = _seconds(value)
                else:
                    reason = value
            case "--live":
                raise ValueError("--live is about the master, so it takes no name")
            case _ if word.startswith("--"):
                raise ValueError(f"health has no {word}: it has --now, --pause and --reason, or --live")
            case _:
                names.append(word)
    if now and pause is not None:
        raise ValueError("either look now, or pause")
    if reason and pause is None:
        raise ValueError("--reason says why a pause is made: add --pause 10m")
    if not names and pause is not None:
        raise ValueError("name what is to be paused, or say all")
    return names or ["all"], now, pause, reason


def _seconds(text: str) -> float:
    seconds = seconds_of(text)
    if seconds is None:
        raise ValueError(f"cannot read the time {text!r}: expected something like 10m; 0 ends a pause")
    return seconds


def _show(invocation: Invocation, name: str) -> None:
    found: list[HealthCheckInfo] = invocation.client.call("GET", f"/v1/processes/{quoted(name)}/health")["checks"]
    invocation.put(checks=found)
    if not found:
        invocation.say(_NOBODY)
    for check in found:
        for line in lines_of(check):
            invocation.say_safe(line)
        if check["healthy"] is False:
            invocation.exitstatus = GENERIC


def _look(invocation: Invocation, name: str) -> None:
    found: list[HealthLookInfo] = invocation.client.call("POST", f"/v1/processes/{quoted(name)}/health/now")["looks"]
    invocation.put(looks=found)
    for look in found:
        invocation.say_safe(f"{look['namespec']}: {'healthy' if look['healthy'] else 'unhealthy'} ({look['words']})")
        if not look["healthy"]:
            invocation.exitstatus = GENERIC


def _pause(invocation: Invocation, name: str, seconds: float, reason: str) -> None:
    path = f"/v1/processes/{quoted(name)}/health/pause"
    answer: dict[str, list[str]] = invocation.client.call("POST", path, {"seconds": seconds, "reason": reason})
    invocation.put(**answer)
    for paused in answer.get("paused", []):
        invocation.say_safe(f"{paused}: its health is not looked at for {seconds:g} s")
    for resumed in answer.get("resumed", []):
        invocation.say_safe(f"{resumed}: its health is looked at again")
