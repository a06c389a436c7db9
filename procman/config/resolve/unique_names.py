"""Names that occur twice: groups, and processes within a group."""

from dataclasses import replace

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.groups import Group


def unique(reading: OptionReader, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Drop groups and processes whose name is taken: as in supervisor, the first group and the last process stay."""
    found: dict[str, Group] = {}
    for group in groups:
        if group.name in found:
            section = reading.sections.sections[_section_of(group)]
            message = f"ignored, because there is another group named {group.name}: rename one of them"
            _clash(reading, section, message)
            continue
        programs = {program.name: program for program in group.programs}
        for program in group.programs:
            if programs[program.name] is not program:
                section = reading.sections.sections[program.section]
                message = (
                    f"two processes of group {group.name} are named {program.name}, and only the last one is run: give "
                    "one of them another process_name"
                )
                _clash(reading, section, message)
        found[group.name] = replace(group, programs=tuple(p for p in group.programs if programs[p.name] is p))
    return tuple(found.values())


def _section_of(group: Group) -> str:
    if group.kind == "group" or not group.programs:
        return f"{group.kind}:{group.name}"
    return group.programs[0].section


def _clash(reading: OptionReader, section: RawSection, message: str) -> None:
    reading.complain(section, None, message, severity="error" if section.toml else "warning")
