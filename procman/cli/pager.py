"""Shows what is longer than the screen by $PAGER, less or more."""

from __future__ import annotations

import os
import signal
import sys


def showed(text: str) -> bool:
    """Let a person read it at leisure, and wait for that; False where there is no pager, or no keyboard."""
    if not sys.stdin.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return False
    wanted = os.environ.get("PAGER")
    for command in ("less", "more") if wanted is None else (wanted,):
        if _ran(command, text.encode("utf-8", "surrogateescape")):
            return True
    return False


def _ran(command: str, data: bytes) -> bool:
    from shlex import split  # noqa: PLC0415 - only here

    reader, writer = os.pipe()
    try:
        words = split(command)
        pid = os.posix_spawnp(
            words[0],
            words,
            # As git has it: colours, and the screen stays as it was left.
            {"LESS": "FRX", **os.environ},
            file_actions=[(os.POSIX_SPAWN_DUP2, reader, 0)],
            setsigdef=[signal.SIGPIPE],
        )
    except (OSError, ValueError, IndexError):
        os.close(writer)
        return False
    finally:
        os.close(reader)
    # Ctrl-C is for the pager.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with open(writer, "wb") as pipe:
            pipe.write(data)
    except BrokenPipeError:
        pass  # it was left before the end
    finally:
        os.waitpid(pid, 0)
        signal.signal(signal.SIGINT, before)
    return True
