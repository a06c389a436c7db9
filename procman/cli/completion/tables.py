"""What may stand on a command line, in one form for all shells."""

from collections.abc import Iterable
from typing import NamedTuple

from procman.cli.flags import Flag
from procman.cli.help_texts import OURS, TOPICS, flags, takes
from procman.cli.procman_commands.table import COMMANDS as OF_PROCMAN
from procman.cli.procmanctl_commands import COMMANDS, SAME_AS
from procman.cli.procmanctl_flags import FLAGS
from procman.cli.signal_guesses import signals
from procman.config.schema.reference import known_names

SHELLS = ("bash", "zsh", "fish")
FILE, FOLDER, ANYTHING = "FILE", "FOLDER", "ANYTHING"
PROCESSES, GROUPS, SIGNALS, TOPIC, PROGRAM = "processes", "groups", "signals", "topic", "program"

_METAVARS = {"FILE": FILE, "FILENAME": FILE, "FILE.json": FILE, "FILE|DIR": FILE, "DIRECTORY": FOLDER, "DIR": FOLDER}
_OF_METAVARS = {"WHEN": "always on-failure never"}
_CHOICES = {
    "--channel": "stdout stderr",
    "--color": "auto always never",
    "--loglevel": "critical error warn info debug trace blather",
    "--theme": "auto light dark",
    "-o": "name json yaml wide",
}


class FlagWords(NamedTuple):
    """One flag. `value` is "" for a switch, FILE, FOLDER, ANYTHING, or all values, with blanks between."""

    names: tuple[str, ...]
    about: str
    value: str


class CommandWords(NamedTuple):
    """One command. `takes` is what follows: PROCESSES and the like, FILE, or all words, with blanks between."""

    name: str
    about: str
    flags: tuple[FlagWords, ...]
    takes: str


def of_procmanctl() -> tuple[tuple[FlagWords, ...], list[CommandWords]]:
    """The flags before the command, and the commands."""
    commands = [
        CommandWords(name, _about(name), _flags_of(name), SIGNALS if name == "signal" else takes(name))
        for name in sorted(COMMANDS.keys() - {"EOF", "help"})
    ]
    others = [_renamed(name, same, commands) for name, same in SAME_AS.items()]
    help_words = CommandWords("help", "Print the commands, or the help of one", (), TOPIC)
    return _flags(FLAGS), sorted([*commands, *others, help_words])


def of_procman() -> tuple[tuple[FlagWords, ...], list[CommandWords]]:
    """The flags of the master, and the commands; `export kubernetes` is one of two words."""
    words = {
        "run": PROGRAM,
        "explain": " ".join(known_names()),
        "completion": " ".join(SHELLS),
    }
    commands = [
        CommandWords(
            name,
            command.about,
            _flags(command.flags),
            words.get(name, FILE if command.words.startswith("FILE") else ""),
        )
        for name, command in OF_PROCMAN.items()
        if name
    ]
    return _flags(OF_PROCMAN[""].flags), commands


def firsts_of_pairs() -> list[str]:
    """The words of `procman` that a second word follows."""
    return list(dict.fromkeys(name.partition(" ")[0] for name in OF_PROCMAN if " " in name))


def seconds(first: str, commands: Iterable[CommandWords]) -> str:
    """The second words of the commands with that first one, with blanks between."""
    return " ".join(each.name.partition(" ")[2] for each in commands if each.name.startswith(f"{first} "))


def signal_names() -> str:
    """All signals, with blanks between."""
    return " ".join(signals())


def valued(known: Iterable[FlagWords]) -> list[str]:
    """The names of the flags that a value follows."""
    return [name for flag in known if flag.value for name in flag.names]


def _flags(known: Iterable[Flag]) -> tuple[FlagWords, ...]:
    return tuple(FlagWords(tuple(flag.names), flag.about, _value(flag)) for flag in known)


def _value(flag: Flag) -> str:
    if not flag.metavar:
        return ""
    choices = next((_CHOICES[name] for name in flag.names if name in _CHOICES and name[1] == "-"), None)
    return choices or _OF_METAVARS.get(flag.metavar) or _METAVARS.get(flag.metavar, ANYTHING)


def _flags_of(command: str) -> tuple[FlagWords, ...]:
    found = []
    for flag, has_value in flags(command).items():
        about = next((about for usage, about in OURS.get(command, ()) if f"{flag} " in f"{usage} "), "")
        value = _CHOICES.get(flag, ANYTHING) if has_value else ""
        found.append(FlagWords((flag,), about.partition(";")[0], value))
    return (*found, FlagWords(("--json",), "Print one JSON object", ""), FlagWords(("--help",), "Show its help", ""))


def _renamed(name: str, same: str, commands: list[CommandWords]) -> CommandWords:
    (command,) = (each for each in commands if each.name == same.partition(" ")[0])
    return command._replace(name=name, about=f"The same as {same}")


def _about(command: str) -> str:
    """The first sentence of its help."""
    if command in TOPICS:
        line = TOPICS[command].splitlines()[0]
        about = line.partition("\t")[2].strip() or TOPICS[command].splitlines()[-1].partition("\t")[2].strip()
    else:
        about = OURS[command][0][1]
    return about.partition(";")[0].partition(" (")[0].rstrip(".")
