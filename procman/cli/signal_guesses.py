"""The names of signals, and guesses what an unknown one stands for."""

import signal

from procman.cli.invocation import Invocation
from procman.config.spelling import closest


def signals() -> list[str]:
    """The names of signals, without SIG."""
    return [each.name.removeprefix("SIG") for each in signal.Signals if not each.name.startswith("SIGRT")]


def suggest_signal(invocation: Invocation, word: str, names: list[str]) -> bool:
    """For a word that is not a signal, ask whether another one was meant, or whether the last word is the signal."""
    known = signals()
    asked, last = (each.upper().removeprefix("SIG") for each in (word, names[-1]))
    if asked.isdecimal() or asked in known:
        return False
    swapped = f"signal {names[-1]} {' '.join([word, *names[:-1]])}"
    guess = swapped if last in known else closest(asked, known, prefixes=True)
    invocation.suggest(guess)
    return guess is not None
