"""A master whose programs change at random: its file, what is done to it, and how it becomes calm again."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from typing import Self

import processes
from lifetime import Life
from supervisors import Procman
from workload import Programs

from procman.client.api_client import ApiError, Client, Unreachable

# What a program may do, and how often it is chosen. At 200 programs some sixty crash about once a second.
_BEHAVIOURS = (
    (30, lambda _: "stay"),
    (30, lambda chance: f"crash {chance.randrange(50, 3000)}"),
    (20, lambda _: "lines 20"),
    (10, lambda _: "hang"),
    (10, lambda _: "flood 0"),
)
_MOST_FLOODING = 4
_CALM = "stay"
# How long everything may take to be calm.
_PATIENCE = 60.0

_SECTION = """\
[program:{name}]
command={subject} {events} {does}
autorestart=true
startsecs=0
stopwaitsecs=1
stdout_logfile={folder}/{name}.log
stdout_logfile_maxbytes=2MB
stdout_logfile_backups=1
"""


class _Churned(Procman):
    """Writes the changing file instead of one for a workload."""

    def __init__(self, churned: "Churned") -> None:
        self._churned = churned

    def prepare(self, life: Life) -> list[str]:
        command = super().prepare(life)
        self._churned.life = life
        self._churned.write()
        return command


class Churned:
    """A number of programs, calm at first."""

    def __init__(self, count: int) -> None:
        self.names = [f"p{number:03}" for number in range(count)]
        self._does = dict.fromkeys(self.names, _CALM)
        self.life = Life(_Churned(self), Programs(_CALM, count, startsecs=0))

    def __enter__(self) -> Self:
        self.life.__enter__()
        self.life.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.life.__exit__()

    @property
    def socket(self) -> str:
        return self.life.socket

    def flooding(self) -> list[str]:
        return [name for name, does in self._does.items() if does.startswith("flood")]

    def running(self) -> int:
        """How many programs run, according to the kernel."""
        return sum(processes.executable(pid) == self.life.subject for pid in processes.family(self.life.master.pid))

    def write(self, broken: str = "") -> None:
        path = os.path.join(self.life.folder, "supervisord.conf")
        with open(path + ".head", "a+", encoding="utf-8") as file:
            file.seek(0)
            head = file.read()
            if not head:  # the first time: what comes before the programs
                with open(path, encoding="utf-8") as whole:
                    head = whole.read().partition("[program:")[0]
                file.write(head)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(head)
            for name, does in self._does.items():
                life = self.life
                file.write(
                    _SECTION.format(
                        name=name, subject=life.subject, events=life.events.path, folder=life.folder, does=does
                    )
                )
            file.write(broken)
        os.rename(path + ".new", path)

    # ---- what is done to it

    def change(self, chance: random.Random, count: int) -> None:
        """Give some programs other behaviours, and update; the update may take as long as it likes."""
        weights, makers = zip(*_BEHAVIOURS, strict=True)
        for name in chance.sample(self.names, min(count, len(self.names))):
            does = chance.choices(makers, weights)[0](chance)
            if does.startswith("flood") and len(self.flooding()) >= _MOST_FLOODING:
                does = _CALM
            self._does[name] = does
        self.write()
        self._in_background("POST", "/v1/config/update")

    def give_a_broken_file(self) -> None:
        """Put a broken file in place, which must be refused without any change, then a good one again."""
        self.write("[program:broken]\n")
        try:
            self._call("POST", "/v1/config/update")
        finally:
            self.write()

    def hit(self, chance: random.Random, number: signal.Signals) -> None:
        """Kill a random program."""
        pids = self._pids()
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(pids), number)

    def operate(self, chance: random.Random, operation: str) -> None:
        self._in_background("POST", f"/v1/processes/{chance.choice(self.names)}/{operation}")

    def signal(self, number: signal.Signals) -> None:
        self.life.master.send_signal(number)

    # ---- and the way back

    def calm_down(self) -> None:
        """Make every program idle, and wait until everything else has ended."""
        self._does = dict.fromkeys(self.names, _CALM)
        self.write()
        deadline = time.monotonic() + _PATIENCE
        while restless := self._restless():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not calm after {_PATIENCE:g} s: {'; '.join(restless[:5])}")
            for path in ("/v1/config/update", "/v1/processes/all/start"):
                with contextlib.suppress(ApiError, Unreachable):
                    self._call("POST", path)
            for pid in self._pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            time.sleep(0.5)
        # The report of leftovers comes a second later, and a client may still be closing its connection.
        time.sleep(3)

    def stop(self) -> float:
        """Seconds that the master needs to stop everything."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        self.life.master.wait(_PATIENCE)
        return time.monotonic() - began

    def _restless(self) -> list[str]:
        """The programs that are missing or not idle."""
        try:
            infos = self._call("GET", "/v1/processes")["processes"]
        except (ApiError, Unreachable) as error:
            return [str(error)]
        found = [f"{len(infos)} of {len(self.names)} programs"] if len(infos) != len(self.names) else []
        for info in infos:
            does = _does(info["pid"])
            if info["statename"] != "RUNNING" or does != _CALM:
                found.append(f"{info['name']} is {info['statename']} and does {does or 'nothing'}")
        return found

    def _pids(self) -> list[int]:
        return [pid for pid in processes.family(self.life.master.pid) if processes.executable(pid) == self.life.subject]

    def _call(self, method: str, path: str) -> dict:
        with self._client() as client:
            return client.call(method, path)

    def _in_background(self, method: str, path: str) -> None:
        def call() -> None:
            with contextlib.suppress(ApiError, Unreachable):
                self._call(method, path)

        threading.Thread(target=call, daemon=True).start()

    @contextlib.contextmanager
    def _client(self) -> Iterator[Client]:
        client = Client(f"unix://{self.socket}")
        try:
            yield client
        finally:
            client.close()


def _does(pid: int) -> str:
    """The behaviour that a program was started with."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return " ".join(file.read().decode().split("\0")[2:]).strip()
    except OSError:
        return ""
