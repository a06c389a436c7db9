"""A program with a descendant that left its parents, its process group and its session.

    family.py PARENT DESCENDANT    how each behaves: obeys SIGTERM, ignores it, or N: ends with that code when told to

Says "descendant PID is up" and "parent PID is up", and what each does, on stdout. A line on stdin tells it to end.
"""

import os
import signal
import sys


def say(text: str) -> None:
    """In one write: both of them write to the same pipe."""
    os.write(1, f"{text}\n".encode())


def become(who: str, behaviour: str) -> None:
    """Live as told."""
    pid = os.getpid()

    def leave(*_: object) -> None:
        say(f"{who} {pid} leaves")
        sys.exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == "ignores" else leave)
    # Whatever comes from here on is there to be read: a signal right before a pause would be handled after it.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    say(f"{who} {pid} is up")
    if behaviour.isdecimal():
        sys.stdin.readline()
        sys.exit(int(behaviour))
    while True:
        os.read(reader, 100)


parents, descendants = sys.argv[1:]
up, said = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.setsid()
    os.write(said, b"!")
    become("descendant", descendants)
os.wait()
os.read(up, 1)
become("parent", parents)
