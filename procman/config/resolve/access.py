"""The access sections: who may do what, with the numbers of users and groups, and the digests of tokens."""

import os
import re
import stat
from collections.abc import Callable, Iterable
from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.named_processes import Names
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.access import AccessSection
from procman.config.schema.groups import Group
from procman.config.schema.notation import show_text
from procman.config.schema.options import options_of
from procman.config.schema.servers import InetServer, UnixServer

DIGEST = re.compile("[0-9a-fA-F]{64}")
# Of a file with digests.
MOST_BYTES = 1 << 20
LARGEST_ID = (1 << 32) - 1
EVERYTHING = ("*", "all")


def read_access(
    reading: OptionReader, servers: Iterable[UnixServer | InetServer], groups: Iterable[Group]
) -> tuple[AccessSection, ...]:
    """All of them, in the order of the file."""
    sections = list(reading.sections.starting_with("access:"))
    found = [_section(reading, section) for section in sections]
    names = Names(groups if sections else ())
    for section, access in zip(sections, found, strict=True):
        _check_meant(reading, section, access)
        _check_programs(reading, section, access, names)
    if sections and all(server.access != "roles" for server in servers):
        message = "no server uses it: add access = roles to [unix_http_server] or [inet_http_server]"
        reading.complain(sections[0], None, message, "no-roles", "warning")
    return tuple(found)


def _section(reading: OptionReader, section: RawSection) -> AccessSection:
    name = section.name.partition(":")[2]
    names = reading.names(here=reading.here)
    values: dict[str, Any] = {
        option: reading.option(section, option, known, names) for option, known in options_of(AccessSection).items()
    }
    if not name:
        reading.complain(section, None, "it needs a name: write [access:NAME]")
    path = (values["token_file"] or "").strip()
    values["token_file"] = os.path.abspath(reading.machine.home(path)) if path else None
    return AccessSection(
        name=name,
        uids=_numbers(reading, section, "users", values["users"], reading.machine.uid),
        gids=_numbers(reading, section, "groups", values["groups"], reading.machine.gid),
        digests=_digests(reading, section, values["token_file"]),
        **values,
    )


def _numbers(
    reading: OptionReader, section: RawSection, option: str, words: tuple[str, ...], look_up: Callable[[str], int]
) -> tuple[int, ...]:
    """Of each name; an unknown one is an error, but for those that may be missing."""
    kind = option.removesuffix("s")
    numbers = []
    for word in filter(None, words):
        text = word.removeprefix("?").removeprefix("%")
        if text.isascii() and text.isdecimal() and int(text) < LARGEST_ID:
            numbers.append(int(text))  # it may be of another container, and have no name here
            continue
        try:
            numbers.append(look_up(text))
        except (KeyError, ValueError, OverflowError):
            if not word.startswith("?"):
                way_out = f"make it, correct the name, or write ?{text} if it need not exist"
                message = f"there is no {kind} {show_text(text)} on this machine: {way_out}"
                reading.complain(section, option, message, f"unknown-{kind}")
    return tuple(dict.fromkeys(numbers))


def _digests(reading: OptionReader, section: RawSection, path: str | None) -> tuple[str, ...]:
    if path is None or reading.machine.is_assumed:
        return ()
    try:
        text = _content(path)
    except (OSError, ValueError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        reading.complain(section, "token_file", f"cannot read {path}: {why}", "unusable-tokens")
        return ()
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.split("#")[0].split()[:1]
        if not word:
            continue
        if DIGEST.fullmatch(word[0]):
            found.append(word[0].lower())
        else:
            # The line may be a token itself: it is not shown.
            message = (
                f"{path}:{number} is no digest: expected 64 hexadecimal digits, as printf %s TOKEN | sha256sum prints "
                "them; the token itself does not belong into the file"
            )
            reading.complain(section, "token_file", message, "unusable-tokens")
    if not found and not any(word for word in text.split()):
        reading.complain(section, "token_file", f"{path} has no digest in it", "unusable-tokens", "warning")
    return tuple(dict.fromkeys(found))


def _content(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a file")
        if found.st_mode & stat.S_IWOTH:
            raise ValueError(f"every user may write it, and so add a token: chmod o-w {path}")
        if found.st_size > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES} bytes")
        return file.read(MOST_BYTES).decode("utf-8", "replace")


def _check_meant(reading: OptionReader, section: RawSection, access: AccessSection) -> None:
    given = (reading.raw(section, option) for option in ("users", "groups", "token_file"))
    if not any(raw is not None and raw.value for raw in given):
        message = "the section names nobody: add users = …, groups = … or token_file = …"
        reading.complain(section, None, message, "nobody")
    if access.logs and access.allow in ("none", "metrics"):
        message = f"nobody can read logs with the role {access.allow}: write allow = read, or take it out"
        reading.complain(section, "logs", message, "no-logs", "warning")


def _check_programs(reading: OptionReader, section: RawSection, access: AccessSection, names: Names) -> None:
    if not any(access.programs):
        reading.complain(section, "programs", "it names no program: name some, or take it out for all", "no-program")
    for spec in filter(None, access.programs):
        if spec not in EVERYTHING and not names.have(spec):
            meant = names.hint(reading, spec)
            reading.complain(
                section, "programs", f"no process has the name {show_text(spec)}{meant}", "no-program", "warning"
            )
