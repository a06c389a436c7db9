"""What is done about something: one of some words, or signal:NAME, or exec:COMMAND."""

from signal import Signals
from typing import Any

from procman.config.schema.kinds.signals import SIGNAL
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Unfit
from procman.config.spelling import did_you_mean


def read_action(value: object, words: tuple[Any, ...], expected: str, signal: str) -> tuple[Any, int, str]:
    """The word, the number of the signal, and the command; raises Unfit.

    `words` has all that may stand before a colon, `signal` is one that a complaint names.
    """
    word, colon, rest = accept_text(value).strip().partition(":")
    what, rest = word.strip().lower(), rest.strip()
    match what:
        case "signal" if rest:
            return what, int(SIGNAL.parse(rest)), ""
        case "exec" if rest:
            return what, 0, rest
        case "signal":
            raise Unfit(f"signal needs a signal, such as signal:{signal}")
        case "exec":
            raise Unfit("exec needs a command")
    if colon or what not in words:
        raise Unfit(f"expected {expected}{did_you_mean(what, words)}")
    return what, 0, ""


def show_action(value: tuple[str, int, str]) -> str:
    """As a file would have it."""
    what, signal, command = value
    match what:
        case "signal":
            return f"signal:{SIGNAL.show(Signals(signal))}"
        case "exec":
            return f"exec:{command}"
        case _:
            return what
