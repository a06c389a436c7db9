"""The flags of a command line, declared once for reading them, for `-h`, and for the reference page.

getopt reads them, as in supervisord and supervisorctl, with its rules (`-cFILE`, `--conf=FILE`, a value that begins
with a dash, no flags after the first word) and its messages, and in 3 ms less than argparse.
"""

from collections.abc import Iterable, Sequence
from getopt import GetoptError, getopt
from textwrap import wrap

from procman.errors import BadRequest

_WIDTH = 100  # columns of the help; a flag that is too long for its column has a line of its own
_COLUMN = 32


class Flag:
    """One flag: `key` is its name in the result; a switch has no `metavar`.

    The result of a flag that may be given `many` times has all values, separated by NUL.
    """

    __slots__ = ("about", "hidden", "key", "many", "metavar", "names")

    def __init__(
        self, key: str, names: str, about: str, *, metavar: str = "", hidden: str = "", many: bool = False
    ) -> None:
        self.key = key
        self.names = names.split()
        self.about = about
        self.metavar = metavar
        self.many = many
        self.hidden = hidden.split()  # further names, not in the help

    @property
    def usage(self) -> str:
        """How the flag is written: `-c, --configuration FILE`."""
        return ", ".join(self.names) + (f" {self.metavar}" if self.metavar else "")


HELP = Flag("help", "-h --help", "print this and exit", hidden="-?")


def read(flags: Iterable[Flag], argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The given flags by key (a switch is "true"), and the words from the first one that is not a flag.

    Raises BadRequest for an unknown flag, a missing or a superfluous value, or two values for one flag.
    """
    if not argv or not argv[0].startswith("-"):
        return {}, list(argv)
    named = {name: flag for flag in flags for name in (*flag.names, *flag.hidden)}
    short = "".join(name[1] + (":" if flag.metavar else "") for name, flag in named.items() if name[1] != "-")
    long = [name[2:] + ("=" if flag.metavar else "") for name, flag in named.items() if name[1] == "-"]
    try:
        options, words = getopt(argv, short, long)
    except GetoptError as error:
        raise BadRequest(str(error)) from None
    given: dict[str, str] = {}
    for name, value in options:
        flag = named[name]
        if flag.many and flag.key in given:
            given[flag.key] += f"\0{value}"
            continue
        if flag.metavar and flag.key in given:
            raise BadRequest(f"conflicting command line option {name!r}")
        given[flag.key] = value if flag.metavar else "true"
    return given, list(words)


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
