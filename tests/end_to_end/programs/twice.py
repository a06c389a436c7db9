"""Saves its work when it gets SIGTERM, and gives that up when it gets a second one.

    twice.py SECONDS    how long the saving takes
    twice.py FIFO       until somebody has written there

Says "twice is up", "twice is saving", and "twice has saved" or "twice has lost its work".
"""

import os
import signal
import sys
import time


def lose(*_: object) -> None:
    """At the second one."""
    os.write(1, b"twice has lost its work\n")
    os._exit(1)


until = sys.argv[1]
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("twice is up", flush=True)
signal.sigwait({signal.SIGTERM})
signal.signal(signal.SIGTERM, lose)
print("twice is saving", flush=True)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
if until.isdecimal():
    time.sleep(int(until))
else:
    with open(until, encoding="utf-8") as fifo:
        fifo.read()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("twice has lost its work" if signal.sigpending() else "twice has saved", flush=True)
