"""What an export is asked for and what it gives: texts by file name, and notes of what could not be carried over."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from procman.config.formats.expansion import HOST, PREFIX
from procman.config.schema.configuration import Config
from procman.config.stop_plan import show_duration, stop_plan
from procman.errors import ProcmanError

# What a container runtime needs beside the stop itself, in seconds, before it may lose patience.
MARGIN = 5

# Of a comment, in columns.
WIDTH = 110

# Where the image has the configuration; the project's Dockerfile puts it there.
FOLDER = "/etc/procman"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What it is to be called over there; `image` is that of the containers, `procman` the path of the command."""

    name: str
    image: str
    procman: str
    split: bool = False  # a container, or a unit, for each program


@dataclass(frozen=True, slots=True)
class Exported:
    """`files` by their names; `notes` are lines for people, which stand in the files as comments, too."""

    files: Mapping[str, str]
    notes: tuple[str, ...]


class CannotExport(ProcmanError):
    """Nothing would be left to run."""

    def __init__(self, config: Config, notes: Sequence[str]) -> None:
        reasons = "".join(f"; {note}" for note in notes)
        super().__init__(f"cannot export {config.file}: there is no program in it that could run there{reasons}")


def header(config: Config, what: str, notes: Sequence[str], *, split: bool) -> list[str]:
    """The lines of the comment that a file begins with."""
    command = f"procman export {what}{' --split' if split else ''}"
    lines = [f"Written by `{command}` from {config.file}."]
    if notes:
        lines += ["", "Not carried over, or to be seen to:"]
    for note in notes:
        lines += wrap(
            note, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    return lines


def grace(config: Config) -> tuple[int, str]:
    """How long whoever stops the whole has to wait, in whole seconds, and why."""
    plan = stop_plan(config)
    return grace_of(plan.seconds), f"the stop plan's {show_duration(plan.seconds)}, and {MARGIN} s to spare"


def grace_of(seconds: float) -> int:
    """The same for a stop of so many seconds."""
    return math.ceil(seconds) + MARGIN


def needed_by_the_file(config: Config, how: str) -> list[str]:
    """A note on the variables without which procman could not read it there; `how` they get there."""
    named = [name.removeprefix(PREFIX) for names in config.borrowed.values() for name in names if name != HOST]
    names = ", ".join(dict.fromkeys(named))
    return [f"the configuration takes variables from the environment, so {how}: {names}"] if names else []


def written_in(config: Config) -> list[str]:
    """Notes on what was filled in where the file was read, and may be otherwise where this is run."""
    return [
        f"[{section}]: {', '.join(f'%({name})s' for name in names)}: filled in with what it is here and now"
        for section, names in config.borrowed.items()
    ]


def in_the_image(config: Config) -> str:
    """The path of the configuration there."""
    return f"{FOLDER}/{config.file.rpartition('/')[2]}"


def files_of(config: Config) -> str:
    """A note on what the image has to hold for procman to run in it."""
    others = [path for path in config.files if path != config.file]
    included = f" with the {len(others)} files that it includes" if others else ""
    return f"the image has to hold procman, the programs, and this configuration{included} as {in_the_image(config)}"
