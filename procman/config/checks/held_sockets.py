"""Looks at a socket that procman holds: it is open before the program works, and other processes may answer there."""

from collections import Counter
from collections.abc import Iterator

from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.readiness import warn_once
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.readiness import target_of
from procman.config.schema.kinds.sockets import place_of
from procman.config.schema.programs import Program
from procman.config.schema.sockets import Socket, sockets_of
from procman.core.spec import Condition, ReadyKind

_OPEN = (ReadyKind.LISTEN, ReadyKind.TCP, ReadyKind.UNIX)
_ASKED = (ReadyKind.HTTP, ReadyKind.HTTP_UNIX)
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


def warn_of_looks_at_held_sockets(reading: OptionReader, config: Config) -> None:
    """Warn of each that says nothing of the process that is meant."""
    programs = [program for group in config.groups for program in group.programs if program.sockets]
    users = Counter(socket.name for program in programs for socket in sockets_of(program.sockets))
    for program in programs:
        section = reading.sections.sections[program.section]
        for option, condition in _looks(program):
            socket = _held(program, condition)
            if socket is None:
                continue
            if condition.kind in _OPEN:
                say = "http://… if it answers there" if users[socket.name] == 1 else "an address of its own"
                own = "notify, fd" if option == "ready" else "exec:"
                message = (
                    f"{condition.text}: procman holds that socket, which is open before the program works, so this "
                    f"says nothing: say {own} or {say}"
                )
                warn_once(reading, section, option, message)
            elif users[socket.name] > 1:
                own = "notify, fd, exec:" if option == "ready" else "exec:"
                message = (
                    f"{condition.text}: {users[socket.name]} processes take connections there, so another one may "
                    f"answer for this one, and a bad version counts as good: say {own} or an address of its own"
                )
                warn_once(reading, section, option, message)


def _looks(program: Program) -> Iterator[tuple[str, Condition]]:
    yield from (("ready", condition) for condition in program.ready)
    if program.health is not None:
        yield "health", program.health


def _held(program: Program, condition: Condition) -> Socket | None:
    """The socket of the program that it looks at."""
    if condition.kind not in (*_OPEN, *_ASKED):
        return None
    target = target_of(condition)
    for socket in sockets_of(program.sockets):
        for place in map(place_of, socket.listen):
            if place.path is not None:
                if place.path == target.path:
                    return socket
            elif not target.path and place.port == target.port and target.host in (*_LOCAL, place.host):
                return socket
    return None
