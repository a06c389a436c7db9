"""What a process waits for, and what it does when that goes: NAME, NAME@CONDITION, and NAME@CONDITION? if optional."""

from signal import Signals
from typing import Literal, get_args

from procman.config.schema.kinds.choices import word_of
from procman.config.schema.kinds.lists import STRING_LIST, accept_strings, parse_strings
from procman.config.schema.kinds.signals import SIGNAL
from procman.config.schema.notation import show_text
from procman.config.schema.options import Kind, Unfit
from procman.config.spelling import did_you_mean
from procman.core.spec import Edge, EdgeCondition

# How a user may write each condition.
CONDITIONS: dict[str, EdgeCondition] = {**{word: word for word in get_args(EdgeCondition)}, "running": "ready"}
# Conditions of other tools, and what comes near them.
ELSEWHERE = {
    "stopped": "programs stop in the reverse order of their start by themselves: take it out",
    "succeeded": "did you mean done?",
    "completed": "did you mean done?",
    "service_started": "did you mean started?",
    "service_healthy": "did you mean healthy?",
    "service_completed_successfully": "did you mean done?",
}


def _edge(word: str) -> Edge:
    text = word.strip()
    optional = text.endswith("?")
    target, at, condition = text.removesuffix("?").partition("@")
    target, condition = target.strip(), condition.strip().lower()
    if not target:
        raise Unfit(
            f"{show_text(word.strip())} names no program" if text else "there is an empty name: take a comma out"
        )
    if at and condition not in CONDITIONS:
        why = ELSEWHERE.get(condition) or f"expected {', '.join(CONDITIONS)}{did_you_mean(condition, CONDITIONS)}"
        raise Unfit(f"there is no condition {show_text(condition)}: {why}")
    if not at and len(target.split()) > 1:
        raise Unfit(f"{show_text(target)} is no name: names are separated by commas")
    return Edge(target, CONDITIONS[condition] if at else None, optional)


def _edges(words: tuple[str, ...]) -> tuple[Edge, ...]:
    return tuple(dict.fromkeys(_edge(word) for word in words))


EDGES: Kind[tuple[Edge, ...]] = Kind(
    name="dependencies",
    expected="names such as db, cache@started or search?, separated by commas",
    slug="bad-dependency",
    parse=lambda text: _edges(parse_strings(text)),
    accept=lambda value: _edges(accept_strings(value)),
    schema=STRING_LIST,
    show=lambda edges: ",".join(str(Edge(*edge)) for edge in edges),
)

_OnRestart = tuple[Literal["ignore", "restart", "reload", "signal"], int]


def _accept_on_restart(value: object) -> _OnRestart:
    match value.strip().split(":", 1) if isinstance(value, str) else ():
        case [word] if word.lower() == "ignore":
            return "ignore", 0
        case [word] if word.lower() == "restart":
            return "restart", 0
        case [word] if word.lower() == "reload":
            return "reload", 0
        case [word, name] if word.lower() == "signal":
            return "signal", int(SIGNAL.parse(name))
        case _:
            raise Unfit(f"expected {ON_DEPENDENCY_RESTART.expected}")


ON_DEPENDENCY_RESTART: Kind[_OnRestart] = Kind(
    name="ignore, restart, reload or signal:NAME",
    expected="ignore, restart, reload, or a signal such as signal:HUP",
    slug="bad-on-dependency-restart",
    parse=_accept_on_restart,
    accept=_accept_on_restart,
    schema={"type": "string"},
    show=lambda value: f"signal:{SIGNAL.show(Signals(value[1]))}" if value[0] == "signal" else value[0],
)
_ON_STOP: dict[str, Literal["ignore", "stop"]] = {"ignore": "ignore", "stop": "stop"}
ON_DEPENDENCY_STOP: Kind[Literal["ignore", "stop"]] = word_of("bad-on-dependency-stop", _ON_STOP, str)
