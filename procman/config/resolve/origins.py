"""Where values come from: the place of each option, and what was taken from the environment and the machine."""

import os
from collections.abc import Iterator, Mapping

from procman.config.formats.expansion import HOST, PREFIX, environment_names, names_in
from procman.config.formats.raw import Sections
from procman.config.schema.master import Master

COMMAND_LINE = "command line"
EVERYWHERE = "DEFAULT"  # configparser's own section, whose options apply to every section


def borrowed(sections: Sections, master: Master) -> dict[str, tuple[str, ...]]:
    """The names that each section takes from the environment and the machine, but for variables of [supervisord]."""
    own = environment_names(master.environment)
    borrowed = {}
    everything = {name: section.options for name, section in sections.sections.items()} | {
        EVERYWHERE: sections.defaults
    }
    for section, options in everything.items():
        taken = (name for raw in options.values() for text in _texts(raw.value) for name in names_in(text))
        names = dict.fromkeys(name for name in taken if name == HOST or (name.startswith(PREFIX) and name not in own))
        if names:
            borrowed[section] = tuple(names)
    return borrowed


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)


def origins_of(sections: Sections, overrides: Mapping[str, str]) -> dict[str, dict[str, tuple[str, int | None]]]:
    """File and line of each option, by section; `procmanctl config` shows them."""
    files: dict[str, str] = {}
    origins: dict[str, dict[str, tuple[str, int | None]]] = {}
    everything = {name: section.options for name, section in sections.sections.items()}
    if sections.defaults:
        everything[EVERYWHERE] = sections.defaults
    for name, options in everything.items():
        origins[name] = {
            option: (files.setdefault(raw.file, os.path.abspath(raw.file)), raw.line) for option, raw in options.items()
        }
    origins["supervisord"].update(dict.fromkeys(overrides, (COMMAND_LINE, None)))
    return origins
