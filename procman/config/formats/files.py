"""Reads the main file and its includes into raw sections. No other module opens configuration files.

An `[include]` of INI is followed in the main file only, as in supervisor; TOML's `include` is followed everywhere.
"""

import errno
import glob
import os
import re
import select
import stat
from dataclasses import dataclass, field

from procman.config.discovery import is_procfile
from procman.config.formats import ini
from procman.config.formats.expansion import NotExpanded, environment_names, expand, left_over
from procman.config.formats.other_formats import strange_form
from procman.config.formats.raw import RawOption, RawSection, Sections
from procman.config.host import Machine
from procman.config.problems import Problem
from procman.config.schema.notation import show_toml
from procman.config.schema.sections import SECTIONS
from procman.system.env_file import BadEnvFile, read_env_file

LARGEST_FILE = 8 * 1024 * 1024
PATIENCE = 5.0  # seconds

# Headers that only one of the two forms has.
_INI_HEADER = re.compile(
    r"^\[(?:supervisord|supervisorctl|(?:program|group|eventlistener|fcgi-program|rpcinterface|ctlplugin):[^\]]+)\]",
    re.MULTILINE,
)
_TOML_HEADER = re.compile(
    r"^[ \t]*\[(?:procman|procmanctl|(?:program|group|eventlistener|fcgi-program)\.[^\]]+)\][ \t]*(?:#.*)?$",
    re.MULTILINE,
)


@dataclass(slots=True)
class Gathered:
    """The contents of all files, uninterpreted. `notes` and `remarks` are supervisor's warnings and infos."""

    sections: Sections = field(default_factory=Sections)
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def gather(path: str, machine: Machine) -> Gathered:
    """Read the file and its includes."""
    gathered = Gathered()
    _Gatherer(machine, gathered).main(path)
    return gathered


def gather_included(text: str, main: str, included: str, machine: Machine) -> Gathered:
    """Read a main file given as text as if it included one file, which is how a fragment is used."""
    gathered = Gathered()
    gatherer = _Gatherer(machine, gathered)
    sections, problems = ini.parse(text, main)
    gathered.problems += problems
    gathered.sections.merge(sections)
    gathered.sections.settle_here(os.path.dirname(main))
    gathered.sections.asked.add(("include", "files"))
    gatherer.include_ini(included)
    return gathered


def is_toml(path: str) -> bool:
    """Whether the name ends in `.toml`; all other files are INI."""
    return path.endswith(".toml")


def in_wrong_form(path: str, text: str, *, included: bool = False) -> Problem | None:
    """The complaint about a text whose form does not match the name of its file."""
    if is_procfile(path) and not included:
        return None
    if is_toml(path):
        found, fitting, form, other, suffix = _INI_HEADER.search(text), _TOML_HEADER, "INI", "TOML", "conf"
    else:
        found, fitting, form, other, suffix = _TOML_HEADER.search(text), _INI_HEADER, "TOML", "INI", "toml"
    if fitting.search(text):
        return None
    if found is None:
        strange = strange_form(path, text, included=included)
        slug = "syntax" if is_toml(path) else "missing-section-header"
        return strange and Problem(path, strange[0], None, None, strange[1], slug=slug)
    name = f"{os.path.splitext(os.path.basename(path))[0]}.{suffix}"
    message = f"{found[0].strip()} is {form}, but by its name this file is {other}: rename it to {name}"
    return Problem(path, text.count("\n", 0, found.start()) + 1, None, None, message, slug="syntax")


def _read(path: str) -> bytes:
    """Read at most one byte beyond the largest file; a pipe has 5 s, because a waiting master answers no client."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    content = bytearray()
    try:
        comes = None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            comes = select.poll()
            comes.register(fd, select.POLLIN)
        while len(content) <= LARGEST_FILE:
            if comes is not None and not comes.poll(PATIENCE * 1000):
                raise TimeoutError(errno.ETIMEDOUT, f"it is not a file, and sent nothing for {PATIENCE:.0f} s")
            piece = os.read(fd, LARGEST_FILE + 1 - len(content))
            if not piece:
                break
            content += piece
    finally:
        os.close(fd)
    return bytes(content)


class _Gatherer:
    def __init__(self, machine: Machine, gathered: Gathered) -> None:
        self.machine = machine
        self.to = gathered
        self.seen: set[str] = set()  # TOML files, by real path: each is read once

    def complain(
        self,
        where: RawOption | RawSection,
        option: str | None,
        message: str,
        slug: str = "other",
        *,
        warning: bool = False,
    ) -> None:
        self.to.problems.append(
            Problem(where.file, where.line, "include", option, message, "warning" if warning else "error", slug)
        )

    def main(self, path: str) -> None:
        if is_toml(path):
            self._toml(path, ())
            return
        if is_procfile(path):
            self._procfile(path)
            return
        text = self._text(path)
        if text is None:
            return
        sections, problems = ini.parse(text, path)
        self.to.problems += problems
        self.to.sections.merge(sections)
        section = self.to.sections.sections.get("include")
        if section is None:
            return
        here = os.path.dirname(os.path.abspath(path))
        self.to.sections.settle_here(here)
        files = self.to.sections.get("include", "files")
        if files is None:
            self.complain(section, "files", "the section names no files: add files = PATTERN", "include-without-files")
            return
        for pattern in self._expanded(str(files.value), files, here).split():
            whole = os.path.join(here, pattern)
            names = sorted(glob.glob(whole))
            if all(os.path.realpath(name) == os.path.realpath(path) for name in names):
                # A match of this file itself does not count.
                found = "no other file" if names else "no file"
                names = []
                self.to.notes.append(f'No file matches via include "{whole}"')
                way_out = left_over(whole) or "; put one there, or take it out"
                self.complain(files, "files", f"{found} matches {whole}{way_out}", warning=True)
            for name in names:
                self.include_ini(name)

    def include_ini(self, path: str) -> None:
        """Read one more file on top of the sections so far."""
        self.to.remarks.append(f'Included extra file "{path}" during parsing')
        if is_toml(path):
            self._toml(path, ())
            return
        text = self._text(path, optional=True)
        if text is not None:
            self._include_text(text, path)

    def _include_text(self, text: str, path: str) -> None:
        sections, problems = ini.parse(text, path)
        self.to.problems += problems
        for section in sections:
            if section.name == "include":
                self.complain(
                    section,
                    None,
                    "ignored: only the main file's [include] is followed; name these files there",
                    warning=True,
                )
        self.to.sections.merge(sections)
        self.to.sections.settle_here(os.path.dirname(os.path.abspath(path)))

    def _toml(self, path: str, above: tuple[str, ...]) -> None:
        from procman.config.formats import toml  # noqa: PLC0415 - the TOML reader is optional

        self.seen.add(os.path.realpath(path))
        text = self._text(path)
        if text is None:
            return
        sections, problems = toml.parse(text, path)
        self.to.problems += problems
        self.to.sections.merge([section for section in sections if section.name != "include"])
        for section in sections:
            if section.name == "include":
                self._follow(section.options["files"], (*above, os.path.realpath(path)))

    def _procfile(self, path: str) -> None:
        # Most masters have none.
        from procman.config.formats import procfile  # noqa: PLC0415

        text = self._text(path)
        if text is None:
            return
        assert self.machine.environ is not None
        variables = dict(self.machine.environ)
        beside = os.path.join(os.path.dirname(path), procfile.ENV_FILE)
        try:
            # What is wrong with it otherwise is said of env_file.
            variables |= read_env_file(_read(beside), raw=False).values
        except (OSError, BadEnvFile):
            pass
        port = variables.get("PORT", "")
        first = int(port) if port.isdecimal() else procfile.FIRST_PORT
        sections, problems = procfile.parse(text, path, variables.get(procfile.FORMATION, ""), first)
        self.to.problems += problems
        self.to.sections.merge(sections)

    def _follow(self, files: RawOption, above: tuple[str, ...]) -> None:
        try:
            patterns = SECTIONS["include"].options["files"].kind.accept(files.value)
        except (TypeError, ValueError):
            self.complain(files, None, 'cannot read the list: expected texts such as ["conf.d/*.toml"]')
            return
        for pattern in filter(None, [self._expanded(pattern, files, files.here) for pattern in patterns]):
            whole = os.path.join(files.here, pattern)
            names = sorted(glob.glob(whole)) if glob.has_magic(whole) else [whole]
            # The directory of a pattern may be empty, but a missing one is a mistake.
            folder = os.path.dirname(whole)
            if not names and not os.path.isdir(folder):
                way_out = left_over(whole) or "; make it, or take the pattern out"
                message = f"no file matches {whole}: there is no folder {folder}{way_out}"
                self.complain(files, None, message, warning=True)
            for name in names:
                real = os.path.realpath(name)
                if real in above:
                    chain = " includes ".join([*above[above.index(real) :], real])
                    self.complain(files, None, f"a cycle of includes: {chain}; take one of them out")
                elif not os.path.exists(name):
                    way_out = left_over(name) or "; make it, or take it out"
                    if " " in pattern and isinstance(files.value, str):
                        way_out = f"; several files are a list: include = {show_toml(pattern.split())}"
                    self.complain(files, None, f"there is no file {name}{way_out}", "unreadable-file")
                elif real not in self.seen and is_toml(name):
                    self._toml(name, above)
                elif real not in self.seen:
                    text = self._text(name)
                    if text is not None:
                        self._include_text(text, name)

    def _expanded(self, text: str, where: RawOption, here: str) -> str:
        assert self.machine.environ is not None
        names = {"here": here, "host_node_name": self.machine.host_node_name, **environment_names(self.machine.environ)}
        if "\0" in text:
            self.complain(where, "files", "a file name contains a NUL byte: remove it")
            return ""
        try:
            return expand(text, names)
        except NotExpanded as error:
            self.complain(where, "files", str(error), error.slug or "other")
            return ""

    def _text(self, path: str, *, optional: bool = False) -> str | None:
        """The text of a file; None, with a complaint, if it cannot be read."""
        self.to.files.append(os.path.abspath(path))
        try:
            content = _read(path)
        except (OSError, ValueError) as error:
            # Supervisor ignores an included file that it cannot read.
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._unreadable(path, f"cannot read the file: {reason}", optional=optional)
            return None
        if len(content) > LARGEST_FILE:
            self._unreadable(path, "cannot read the file: it is larger than 8 MiB")
            return None
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            message = f"cannot read byte 0x{content[error.start]:02x}: the file is not UTF-8 text; save it as UTF-8"
            self.to.problems.append(Problem(path, line, None, None, message, slug="encoding"))
            return None
        problem = in_wrong_form(path, text, included=optional)
        if problem is not None:
            self.to.problems.append(problem)
            return None
        return text

    def _unreadable(self, path: str, message: str, *, optional: bool = False) -> None:
        self.to.problems.append(
            Problem(path, None, None, None, message, "warning" if optional else "error", "unreadable-file")
        )
