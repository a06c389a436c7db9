"""Notes on options that no other engine has, where they have another value than by default."""

from collections.abc import Sequence

from procman.config.schema.configuration import Config
from procman.config.schema.options import options_of
from procman.config.schema.programs import Program
from procman.convert.portability import Carried, sections

_EVERYWHERE = (
    "early_exit",
    "unknown_exit",
    "hook_timeout",
    "stdout_events_enabled",
    "stderr_events_enabled",
    "stdout_syslog",
    "stderr_syslog",
)


def lost_only_here(processes: Sequence[Carried], engine: str, *also: str) -> list[str]:
    """The notes for an engine; `also` names options that it has not, and others have."""
    notes = []
    for option in (*_EVERYWHERE, *also):
        usual = options_of(Program)[option].default

        def differs(program: Program, option: str = option, usual: object = usual) -> bool:
            return bool(getattr(program, option) != usual)

        if named := sections(processes, differs):
            notes.append(f"{named}: {option}, which {engine} has not")
    return notes


def lost_roles(config: Config, instead: str) -> list[str]:
    """The note that others decide who may do what; `instead` says who."""
    if not config.access:
        return []
    named = ", ".join(f"[access:{section.name}]" for section in config.access)
    return [f"{named}: who may do what with which program is lost: {instead}"]
