"""Options that say more about another one, in a section without that."""

from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.readiness import warn_once
from procman.config.schema.configuration import Config

_NEEDS = {
    "depends_timeout": "depends_on",
    "on_dependency_restart": "depends_on",
    "on_dependency_stop": "depends_on",
    "backoff_factor": "backoff",
    "backoff_jitter": "backoff",
    "on_restart_limit": "restart_limit",
}


def warn_of_what_has_no_effect(reading: OptionReader, config: Config) -> None:
    """Warn of each of these options; those of `ready`, `health` and hooks are warned of by their own modules."""
    for name in dict.fromkeys(program.section for group in config.groups for program in group.programs):
        section = reading.sections.sections[name]
        for option, needed in _NEEDS.items():
            if section.options.get(option) is not None and reading.raw(section, needed) is None:
                message = f"it has no effect without {needed}: add {needed} = …, or take it out"
                warn_once(reading, section, option, message)
