"""What is looked at to see whether a running program is well, and what is done when it is not."""

from typing import get_args

from procman.config.schema.kinds.actions import read_action, show_action
from procman.config.schema.kinds.choices import word_of
from procman.config.schema.kinds.numbers import accept_int
from procman.config.schema.kinds.readiness import FORMS, condition_of, form_of
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Unfit
from procman.config.spelling import did_you_mean
from procman.core.spec import Condition, HealthLevel, OnUnhealthy, ReadyKind, UnhealthyAction

_WATCHDOG = "watchdog"
# Conditions that hold once, and say nothing about what comes later.
_ONCE = frozenset({ReadyKind.NOTIFY, ReadyKind.FD, ReadyKind.LOG, ReadyKind.FILE, ReadyKind.DELAY})
_SHOWN = "none, listen:PORT, tcp:PORT, unix:/PATH, http://…, http+unix://…, exec:COMMAND or watchdog"


def _accept_health(value: object) -> Condition | None:
    text = accept_text(value).strip()
    match text.lower():
        case "none":
            return None
        case word if word == _WATCHDOG:
            return Condition(ReadyKind.WATCHDOG, text)
        case "":
            raise Unfit(f"expected {_SHOWN}")
        case _:
            pass
    form = form_of(text)
    if form is not None and FORMS[form] in _ONCE:
        known = FORMS[form]
        instead = "say watchdog, with watchdog = 30s" if known is ReadyKind.NOTIFY else "that is for ready"
        raise Unfit(f"{text}: {known.value} holds once and says nothing of later: {instead}; expected {_SHOWN}")
    if form is None and not text.lower().startswith("https:"):
        word = text.partition(":")[0]
        known_words = [name.rstrip(":/") for name, kind in FORMS.items() if kind not in _ONCE] + [_WATCHDOG]
        raise Unfit(f"there is no health check {text!r}{did_you_mean(word, known_words)}; expected {_SHOWN}")
    return condition_of(text)


HEALTH: Kind[Condition | None] = Kind(
    name="health check",
    expected=_SHOWN,
    slug="bad-health",
    parse=_accept_health,
    accept=_accept_health,
    schema={"type": "string"},
    show=lambda value: value.text if value is not None else "none",
)


def _accept_on_unhealthy(value: object) -> OnUnhealthy:
    return OnUnhealthy(*read_action(value, get_args(UnhealthyAction), ON_UNHEALTHY.expected, "USR1"))


ON_UNHEALTHY: Kind[OnUnhealthy] = Kind(
    name="restart, stop, signal:NAME, reload, exec:COMMAND, shutdown or none",
    expected="restart, stop, a signal such as signal:USR1, reload, exec:COMMAND, shutdown or none",
    slug="bad-on-unhealthy",
    parse=_accept_on_unhealthy,
    accept=_accept_on_unhealthy,
    schema={"type": "string"},
    show=show_action,
)

HEALTH_LEVEL: Kind[HealthLevel] = word_of("bad-health-level", {word: word for word in get_args(HealthLevel)}, str)


def _at_least_one(number: int) -> int:
    if number < 1:
        raise Unfit("expected a whole number of 1 or more")
    return number


COUNT: Kind[int] = Kind(
    name="whole number above 0",
    expected="a whole number of 1 or more",
    slug="bad-number",
    parse=lambda text: _at_least_one(int(text)),
    accept=lambda value: _at_least_one(accept_int(value)),
    schema={"type": ["integer", "string"]},
    show=str,
)
