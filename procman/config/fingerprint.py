"""A number by which a master knows whether a process can keep running under another definition."""

from binascii import crc32
from collections.abc import Mapping

from procman.config.schema.options import Effect, options_of
from procman.config.schema.programs import Program
from procman.config.schema.sockets import sockets_of

PROGRAM = options_of(Program)


def fingerprint(program: Program) -> int:
    """The same number for two definitions if a process that was started with one can be taken over by the other."""
    values = [
        sorted(value.items()) if isinstance(value, Mapping) else value
        for name, known in PROGRAM.items()
        if known.effect is Effect.RESTART and name != "sockets"
        for value in (getattr(program, name),)
    ]
    if program.sockets:
        values.append([socket.likeness for socket in sockets_of(program.sockets)])
    return crc32(repr((values, program.uid, program.gid, program.extra_gids)).encode())
