"""Reads a Procfile, one `name: command` on each line, into the same raw sections as INI and TOML.

What a Procfile leaves open is as foreman and honcho have it: a shell runs each command in the directory of the file,
with the variables of .env and a PORT of its own, and its output goes to the console with its name before each line.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Union

from procman.config.formats.raw import RawOption, RawSection
from procman.config.problems import Problem
from procman.config.spelling import did_you_mean
from procman.errors import BadRequest

FIRST_PORT = 5000
PORTS_EACH = 100
ENV_FILE = ".env"
RELEASE = "release"
# How many processes of each name there are, for a master that was started with -f; it holds over reloads and upgrades.
FORMATION = "PROCMAN_FORMATION"
_MOST = 1000

Setting = Union[str, bool, list[str], dict[str, str]]  # noqa: UP007 - an alias

_LINE = re.compile(r"([A-Za-z0-9_.-]+)[ \t]*:[ \t]*(\S.*)")
# What stands outside of quotes in a list, a pipe or a block of commands.
_COMPOUND = re.compile(r"[;&|(){}`\n]|\$\(")
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.""", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
# fmt: off
# With these, exec would look for a file, or change the meaning.
_WORDS_OF_SHELL = frozenset((
    ".", ":", "!", "alias", "bg", "break", "case", "cd", "command", "continue", "eval", "exec", "exit", "export", "fg",
    "for", "function", "if", "jobs", "local", "read", "readonly", "return", "select", "set", "shift", "source", "time",
    "times", "trap", "type", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    name: str
    command: str
    line: int


@dataclass(slots=True)
class Process:
    """What one process of an entry is set to; `options` are in procman's notation."""

    entry: Entry
    name: str
    options: dict[str, Setting] = field(default_factory=dict)


def entries(text: str, file: str) -> tuple[list[Entry], list[Problem]]:
    """The lines of a Procfile, and complaints about what is none."""
    found: dict[str, Entry] = {}
    problems = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            message = "ignored, as foreman does: expected NAME: COMMAND, such as web: gunicorn app"
            problems.append(Problem(file, number, None, None, message, "warning", "syntax"))
            continue
        if match[1] in found:
            message = f"{match[1]} stands in line {found[match[1]].line}, too, and the last one counts: take one out"
            problems.append(Problem(file, number, None, None, message, "warning"))
        found[match[1]] = Entry(match[1], match[2].rstrip(), number)
    if not found:
        message = "there is no program in it: expected lines such as web: gunicorn app"
        problems.append(Problem(file, None, None, None, message, slug="syntax"))
    return list(found.values()), problems


def formation_of(text: str) -> dict[str, int]:
    """The numbers in web=2,worker=1, where all=N is for the others; raises BadRequest."""
    formation = {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        name, equals, number = word.partition("=")
        if not equals or not number.isdecimal() or int(number) > _MOST:
            raise BadRequest(f"cannot read the formation {word!r}: expected NAME=NUMBER, such as web=2,worker=1")
        formation[name.strip()] = int(number)
    return formation


def check_formation(formation: Mapping[str, int], known: Iterable[Entry]) -> None:
    """Raise BadRequest for a name that the Procfile does not have."""
    names = [entry.name for entry in known]
    for name in formation:
        if name not in names and name != "all":
            hint = did_you_mean(name, names) or f": it has {', '.join(names)}"
            raise BadRequest(f"there is no {name} in the Procfile{hint}")


def shell_words(command: str) -> list[str]:
    """The command for a shell, which is replaced by the program where the line is a single command."""
    bare = _QUOTED.sub("_", command)
    first = command.split(None, 1)[0]
    if _COMPOUND.search(bare) or first in _WORDS_OF_SHELL:
        return ["sh", "-c", command]
    if _ASSIGNMENT.match(first):
        return ["sh", "-c", f"exec env {command}"]
    return ["sh", "-c", f"exec {command}"]


def processes(found: Iterable[Entry], formation: Mapping[str, int], first_port: int = FIRST_PORT) -> list[Process]:
    """All processes with their options; PORT is first_port, and 100 more for each further line."""
    named = list(found)
    count = {entry.name: formation.get(entry.name, formation.get("all", 1)) for entry in named}
    release = count.get(RELEASE, 0) > 0
    result = []
    for place, entry in enumerate(named):
        for number in range(count[entry.name]):
            name = entry.name if count[entry.name] == 1 else f"{entry.name}.{number + 1}"
            port = first_port + place * PORTS_EACH + number
            process = Process(entry, name)
            process.options |= {
                "command": [word.replace("%", "%%") for word in shell_words(entry.command)],
                "directory": "%(here)s",
                "env_file": [f"?{ENV_FILE}"],
                "environment": {"PORT": str(port), "PYTHONUNBUFFERED": "true"},
                "stop_scope": "group",
                "stopwaitsecs": "5s",
                "stdout_logfile": "-",
            }
            process.options |= {"type": "oneshot"} if entry.name == RELEASE else {"autorestart": True}
            if release and entry.name != RELEASE:
                process.options["depends_on"] = [f"{RELEASE}@done"]
            result.append(process)
    return result


def groups_of(found: Iterable[Process]) -> dict[str, list[Process]]:
    """The processes of each name that has several."""
    groups: dict[str, list[Process]] = {}
    for process in found:
        groups.setdefault(process.entry.name, []).append(process)
    return {name: members for name, members in groups.items() if len(members) > 1}


def parse(text: str, file: str, formation: str, first_port: int) -> tuple[list[RawSection], list[Problem]]:
    """The sections of a Procfile; programs of which there are several are in a group of that name."""
    found, problems = entries(text, file)
    numbers: dict[str, int] = {}
    try:
        numbers = formation_of(formation)
        check_formation(numbers, found)
    except BadRequest as error:
        problems.append(Problem(file, None, None, None, str(error), slug="bad-formation"))
    here = os.path.dirname(os.path.abspath(file))

    def section(kind: str, name: str, line: int | None, options: Mapping[str, object]) -> RawSection:
        values = {key: RawOption(value, file, line, here, toml=True) for key, value in options.items()}
        return RawSection(f"{kind}:{name}", f"{kind}.{name}", file, line, toml=True, options=values)

    running = processes(found, numbers, first_port)
    master = RawOption("prefix", file, None, here, toml=True)
    sections = [RawSection("supervisord", "procman", file, None, toml=True, options={"log_format": master})]
    sections += [section("program", one.name, one.entry.line, one.options) for one in running]
    sections += [
        section("group", name, members[0].entry.line, {"programs": [one.name for one in members]})
        for name, members in groups_of(running).items()
    ]
    return sections, problems
