"""The input and the result of an export: files by name, and notes on what could not be carried over."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from procman.config.formats.expansion import HOST, PREFIX
from procman.config.schema.configuration import Config
from procman.config.stop_plan import show_duration, stop_plan
from procman.errors import ProcmanError

# Seconds that a container runtime should allow beyond the stop plan.
MARGIN = 5

# Columns of a comment.
WIDTH = 110

# The directory of the configuration in the image, as the project's Dockerfile has it.
FOLDER = "/etc/procman"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The name of the application, the image of its containers, and the path of the procman command."""

    name: str
    image: str
    procman: str
    split: bool = False  # one container or unit for each program


@dataclass(frozen=True, slots=True)
class Exported:
    """`files` by name; `notes` are for the user, and are also comments in the files."""

    files: Mapping[str, str]
    notes: tuple[str, ...]


class CannotExport(ProcmanError):
    """No program of the configuration can be exported."""

    def __init__(self, config: Config, notes: Sequence[str]) -> None:
        reasons = "".join(f"; {note}" for note in notes)
        super().__init__(f"cannot export {config.file}: none of its programs could run there{reasons}")


def header(config: Config, what: str, notes: Sequence[str], *, split: bool) -> list[str]:
    """The lines of the comment at the beginning of a file."""
    command = f"procman export {what}{' --split' if split else ''}"
    lines = [f"Written by `{command}` from {config.file}."]
    if notes:
        lines += ["", "Not carried over, or to be checked:"]
    for note in notes:
        lines += wrap(
            note, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    return lines


def grace(config: Config) -> tuple[int, str]:
    """The grace period for all programs in whole seconds, and its reason."""
    plan = stop_plan(config)
    return grace_of(plan.seconds), f"the stop plan's {show_duration(plan.seconds)}, and {MARGIN} s to spare"


def grace_of(seconds: float) -> int:
    """The grace period for a stop that takes so many seconds."""
    return math.ceil(seconds) + MARGIN


def needed_by_the_file(config: Config, how: str) -> list[str]:
    """A note on the variables that procman needs there to read the file; `how` says how to set them."""
    named = [name.removeprefix(PREFIX) for names in config.borrowed.values() for name in names if name != HOST]
    names = ", ".join(dict.fromkeys(named))
    return [f"the configuration uses environment variables, so {how}: {names}"] if names else []


def written_in(config: Config) -> list[str]:
    """Notes on values that were expanded during the export, and may differ where the result runs."""
    return [
        f"[{section}]: {', '.join(f'%({name})s' for name in names)}: replaced by the value during the export"
        for section, names in config.borrowed.items()
    ]


def in_the_image(config: Config) -> str:
    """The path of the configuration in the image."""
    return f"{FOLDER}/{config.file.rpartition('/')[2]}"


def files_of(config: Config) -> str:
    """A note on what the image must contain for procman."""
    others = [path for path in config.files if path != config.file]
    included = f" with the {len(others)} files that it includes" if others else ""
    return f"the image must contain procman, the programs, and this configuration{included} as {in_the_image(config)}"
