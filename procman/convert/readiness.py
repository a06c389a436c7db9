"""Conditions of `ready` as commands, for engines that look by running one."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from procman.config.schema.kinds.readiness import Target, target_of
from procman.config.schema.programs import Program
from procman.core.spec import Condition, ReadyKind
from procman.system.shell_split import split_words

# How long one look may take, as under procman.
PATIENCE = 3

# The usual statuses, which are what curl -f and the kubelet take for a success.
USUAL = ((200, 399),)

# Local addresses, as a look from within has them.
LOCAL = ("", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True)
class Looks:
    """How to find out whether a program is ready."""

    commands: tuple[str, ...] = ()  # of a shell; all have to succeed
    delay: float = 0.0  # seconds after the start
    notify: bool = False  # it says so itself
    lost: tuple[str, ...] = ()  # conditions that no command can look at, as written
    tools: tuple[str, ...] = ()  # what the commands need
    weaker: tuple[str, ...] = ()  # conditions of which a command sees less than procman

    @property
    def shell(self) -> str:
        """One command of a shell for all of them."""
        return " && ".join(self.commands)


# Looks at a port: the host ("" is any of this machine) and the port -> a command, and the tool that it needs.
PortLook = Callable[[str, int], tuple[str, str]]


def with_nc(host: str, port: int) -> tuple[str, str]:
    """For containers: it is in most images."""
    return f"nc -z {shlex.quote(host or '127.0.0.1')} {port}", "nc"


def with_bash(host: str, port: int) -> tuple[str, str]:
    """For whole systems: bash is there, and can connect."""
    connect = shlex.quote(f"exec 3<>/dev/tcp/{host or '127.0.0.1'}/{port}")
    return f"bash -c {connect} 2>/dev/null", "bash"


def looks_of(program: Program, port_look: PortLook, patience: float = PATIENCE) -> Looks:
    """How to find out whether the program is ready; a delay, and what it says itself, are no commands."""
    commands: list[str] = []
    tools: list[str] = []
    lost: list[str] = []
    weaker: list[str] = []
    for condition in program.ready:
        match condition.kind:
            case ReadyKind.NOTIFY | ReadyKind.DELAY:
                continue
            case ReadyKind.FD | ReadyKind.LOG:
                lost.append(condition.text)
            case _:
                command, tool = _look(condition, target_of(condition), program, port_look, patience)
                commands.append(command)
                tools += [tool] if tool else []
                if condition.kind in (ReadyKind.LISTEN, ReadyKind.UNIX, ReadyKind.FILE):
                    weaker.append(condition.text)
    return Looks(
        tuple(commands),
        max((condition.delay for condition in program.ready), default=0.0),
        any(condition.kind is ReadyKind.NOTIFY for condition in program.ready),
        tuple(lost),
        tuple(dict.fromkeys(tools)),
        tuple(weaker),
    )


def _look(
    condition: Condition, target: Target, program: Program, port_look: PortLook, patience: float
) -> tuple[str, str]:
    """A command of a shell, and the tool that it needs."""
    match condition.kind:
        case ReadyKind.TCP:
            return port_look(target.host, target.port)
        case ReadyKind.LISTEN if not target.path:
            return port_look("" if target.host in LOCAL else target.host, target.port)
        case ReadyKind.LISTEN | ReadyKind.UNIX:
            return f"test -S {shlex.quote(target.path)}", ""
        case ReadyKind.FILE:
            return f"test -e {shlex.quote(target.path)}", ""
        case ReadyKind.HTTP:
            return _curl(shlex.quote(condition.text), program, patience), "curl"
        case ReadyKind.HTTP_UNIX:
            url = shlex.quote(f"http://{target.authority}{target.url}")
            return _curl(f"--unix-socket {shlex.quote(target.path)} {url}", program, patience), "curl"
        case _:
            return _as_command(target.command), ""


def _as_command(command: str) -> str:
    try:
        return shlex.join(split_words(command))
    except ValueError:
        return command


def _curl(what: str, program: Program, patience: float) -> str:
    if program.probe_http_status == USUAL:
        return f"curl -fsS -o /dev/null -m {patience:g} {what}"
    allowed = " || ".join(
        f"[ $status -eq {least} ]" if least == most else f"{{ [ $status -ge {least} ] && [ $status -le {most} ]; }}"
        for least, most in program.probe_http_status
    )
    return f"{{ status=$(curl -s -o /dev/null -m {patience:g} -w '%{{http_code}}' {what}); {allowed}; }}"


def lost_of_readiness(programs: Iterable[Program], port_look: PortLook, engine: str, *, notify: bool) -> list[str]:
    """Notes on conditions that the engine cannot look at, or sees less of; `notify`: whether it hears READY=1."""
    notes = []
    tools: dict[str, None] = {}
    for program in programs:
        looks = looks_of(program, port_look)
        tools |= dict.fromkeys(looks.tools)
        lost = [*(["notify"] if looks.notify and not notify else []), *looks.lost]
        if lost:
            notes.append(f"[{program.section}]: ready = {', '.join(lost)}: {engine} does not wait for that")
        if looks.weaker:
            notes.append(
                f"[{program.section}]: ready = {', '.join(looks.weaker)}: {engine} looks only whether something is "
                "there, and not whether it is this program's"
            )
    if tools:
        notes.append(f"the looks whether a program is ready need {' and '.join(tools)} where they run")
    return notes
