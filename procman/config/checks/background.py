"""Warns of programs whose command is known to go into the background, where nothing supervises it."""

from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.system.background import background_of


def warn_of_background(reading: OptionReader, config: Config) -> None:
    """Warn of each program whose command is known to go into the background."""
    seen: set[str] = set()
    for group in config.groups:
        for program in group.programs:
            why = None if program.section in seen else goes_into_background(program.command)
            if why is not None:
                seen.add(program.section)
                reading.complain(reading.sections.sections[program.section], "command", why, "background", "warning")


def goes_into_background(command: str) -> str | None:
    """The complaint about such a command, with the way out; None if it stays or is unknown."""
    found = background_of(command)
    return None if found is None else f"{found.complaint}: {found.way_out}"
