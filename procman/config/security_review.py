"""How far each program is confined by what its section says: `procman check --security`. No I/O.

The machine is not looked at, so that the answer is the same everywhere. The weights are a judgement, in the order of
those of systemd-analyze(1); the figures of the two cannot be compared, since systemd rates what procman cannot set.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from procman.config.schema.configuration import Config
from procman.config.schema.kinds.limits import CAPABILITY_NAMES as CAPABILITIES
from procman.config.schema.kinds.limits import covered_of
from procman.config.schema.programs import Program
from procman.config.secrets import is_secret
from procman.core.spec import Hook

WORST = 10.0
_UNKNOWN = (
    "what it cannot know: who starts procman (taken for root where no user is set), modes of files, sudo rules, what a "
    "program does itself, and a container or a systemd unit around all of it"
)
NOT_RATED = (
    "what procman cannot set: filters of system calls (seccomp), networks, devices, SELinux, AppArmor",
    _UNKNOWN,
)

# How much a program can do with it, beside the others; the rest counts _LITTLE.
_DANGER = {
    **dict.fromkeys(("SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "SYS_PTRACE"), 1.5),
    **dict.fromkeys(("NET_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_TIME", "BPF"), 1.0),
    **dict.fromkeys(("DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "CHOWN", "SETFCAP", "FSETID"), 1.0),
    **dict.fromkeys(("MKNOD", "SYSLOG", "KILL", "NET_RAW", "AUDIT_CONTROL", "SYS_RESOURCE", "PERFMON"), 0.5),
}
_LITTLE = 0.1
_WORST_FIRST = (*_DANGER, *(name for name in CAPABILITIES if name not in _DANGER))
_ALL_DANGER = sum(_DANGER.get(name, _LITTLE) for name in CAPABILITIES)

# What each kind of finding can count at most; the exposure is the part of their sum that was found.
_MOST = {
    "root": 3.0,
    "capabilities": 3.0,
    "new-privileges": 2.5,
    "shared-tmp": 2.0,
    "writable-files": 2.0,
    "visible-homes": 1.5,
    "secrets-in-file": 0.7,
    "shared-user": 0.5,
    "inherited-environment": 0.3,
    "commands-as-master": 0.3,
    "umask": 0.2,
}
_PLAIN = str.maketrans("", "", '"[]')  # INI has no quotes around values
_HOMES = ("/home", "/root")
_SYSTEM = ("/usr", "/etc")
_SHOWN = 3
_OTHERS = 0o022  # what the group and others may write


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a program may do, and need not."""

    slug: str
    weight: float
    text: str
    add: str  # the line for its section, in the form of the file; "": see the text


@dataclass(frozen=True, slots=True)
class Review:
    """What was found about the programs of one section."""

    section: str
    name: str
    exposure: float  # from 0 to 10
    findings: tuple[Finding, ...]  # the heaviest first


def review(config: Config) -> list[Review]:
    """One for each section that runs programs, in the order of the groups."""
    sections: dict[str, Program] = {}
    users: dict[int, set[str]] = {}
    for program in (program for group in config.groups for program in group.programs):
        sections.setdefault(program.section, program)
        uid = _uid(program, config)
        if uid:
            users.setdefault(uid, set()).add(program.section)
    found = []
    for section, program in sections.items():
        uid = _uid(program, config)
        others = users.get(uid or 0, set()) - {section}
        findings = sorted(_findings(program, is_root=not uid, others=others), key=lambda one: -one.weight)
        exposure = WORST * math.fsum(one.weight for one in findings) / sum(_MOST.values())
        if not config.file.endswith(".toml"):
            findings = [replace(one, add=one.add.translate(_PLAIN)) for one in findings]
        found.append(Review(section, section.partition(":")[2], round(exposure, 1), tuple(findings)))
    return found


def to_json(reviews: Iterable[Review], most: float | None) -> dict[str, Any]:
    """As `procman check --security --json` has it."""
    programs = [
        {
            "section": one.section,
            "exposure": one.exposure,
            "findings": [
                {"slug": f.slug, "weight": f.weight, "text": f.text, "add": f.add or None} for f in one.findings
            ],
        }
        for one in reviews
    ]
    return {"programs": programs, "max": most, "not_rated": list(NOT_RATED)}


def _uid(program: Program, config: Config) -> int | None:
    return program.uid if program.uid is not None else config.master.uid


def _findings(program: Program, *, is_root: bool, others: set[str]) -> Iterator[Finding]:
    if is_root:
        unset = "it has no user, so it runs as root where procman is started as root"
        text = unset if program.uid is None else "it runs as root"
        yield _found("root", text, 'user = "NAME"')
    elif others:
        named = ", ".join(f"[{section}]" for section in sorted(others)[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        text = f"it shares its user with {named}{more}, and can signal and trace what these run"
        yield _found("shared-user", text, 'user = "NAME"')
    has = _capabilities(program, is_root=is_root)
    yield from _of_capabilities(program, has)
    if not program.no_new_privs:
        yield _found("new-privileges", "it can gain rights by set-user-ID files, such as sudo", "no_new_privs = true")
    yield from _of_the_view(program, is_root=is_root, can_undo="SYS_ADMIN" in has)
    yield from _of_the_rest(program, is_root=is_root)


def _capabilities(program: Program, *, is_root: bool) -> frozenset[str]:
    if program.capabilities is None:
        return frozenset(CAPABILITIES) if is_root else frozenset()
    has, lacks, optional = program.capabilities
    if optional and is_root:
        return frozenset(CAPABILITIES)  # where they cannot be limited, it has all
    return (frozenset(CAPABILITIES) if "ALL" in has else frozenset(has)) - frozenset(lacks)


def _of_capabilities(program: Program, has: frozenset[str]) -> Iterator[Finding]:
    part = sum(_DANGER.get(name, _LITTLE) for name in has) / _ALL_DANGER
    if not part:
        return
    worst = sorted(has, key=_WORST_FIRST.index)
    named = ", ".join(worst[:_SHOWN]).lower()
    more = f" and {len(worst) - _SHOWN} more" if len(worst) > _SHOWN else ""
    limits = program.capabilities
    surely = ", as capabilities is a best effort" if limits is not None and limits[2] else ""
    text = f"it may have capabilities of root: {named}{more}{surely}"
    few = limits is not None and len(has) <= _SHOWN and not surely
    add = "" if few else 'capabilities = "none"'
    yield _found("capabilities", f"{text}: take out what it does not need" if few else text, add, part)


def _of_the_view(program: Program, *, is_root: bool, can_undo: bool) -> Iterator[Finding]:
    undone = ", but with sys_admin it can undo that"
    if program.private_tmp is None:
        yield _found("shared-tmp", "it shares /tmp and /var/tmp with all others", "private_tmp = true")
    elif program.private_tmp[1] or can_undo:
        yield _half("shared-tmp", "it has a /tmp of its own", "private_tmp = true", undone if can_undo else "")
    covered = dict(map(covered_of, program.read_only_paths))
    whole = "/" in covered
    system = all(any(path in (place, "/") for path in covered) for place in _SYSTEM)
    # The files of another user than root are mostly closed by their modes.
    part = 1.0 if is_root else 0.75
    add = 'read_only_paths = "/" and read_write_paths = what it writes to'
    if whole or system:
        rest = 0.0 if whole else 0.25
        sure = not can_undo and not any(covered.values())
        if not sure:
            text = f"its files are read-only{undone if can_undo else _DOUBT}"
            yield _found("writable-files", text, _NO_ADMIN if can_undo else "", max(part / 2, rest))
        elif rest:
            yield _found("writable-files", "only a part of its files is read-only", add, rest)
    else:
        text = "it may write to all files" if is_root else "it may write wherever modes of files let it"
        yield _found("writable-files", text, add, part)
    hidden = dict(map(covered_of, program.inaccessible_paths))
    if not all(home in hidden for home in _HOMES):
        yield _found("visible-homes", "it sees into home directories", 'inaccessible_paths = "?/home, ?/root"')
    elif can_undo:
        yield _half("visible-homes", "home directories are hidden from it", "", undone)


_DOUBT = ", as a best effort: where that cannot be, it starts without"
_NO_ADMIN = 'capabilities = "all, -sys_admin"'


def _half(slug: str, text: str, add: str, undone: str) -> Finding:
    return _found(slug, f"{text}{undone or _DOUBT}", _NO_ADMIN if undone else add, 0.5)


def _of_the_rest(program: Program, *, is_root: bool) -> Iterator[Finding]:
    names = sorted(name for name in program.environment if name not in program.from_master and is_secret(name))
    if names:
        shown = ", ".join(names[:_SHOWN])
        text = f"what looks like a secret is in the file: {shown}"
        yield _found("secrets-in-file", text, 'credentials = ["NAME:/PATH"] or env_file = "/PATH"')
    if not program.filters_environment:
        yield _found(
            "inherited-environment", "it gets the whole environment of the master", 'environment_inherit = "none"'
        )
    if not is_root and any(command.as_master for hook in Hook for command in program.commands_of(hook)):
        yield _found("commands-as-master", "a + has commands of it run as the master's user: take that out", "")
    if program.umask is None:
        yield _found("umask", "its umask is that of who starts procman", 'umask = "027"', 0.5)
    elif program.umask & _OTHERS != _OTHERS:
        text = f"others may write to the files that it makes (umask {program.umask:03o})"
        yield _found("umask", text, 'umask = "027"')


def _found(slug: str, text: str, add: str, part: float = 1.0) -> Finding:
    return Finding(slug, round(_MOST[slug] * part, 2), text, add)
