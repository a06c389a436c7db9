"""Ports of TCP for tests that name one in a configuration: no other test gets it, also not in another process."""

import random
import socket

# Below those that the kernel gives to whoever asks for any, so that no connection has one of them by chance.
PORTS = range(12_000, 32_000)
_taken: list[int] = []  # descriptors, which keep the names of our ports while this process lives


def free_port() -> int:
    """A port that nobody listens on, and that no other test gets while this process lives."""
    while True:
        port = random.choice(PORTS)
        if _take(port) and _is_free(port):
            return port


def _take(port: int) -> bool:
    """A name of a socket that is in no file is the first one's, and goes with the process."""
    mine = socket.socket(socket.AF_UNIX)
    try:
        mine.bind(f"\0procman-test-port-{port}")
    except OSError:
        mine.close()
        return False
    _taken.append(mine.detach())
    return True


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("", port)):
            return True
    except OSError:
        return False
