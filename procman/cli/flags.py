"""The flags of a command line, declared once for reading them, for `-h`, and for the reference page.

They are read by the rules of getopt, as in supervisord and supervisorctl (`-cFILE`, `--conf=FILE`, a value that begins
with a dash, no flags after the first word), and with its messages. To import getopt itself takes longer than to read
them here, for it imports gettext.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from procman.errors import BadRequest


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
    words = list(argv)
    given: dict[str, str] = {}
    for name, value in _taken(named, words):
        flag = named[name]
        if flag.many and flag.key in given:
            given[flag.key] += f"\0{value}"
            continue
        if flag.metavar and flag.key in given:
            raise BadRequest(f"conflicting command line option {name!r}")
        given[flag.key] = value if flag.metavar else "true"
    return given, words


def read_behind(flags: Iterable[Flag], given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The flags, with those that stand behind a word; and the words, which `given` has in "words", joined by NUL."""
    found, words = dict(given), list(filter(None, given.get("words", "").split("\0")))
    found.pop("words", None)
    plain: list[str] = []
    while words:
        word, *words = words
        plain.append(word)
        more, words = read(flags, words)
        found |= more
    return found, plain


def _taken(named: dict[str, Flag], words: list[str]) -> Iterator[tuple[str, str]]:
    """Each given flag with its value, "" for a switch. They are taken out of the words."""
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            return
        if word.startswith("--"):
            begun, equals, value = word.partition("=")
            name = _whole_name(begun, named)
            if not named[name].metavar and equals:
                raise BadRequest(f"option {name} must not have an argument")
            if named[name].metavar and not equals:
                value = _value_of(name, words)
            yield name, value
            continue
        letters = word[1:]
        while letters:
            name, letters = f"-{letters[0]}", letters[1:]
            if name not in named:
                raise BadRequest(f"option {name} not recognized")
            if named[name].metavar:
                # The rest of the word is the value.
                yield name, letters or _value_of(name, words)
                break
            yield name, ""


def _value_of(name: str, words: list[str]) -> str:
    if not words:
        raise BadRequest(f"option {name} requires argument")
    return words.pop(0)


def _whole_name(begun: str, named: dict[str, Flag]) -> str:
    """The flag with this name, or the only one whose name begins so."""
    possible = [name for name in named if name.startswith(begun)]
    if not possible:
        raise BadRequest(f"option {begun} not recognized")
    if begun not in possible and len(possible) > 1:
        raise BadRequest(f"option {begun} not a unique prefix")
    return begun if begun in possible else possible[0]
