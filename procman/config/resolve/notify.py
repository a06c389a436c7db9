"""The notify sections: whom to tell, and by what."""

from collections.abc import Iterable
from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.named_processes import Names
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
    names = Names(groups if sections else ())
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


def _check_programs(reading: OptionReader, section: RawSection, notify: Notify, names: Names) -> None:
    """Warn of what names no process."""
    if not any(notify.programs):
        reading.complain(section, "programs", "it names no program, so nothing is ever told: name some, or take it out")
    for spec in filter(None, notify.programs):
        if names.have(spec):
            continue
        message = f"no process has the name {show_text(spec)}{names.hint(reading, spec)}"
        reading.complain(section, "programs", message, "no-program", "warning")
