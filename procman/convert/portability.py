"""What every export needs to know of a program: its words, what it is called there, and why it has to stay behind."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from procman.config.schema.configuration import Config
from procman.config.schema.groups import FcgiSocket
from procman.config.schema.programs import Program
from procman.system.shell_split import split_words

# Names whose values are likely to be nobody else's business.
_SECRET = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|PRIVATE|DSN|_PWD$|(?:^|_)(?:KEY|AUTH)(?:_|$)", re.IGNORECASE)
# postgres://me:word@db
_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")

# Of a process that nobody has given one.
USUAL_UMASK = 0o022

LONGEST_LABEL = 63  # of a DNS name, RFC 1123


@dataclass(frozen=True, slots=True)
class Carried:
    """A process that can run there: `name` is unique among all of them, `words` are its command's."""

    program: Program
    priority: int  # of its group
    name: str
    words: tuple[str, ...]
    socket: FcgiSocket | None = None


def carried(config: Config, clean: Callable[[str], str], *, sockets: bool = False) -> tuple[list[Carried], list[str]]:
    """The processes that can run without procman, in the order in which they start, and a note on each that cannot.

    `clean` makes a name that is allowed there; `sockets`: can a listening socket be handed over?
    """
    found: list[tuple[Program, int, tuple[str, ...], FcgiSocket | None]] = []
    notes: dict[str, None] = {}
    for group in config.groups:
        for program in group.programs:
            reason = None
            words: tuple[str, ...] = ()
            if group.listener is not None:
                reason = "it is told of events on its stdin, and only procman does that"
            elif group.socket is not None and not sockets:
                reason = (
                    f"its socket {group.socket.url} is opened by procman and handed over, and nobody does that there"
                )
            else:
                words, reason = _words(program)
            if reason is None:
                found.append((program, group.priority, words, group.socket))
            else:
                notes[f"[{program.section}] is left out: {reason}"] = None
    names = unique([_own_name(program) for program, *_ in found], clean)
    return [Carried(p, priority, name, words, s) for (p, priority, words, s), name in zip(found, names, strict=True)], [
        *notes
    ]


def _own_name(program: Program) -> str:
    """Without the group's where it begins with that: worker_00 of worker:worker_00."""
    return program.name if program.name.startswith(program.group) else program.namespec


def _words(program: Program) -> tuple[tuple[str, ...], str | None]:
    try:
        words = tuple(split_words(program.command))
    except ValueError as error:
        return (), f"its command cannot be split into words: {error}"
    return words, None if words else "its command is empty"


def unique(names: Sequence[str], clean: Callable[[str], str]) -> list[str]:
    """Each name as it is allowed there; of several that would be the same all but the first get a number."""
    taken: set[str] = set()
    given = []
    for name in names:
        cleaned = candidate = clean(name)
        number = 2
        while candidate in taken:
            suffix = f"-{number}"
            candidate = cleaned[: LONGEST_LABEL - len(suffix)] + suffix
            number += 1
        taken.add(candidate)
        given.append(candidate)
    return given


def directory_of(program: Program, config: Config) -> str | None:
    """Where it runs, as far as the file says: programs begin where the master is."""
    if program.directory is None:
        return config.master.directory
    return os.path.join(config.master.directory or "", program.directory)


def umask_of(program: Program, config: Config) -> int:
    """Its own, or the master's; where the file says neither, that of whoever starts programs there."""
    said = config.master.umask if program.umask is None else program.umask
    return USUAL_UMASK if said is None else said


def label(name: str) -> str:
    """A DNS label (RFC 1123): what Kubernetes calls things by."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower())[:LONGEST_LABEL].strip("-") or "program"


def word(name: str) -> str:
    """Letters, digits, `_`, `-` and `.`: a compose service, or a unit."""
    cleaned = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:LONGEST_LABEL].strip("-.")
    return cleaned or "program"


def secrets(environment: Mapping[str, str]) -> list[str]:
    """The names of variables whose values look as if they were secrets."""
    return [n for n, value in environment.items() if _SECRET.search(n) or _URL_WITH_PASSWORD.search(value)]


def sections(processes: Iterable[Carried], wanted: Callable[[Program], bool]) -> str:
    """The sections of those of which it is true, for a note; "" where there are none."""
    return ", ".join(dict.fromkeys(f"[{c.program.section}]" for c in processes if wanted(c.program)))
