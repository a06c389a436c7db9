"""Each step of becoming a daemon, looked at through /proc; and what the process that was started says of it."""

import os
import pty
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from procman.system.proc import Process, look_at
from tests.support.tree_fixtures import ROOT, in_subreaper

# What the daemon says, it says in files of that folder, as it has no descriptors left; "pid" has its pid and parent.
_PRELUDE = """
import os, signal, sys
from procman.system.daemonize import start_daemon
os.chdir({folder!r})

def read(name):
    return open({folder!r} + "/" + name).read()

def write(name, text):
    with open({folder!r} + "/" + name, "w") as file:
        file.write(str(text))

def live():
    while True:
        signal.pause()

"""


@dataclass(frozen=True)
class First:
    """How the process ended that was started."""

    status: int
    stdout: str
    stderr: str


def script(folder: Path, code: str) -> list[str]:
    return [sys.executable, "-c", _PRELUDE.format(folder=str(folder)) + textwrap.dedent(code)]


def start(folder: Path, code: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        script(folder, code),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
        **options,
    )


def run(folder: Path, code: str, **options) -> First:
    process = start(folder, code, **options)
    stdout, stderr = process.communicate()
    return First(process.returncode, stdout, stderr)


def in_proc(pid: int, name: str) -> str:
    """A line of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


def descriptors(pid: int) -> dict[int, str]:
    return {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}


# "up" is a pipe that has its end when the daemon has said that it is ready, and holds nothing any more for that.
UP = (
    "os.mkfifo('up')\nreadiness = start_daemon({options})\nwrite('pid', f'{{os.getpid()}} {{os.getppid()}}')\n"
    "readiness.ready()\nwrite('up', '')\nlive()"
)


def daemon(folder: Path, options: str = "", before: str = "", **popen) -> tuple[First, Process, int]:
    """The first process, the daemon after that, and who its first parent was. Only in a household."""
    first = run(folder, before + "\n" + UP.format(options=options), **popen)
    assert (folder / "up").read_text() == ""
    pid, parent = map(int, (folder / "pid").read_text().split())
    return first, look_at(pid), parent


# ---- the steps


def test_the_first_process_ends_with_0_when_the_daemon_is_up(tmp_path):
    """Without a word, and the daemon lives on as a child of whoever gets orphans."""

    def found() -> tuple[First, bool, bool]:
        first, process, parent = daemon(tmp_path)
        return first, process.parent == os.getpid(), look_at(parent) is None

    assert in_subreaper(found) == (First(0, "", ""), True, True)


def test_it_leads_neither_its_session_nor_its_group(tmp_path):
    """The session came between two forks, so that no terminal it opens becomes its own."""

    def found() -> list[bool]:
        _, process, parent = daemon(tmp_path)
        return [
            process.session == parent,
            process.group == parent,
            process.pid != process.session,
            process.session != os.getsid(0),
        ]

    assert in_subreaper(found) == [True] * 4


def test_it_has_no_terminal_and_gets_none(tmp_path):
    """Started in one, it is left by it; and it can open one without being caught by it."""

    def found() -> tuple[int, bool, int]:
        main, side = pty.openpty()
        code = f"""
            import fcntl, termios
            def terminal():
                return open("/proc/self/stat").read().rpartition(")")[2].split()[4]
            os.setsid()
            fcntl.ioctl(os.open({os.ttyname(side)!r}, os.O_RDWR), termios.TIOCSCTTY)
            write("before", terminal())
            readiness = start_daemon()
            os.open({os.ttyname(side)!r}, os.O_RDWR)
            write("after", terminal())
            readiness.ready()
        """
        first = run(tmp_path, code)
        os.close(main)
        os.close(side)
        return first.status, (tmp_path / "before").read_text() != "0", int((tmp_path / "after").read_text())

    assert in_subreaper(found) == (0, True, 0)


@pytest.mark.parametrize(
    ("options", "umask", "directory"), [("", 0, "/"), ("umask=0o027, directory='/usr'", 0o27, "/usr")]
)
def test_its_folder_and_umask(tmp_path, options, umask, directory):
    """As in the books, or as it was told."""

    def found() -> tuple[int, str]:
        _, process, _ = daemon(tmp_path, options)
        return int(in_proc(process.pid, "Umask"), 8), os.readlink(f"/proc/{process.pid}/cwd")

    assert in_subreaper(found) == (umask, directory)


def test_all_descriptors_are_closed_and_the_standard_ones_lead_nowhere(tmp_path):
    """Also those that its starter meant to be inherited; nor does a program that it starts get any."""

    def found() -> dict[int, str]:
        (tmp_path / "some").write_text("")
        before = (
            "import socket\nfds = [os.open('some', 0) for _ in range(50)]\nos.dup2(9, 900)\nsocks = socket.socketpair()"
        )
        reader, writer = os.pipe()
        _, process, _ = daemon(tmp_path, before=before, pass_fds=[reader, writer])
        return descriptors(process.pid)

    assert in_subreaper(found) == dict.fromkeys(range(3), "/dev/null")


def test_what_is_to_be_kept_stays_open(tmp_path):
    """Under its number."""

    def found() -> dict[int, str]:
        (tmp_path / "some").write_text("")
        before = "os.dup2(os.open('some', os.O_RDONLY), 77)\nos.dup2(77, 78)"
        _, process, _ = daemon(tmp_path, "keep=[77]", before=before)
        return descriptors(process.pid)

    assert in_subreaper(found) == {**dict.fromkeys(range(3), "/dev/null"), 77: f"{tmp_path}/some"}


def test_its_output_can_go_to_a_file(tmp_path):
    """The output of a daemon goes to the file that its starter has opened."""
    log = tmp_path / "daemon.log"

    def found() -> bool:
        code = f"""
            readiness = start_daemon(output=os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
            print("out", flush=True)
            print("err", file=sys.stderr, flush=True)
            readiness.ready()
            """
        first, second = run(tmp_path, code), run(tmp_path, code)
        return first == second == First(0, "", "")

    assert in_subreaper(found)
    assert log.read_text() == "out\nerr\n" * 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_starter_that_has_closed_the_standard_streams(tmp_path, closed):
    """No other descriptor takes their place."""

    def found() -> tuple[int, dict[int, str], list[bool]]:
        first = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *script(tmp_path, UP.format(options=""))],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert (tmp_path / "up").read_text() == ""
        pid = int((tmp_path / "pid").read_text().split()[0])
        flags = [Path(f"/proc/{pid}/fdinfo/{fd}").read_text().split("flags:")[1].split()[0] for fd in range(3)]
        return first.returncode, descriptors(pid), [int(flag, 8) & os.O_CLOEXEC == 0 for flag in flags]

    # A program that it starts has them, too.
    assert in_subreaper(found) == (0, dict.fromkeys(range(3), "/dev/null"), [True] * 3)


def test_what_was_in_buffers_is_written_once(tmp_path):
    """Forks copy it, so it has to be gone before."""
    first = in_subreaper(lambda: run(tmp_path, "sys.stdout.write('once\\n')\nstart_daemon().ready()"))
    assert first == First(0, "once\n", "")


# ---- when it fails


@pytest.mark.parametrize(("given", "status"), [("", 1), (", 2", 2), (", 127", 127), (", 0", 1)])
def test_a_daemon_that_cannot_be_says_why(tmp_path, given, status):
    """On the terminal of who has started it, with an exit status that is never 0."""
    code = f"start_daemon().failed('cannot listen on ü: it is there'{given})"
    first = in_subreaper(lambda: run(tmp_path, code))
    assert first == First(status, "", "procman: cannot listen on ü: it is there\n")


def test_a_long_reason_is_cut(tmp_path):
    """To what is written in one piece; nobody waits for the rest."""
    first = in_subreaper(lambda: run(tmp_path, "start_daemon().failed('x' * 1_000_000)"))
    assert first.status == 1
    assert 4000 < len(first.stderr) < 5000


@pytest.mark.parametrize(
    ("end", "status", "how"),
    [
        ("os._exit(7)", 7, "with exit status 7"),
        ("os._exit(0)", 1, "with exit status 0"),
        ("raise SystemExit(3)", 3, "with exit status 3"),
        ("raise RuntimeError", 1, "with exit status 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "killed by signal 9"),
        ("os.kill(os.getpid(), signal.SIGTERM)", 143, "killed by signal 15"),
    ],
)
def test_a_daemon_that_ends_without_a_word(tmp_path, end, status, how):
    """It is said how, and how to find out why."""
    first = in_subreaper(lambda: run(tmp_path, f"start_daemon()\n{end}"))
    text = f"procman: the daemon has ended before it was up, {how}; run it in the foreground to see why\n"
    assert first == First(status, "", text)


def test_a_leader_that_cannot_tell(tmp_path):
    """It was killed, and then the daemon ended."""
    code = """
        start_daemon()
        os.kill(os.getppid(), signal.SIGKILL)
        os._exit(7)
    """
    first = in_subreaper(lambda: run(tmp_path, code))
    assert first.status == 1
    assert first.stderr == (
        "procman: the daemon has ended before it was up (status unknown); run it in the foreground to see why\n"
    )


def test_a_step_that_fails_is_told(tmp_path):
    """With what could not be used, and the way out."""
    first = in_subreaper(lambda: run(tmp_path, "start_daemon(directory='/no/such')\nwrite('pid', 'never')"))
    reason = "cannot become a daemon in /no/such: No such file or directory; name another directory"
    assert first == First(1, "", f"procman: {reason}\n")
    assert not (tmp_path / "pid").exists()


def test_no_process_to_be_had(tmp_path):
    """Then there is still the first one, and it says so itself."""
    code = """
        from procman.errors import ProcmanError
        def fork():
            raise BlockingIOError(11, "Resource temporarily unavailable")
        os.fork = fork
        try:
            start_daemon()
        except ProcmanError as error:
            print(error)
    """
    text = "cannot become a daemon: Resource temporarily unavailable; there are too many processes\n"
    assert in_subreaper(lambda: run(tmp_path, code)) == First(0, text, "")


def test_no_second_process_to_be_had(tmp_path):
    """The leader of the session is alone, and says so."""
    code = """
        real, forks = os.fork, []
        def fork():
            forks.append(1)
            if len(forks) == 2:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return real()
        os.fork = fork
        start_daemon()
    """
    text = "procman: cannot become a daemon: Resource temporarily unavailable\n"
    assert in_subreaper(lambda: run(tmp_path, code)) == First(1, "", text)


# ---- when nobody waits any more


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_waiting_can_be_given_up(tmp_path, number):
    """The first process dies of the signal, whatever handlers it had; the daemon goes on, knows, and is alone."""
    os.mkfifo(tmp_path / "go")
    os.mkfifo(tmp_path / "told")
    code = """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        readiness = start_daemon()
        write("go", f"{os.getpid()} {os.getppid()}")
        read("told")
        write("go", readiness.ready())
        live()
    """

    def found() -> tuple[int, str, int, bool]:
        process = start(tmp_path, code)
        pid, leader = map(int, (tmp_path / "go").read_text().split())
        process.send_signal(number)
        process.communicate()
        # Its child became ours, and ends by itself.
        os.waitpid(leader, 0)
        (tmp_path / "told").write_text("")
        told = (tmp_path / "go").read_text()
        return process.returncode, told, look_at(pid).parent == os.getpid(), look_at(pid).ended

    assert in_subreaper(found) == (-number, "False", True, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_waiting_can_be_given_up_before_it_has_begun(tmp_path, number):
    """Not even then the handlers have their say that are there for the daemon."""
    code = f"""
        signal.signal({int(number)}, lambda *_: os._exit(0))
        fork, first = os.fork, os.getpid()
        def fork_and_give_up():
            pid = fork()
            if os.getpid() == first:
                os.kill(first, {int(number)})
            return pid
        os.fork = fork_and_give_up
        readiness = start_daemon()
        readiness.ready()
    """
    assert in_subreaper(lambda: run(tmp_path, code)) == First(-number, "", "")


def test_it_can_say_only_one_thing(tmp_path):
    """Whatever comes later is nobody's business."""
    code = """
        readiness = start_daemon()
        readiness.ready()
        readiness.failed("too late", 3)
    """
    assert in_subreaper(lambda: run(tmp_path, code)) == First(0, "", "")


def test_the_signals_of_the_caller_reach_the_daemon_only(tmp_path):
    """What handlers were set before are the daemon's."""
    code = """
        signal.signal(signal.SIGTERM, lambda *_: (write("got", "it"), os._exit(0)))
        readiness = start_daemon()
        # A signal that comes right before a pause would be handled after it; what it writes is there before the read.
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        write("pid", f"{os.getpid()} {os.getppid()}")
        readiness.ready()
        while True:
            os.read(reader, 100)
    """

    def found() -> str:
        run(tmp_path, code)
        pid = int((tmp_path / "pid").read_text().split()[0])
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        return (tmp_path / "got").read_text()

    assert in_subreaper(found) == "it"
