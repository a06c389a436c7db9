"""What clients notice of a restart, where the master holds the socket of the program."""

import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection
from typing import Self

from figure import Case, Effort, Figure, Values
from lifetime import PATIENCE, Life, run_quietly
from supervisors import Peer, Procman
from workload import Programs

RATE = 1000  # connections a second
_SERVER = """\
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: stop.append(1) or None)
stop = []
listener = socket.socket(fileno=3)
listener.settimeout(0.05)
while not stop:
    try:
        client, _ = listener.accept()
    except TimeoutError:
        continue
    client.sendall(b"%d\\n" % os.getpid())
    client.close()
"""
# The same of several processes that share the socket, each of which says when it is ready.
_READY = """\
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
notify.close()
"""
_SEVERAL = "numprocs=4\nprocess_name=web_%(process_num)d\nready=notify\nrestart_strategy=rolling\nrolling_batch=1\n"


class _Held(Procman):
    """Its own program with a socket, beside the one of the benchmark."""

    port = 0

    def __init__(self, options: str = "") -> None:
        super().__init__()
        self._options = options

    def prepare(self, life: Life) -> list[str]:
        command = super().prepare(life)
        server = os.path.join(life.folder, "server.py")
        with open(server, "w", encoding="utf-8") as file:
            file.write(_SERVER.replace("while not stop", f"{_READY}while not stop") if self._options else _SERVER)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.file = command[command.index("-c") + 1]
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(
                f"\n[socket:http]\nlisten=tcp://127.0.0.1:{self.port}\nbacklog=4096\n"
                f"[program:web]\ncommand={sys.executable} -S {server}\nsockets=http\n{self._options}"
            )
        return command


class _Clients:
    """Connect so many times a second, each in a moment of its own, whatever has become of those before."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._connect, args=(number,)) for number in range(100)]
        self.longest = 0.0
        self.outcomes: Counter[str] = Counter()
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _connect(self, number: int) -> None:
        turn = len(self._threads) / RATE
        due = self._began + number / RATE
        while not self._over.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            began, due = time.monotonic(), due + turn
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE) as client:
                    outcome = "answered" if client.recv(64) else "reset"
            except ConnectionRefusedError:
                outcome = "refused"
            except OSError:
                outcome = "reset"
            self.outcomes[outcome] += 1
            self.longest = max(self.longest, time.monotonic() - began)


def _restarted(_: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    return _measured("held", _Held(), ("restart", "web"), effort)


def _rolled(_: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    return _measured("rolling", _Held(_SEVERAL), ("restart", "web", "--rolling"), effort)


def _measured(case: str, peer: _Held, command: tuple[str, ...], effort: Effort) -> Values:
    with Life(peer, Programs("stay", startsecs=0)) as life:
        life.boot_and_settle()
        ctl = peer.status(life)
        restart = [*ctl[: ctl.index("status")], *command]
        with _Clients(peer.port) as clients:
            time.sleep(effort.of(3, 1))
            run_quietly(restart)
            time.sleep(effort.of(3, 1))
    counts = clients.outcomes
    seconds = effort.of(3, 1) * 2
    if counts["answered"] < RATE * seconds / 2:
        raise RuntimeError(f"only {counts} connections in {seconds} s")
    return {
        f"{case} refused": [counts["refused"]],
        f"{case} reset": [counts["reset"]],
        f"{case} pause": [clients.longest * 1000],
    }


CASES = (
    Case(
        (
            Figure("held refused", "held", f"refused during a restart, {RATE:,} connections/s", "", 0, digits=0),
            Figure("held reset", "held", f"reset during a restart, {RATE:,} connections/s", "", 0, digits=0),
            Figure("held pause", "held", "the longest that a connection took meanwhile", "ms"),
        ),
        _restarted,
        can=lambda peer: isinstance(peer, Procman),
    ),
    Case(
        (
            Figure("rolling refused", "rolling", f"refused during a rolling restart of 4, {RATE:,}/s", "", 0, digits=0),
            Figure("rolling reset", "rolling", f"reset during a rolling restart of 4, {RATE:,}/s", "", 0, digits=0),
            Figure("rolling pause", "rolling", "the longest that a connection took meanwhile", "ms"),
        ),
        _rolled,
        can=lambda peer: isinstance(peer, Procman),
    ),
)
