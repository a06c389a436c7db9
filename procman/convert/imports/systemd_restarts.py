"""When a service is started again, and what counts as a failure: Restart=, its delays and its limit."""

from collections.abc import Callable

from procman.convert.imports.draft import Section, duration
from procman.convert.imports.report import Fate
from procman.convert.imports.unit_reader import UnitReader
from procman.convert.imports.values import seconds_of, signal_of

_CLEAN = ("HUP", "INT", "TERM", "PIPE")
_POLICIES: dict[str, bool | str] = {
    "no": False,
    "always": True,
    "on-failure": "unexpected",
    "on-abnormal": "unexpected",
    "on-abort": "unexpected",
    "on-watchdog": "unexpected",
}
_NAMES = {"TEMPFAIL": 75, "NOPERM": 77, "CONFIG": 78, "UNAVAILABLE": 69, "SOFTWARE": 70, "USAGE": 64, "DATAERR": 65}
# systemd's own defaults.
_DELAY = 0.1
_BURST = 5
_WITHIN = 10.0


def read_restarts(section: Section, reader: UnitReader) -> None:
    """Set the options of restarts."""
    word = reader.text("Service", "Restart") or "no"
    place = reader.place("Service", "Restart") if reader.raw("Service", "Restart") else None
    oneshot = section.get("type") == "oneshot"
    policy = _POLICIES.get(word)
    if policy is None:
        why = "it would be started again after a success only" if word == "on-success" else f"there is no {word}"
        reader.mark("Service", "Restart", Fate.LOST, why)
        policy = False
    elif word in ("on-abnormal", "on-abort", "on-watchdog"):
        reader.mark("Service", "Restart", Fate.APPROXIMATED, "an exit code other than 0 is a failure, too")
    if oneshot:
        if policy:
            section.set("startretries", "forever", place)
    else:
        section.set("autorestart", policy, place)
        # systemd takes a process for started when it exists.
        if section.get("ready") is None:
            section.set("startsecs", 0)
    _codes(section, reader, word)
    if policy:
        _delays(section, reader)
    else:
        for key in ("RestartSec", "RestartSteps", "RestartMaxDelaySec"):
            reader.harmless("Service", key, "it is not started again")
        for part, key in ((p, k) for p in ("Unit", "Service") for k in _LIMIT_KEYS):
            reader.harmless(part, key, "it is not started again")
    age = reader.text("Service", "RuntimeMaxSec")
    seconds = seconds_of(age) if age is not None and age != "infinity" else None
    if seconds and not oneshot:
        section.set("max_age", duration(seconds), reader.place("Service", "RuntimeMaxSec"))
        section.set("max_age_jitter", 0, reader.place("Service", "RuntimeMaxSec"))
        if not policy:
            reader.mark("Service", "RuntimeMaxSec", Fate.APPROXIMATED, "it is started again then")


# Restarts whose delays are added up: more take as long as no limit counts.
_MOST_COUNTED = 100_000
_LIMIT_KEYS = ("StartLimitBurst", "StartLimitIntervalSec", "StartLimitInterval", "StartLimitAction")


def _codes(section: Section, reader: UnitReader, word: str) -> None:
    good = _ends(reader, "SuccessExitStatus")
    forced = _ends(reader, "RestartForceExitStatus")
    prevented = _ends(reader, "RestartPreventExitStatus")
    if prevented:
        place = reader.place("Service", "RestartPreventExitStatus")
        section.set("norestart_exitcodes", [_code(word) for word in prevented], place)
    if word == "no" and not good:
        return
    codes = [code for code in ("0", *_CLEAN, *good) if code not in forced]
    if codes != ["0"] and word != "always":
        where = reader.place("Service", "SuccessExitStatus") if good else None
        section.set("exitcodes", [_code(word) for word in dict.fromkeys(codes)], where)
    elif good:
        reader.harmless("Service", "SuccessExitStatus", "it is always started again")


def _code(word: str) -> str | int:
    return int(word) if word.isdecimal() else f"SIG{word}"


def _ends(reader: UnitReader, key: str) -> list[str]:
    found = []
    for word in reader.words("Service", key):
        code = str(_NAMES.get(word.upper(), word))
        name = code if code.isdecimal() else signal_of(word)
        if name is None:
            reader.mark("Service", key, Fate.LOST, f"{word} is neither a number nor a signal: write its number")
        else:
            found.append(name)
    return found


def _delays(section: Section, reader: UnitReader) -> None:
    text = reader.text("Service", "RestartSec")
    first = _DELAY if text is None else seconds_of(text)
    place = reader.place("Service", "RestartSec") if text is not None else None
    if first is None:
        reader.mark("Service", "RestartSec", Fate.LOST, f"cannot read the duration {text}")
        first = _DELAY
    longest, factor = first, 1.0
    most = reader.text("Service", "RestartMaxDelaySec")
    steps = reader.text("Service", "RestartSteps")
    if most is not None and steps is not None and steps.isdecimal() and int(steps):
        longest = seconds_of(most) or first
        if longest > first > 0:
            factor = round((longest / first) ** (1 / int(steps)), 3)
            section.set("backoff_factor", factor, reader.place("Service", "RestartSteps"))
            section.set("backoff_jitter", 0, reader.place("Service", "RestartSteps"))
    if first > 0:
        value = duration(first) if longest <= first else f"{duration(first)}..{duration(longest)}"
        section.set("backoff", value, place)
    if section.get("type") != "oneshot":
        # systemd has one limit, which is that of all restarts.
        section.set("startretries", "forever")
    _limit(section, reader, lambda restarts: sum(min(first * factor**count, longest) for count in range(restarts)))


def _limit(section: Section, reader: UnitReader, time_of: Callable[[int], float]) -> None:
    """`time_of` says how long so many restarts take at least."""
    burst = reader.text("Unit", "StartLimitBurst") or reader.text("Service", "StartLimitBurst")
    within = (
        reader.text("Unit", "StartLimitIntervalSec")
        or reader.text("Service", "StartLimitIntervalSec")
        or reader.text("Service", "StartLimitInterval")
        or reader.text("Unit", "StartLimitInterval")
    )
    seconds = _WITHIN if within is None else seconds_of(within)
    starts = int(burst) if burst is not None and burst.isdecimal() else _BURST
    action = reader.text("Unit", "StartLimitAction") or reader.text("Service", "StartLimitAction")
    if action is not None and action != "none":
        reader.mark("Unit", "StartLimitAction", Fate.LOST, "procman does not restart the machine")
    if within == "infinity" or not seconds:
        return
    place = reader.first("Unit", _LIMIT_KEYS)
    if starts <= 1:
        reader.mark("Unit", "StartLimitBurst", Fate.APPROXIMATED, "one restart is allowed")
    restarts = max(1, starts - 1)
    if time_of(min(restarts, _MOST_COUNTED)) >= seconds:
        why = "with this delay it is never reached, so it is left out"
        for key in _LIMIT_KEYS:
            reader.mark("Unit", key, Fate.APPROXIMATED, why)
        return
    section.set("restart_limit", f"{restarts}/{duration(seconds)}", place if burst or within else None)
