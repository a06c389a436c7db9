"""What health checks cost the master, beside a bare asyncio client that asks the same server as often."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import processes
from figure import Case, Effort, Figure, Values
from lifetime import PATIENCE, Life
from supervisors import Floor, Peer, Procman
from workload import Programs

COUNT = 1000
INTERVAL = 10
_CHECKED = """
[program:checked]
command=sleep 100000
numprocs={count}
process_name=%(process_num)04d
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
health=http://127.0.0.1:{port}/health
health_interval={interval}s
on_unhealthy=none
"""


class _Checking(Procman):
    """Its programs do nothing, and are checked."""

    more = "minfds=10000\n"

    def __init__(self, port: str) -> None:
        self._port = port

    def prepare(self, life: Life) -> list[str]:
        command = super().prepare(life)
        with open(command[command.index("-c") + 1], "a", encoding="utf-8") as file:
            file.write(_CHECKED.format(count=COUNT, port=self._port, interval=INTERVAL))
        return command


def _checked(peer: Peer, effort: Effort, _: Collection[str]) -> Values:
    with _other_side("serve") as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if isinstance(peer, Floor):
            with _other_side("ask", port, str(COUNT), str(INTERVAL)) as client:
                return _read(client.pid, effort)
        with Life(_Checking(port), Programs("stay", startsecs=0)) as life:
            _wait_for_all(Path(life.folder, "master.log"))
            return _read(life.master.pid, effort)


def _read(pid: int, effort: Effort) -> Values:
    time.sleep(INTERVAL + 1)  # each has had its first check
    meter, began = processes.Meter([pid]), time.monotonic()
    time.sleep(effort.of(3 * INTERVAL, INTERVAL))
    return {"health": [100 * meter.read().cpu / (time.monotonic() - began)]}


def _wait_for_all(log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not log.exists() or log.read_text(encoding="utf-8").count("entered RUNNING") <= COUNT:
        if time.monotonic() > until:
            raise RuntimeError("the programs do not start")
        time.sleep(0.2)


@contextlib.contextmanager
def _other_side(*words: str) -> Iterator["subprocess.Popen[str]"]:
    script = os.path.join(os.path.dirname(__file__), "..", "http_checks.py")
    with subprocess.Popen([sys.executable, script, *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


CASES = (
    Case(
        (Figure("health", "health", f"{COUNT:,} HTTP checks every {INTERVAL} s: CPU", "% of a core", 3, digits=2),),
        _checked,
        can=lambda peer: isinstance(peer, Procman | Floor),
        most_rounds=2,
        quick=False,
    ),
)
