"""One run of one master, from before its first instruction to after its last."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Self

import processes
from built import built
from shared_events import Event, SharedEvents
from workload import Log, Programs, number_of

if TYPE_CHECKING:
    from supervisors import Peer

# A master that needs more than this for anything has failed.
PATIENCE = 120.0


def run_quietly(command: list[str]) -> None:
    """Run a command to its end, without its output."""
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


class Life:
    """A directory, shared events and a master; whatever is left at the end of the `with` block is killed."""

    def __init__(self, peer: "Peer", *programs: Programs) -> None:
        self.peer = peer
        self.programs = programs
        # Short: the path of a socket is.
        self.folder = tempfile.mkdtemp(prefix="bench-")
        self.events = SharedEvents()
        self.subject = built("subject")
        self.reader: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = self.peer.prepare(self)
        out = subprocess.DEVNULL
        if any(some.log in {Log.CONSOLE, Log.PREFIXED} for some in self.programs):
            self.reader = subprocess.Popen([self.subject, self.events.path, "drain"], stdin=subprocess.PIPE)
            assert self.reader.stdin is not None
            out = self.reader.stdin.fileno()
        self.errors = open(os.path.join(self.folder, "stderr"), "w+b")
        self.began = time.monotonic()
        self.master = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=self.errors,
            cwd=self.folder,
            env=self.peer.environment(),
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.master.returncode is None:
            processes.end(self.master.pid, self.subject)
            self.master.wait()
        else:
            for record in self.events.records():
                if processes.executable(record.pid) == self.subject:
                    os.kill(record.pid, signal.SIGKILL)
        if self.reader is not None:
            assert self.reader.stdin is not None
            self.reader.stdin.close()
            self.reader.wait()
        self.errors.close()
        self.events.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def socket(self) -> str:
        """The socket of its XML-RPC interface."""
        return os.path.join(self.folder, "socket")

    def boot(self) -> float:
        """Seconds from before the start of the master to the last program's first instruction."""
        self.events.wait_for(number_of(self.programs), PATIENCE)
        return max(record.time for record in self.events.records()) - self.began

    def boot_and_settle(self, seconds: float = 1.0) -> None:
        """Wait until all programs run and their startsecs are over."""
        self.boot()
        time.sleep(max(some.startsecs for some in self.programs) + seconds)

    def stop(self) -> tuple[float, float]:
        """Send SIGTERM; seconds until the first program gets it, and until the master has ended."""
        seen = self.events.count
        asked = time.monotonic()
        self.master.send_signal(signal.SIGTERM)
        self.master.wait(PATIENCE)
        gone = time.monotonic()
        heard = [one.time for one in self.events.records(seen) if one.event is Event.ASKED_TO_STOP]
        if len(heard) < number_of(self.programs):
            raise RuntimeError(f"{self.peer.name} asked {len(heard)} of {number_of(self.programs)} programs to stop")
        return min(heard) - asked, gone - asked

    def overseers(self) -> list[int]:
        return processes.overseers(self.master.pid, self.subject)

    def meter(self) -> processes.Meter:
        """A meter of what the master uses from now on."""
        return processes.Meter(self.overseers())

    def said(self) -> str:
        """The master's stderr, for error messages."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-2000:]
