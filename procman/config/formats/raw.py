"""Sections and options as the files have them, before they are interpreted, each with its place.

INI and TOML both become this, with supervisor's section names, so all later steps exist once.
"""

from dataclasses import dataclass, field

HERE = "%(here)s"


@dataclass(slots=True)
class RawOption:
    """One option: the text of an INI file, or a TOML value (`toml` tells which)."""

    value: object
    file: str
    line: int | None
    here: str  # the directory of its file
    toml: bool = False
    written: str | None = None  # how TOML writes a number: 0o755
    cut_by: str | None = None  # the comment sign that ends the value inside an open quote


@dataclass(slots=True)
class RawSection:
    """One section; `name` is as in INI ("program:web"), `label` as the file writes it ("program.web" in TOML)."""

    name: str
    label: str
    file: str
    line: int | None
    toml: bool = False
    options: dict[str, RawOption] = field(default_factory=dict)


@dataclass(slots=True)
class Sections:
    """The sections of all files; repeated sections are merged, and of a repeated option the last one counts.

    `asked` records which options were read, because the others deserve a warning.
    """

    sections: dict[str, RawSection] = field(default_factory=dict)
    defaults: dict[str, RawOption] = field(default_factory=dict)  # [DEFAULT], configparser's own
    asked: set[tuple[str, str]] = field(default_factory=set)

    def merge(self, sections: list[RawSection]) -> None:
        """Add the sections of one more file."""
        for section in sections:
            if section.name == "DEFAULT" and not section.toml:
                self.defaults.update(section.options)
            elif section.name in self.sections:
                self.sections[section.name].options.update(section.options)
            else:
                self.sections[section.name] = section

    def get(self, section: str, option: str) -> RawOption | None:
        """The option, or the default of [DEFAULT]; records that it was read."""
        self.asked.add((section, option))
        found = self.sections[section].options.get(option)
        return self.defaults.get(option) if found is None else found

    def names(self, section: str) -> list[str]:
        """The names of all options of a section."""
        return list(dict.fromkeys([*self.defaults, *self.sections[section].options]))

    def starting_with(self, prefix: str) -> list[RawSection]:
        """The sections whose name has this prefix, in the order of their first appearance."""
        return [section for name, section in self.sections.items() if name.startswith(prefix)]

    def settle_here(self, here: str) -> None:
        """Replace %(here)s by the directory of the file just read, as supervisor does if there is an [include].

        This happens before any expansion, so the directory of a later file does not affect these options.
        """
        for section in self.sections.values():
            for name, option in (self.defaults | section.options).items():
                if isinstance(option.value, str) and not option.toml and HERE in option.value:
                    section.options[name] = RawOption(
                        option.value.replace(HERE, here), option.file, option.line, here, cut_by=option.cut_by
                    )
