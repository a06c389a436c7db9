"""Trees of real processes for tests, below a process that adopts all orphans; none of them outlives its test.

A member's output is the event to wait for, so nothing here sleeps.
"""

import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from procman.system.proc import Process, identify, look_at
from procman.system.subreaper import become_subreaper
from procman.system.tree import TAG, ProcSnapshot, Tree, look
from tests.support.forked import in_fork
from tests.support.namespaces import may_unshare

ROOT = Path(__file__).parents[2]

# Where the code ends in memory, in a line of /proc/PID/stat: an exec sets it last.
_END_CODE = 26

# What every member can do; `say` is one write, so that lines of several members are never mixed.
_PRELUDE = """
import os, signal, sys

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def fork(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(0)
    return pid

def stay(name):
    # A signal that comes right before a pause would be handled after it; what it writes is there before the read.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    say(name, os.getpid())
    while True:
        os.read(reader, 100)

def exec_without_environment(name):
    # The shell says it, so that it is said after the exec.
    os.execve("/bin/sh", ["sh", "-c", f"echo {name} $$; exec sleep 1000"], {})
"""


# A master: takes a pid file, reports it, releases it on request, and keeps running.
_MASTER = f"""
    sys.path.insert(0, {str(ROOT)!r})
    from procman.system.pidfile import PidFile
    held = PidFile.take(os.environ["PIDFILE"])
    say("held", os.getpid())
    sys.stdin.readline()
    held.release()
    say("released", os.getpid())
    signal.pause()
"""


class Member(subprocess.Popen[bytes]):
    """A process that runs this Python code, its stdout read line by line."""

    def __init__(self, code: str, *, environment: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(
            [sys.executable, "-IS", "-c", _PRELUDE + textwrap.dedent(code)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            process_group=0,
            **options,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        super().__exit__(kind, error, trace)

    def line(self) -> str:
        assert self.stdout is not None
        text = self.stdout.readline().decode()
        assert text, "it ended without a word"
        return text.rstrip("\n")

    def pids(self, *names: str) -> list[int]:
        """The pids of members, in the order of these names, once all of them have reported theirs."""
        said: dict[str, int] = {}
        while not set(names) <= said.keys():
            name, pid = self.line().split()
            said[name] = int(pid)
        return [said[name] for name in names]

    def go_on(self) -> None:
        """Let it continue after `sys.stdin.readline()`."""
        assert self.stdin is not None
        self.stdin.write(b"\n")
        self.stdin.flush()


@contextlib.contextmanager
def running(*argv: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """An idle process until the end of the block; /proc already shows it in its final form."""
    process = subprocess.Popen(argv or ("sleep", "1000"), **options)
    try:
        # Popen returns when the exec cannot fail any more, a moment before it is complete.
        while not int(Path(f"/proc/{process.pid}/stat").read_text().split()[_END_CODE]):
            os.sched_yield()
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def master(path: str) -> Iterator[Member]:
    """A process that holds that pid file, until the end of the block or until it is told to go on."""
    with Member(_MASTER, environment={"PIDFILE": path}) as member:
        member.pids("held")
        yield member


def in_subreaper(function: Callable[[], Any]) -> Any:
    """Run `function` in a process that adopts all orphans below it, and return its result; it must not change users."""

    def subreaper() -> Any:
        assert become_subreaper() is None
        try:
            return function()
        finally:
            _kill_descendants()

    return in_fork(subreaper)


def _kill_descendants() -> None:
    """Kill and reap until none is left; processes forked meanwhile become children of this one and are found too."""
    while True:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                process.kill()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def in_a_pid_namespace(code: str) -> str:
    """The output of this Python code as PID 1 of a pid namespace of its own, with its own /proc."""
    return run_unshared(["--pid", "--fork", "--mount-proc"], code)


def run_unshared(what: list[str], code: str) -> str:
    """The output of this Python code under unshare(1) with these options."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    may_unshare(*as_root, *what)
    answer = subprocess.run(
        ["unshare", *as_root, *what, sys.executable, "-c", _PRELUDE + textwrap.dedent(code)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


# Tests that run at the same time must not find each other's.
MINE = f"supervisor/web/{os.getpid()}.1"

# A daemon as by the book: its parents have ended, it leads neither its session nor its group.
DAEMON = textwrap.dedent("""
    def second():
        os.setsid()
        fork(lambda: stay("daemon"))
    os.waitpid(fork(second), 0)
""")


def family(code: str, tag: str | None = MINE) -> tuple[Member, Tree]:
    """A process started with a piece of Python, and the tree of its descendants."""
    member = Member(code, environment={TAG: tag} if tag else {})
    root = identify(member.pid)
    assert root is not None
    return member, Tree(root, tag)


def pids_of(processes: Iterable[Process]) -> list[int]:
    """Their pids, in their order."""
    return [process.pid for process in processes]


def now() -> ProcSnapshot:
    """A snapshot of all processes, taken by the parent of all orphans."""
    return look(under=os.getpid())


def has_ended(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    process = look_at(pid)
    return process is None or process.ended
