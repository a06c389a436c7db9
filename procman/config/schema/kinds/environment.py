"""Sets of environment variables."""

import shlex
from collections.abc import Mapping

from procman.config.schema.kinds.numbers import KIB
from procman.config.schema.kinds.text import show_bool
from procman.config.schema.options import Kind, Unfit

# The kernel takes 128 KiB for a variable and 2 MiB for all (execve(2)), and shlex's time is quadratic in a word.
LONGEST_ENVIRONMENT = 256 * KIB


def _parse_environment(text: str) -> Mapping[str, str]:
    """Read KEY=value,KEY="value" as supervisor does: words in threes, and any word between two of them is skipped."""
    if len(text) > LONGEST_ENVIRONMENT:
        raise Unfit("it is longer than 256 KiB, more than the kernel passes to a program: shorten it")
    try:
        words = _words(text)
    except ValueError as error:  # an open quote
        raise Unfit("a quote is opened and not closed") from error
    variables: dict[str, str] = {}
    for start in range(0, len(words), 4):
        triple = words[start : start + 3]
        if len(triple) != len("K=V") or triple[1] != "=":
            after = f" after {list(variables)[-1]}" if variables else ""
            raise Unfit(f'expected KEY="value" pairs separated by commas; cannot read on{after} (quote the values)')
        variables[triple[0]] = triple[2].strip("'\"")
    return variables


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    return list(lexer)


def skipped_in_environment(text: str) -> str | None:
    """The variable after whose value a word is skipped; None if only commas stand between the variables."""
    try:
        words = _words(text) if len(text) <= LONGEST_ENVIRONMENT else []
    except ValueError:
        return None
    return next((words[at - 3] for at in range(3, len(words), 4) if words[at] not in (",", ";")), None)


def _accept_environment(value: object) -> Mapping[str, str]:
    if isinstance(value, str):
        return _parse_environment(value)
    if not isinstance(value, dict):
        raise Unfit('expected a table such as { LANG = "C.UTF-8" }')
    variables: dict[str, str] = {}
    for name, item in value.items():
        if not isinstance(item, (str, int, float)):
            raise Unfit(f"{name}: expected a text, a number or true/false")
        if not name or "=" in name:
            raise Unfit("the name of a variable must not be empty or contain =")
        variables[name] = show_bool(item) if isinstance(item, bool) else str(item)
    return variables


ENVIRONMENT: Kind[Mapping[str, str]] = Kind(
    name="environment",
    expected='KEY="value" pairs separated by commas',
    slug="bad-environment",
    parse=_parse_environment,
    accept=_accept_environment,
    schema={"type": ["object", "string"], "additionalProperties": {"type": ["string", "number", "boolean"]}},
    show=lambda value: ",".join(f'{name}="{text}"' for name, text in value.items()),
    private=True,
)
