"""The notify sections: whom to tell, and by what."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema import kinds
from procman.config.schema.groups import Group
from procman.config.schema.notation import show_text
from procman.config.schema.notify import Notify
from procman.config.schema.options import options_of

# Each keeps what it has not sent yet.
MOST_SECTIONS = 32


def read_notify(reading: OptionReader, groups: Iterable[Group]) -> tuple[Notify, ...]:
    """All of them, in the order of the file."""
    sections = list(reading.sections.starting_with("notify:"))
    found = [_notify(reading, section) for section in sections]
    names = _Names(groups if sections else ())
    for section, notify in zip(sections, found, strict=True):
        _check_way(reading, section, notify)
        _check_programs(reading, section, notify, names)
    for section in sections[MOST_SECTIONS:]:
        reading.complain(
            section, None, f"there may be {MOST_SECTIONS} such sections at most: put some of them together"
        )
    return tuple(found)


def _notify(reading: OptionReader, section: RawSection) -> Notify:
    name = section.name.partition(":")[2]
    names = reading.names(here=reading.here)
    values: dict[str, Any] = {
        option: reading.option(section, option, known, names) for option, known in options_of(Notify).items()
    }
    if not name:
        reading.complain(section, None, "it needs a name: write [notify:NAME]")
    return Notify(name=name, **values)


def _check_way(reading: OptionReader, section: RawSection, notify: Notify) -> None:
    """Complain of two ways to tell somebody, of none, and of options that belong to the other way."""
    given = [name for name in ("webhook", "exec", "format", "template") if reading.raw(section, name) is not None]
    if "webhook" in given and "exec" in given:
        reading.complain(section, "exec", "a section has either webhook or exec: put one of them into another section")
    elif "webhook" not in given and "exec" not in given:
        way = 'webhook = "https://…" or exec = "COMMAND"' if section.toml else "webhook = https://… or exec = COMMAND"
        reading.complain(section, None, f"the section does not say how to tell somebody: add {way}")
    elif "exec" in given and notify.exec is not None and not notify.exec.strip():
        reading.complain(section, "exec", "expected a command")
    for name in ("format", "template"):
        if name in given and "webhook" not in given and "exec" in given:
            message = f"{name} belongs to webhook; a command gets all fields: take it out"
            reading.complain(section, name, message)
    if "format" in given and "template" in given:
        reading.complain(section, "template", "a section has either format or template: take one of them out")
    if notify.webhook is not None:
        url = kinds.split_url(notify.webhook)
        if url.scheme.lower() == "http" and not kinds.is_loopback(url.hostname or ""):
            message = "it is sent unencrypted, so everyone on the way can read it, and post there: write https://"
            reading.complain(section, "webhook", message, "plain-webhook", "warning")


class _Names:
    """The names of all processes and groups, as a section may write them."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups: set[str] = set()
        self.processes: set[str] = set()
        self._by_short: dict[str, str] = {}  # a process without its group
        for group in groups:
            self.groups.add(group.name)
            for program in group.programs:
                whole = f"{program.group}:{program.name}"
                self.processes |= {program.namespec, whole}
                self._by_short.setdefault(program.name, whole)

    def have(self, spec: str) -> bool:
        """Whether it names one of them; the rules are those of procmanctl."""
        if spec == "all" or spec in self.processes:
            return True
        if spec.endswith((":", ":*")):
            return _group_of(spec) in self.groups
        return any(char in spec for char in "*?[") and any(fnmatchcase(name, spec) for name in self.processes)

    def meant_by(self, spec: str) -> str | None:
        """The whole name of something that is called so."""
        return f"{spec}:*" if spec in self.groups else self._by_short.get(spec)


def _check_programs(reading: OptionReader, section: RawSection, notify: Notify, names: _Names) -> None:
    """Warn of what names no process."""
    if not any(notify.programs):
        reading.complain(section, "programs", "it names no program, so nothing is ever told: name some, or take it out")
    for spec in filter(None, notify.programs):
        if names.have(spec):
            continue
        whole = names.meant_by(spec)
        meant = f"; did you mean {whole}?" if whole else _similar(reading, spec, names)
        message = f"no process has the name {show_text(spec)}{meant or ': correct it, or take it out'}"
        reading.complain(section, "programs", message, "no-program", "warning")


def _similar(reading: OptionReader, spec: str, names: _Names) -> str:
    if spec.endswith((":", ":*")):
        return reading.did_you_mean(_group_of(spec), lambda: names.groups).replace("?", ":*?")
    return reading.did_you_mean(spec, lambda: sorted(names.processes))


def _group_of(spec: str) -> str:
    return spec.removesuffix("*").removesuffix(":")
