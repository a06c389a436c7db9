"""What a file says before anybody asks what it means: sections of options, each with the place it stands at.

Both forms of a file come to this shape, with supervisor's section names, so that everything after it is written once.
"""

from dataclasses import dataclass, field

HERE = "%(here)s"


@dataclass(slots=True)
class RawOption:
    """One option: the text of an INI file, or any TOML value (`toml` tells which)."""

    value: object
    file: str
    line: int | None
    here: str  # the folder of its file
    toml: bool = False
    written: str | None = None  # how TOML writes a number, where that cannot be told from the value: 0o755
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
    """The sections of all files: repeated ones are merged, and of a repeated option the last one wins.

    `asked` remembers what was read, because what nobody reads deserves a warning.
    """

    sections: dict[str, RawSection] = field(default_factory=dict)
    defaults: dict[str, RawOption] = field(default_factory=dict)  # [DEFAULT], configparser's own
    asked: set[tuple[str, str]] = field(default_factory=set)

    def merge(self, sections: list[RawSection]) -> None:
        """Take in the sections of one more file."""
        for section in sections:
            if section.name == "DEFAULT" and not section.toml:
                self.defaults.update(section.options)
            elif section.name in self.sections:
                self.sections[section.name].options.update(section.options)
            else:
                self.sections[section.name] = section

    def get(self, section: str, option: str) -> RawOption | None:
        """What the files say, and a note that it was asked for."""
        self.asked.add((section, option))
        found = self.sections[section].options.get(option)
        return self.defaults.get(option) if found is None else found

    def names(self, section: str) -> list[str]:
        """All options that section has."""
        return list(dict.fromkeys([*self.defaults, *self.sections[section].options]))

    def starting_with(self, prefix: str) -> list[RawSection]:
        """The sections whose name begins so, in the order of their first appearance."""
        return [section for name, section in self.sections.items() if name.startswith(prefix)]

    def settle_here(self, here: str) -> None:
        """Put the folder of the file just read in for %(here)s, as supervisor does when there is an [include].

        It replaces text before anything is expanded, so the next file's folder does not reach what is here already.
        """
        for section in self.sections.values():
            for name, option in (self.defaults | section.options).items():
                if isinstance(option.value, str) and not option.toml and HERE in option.value:
                    section.options[name] = RawOption(
                        option.value.replace(HERE, here), option.file, option.line, here, cut_by=option.cut_by
                    )
