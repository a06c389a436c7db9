"""Finds sections and options that are not used; supervisor ignores them silently, procman warns.

In TOML, which has no old files to be compatible with, they are errors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from procman.config.formats.foreign_names import is_command, is_program, name_here, name_of_server, section_here
from procman.config.formats.raw import Sections
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.notation import table_name
from procman.config.schema.sections import BY_TOML_NAME, SECTIONS, SectionType
from procman.config.spelling import closest, did_you_mean


@dataclass(frozen=True, slots=True)
class Ignored:
    """Unused options by (section, option), and unused sections, in the order of the file."""

    options: tuple[tuple[str, str], ...]
    sections: tuple[str, ...]


def find_ignored(sections: Sections) -> Ignored:
    """The unused options and sections, except for those of the client and its plug-ins."""
    options: list[tuple[str, str]] = []
    whole: list[str] = []
    asked = {section for section, _ in sections.asked}
    for name, section in sections.sections.items():
        if section.toml or name.startswith("ctlplugin:"):
            continue
        if name not in asked and name not in ("include", "supervisord", "supervisorctl"):
            whole.append(name)
        else:
            options += [(name, option) for option in section.options if (name, option) not in sections.asked]
    return Ignored(tuple(options), tuple(whole))


# Options that people expect, or that supervisor 2 had.
_IN_PROGRAMS = {
    "group": "a process has the groups of its user; user_group is another main one",
    "log_stdout": "stdout is logged unless stdout_logfile is NONE",
    "log_stderr": "stderr has a log of its own, stderr_logfile, unless redirect_stderr is true",
    "stdout_capturefile": "did you mean stdout_capture_maxbytes?",
    "stderr_capturefile": "did you mean stderr_capture_maxbytes?",
    **{name: f"did you mean stdout_{name}?" for name in ("logfile", "logfile_maxbytes", "logfile_backups")},
}
_HEADER = "; is it a section header that lacks its "
_SERVER = "write port = in a section [inet_http_server], or file = in [unix_http_server]"
_SOCKET = "the control socket is file = in a section [unix_http_server]"
_IN_MASTER = {
    "http_port": _SERVER,
    **dict.fromkeys(("http", "listen", "bind", "host", "address"), _SERVER),
    **dict.fromkeys(("socket", "sock", "socket_path", "socket_file", "http_socket"), _SOCKET),
    **dict.fromkeys(("control_socket", "unix_socket"), _SOCKET),
    "http_username": "write username = in [inet_http_server] or [unix_http_server]",
    "http_password": "write password = in [inet_http_server] or [unix_http_server]",
    "sockchmod": "write chmod = in [unix_http_server]",
    "sockchown": "write chown = in [unix_http_server]",
}


def warn_of_ignored(reading: OptionReader, ignored: Ignored) -> None:
    """Warn of each, with the likeliest reason."""
    for name in ignored.sections:
        section = reading.sections.sections[name]
        hint = _section_hint(name, section.options)
        reading.complain(section, None, f"ignored: there is no such section{hint}", severity="warning")
    broken: set[str] = set()
    for name, option in ignored.options:
        section = reading.sections.sections[name]
        if name in broken:
            continue  # it belongs in the section whose header is broken
        known = section_type(name)
        if known is not None and option in known.options:
            message = _known_but_unread(known, option)
        else:
            hint = option_hint(known, option)
            message = f"ignored: there is no such option{hint}"
            if hint.startswith(_HEADER):
                broken.add(name)
        reading.complain(section, option, message, severity="warning")


def unknown_in_toml(reading: OptionReader) -> None:
    """Report every TOML key that is not an option of its section."""
    for section in reading.sections.sections.values():
        known = section_type(section.name)
        if known is None or known.open:
            continue
        for option, raw in section.options.items():
            if raw.toml and option not in known.options:
                hint = _table_hint(option, raw.value) or option_hint(known, option, toml=True)
                reading.complain(section, option, f"there is no such option{hint}")


def _table_hint(name: str, value: object) -> str:
    """A hint on a table that is nested in another one and needs a header of its own."""
    if not isinstance(value, dict):
        return ""
    if name in BY_TOML_NAME:
        known = BY_TOML_NAME[name]
        header = table_name(name, next(iter(value), "NAME")) if known.named else f"[{name}]"
        return f"; did you mean {header}?"
    return f"; did you mean {table_name('program', name)}?" if is_program(value) else ""


def section_type(name: str) -> SectionType | None:
    """The kind of section that a name stands for; as in supervisor, servers are recognised by a prefix."""
    for server in ("unix_http_server", "inet_http_server"):
        if name.startswith(server):
            return SECTIONS[server]
    kind, colon, _ = name.partition(":")
    known = SECTIONS.get(kind)
    return known if known is not None and known.named == bool(colon) else None


def option_hint(known: SectionType | None, option: str, *, toml: bool = False) -> str:
    """The section that an unknown option belongs to, or the option that was meant."""
    if option.startswith("["):
        return f"{_HEADER}closing bracket?"
    of_program = known is not None and "command" in known.options
    if known is not None and (of_program or known.ini == "supervisord"):
        expected = (_IN_PROGRAMS if of_program else _IN_MASTER).get(option) or name_here(option, of_program=of_program)
        if expected:
            return f"; {expected}"
    if toml and option == "include":
        return "; write it at the top of the file, before the first [ ]"
    if not toml and option in SECTIONS and SECTIONS[option].named:
        return f"{_HEADER}brackets, [{option}:NAME]?"
    own = known.options if known else {}
    if not of_program and (name := name_of_server(option, own)):
        return f"; {name}"
    homes = _homes(toml=toml).get(option)
    if homes and not closest(option, own, most=1):
        return f"; {option} belongs in {' or '.join(homes)}"
    return did_you_mean(option, own) or did_you_mean(option, _homes(toml=toml)) or ": take it out"


@cache
def _homes(*, toml: bool) -> dict[str, list[str]]:
    """The sections that have an option of this name, as that form writes them."""
    homes: dict[str, list[str]] = {}
    for known in SECTIONS.values():
        label = known.toml if toml else known.ini
        if known.named:
            label += ".NAME" if toml else ":NAME"
        for option in known.options:
            homes.setdefault(option, []).append(f"[{label}]")
    return homes


def _section_hint(name: str, options: Iterable[str]) -> str:
    kind, colon, rest = name.partition(":")
    known = SECTIONS.get(kind)
    if known is not None and known.named and not colon:
        return f"; it needs a name, [{kind}:NAME]"
    if known is not None and colon:
        return f"; write [{kind}]"
    # [program.web], [program web], [program-web]
    word, _, end = kind.replace(".", " ").replace("-", " ").partition(" ")
    if word.lower() in SECTIONS and SECTIONS[word.lower()].named and end and not colon:
        return f"; did you mean [{word.lower()}:{end.strip()}]?"
    meant = section_here(kind) or closest(kind.strip(), SECTIONS)
    if meant is None and any(map(is_command, options)):
        meant, rest = "program", rest or kind
    if meant is None:
        return ": take it out"
    return f"; did you mean [{meant}{':' + (rest.strip() or 'NAME') if SECTIONS[meant].named else ''}]?"


def _known_but_unread(known: SectionType, option: str) -> str:
    if known.options[option].inert:
        return "has no effect: take it out"
    if option.startswith("socket"):
        return "ignored, because the program is in a group: leave it out of the group"
    return "ignored, because numprocs asks for no process"
