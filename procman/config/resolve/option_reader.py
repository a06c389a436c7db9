"""Reads one option of a section: expands it, converts it to its type, and checks what it names.

Each mistake becomes a `Problem`, and the option gets its default, so that the other mistakes are found too.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from procman.config.formats.expansion import BAD_FORMAT, NotExpanded, environment_names, expand, left_over, takes_all
from procman.config.formats.raw import RawOption, RawSection, Sections
from procman.config.host import Machine
from procman.config.problems import Problem, Severity
from procman.config.schema.notation import show_text
from procman.config.schema.options import AUTO, SYSLOG, Kind, Option, Unfit
from procman.config.spelling import did_you_mean
from procman.core.spec import ProgramTemplate

T = TypeVar("T")
Names = Mapping[str, object]

# How many names are compared with a misspelt one.
MOST_SIMILAR = 1000

QUOTES = "quotes are a part of the value here: take them out"
_QUOTED = ("command", "environment")  # quotes have a meaning there

# The slugs of complaints about missing required options.
MISSING_SLUGS = {
    "command": "missing-command",
    "events": "listener-without-events",
    "socket": "fcgi-without-socket",
    "port": "server-without-address",
    "file": "server-without-address",
}


@dataclass(slots=True)
class OptionReader:
    """The sections that are read, the machine they are read for, and the problems found so far.

    `here` is the directory of the main file, `environment` the ENV_ names, including those of `[supervisord]
    environment`.
    """

    sections: Sections
    machine: Machine
    here: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    environment: dict[str, object] = field(default_factory=dict)
    templates: list[ProgramTemplate] = field(default_factory=list)  # of the programs that were read so far
    scales: Mapping[str, Sequence[int]] = field(default_factory=dict)  # by section: see `resolve.programs`
    hints: int = 100  # how many more misspelt names are compared, because each takes time in proportion to the names
    unread: dict[str, list[str]] = field(
        default_factory=dict
    )  # complaints about unreadable lines, by the label of their section
    notes_before_error: int | None = None  # supervisor's warnings end at the first error

    def __post_init__(self) -> None:
        if any(problem.severity == "error" for problem in self.problems):
            self.notes_before_error = len(self.notes)
        for problem in self.problems:
            if problem.slug == "syntax" and problem.section is not None:
                self.unread.setdefault(problem.section, []).append(problem.message)
        assert self.machine.environ is not None
        self.environment = environment_names(self.machine.environ)

    def names(self, **more: object) -> dict[str, object]:
        """The names that an option may use: ENV_…, and those given."""
        return {**self.environment, **more}

    def complain(
        self, section: RawSection, option: str | None, message: str, slug: str = "other", severity: Severity = "error"
    ) -> None:
        """Add a problem, at the option's line if the file has the option."""
        raw = self.raw(section, option) if option else None
        where = raw or section
        if raw is not None and option not in _QUOTED and is_quoted(raw) and not message.startswith("ignored"):
            message += f"; {QUOTES}"
        self.add(Problem(where.file, where.line, section.label, option, message, severity, slug))

    def add(self, problem: Problem) -> None:
        """Add a problem."""
        if problem.severity == "error" and self.notes_before_error is None:
            self.notes_before_error = len(self.notes)
        self.problems.append(problem)

    def did_you_mean(self, word: str, known: Callable[[], Iterable[str]]) -> str:
        """As `spelling.did_you_mean`, for a bounded number of names and calls."""
        if not self.hints:
            return ""
        self.hints -= 1
        return did_you_mean(word, islice(known(), MOST_SIMILAR))

    def raw(self, section: RawSection, option: str) -> RawOption | None:
        """The option as the files have it; does not record that it was read."""
        return section.options.get(option) or self.sections.defaults.get(option)

    def text(self, section: RawSection, option: str, names: Names, *, severity: Severity = "error") -> str | None:
        """The expanded text of an option, None if it is missing or cannot be expanded."""
        raw = self.sections.get(section.name, option)
        if raw is None:
            return None
        try:
            return str(self._expanded(section, option, raw, names))
        except Unfit as error:
            self.complain(section, option, str(error), error.slug or "other", severity)
            return None

    def option(
        self,
        section: RawSection,
        name: str,
        known: Option,
        names: Names,
        *,
        again: Names | None = None,
        severity: Severity = "error",
    ) -> Any:
        """The value of an option, or its default if it is missing or wrong; None if it has no default.

        `again` are the names of a second expansion, which supervisor applies to a few options.
        """
        raw = self.sections.get(section.name, name)
        default = None if known.required else known.default
        if raw is None:
            if known.required and not self._is_lost(section, name):
                self.complain(
                    section, None, _missing(name, known, toml=section.toml), MISSING_SLUGS.get(name, "other"), severity
                )
            return default
        try:
            value = self._expanded(section, name, raw, names)
            if again is not None and not raw.toml:
                value = expand(value, again)
            return self.fitting(known.kind, value, toml=raw.toml)
        except (ValueError, TypeError, OverflowError) as error:
            slug = error.slug if isinstance(error, Unfit) else None
            self.complain(section, name, _unfit(known.kind, raw, error), slug or known.kind.slug, severity)
            return default
        finally:
            for folder in self.machine.silent():
                message = f"the disk of {show_text(folder)} does not respond: the directory is assumed to exist"
                self.complain(section, name, message, severity="warning")

    def _is_lost(self, section: RawSection, name: str) -> bool:
        """Whether the line of that option was unreadable, as `command sleep 1` is, and has its complaint already."""
        return any(f"{name} " in message for message in self.unread.get(section.label, ()))

    def plugin(self, section: RawSection, option: str, names: Names, default: str | None = None) -> str:
        """The module:attribute of an option, with a complaint if it cannot be found."""
        spec = self.text(section, option, names)
        if spec is None:
            if default is None and self.raw(section, option) is None:
                message = f"the section has no {option}: add {option} = module:attribute"
                self.complain(section, None, message, "plugin-without-factory")
            return default or ""
        if not self.machine.has_plugin(spec):
            message = f"cannot find {show_text(spec)}: expected module:attribute of an installed package"
            if ":" not in spec and "." in spec:
                message += f"; did you mean {':'.join(spec.rsplit('.', 1))}?"
            self.complain(section, option, message, "unresolvable-plugin")
        return spec

    def add_environment(self, variables: Mapping[str, str]) -> None:
        """Make variables of [supervisord] usable in all sections read from now on."""
        self.environment.update(environment_names(variables))

    def uid(self, section: RawSection, user: str | None) -> int | None:
        """The number of the user that an option `user` names."""
        return self._known(section, "user", user, self.machine.uid, missing=_no_user, slug="unknown-user")

    def gid(self, section: RawSection, option: str, group: str | None) -> int | None:
        """The number of the group that an option names."""
        return self._known(section, option, group, self.machine.gid, missing=_no_group, slug="unknown-group")

    def owner_ids(self, section: RawSection, option: str, owner: str | None) -> tuple[int, int] | None:
        """(uid, gid) of the user or user:group that an option names; gid -1 without a group."""
        return self._known(section, option, owner, self.machine.owner, missing=_no_owner, slug="unknown-user")

    def _known(
        self,
        section: RawSection,
        option: str,
        name: str | None,
        find: Callable[[str], T],
        *,
        missing: Callable[[str], str],
        slug: str,
    ) -> T | None:
        """What the machine has under that name; None without a name, or with a complaint where it has nothing."""
        if name is None:
            return None
        try:
            return find(name)
        except (KeyError, ValueError, OverflowError):
            self.complain(section, option, missing(name), slug)
            return None

    def _expanded(self, section: RawSection, option: str, raw: RawOption, names: Names) -> Any:
        if not raw.toml:
            assert isinstance(raw.value, str)
            expanded = expand(raw.value, names)
            if takes_all(raw.value):
                # Python, and so supervisor, inserts the whole mapping for a %s without a name.
                message = "a % without (NAME) takes in the whole environment: write %% for a percent sign"
                self.complain(section, option, message, severity="warning")
            return expanded
        return _expanded_within(raw.value, {**names, "here": raw.here})

    def fitting(self, kind: Kind[Any], value: Any, *, toml: bool) -> Any:
        """Convert a value to its kind, and check that its directory exists; raises ValueError or TypeError."""
        fitting = kind.accept(value) if toml else kind.parse(value)
        if isinstance(fitting, tuple) and kind.place is not None:
            return tuple(self._placed(kind, one) for one in fitting)
        return self._placed(kind, fitting)

    def _placed(self, kind: Kind[Any], fitting: Any) -> Any:
        if kind.place is None or fitting in (None, AUTO, SYSLOG):
            return fitting
        path = self.machine.home(fitting)
        if kind.place == "directory":
            if not self.machine.is_directory(path):
                raise Unfit(no_directory(path))
            return path
        # A name without a directory is in the master's current one.
        folder = path.rpartition("/")[0] or ("/" if path.startswith("/") else "")
        if folder and not self.machine.is_directory(folder):
            raise Unfit(no_directory(folder))
        return path


def no_directory(path: str, consequence: str = "") -> str:
    """The complaint about a missing directory, and its consequence."""
    way_out = left_over(path).removeprefix("; ") or "make it, or name another"
    return f"the directory {show_text(path)} does not exist{consequence}: {way_out}"


def _expanded_within(value: object, names: Names) -> object:
    match value:
        case str():
            if "\0" in value:
                raise Unfit("it contains a NUL byte: remove it", "syntax")
            if takes_all(value):
                raise NotExpanded(BAD_FORMAT, "bad-format-string")
            return expand(value, names)
        case list():
            return [_expanded_within(item, names) for item in value]
        case dict():
            return {name: _expanded_within(item, names) for name, item in value.items()}
    return value


def _missing(name: str, known: Option, *, toml: bool) -> str:
    what = known.about.rstrip(".").partition(":")[0]
    what = what.partition(";")[0]
    value = '"…"' if toml and known.kind.schema["type"] != ["integer", "string"] else "…"
    return f"the section has no {name}: add {name} = {value} ({what[0].lower()}{what[1:]})"


def _unfit(kind: Kind[Any], raw: RawOption, error: Exception) -> str:
    if isinstance(error, NotExpanded):
        # The text around a % may be part of a password.
        return BAD_FORMAT if kind.private and not str(error).startswith("%(ENV_") else str(error)
    why = str(error) if isinstance(error, Unfit) else f"expected {kind.expected}"
    if not raw.toml and isinstance(raw.value, str):
        why += _ini_hint(raw.value, kind)
    if kind.name == "octal mode" and raw.written and re.fullmatch("(0o)?[0-7]{1,4}", raw.written):
        why += f'; did you mean "{raw.written.replace("o", "")}"?'
    if kind.private or kind.place:
        return why
    return f"cannot read {raw.written or show_text(raw.value, toml=raw.toml)}: {why}"


def _ini_hint(value: str, kind: Kind[Any]) -> str:
    """A hint on INI's comments, which need a blank before them."""
    if not kind.private and re.search(r"\S[;#]\s*[A-Za-z]", value):
        return "; a comment begins with a blank and a ;"
    return ""


def is_quoted(raw: RawOption) -> bool:
    """Whether an INI value is in quotes as a whole; they are part of the value there."""
    value = raw.value
    if raw.toml or not isinstance(value, str) or len(value) <= 1:
        return False
    return value[0] in "\"'" and value.find(value[0], 1) == len(value) - 1


def _no_user(user: str) -> str:
    name, colon, _ = user.partition(":")
    way_out = "name one of this machine, or make it"
    if colon:
        way_out = f"a process has the groups of its user, so write user = {name} (user_group is another main one)"
    return f"there is no user {show_text(user)}: {way_out}"


def _no_group(group: str) -> str:
    return f"there is no group {show_text(group)}: name one of this machine, or make it"


def _no_owner(owner: str) -> str:
    return f"there is no user or group {show_text(owner)}: expected USER or USER:GROUP of this machine"
