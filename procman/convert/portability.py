"""What each exporter needs to know of a program: its words, its name, its directory, and why it cannot be exported."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from procman.config.levels import arrange_groups, started_at_boot
from procman.config.schema.configuration import Config
from procman.config.schema.groups import FcgiSocket
from procman.config.schema.programs import Program
from procman.config.secrets import masked_value
from procman.convert.dependencies import Wait, waits_of
from procman.core.spec import Scope
from procman.system.shell_split import split_words

# The umask of a process by default.
USUAL_UMASK = 0o022

LONGEST_LABEL = 63  # of a DNS name, RFC 1123


@dataclass(frozen=True, slots=True)
class Carried:
    """A process that can be exported, with a unique name and the words of its command."""

    program: Program
    priority: int  # of its group, lowered to that of what depends on it
    name: str
    words: tuple[str, ...]
    socket: FcgiSocket | None = None
    starts: bool = True  # with the rest: by autostart, or because something that starts needs it
    waits: tuple[Wait, ...] = ()


def carried(config: Config, clean: Callable[[str], str], *, sockets: bool = False) -> tuple[list[Carried], list[str]]:
    """The processes that can run without procman, in their starting order, and a note on each that cannot.

    `clean` makes a name that the target allows; `sockets`: whether it can pass on a listening socket.
    """
    found: list[tuple[Program, tuple[str, ...], FcgiSocket | None]] = []
    notes: dict[str, None] = {}
    places = arrange_groups(config.groups)
    for group in config.groups:
        for program in group.programs:
            reason = None
            words: tuple[str, ...] = ()
            if group.listener is not None:
                reason = "it reads events on its stdin, which only procman sends"
            elif group.socket is not None and not sockets:
                reason = f"procman opens its socket {group.socket.url} and passes it on, which has no counterpart there"
            else:
                words, reason = _words(program)
            if reason is None:
                found.append((program, words, group.socket))
            else:
                notes[f"[{program.section}] is left out: {reason}"] = None
    found.sort(key=lambda each: places[each[0].namespec].start)
    given = unique([_own_name(program) for program, *_ in found], clean)
    names = {program.namespec: name for (program, *_), name in zip(found, given, strict=True)}
    started = started_at_boot(config.groups)
    processes = []
    for program, words, socket in found:
        waits, missing = waits_of(program, names)
        notes |= dict.fromkeys(missing)
        name, priority = names[program.namespec], places[program.namespec].wave[0]
        processes.append(Carried(program, priority, name, words, socket, program.namespec in started, tuple(waits)))
    return processes, list(notes)


def _own_name(program: Program) -> str:
    """The name without its group if it begins with that: worker_00 of worker:worker_00."""
    return program.name if program.name.startswith(program.group) else program.namespec


def _words(program: Program) -> tuple[tuple[str, ...], str | None]:
    try:
        words = tuple(split_words(program.command))
    except ValueError as error:
        return (), f"its command cannot be split into words: {error}"
    return words, None if words else "its command is empty"


def unique(names: Sequence[str], clean: Callable[[str], str]) -> list[str]:
    """Clean each name; names that would be the same get a number, except for the first."""
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
    """The directory of a program, relative to the master's; None if the file sets neither."""
    if program.directory is None:
        return config.master.directory
    return os.path.join(config.master.directory or "", program.directory)


def umask_of(program: Program, config: Config) -> int:
    """The umask of a program, by default the master's, or the usual one."""
    said = config.master.umask if program.umask is None else program.umask
    return USUAL_UMASK if said is None else said


def label(name: str) -> str:
    """A DNS label (RFC 1123), as Kubernetes wants names to be."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower())[:LONGEST_LABEL].strip("-") or "program"


def word(name: str) -> str:
    """Letters, digits, `_`, `-` and `.`: the name of a compose service or a unit."""
    cleaned = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:LONGEST_LABEL].strip("-.")
    return cleaned or "program"


def secrets(environment: Mapping[str, str]) -> list[str]:
    """The names of variables whose values look like secrets."""
    return [name for name, value in environment.items() if masked_value(name, value) != value]


def sections(processes: Iterable[Carried], wanted: Callable[[Program], bool]) -> str:
    """The sections of the matching programs, for a note; "" if there are none."""
    return ", ".join(dict.fromkeys(f"[{c.program.section}]" for c in processes if wanted(c.program)))


def in_plain_text(program: Program) -> list[str]:
    """A note on the variables of a program that look like secrets."""
    names = secrets(program.environment)
    return [f"[{program.section}] has what looks like secrets in plain text: {', '.join(names)}"] if names else []


def lost_in_containers(processes: Sequence[Carried], config: Config) -> list[str]:
    """Notes on options that no container engine has."""
    notes = []
    wide = sections(processes, lambda p: p.stop_scope is not Scope.PROCESS)
    if wide:
        notes.append(f"{wide}: only the first process of a container gets the stop signal, whatever stop_scope says")
    other_umask = sections(processes, lambda p: umask_of(p, config) != USUAL_UMASK)
    if other_umask:
        notes.append(f"{other_umask}: the program must set its umask itself")
    return notes
