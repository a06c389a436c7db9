"""The flags of a command line as `-h` shows them."""

from collections.abc import Iterable
from textwrap import wrap

from procman.cli.flags import Flag

_WIDTH = 100  # columns of the help; a flag that is too long for its column has a line of its own
_COLUMN = 32


def table(flags: Iterable[Flag]) -> str:
    """The flags as `-h` shows them."""
    lines = []
    for flag in flags:
        first, *rest = wrap(flag.about, _WIDTH - _COLUMN)
        usage = f"  {flag.usage}"
        if len(usage) + 2 > _COLUMN:
            lines.append(usage)
            usage = ""
        lines += [f"{usage:<{_COLUMN}}{first}", *(" " * _COLUMN + line for line in rest)]
    return "\n".join(lines)
