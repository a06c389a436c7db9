"""Asks the master about each process that was named, and says which names it does not know."""

from __future__ import annotations

from procman.cli import suggestions
from procman.cli.invocation import INVALID_ARGS
from procman.client.api_client import ApiError, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.cli.invocation import Invocation


def ask_for_each(invocation: Invocation, path: str, words: list[str]) -> tuple[list[Any], list[str]]:
    """The answers for these names, or without any the one for all processes; and the names that are unknown."""
    if not words:
        return [invocation.client.call("GET", path)], []
    answers: list[Any] = []
    unknown: list[str] = []
    for word in dict.fromkeys(words):
        try:
            answers.append(invocation.client.call("GET", f"{path}?name={quoted(word)}"))
        except ApiError as error:
            if error.code != "BAD_NAME":
                raise
            unknown.append(word)
    return answers, unknown


def report_unknown(invocation: Invocation, words: list[str]) -> None:
    """For each name that is unknown, say so, and which one may be meant; exit status 2 if there is any."""
    for word in words:
        invocation.problem(
            f"{word}: ERROR (no such process or group)", code="BAD_NAME", exitstatus=INVALID_ARGS, name=word
        )
    if words:
        suggestions.suggest_processes(invocation, words)
