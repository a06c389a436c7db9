"""chaos: makes one process fail on purpose, and says whether what follows is what its configuration says."""

from __future__ import annotations

import sys

from procman.cli.durations import seconds_of
from procman.cli.invocation import GENERIC, INVALID_ARGS, Invocation
from procman.cli.suggestions import suggest_processes
from procman.client.api_client import ApiError, Unreachable, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.chaos import ChaosInfo, ChaosStep

_KINDS = {"--kill": "kill", "--stop": "stop", "--unready": "unready"}
# So long each question for news waits, in seconds.
_NEWS = 1


def chaos(invocation: Invocation, words: list[str]) -> None:
    """Predict, ask, do it, and compare; exit status 1 if something is not as expected."""
    try:
        name, kind, seconds, dry, yes = _read(words)
    except ValueError as error:
        invocation.usage(f"Error: {error}", "chaos", exitstatus=INVALID_ARGS)
        return
    path = f"/v1/processes/{quoted(name)}/chaos"
    body = {"what": kind, "seconds": seconds}
    try:
        predicted: ChaosInfo = invocation.client.call("POST", path, {**body, "dry": True})
        _show_expected(invocation, predicted)
        if dry:
            invocation.put(**predicted)
            return
        if not yes and not _agreed(invocation, predicted):
            return
        found: ChaosInfo = invocation.client.call("POST", path, body)
        _follow(invocation, found)
    except ApiError as error:
        unknown = error.code == "BAD_NAME"
        text = "no such process" if unknown else error.message
        invocation.problem(f"{name}: ERROR ({text})", code=error.code, name=name)
        if unknown:
            suggest_processes(invocation, [name], one=True)


def _read(words: list[str]) -> tuple[str, str, float, bool, bool]:
    names: list[str] = []
    kind, seconds = "", 0.0
    dry = yes = False
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        match flag:
            case "--yes" | "--dry-run":
                yes, dry = yes or flag == "--yes", dry or flag == "--dry-run"
            case "--kill" | "--stop" | "--unready":
                if kind:
                    raise ValueError("one fault at a time: --kill, --stop or --unready")
                kind = _KINDS[flag]
                if kind != "kill":
                    seconds = _seconds(flag, value if equals else next(rest, ""))
            case _ if word.startswith("--"):
                raise ValueError(f"chaos has no {word}: it has --kill, --stop, --unready, --dry-run and --yes")
            case _:
                names.append(word)
    if not kind:
        raise ValueError("say what is to happen: --kill, --stop 30s or --unready 30s")
    if len(names) != 1:
        raise ValueError("name one process" if not names else f"one process at a time, and not {' and '.join(names)}")
    return names[0], kind, seconds, dry, yes


def _seconds(flag: str, text: str) -> float:
    seconds = seconds_of(text)
    if not seconds:
        raise ValueError(f"{flag} needs a time above 0, such as 30s or 2m, and not {text!r}")
    return seconds


def _show_expected(invocation: Invocation, predicted: ChaosInfo) -> None:
    name = predicted["namespec"]
    invocation.say_safe(f"{_fault(predicted)}: by the configuration, this follows:")
    for step in predicted["expected"]:
        invocation.say_safe(_line(step, _width(predicted)))
    if not predicted["expected"]:
        invocation.say_safe(f"  nothing: {name} and what depends on it stay as they are")
    if not predicted["expected_whole"]:
        invocation.say("  and so on: it does not come to rest")
    if predicted["ends_master"]:
        invocation.say("  and procman itself ends")


def _agreed(invocation: Invocation, predicted: ChaosInfo) -> bool:
    if invocation.as_json or not sys.stdin.isatty():
        text = "ERROR: chaos asks before it does that, and there is nobody to ask: add --yes"
        invocation.problem(text, code="NOT_CONFIRMED", exitstatus=INVALID_ARGS)
        return False
    if invocation.ask(f"{_fault(predicted)} now? y/N ").lower().startswith("y"):
        return True
    invocation.say("Nothing was done")
    invocation.exitstatus = GENERIC
    return False


def _follow(invocation: Invocation, found: ChaosInfo) -> None:
    """Show what happens as it does, and what it comes to; whoever leaves changes nothing."""
    invocation.say("what happens:")
    shown = 0
    while True:
        for step in found["seen"][shown:]:
            invocation.say_safe(_line(step, _width(found)))
        shown = len(found["seen"])
        invocation.flush()
        if found["over"]:
            break
        try:
            found = invocation.client.call("GET", f"/v1/chaos/{found['id']}?timeout={_NEWS}")
        except Unreachable:
            if not found["ends_master"]:
                raise
            invocation.put(**found)
            invocation.say("procman itself has ended, as expected")
            return
    invocation.put(**found)
    if found["error"]:
        invocation.problem(f"{found['namespec']}: ERROR ({found['error']})", name=found["namespec"])
        return
    for one in found["judgements"]:
        word = "as expected" if one["as_expected"] else "OTHERWISE"
        invocation.say_safe(f"{word:<11}  {one['namespec']:<{_width(found)}}  {one['words']}")
    if not found["as_expected"]:
        invocation.exitstatus = GENERIC


def _fault(info: ChaosInfo) -> str:
    name, seconds = info["namespec"], f"{info['seconds']:g} s"
    match info["what"]:
        case "kill":
            return f"kill {name}"
        case "stop":
            return f"stop {name} (SIGSTOP) for {seconds}"
        case _:
            return f"fail each look at the health of {name} for {seconds}"


def _line(step: ChaosStep, width: int) -> str:
    reason = f": {step['reason']}" if step["reason"] else ""
    return f"{step['at']:10.3f} s  {step['namespec']:<{width}}  {step['before']} -> {step['after']}{reason}"


def _width(info: ChaosInfo) -> int:
    return min(24, max(map(len, [info["namespec"], *(step["namespec"] for step in info["expected"] + info["seen"])])))
