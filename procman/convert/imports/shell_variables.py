"""$VAR and ${VAR:-default} as compose and others fill them in while they read a file, in procman's notation."""

import re
from dataclasses import dataclass

from procman.convert.imports.draft import ready
from procman.convert.imports.source import Ready

_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<sign>:?[-?+])(?P<rest>[^{}]*))?\})"
)


@dataclass(frozen=True, slots=True)
class Filled:
    """The text in procman's notation, what it needs from the environment, and what was decided for it."""

    text: Ready
    needs: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()


def fill_in(text: str) -> Filled:
    """Write ${X} as %(ENV_X)s. Where there is a default, that is written: procman has no defaults."""
    needs: dict[str, None] = {}
    decided: list[str] = []
    parts: list[str] = []
    at = 0
    for found in _VARIABLE.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        name = found["bare"] or found["name"]
        sign = (found["sign"] or "").lstrip(":")
        if found["dollar"]:
            parts.append("$")
        elif sign == "-":
            parts.append(found["rest"])
            decided.append(f"{found[0]} is its default, whatever the environment says")
        elif sign == "+":
            decided.append(f"{found[0]} is left empty, as without {name}")
        else:
            needs[name] = None
            parts.append(Ready(f"%(ENV_{name})s"))
    parts.append(text[at:])
    return Filled(ready(*parts), tuple(needs), tuple(decided))
