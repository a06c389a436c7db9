"""What is said of a command or a flag that does not exist, and which one may be meant."""

from __future__ import annotations

from procman.cli import command_guesses, help_texts
from procman.cli.invocation import INVALID_ARGS
from procman.cli.procmanctl_flags import FLAGS
from procman.cli.signal_guesses import signals
from procman.config.spelling import closest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.cli.invocation import Invocation


def unknown_command(invocation: Invocation, line: str, name: str) -> None:
    """`name` is the part of the line that should be a command."""
    invocation.problem(f"*** Unknown syntax: {line}", code="UNKNOWN_COMMAND")
    meant = command_guesses.meant(line)
    if meant:
        invocation.suggest(meant, note=command_guesses.NOTES.get(name, ""))
    elif invocation.terminal:
        invocation.hint("help lists the commands")


def unknown_flag(invocation: Invocation, command: str, word: str, known: dict[str, bool]) -> None:
    """`known` are the flags of the command."""
    flag = word.partition("=")[0]
    early = any(flag in (*each.names, *each.hidden) for each in FLAGS)
    if early:
        text = f"Error: {flag} must come before the command: procmanctl {flag} ... {command}"
    else:
        text = f"Error: {command} has no flag {word}; to give a name that begins with a dash, write -- before it"
    invocation.problem(text, code="BAD_ARGUMENTS", exitstatus=INVALID_ARGS)
    flags = known.keys() | {other for other, ours in help_texts.SAME_FLAGS.items() if ours in known}
    invocation.suggest(_signal(word) if command == "signal" else closest(flag, sorted(flags), prefixes=True))
    if not early:
        invocation.say(help_texts.text_of(command).rstrip())


def _signal(word: str) -> str | None:
    """`signal HUP`, for a -HUP or -9 as of kill."""
    name = word.removeprefix("-").upper()
    return f"signal {name}" if name.isdecimal() or name.removeprefix("SIG") in signals() else None
