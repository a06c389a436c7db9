"""A master that suffers a fault, with checks: `assert_serves` during the fault, `assert_well` after it.

Nothing here measures time. PATIENCE only keeps a hanging master from hanging the tests.
"""

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from procman.client.api_client import Client, Unreachable
from tests.support.log_lines import PATIENCE
from tests.support.running_master import RunningMaster

# Turns of the master's loop within which it notices closed connections; each is a request over one connection.
TURNS = 5000
# Texts that no fault may bring into the master's log.
TROUBLE = re.compile(r"Traceback|a bug in procman|cannot answer|wakeup")
WITNESS = "[program:witness]\ncommand=/bin/cat\nstartsecs=0\nautorestart=true\nstdout_logfile={}/witness.log\n"


class FaultyMaster(RunningMaster):
    """Runs one program more than the test asks for: the witness, which is healthy and must not notice the fault."""

    def __init__(self, folder: Path, programs: str = "", *, world_writable: bool = False, **options) -> None:
        """`world_writable`: a user other than the tests' own has to create files and sockets in the folder."""
        self._world_writable = world_writable
        super().__init__(folder, WITNESS.format(folder) + programs, **options)
        self._told = 0
        self.fds: dict[str, str] = {}

    def write(self, programs: str) -> None:
        if self._world_writable:
            for place in (self.folder, Path(self.socket).parent):
                place.chmod(0o777)
        witness = WITNESS.format(self.folder)
        super().write(programs if programs.startswith(witness) else witness + programs)

    def wait_until_up(self, *names: str, reads: bool = True) -> "FaultyMaster":
        """Wait until the witness and these programs run, and remember what is open then.

        `reads=False`: nothing reads the master's stdout.
        """
        deadline = time.monotonic() + PATIENCE
        while not reads and not self._listens():
            assert time.monotonic() < deadline, self.log()
            os.sched_yield()
        for name in ("witness", *names):
            if reads:
                self.wait_for(f"success: {name} ")
            self.wait_for_state(name, "RUNNING")
        with contextlib.closing(self.client()) as client:
            # When a request is answered, it is done, and the logs are open.
            client.call("POST", "/v1/processes/witness/signal", {"signal": "CONT"})
            self.fds = self.open_now()
        return self

    # ---- looking

    def _listens(self) -> bool:
        """Whether it accepts connections: the socket's file exists before that."""
        with contextlib.closing(self.client()) as client, contextlib.suppress(Unreachable):
            client.call("GET", "/v1/master")
            return True
        return False

    def wait_for_state(self, name: str, *states: str, other_than: int = 0) -> dict:
        """Ask until the process is in one of these states, with a pid other than `other_than`."""
        deadline = time.monotonic() + PATIENCE
        with contextlib.closing(self.client()) as client:
            while True:
                info = client.call("GET", f"/v1/processes/{name}")["processes"][0]
                if info["statename"] in states and (not other_than or info["pid"] != other_than):
                    return info
                assert time.monotonic() < deadline, f"{name} is {info['statename']}, not {states}:\n{self.log()}"

    @staticmethod
    def wait_until(condition: Callable[[], object], meanwhile: Callable[[], object] = os.sched_yield) -> None:
        """Check again and again until it is true; `meanwhile` is called between two checks."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            meanwhile()

    def log(self) -> str:
        """The master's own log, as far as it was written to a file."""
        with contextlib.suppress(OSError):
            return (self.folder / "master.log").read_text()
        return self.text

    def open_now(self) -> dict[str, str]:
        """What each of its descriptors refers to."""
        found = {}
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed since
                found[fd] = os.readlink(f"/proc/{self.pid}/fd/{fd}")
        return found

    def zombies(self) -> list[str]:
        """Its children that have ended and are not reaped."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
                with contextlib.suppress(FileNotFoundError):
                    stat = Path(f"/proc/{pid}/stat").read_text()
                    if stat.rpartition(")")[2].split()[0] == "Z":
                        found.append(stat)
        return found

    def rss(self) -> int:
        """Its resident memory, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # ---- what must be so

    def assert_serves(self) -> None:
        """It answers, notices and restarts a killed program, obeys a restart, and loses no output."""
        shown = self.ctl("status")
        assert re.search(r"^witness +RUNNING", shown.stdout, re.MULTILINE), shown.stdout + shown.stderr + self.log()
        before = self.wait_for_state("witness", "RUNNING")
        self.call("POST", "/v1/processes/witness/signal", {"signal": "KILL"})
        again = self.wait_for_state("witness", "RUNNING", other_than=before["pid"])
        assert again["restarts"] == before["restarts"] + 1
        answer = self.ctl("restart", "witness")
        assert answer.stdout == "witness: stopped\nwitness: started\n", answer.stdout + answer.stderr + self.log()
        self.assert_witness_logs()

    def assert_witness_logs(self) -> None:
        """The witness echoes a line, and its log has everything it ever wrote."""
        self._told += 1
        line = f"told {self._told}\n"
        with contextlib.closing(self.follow("witness")) as said:
            self.say("witness", line)
            heard = b""
            while not heard.endswith(line.encode()):
                heard += next(said)
        wanted = "".join(f"told {number + 1}\n" for number in range(self._told))
        # Followers may get a line before it is in the log; after the answer to a request it is there.
        self.call("POST", "/v1/processes/witness/signal", {"signal": "CONT"})
        assert self.info("witness")["lost"] == 0
        assert (self.folder / "witness.log").read_text() == wanted

    def assert_no_leaks(self, *, held: int = 0) -> None:
        """No zombie is left, and no more is open than at the start, except what the fault itself holds."""
        with contextlib.closing(self.client()) as client:
            for _ in range(TURNS):
                client.call("GET", "/v1/processes/witness")  # it notices closed connections
                zombies, now = self.zombies(), self.open_now()
                if not zombies and len(now) <= len(self.fds) + held:
                    return
        raise AssertionError(f"unreaped {zombies}; open {now}, and in the beginning {self.fds}")

    def client(self) -> Client:
        """A client that keeps one connection for many requests."""
        return Client(f"unix://{self.socket}")

    def assert_stops(self, *, reads: bool = True) -> None:
        """SIGTERM ends it with status 0, and none of its processes survives."""
        running = [info["pid"] for info in self.call("GET", "/v1/processes")["processes"] if info["pid"]]
        self.signal(signal.SIGTERM)
        status = self.to_the_end() if reads else self.process.wait(PATIENCE)
        assert status == 0, self.log()
        assert self.as_pid_1 or [pid for pid in running if is_alive(pid)] == []
        assert not os.path.exists(self.socket)
        for said in (self.text, self.log()):
            assert TROUBLE.search(said) is None, said


def assert_well(master: FaultyMaster, *, held: int = 0, reads: bool = True) -> None:
    """All that must hold after a fault, or during one that does not end; finally SIGTERM has to end the master.

    `held` is how many descriptors the fault holds open in it. `reads=False`: nothing reads its stdout.
    """
    assert master.process.poll() is None, master.log()
    master.assert_serves()
    master.assert_no_leaks(held=held)
    master.assert_stops(reads=reads)


def program(name: str, command: str, **options: object) -> str:
    """The section of a program; it counts as RUNNING as soon as it is spawned, unless startsecs is given."""
    options.setdefault("startsecs", 0)
    return f"[program:{name}]\ncommand={command}\n" + "".join(f"{key}={value}\n" for key, value in options.items())


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
