"""Shows text that is longer than the screen with $PAGER, less or more."""

import os
import shlex
import signal
import sys


def paged(text: str) -> bool:
    """Show the text in a pager until the user leaves it; False if there is no pager or no keyboard."""
    if not sys.stdin.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return False
    wanted = os.environ.get("PAGER")
    for command in ("less", "more") if wanted is None else (wanted,):
        if _run(command, text.encode("utf-8", "surrogateescape")):
            return True
    return False


def _run(command: str, data: bytes) -> bool:
    reader, writer = os.pipe()
    try:
        words = shlex.split(command)
        pid = os.posix_spawnp(
            words[0],
            words,
            # Git's defaults: colours are shown, and the screen is not cleared.
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
        pass  # the user left it before the end
    finally:
        os.waitpid(pid, 0)
        signal.signal(signal.SIGINT, before)
    return True
