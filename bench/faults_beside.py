#!/usr/bin/env python3
"""Compares procman and supervisord when something goes wrong, and prints the table of docs/reliability.md.

    python bench/faults_beside.py [PART OF A FAULT'S NAME]...

The faults are those of tests/faults, which assert what procman does. Nothing is asserted here: each fault is caused
under both masters, with the same file, and what they do is recorded and timed. Does it answer? Does it restart
a program that has nothing to do with the fault? How long does SIGTERM take?
It needs root, gcc, and supervisord in the same environment.

One file of more than 450 lines, because each fault is a row of the table with the few lines that cause it.
"""

import contextlib
import errno
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

# The programs that bring the faults about are those of the tests, so that both speak of the same faults.
from tests.support.fault_programs import BLOCK, FLOOD, counts, on_tmpfs  # noqa: E402 - found by the line before
from tests.support.faulty_master import program  # noqa: E402
from tests.support.running_master import SLEEPER, STUBBORN, python  # noqa: E402

BIN = Path(sys.executable).parent
MASTERS = {
    "procman": ([sys.executable, "-m", "procman"], [sys.executable, "-m", "procman.cli.procmanctl"]),
    "supervisord": ([str(BIN / "supervisord"), "-n"], [str(BIN / "supervisorctl")]),
}
# Seconds without an answer, or without an end, after which a master counts as hanging.
HANGS = 8.0
YEAR = 365 * 24 * 3600
MIB = 1024 * 1024


class Beside:
    """One of the two masters, with the programs of a fault and a witness that has no part in it."""

    def __init__(self, kind: str, fault: "Fault", folder: Path, library: Path) -> None:
        self.kind, self.folder = kind, folder
        start, self.ctl_words = MASTERS[kind]
        self.config = folder / "supervisord.conf"
        self.socket = str(folder / "s")
        head = (
            f"[unix_http_server]\nfile={folder}/s\n[supervisorctl]\nserverurl=unix://{folder}/s\n"
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
            f"[supervisord]\nrestart_brake=false\nlogfile={fault.logfile.format(folder)}\nlogfile_maxbytes=0\npidfile={folder}/pid\n"
            f"childlogdir={folder}\n{fault.master}\n"
        )
        witness = program("witness", "/bin/cat", autorestart="true")
        self.config.write_text(head + witness + fault.programs(folder))
        self.injected = folder / "injected"
        self.injected.mkdir()
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(library), "FAULTS": str(self.injected)}
        if fault.before is not None:
            fault.before(self)
        arguments = (*fault.arguments, *(fault.procmans if kind == "procman" else ()))
        self.reader: int | None = None
        out: int = os.open(folder / "out", os.O_WRONLY | os.O_CREAT)
        if fault.unread:
            os.close(out)
            self.reader, out = os.pipe()
        self.process = subprocess.Popen(
            [*(word.format(folder) for word in fault.wrapper), *start, "-c", str(self.config), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=self.environ,
        )
        os.close(out)
        # Its output is read until everything is up, and then no longer.
        with ThreadPoolExecutor(1) as reader:
            up = threading.Event()
            reader.submit(self._read, up)
            self.wait(lambda: os.path.exists(self.socket) and self.state("witness") == "RUNNING")
            up.set()

    def _read(self, until: threading.Event) -> None:
        while self.reader is not None and not until.is_set():
            if select.select([self.reader], [], [], 0.1)[0]:
                os.read(self.reader, MIB)

    def ctl(self, *words: str, timeout: float = HANGS) -> str | None:
        """The output of its client; None without an answer."""
        try:
            return subprocess.run(
                [*self.ctl_words, "-c", str(self.config), *words],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
                stdin=subprocess.DEVNULL,
                env={**self.environ, "LD_PRELOAD": ""},
            ).stdout
        except subprocess.TimeoutExpired:
            return None

    def ask(self, *words: str) -> subprocess.Popen:
        """Start the client and do not wait for it."""
        return subprocess.Popen(
            [*self.ctl_words, "-c", str(self.config), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**self.environ, "LD_PRELOAD": ""},
        )

    def state(self, name: str) -> str:
        found = re.search(rf"^{re.escape(name)} +(\w+)", self.ctl("status") or "", re.MULTILINE)
        return found[1] if found else "?"

    def pid(self, name: str) -> int:
        said = (self.ctl("pid", name) or "").strip()
        return int(said) if said.isdecimal() else 0

    @staticmethod
    def wait(until: Callable[[], object], most: float = HANGS) -> bool:
        deadline = time.monotonic() + most
        while time.monotonic() < deadline:
            if until():
                return True
            time.sleep(0.05)
        return False

    def inject(self, what: str, text: object) -> None:
        (self.injected / what).write_text(str(text))

    def rss(self) -> int:
        try:
            return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096
        except OSError:
            return 0

    def cpu(self) -> float:
        """CPU seconds used so far."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def log(self) -> str:
        said = ""
        for name in ("log", "out"):
            with contextlib.suppress(OSError):
                said += (self.folder / name).read_text(errors="replace")
        return said

    def health(self) -> list[str]:
        """Does it answer, and does it restart the witness?"""
        if self.process.poll() is not None:
            return [f"**has ended by itself, status {self.process.returncode}**"]
        began = time.monotonic()
        shown = self.ctl("status")
        took = time.monotonic() - began
        if shown is None or "witness" not in shown:
            return ["**does not answer**"]
        said = [f"answers in {took:.2f} s"]
        before = self.pid("witness")
        if before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(before, signal.SIGKILL)
        back = before and self.wait(lambda: self.pid("witness") not in (0, before))
        return said + ([] if back else ["**does not restart others**"])

    def end(self) -> str:
        """How long SIGTERM takes."""
        if self.process.poll() is not None:
            return ""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(HANGS + 4)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            said = f"**ignores SIGTERM** (for {HANGS + 4:.0f} s)"
        else:
            said = f"SIGTERM: ends in {time.monotonic() - began:.1f} s"
        for pid in children:
            with contextlib.suppress(OSError):
                os.kill(int(pid), signal.SIGKILL)
        return said

    def client(self, *, says: bytes = b"") -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(HANGS)
        with contextlib.suppress(OSError):
            client.connect(self.socket)
            client.sendall(says)
        return client


@dataclass(frozen=True)
class Fault:
    """A fault: what it needs, and `inject`, which causes it and returns what else was observed."""

    name: str
    programs: Callable[[Path], str] = lambda _: ""
    inject: Callable[[Beside, contextlib.ExitStack], list[str]] = lambda _m, _s: []
    before: Callable[[Beside], None] | None = None
    logfile: str = "{}/log"
    master: str = ""
    arguments: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()
    unread: bool = False
    procmans: tuple[str, ...] = ()  # arguments for procman only


FAULTS: list[Fault] = []


def fault(name: str, programs: Callable[[Path], str] = lambda _: "", **options):
    """Register the function that causes a fault."""

    def register(inject):
        FAULTS.append(Fault(name, programs, inject, **options))
        return inject

    return register


def loud(log: str) -> str:
    """Writes three megabytes, then nothing."""
    command = python(BLOCK.format(count=3000) + "time.sleep(1000)")
    return program("loud", command, stdout_logfile=log, stdout_logfile_maxbytes=0)


def mule(folder: Path, patience: int) -> str:
    """Ignores SIGTERM once its log says "armed"."""
    return program("mule", STUBBORN, stopwaitsecs=patience, stdout_logfile=folder / "mule.log")


def armed(master: Beside) -> None:
    log = master.folder / "mule.log"
    master.wait(lambda: log.exists() and "armed" in log.read_text())


def flood(log: str) -> str:
    return program("flood", FLOOD, stdout_logfile=log, stdout_logfile_maxbytes=0)


@fault("the master's stdout is a pipe that nothing reads", lambda _: flood("/dev/stdout"), unread=True)
def _(_: Beside, __: contextlib.ExitStack) -> list[str]:
    time.sleep(1)
    return []


@fault("the log of a program is on a full disk (`/dev/full`)", lambda _: loud("/dev/full"))
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    master.wait(lambda: "No space left" in master.log())
    time.sleep(1)
    return [f"{master.log().count(chr(10))} lines in its log"]


@fault("the master's log is on a full disk (`/dev/full`)", logfile="/dev/full")
def _(_: Beside, __: contextlib.ExitStack) -> list[str]:
    return []


def accounted(master: Beside, kept: int) -> str:
    """How many of the bytes that `counts` wrote are missing, and how many were counted as lost."""
    master.ctl("stop", "counts")
    said = int((master.folder / "said").read_text())
    missing = said - kept
    if master.kind == "procman":
        from procman.client.api_client import Client  # noqa: PLC0415 - procman's side only

        with contextlib.closing(Client(f"unix://{master.socket}")) as client:
            lost = client.call("GET", "/v1/processes/counts")["processes"][0]["lost"]
        return f"{missing} bytes lost, {lost} counted"
    return f"{missing} bytes lost, none counted" if missing else "nothing lost"


@fault(
    "a small disk fills up and is freed again",
    lambda f: counts(f, f / "disk" / "counts.log"),
    before=lambda m: (m.folder / "disk").mkdir(),
    wrapper=(*on_tmpfs("128k"), "{}/disk"),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    log = Path(f"/proc/{master.process.pid}/root{master.folder}/disk/counts.log")
    master.wait(lambda: "No space left" in master.log())
    time.sleep(1)
    kept = log.stat().st_size
    os.truncate(log, 0)
    time.sleep(2)
    lines = master.log().count("\n")
    master.ctl("stop", "counts")
    return [accounted(master, kept + log.stat().st_size), f"{lines} lines in its log"]


def falls_silent(master: Beside, _: contextlib.ExitStack) -> list[str]:
    log = Path(f"/proc/{master.process.pid}/root{master.folder}/disk/log")
    master.wait(lambda: log.exists() and log.stat().st_size)
    master.inject("hang", master.folder / "disk")
    time.sleep(3)
    return []


SAYS = python("import itertools, time\nfor number in itertools.count(): print(number, flush=True); time.sleep(0.2)")
for what, programs in (
    ("writes 5 lines a second", lambda f: program("slow", SAYS, stdout_logfile=f / "disk" / "log")),
    ("floods it, and cannot handle SIGTERM while it writes", lambda f: counts(f, f / "disk" / "log")),
):
    fault(
        f"the disk of a log does not respond (the program {what})",
        programs,
        before=lambda m: (m.folder / "disk").mkdir(),
        wrapper=(*on_tmpfs("16m"), "{}/disk"),
    )(falls_silent)


def on_a_disk_of_its_own(folder: Path) -> str:
    """A disk with a program and the file of its section."""
    disk = folder / "disk"
    disk.mkdir()
    shutil.copy("/bin/sleep", disk / "app")
    (disk / "app.conf").write_text(program("app", f"{disk}/app 1000", autorestart="true"))
    return f"[include]\nfiles={disk}/*.conf\n"


@fault("the disk of a program that has to be restarted does not respond", on_a_disk_of_its_own)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    pid = master.pid("app")
    master.inject("hang", master.folder / "disk")
    os.kill(pid, signal.SIGKILL)
    time.sleep(3)
    return []


@fault("the disk of the configuration does not respond during a `reread`", on_a_disk_of_its_own)
def _(master: Beside, stack: contextlib.ExitStack) -> list[str]:
    master.inject("hang", master.folder / "disk")
    asked = master.ask("reread")
    stack.callback(asked.wait)
    stack.callback(asked.kill)
    time.sleep(3)
    return []


@fault("the log of a program is removed", lambda f: counts(f, f / "counts.log"))
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    log = master.folder / "counts.log"
    master.wait(log.exists)
    kept = log.stat().st_size
    log.unlink()
    time.sleep(2)
    master.ctl("stop", "counts")
    return [accounted(master, kept + (log.stat().st_size if log.exists() else 0))]


@fault(
    "the log of a program is a directory", lambda f: counts(f, f / "dir"), before=lambda m: (m.folder / "dir").mkdir()
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    time.sleep(1)
    return [f"the program is {master.state('counts')}"]


@fault(
    "the log directory vanishes and returns, with a SIGUSR2 in between",
    lambda f: counts(f, f / "logs" / "counts.log"),
    before=lambda m: (m.folder / "logs").mkdir(),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    logs = master.folder / "logs"
    master.wait((logs / "counts.log").exists)
    kept = (logs / "counts.log").stat().st_size
    shutil.rmtree(logs)
    master.process.send_signal(signal.SIGUSR2)
    time.sleep(1)
    if master.process.poll() is not None:
        return []
    logs.mkdir()
    time.sleep(2)
    master.ctl("stop", "counts")
    log = logs / "counts.log"
    return [accounted(master, kept + (log.stat().st_size if log.exists() else 0))]


@fault(
    "a program writes 1 GB without a newline",
    lambda f: program(
        "loud",
        python(
            "import os, time\nblock = b'y' * (1 << 20)\nfor _ in range(1024): os.write(1, block)\n"
            "open('done', 'w').close()\ntime.sleep(1000)"
        ),
        stdout_logfile=f"{f}/loud.log",
        stdout_logfile_backups=1,
        directory=f,
        autostart="false",
    ),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    before, began = master.rss(), time.monotonic()
    master.ctl("start", "loud")
    through = master.wait((master.folder / "done").exists, 120)
    took = time.monotonic() - began
    return [f"through in {took:.0f} s" if through else "not through in 120 s", f"+{(master.rss() - before) // MIB} MiB"]


@fault(
    "a program writes invalid UTF-8",
    lambda f: program(
        "odd", python("import os, time; os.write(1, b'a \\xff z\\n'); time.sleep(1000)"), stdout_logfile=f"{f}/odd.log"
    ),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    master.wait(lambda: (master.folder / "odd.log").exists() and (master.folder / "odd.log").stat().st_size)
    call = (
        b"<methodCall><methodName>supervisor.tailProcessStdoutLog</methodName><params><param><value>odd</value></param>"
        b"<param><value><int>0</int></value></param><param><value><int>9</int></value></param></params></methodCall>"
    )
    head = f"POST /RPC2 HTTP/1.0\r\nContent-Length: {len(call)}\r\nContent-Type: text/xml\r\n\r\n".encode()
    with contextlib.closing(master.client(says=head + call)) as client:
        return [f"`tailProcessStdoutLog`: HTTP {client.recv(100).split()[1].decode()}"]


@fault(
    "a program closes its stdin, stdout and stderr",
    lambda _: program("mute", python("import os, time\nfor fd in range(3): os.close(fd)\ntime.sleep(1000)")),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    time.sleep(1)
    before = master.cpu()
    time.sleep(2)
    return [f"{(master.cpu() - before) / 2:.0%} of a CPU meanwhile"]


@fault(
    "a grandchild keeps the pipe open after its parent's death",
    lambda f: program(
        "parent",
        python(
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
            "    while not os.path.exists('go'): time.sleep(0.05)\n"
            "    os.write(1, b'from the grave'); time.sleep(20); os._exit(0)\ntime.sleep(0.2); os._exit(0)"
        ),
        autorestart="false",
        stdout_logfile=f"{f}/parent.log",
        directory=f,
    ),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    master.wait(lambda: master.state("parent") == "EXITED")
    (master.folder / "go").touch()
    time.sleep(1)
    heard = "grave" in (master.folder / "parent.log").read_text()
    return ["its output is in the log" if heard else "its output is lost"]


@fault("a program is stopped with SIGSTOP", lambda _: program("frozen", SLEEPER, stopwaitsecs=1))
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    os.kill(master.pid("frozen"), signal.SIGSTOP)
    began = time.monotonic()
    said = master.ctl("stop", "frozen")
    return [f"`stop` (stopwaitsecs=1): {(said or 'no answer').strip()} after {time.monotonic() - began:.1f} s"]


@fault("a program ignores SIGTERM (stopwaitsecs=3)", lambda f: mule(f, 3))
def _(master: Beside, stack: contextlib.ExitStack) -> list[str]:
    armed(master)
    stop = master.ask("stop", "mule")
    stack.callback(stop.communicate)
    began = time.monotonic()
    master.ctl("status")
    return [f"answers in {time.monotonic() - began:.2f} s during the stop"]


@fault(
    "a program forks until its user, also the master's, has no more processes",
    lambda _: (
        program(
            "bomb",
            "sh -c '(while :; do sleep 1000 & done) 2> /dev/null; exec sleep 1000'",
            autostart="false",
            stopasgroup="true",
        )
        + program("late", "sleep 1000", autostart="false", numprocs=3, process_name="late_%(process_num)d")
    ),
    before=lambda m: m.folder.chmod(0o777),
    master="minprocs=100\nuser=nobody",
    wrapper=("prlimit", "--nproc=100:100"),
    procmans=("--allow-writable-config",),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    master.ctl("start", "bomb")
    time.sleep(2)
    master.ctl("start", "late:*")
    during = master.ctl("status") is not None
    master.ctl("stop", "bomb")
    all_up = master.wait(lambda: all(master.state(f"late:late_{n}") == "RUNNING" for n in range(3)))
    return [
        "answers meanwhile" if during else "**does not answer meanwhile**",
        "starts succeed later" if all_up else "what could not start stays down",
    ]


@fault("a program ends 10,000 times in a row", lambda _: program("brief", "/bin/true", autorestart="true"))
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    before, cpu = master.log().count("exited: brief"), master.cpu()
    time.sleep(5)
    count = master.log().count("exited: brief") - before
    each = (master.cpu() - cpu) / max(count, 1) * 1000
    return [f"{count / 5:.0f} restarts a second, {each:.1f} ms of CPU each"]


def _refused(number: int) -> None:
    @fault(
        f"a program cannot be executed: {errno.errorcode[number]}",
        lambda f: program("web", f"{f}/ours 1000"),
        before=lambda m: (shutil.copy(shutil.which("sleep"), m.folder / "ours"), m.inject("exec", f"ours {number}")),
    )
    def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
        time.sleep(1)
        state = re.search(r"^web +(.*)", master.ctl("status") or "", re.MULTILINE)
        (master.injected / "exec").unlink()
        up = master.wait(lambda: master.state("web") == "RUNNING")
        return [f"`{state[1].strip() if state else '?'}`", "starts once it can" if up else "does not start later"]


for _number in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ETXTBSY):
    _refused(_number)


@fault(
    "programs use up the descriptors of the master",
    lambda _: program("many", SLEEPER, autostart="false", numprocs=20, process_name="m_%(process_num)02d"),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    room(master, 60)
    master.ctl("start", "many:*", timeout=20)
    return []


def room(master: Beside, count: int) -> None:
    """Leave it so many descriptors."""
    _, hard = resource.prlimit(master.process.pid, resource.RLIMIT_NOFILE)
    now = len(os.listdir(f"/proc/{master.process.pid}/fd"))
    resource.prlimit(master.process.pid, resource.RLIMIT_NOFILE, (now + count, hard))


@fault("clients use up the descriptors of the master")
def _(master: Beside, stack: contextlib.ExitStack) -> list[str]:
    room(master, 30)
    for _ in range(45):
        stack.enter_context(contextlib.closing(master.client(says=b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")))
    time.sleep(2)
    return []


@fault("a hundred clients send half a request")
def _(master: Beside, stack: contextlib.ExitStack) -> list[str]:
    clients = [
        stack.enter_context(contextlib.closing(master.client(says=b"POST /RPC2 HTTP/1.1\r\nHost: x\r\n")))
        for _ in range(100)
    ]
    time.sleep(1)
    master.inject("steady", 3600)
    master.ctl("status")
    time.sleep(1)
    ended = 0
    for client in clients:
        client.settimeout(0.01)
        with contextlib.suppress(OSError):
            ended += bool(client.recv(10)) or 1
    (master.injected / "steady").unlink()
    return [f"an hour later {100 - ended} of them are still held"]


@fault(
    "a client stops reading the `tail -f` of a flooding program",
    lambda _: program("flood", FLOOD, stdout_logfile_maxbytes="1MB", stdout_logfile_backups=0),
)
def _(master: Beside, stack: contextlib.ExitStack) -> list[str]:
    before = master.rss()
    for _ in range(10):
        request = b"GET /logtail/flood HTTP/1.1\r\nHost: localhost\r\n\r\n"
        stack.enter_context(contextlib.closing(master.client(says=request)))
    time.sleep(5)
    return [f"ten of them: +{(master.rss() - before) // MIB} MiB in 5 s"]


@fault("a reload in the middle of a stop", lambda f: mule(f, 2))
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    armed(master)
    stop = master.ask("stop", "mule")
    master.wait(lambda: master.state("mule") == "STOPPING")
    master.process.send_signal(signal.SIGHUP)
    try:
        said = textwrap.shorten(stop.communicate(timeout=HANGS)[0], 80)
    except subprocess.TimeoutExpired:
        stop.kill()
        said = "no answer"
    up = master.wait(lambda: master.state("mule") == "RUNNING", 15)
    return [
        f"the waiting client gets `{said}`",
        "everything is started again" if up else "nothing is started again",
    ]


MANY = "numprocs=50\nprocess_name=m_%(process_num)02d\n"


@fault("SIGTERM during a reload (50 programs)", lambda _: program("many", "sleep 1000") + MANY)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    master.wait(lambda: master.state("many:m_49") == "RUNNING")
    master.process.send_signal(signal.SIGHUP)
    master.wait(lambda: "stopped: m_25" in master.log(), 20)
    began = time.monotonic()
    master.process.send_signal(signal.SIGTERM)
    ended = master.wait(lambda: master.process.poll() is not None, 30)
    took = time.monotonic() - began
    return [f"ends after {took:.1f} s, status {master.process.returncode}" if ended else "**does not end**"]


@fault("SIGTERM during the boot (50 programs)", lambda _: program("many", "sleep 1000") + MANY)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    began = time.monotonic()
    master.process.send_signal(signal.SIGTERM)
    ended = master.wait(lambda: master.process.poll() is not None, 30)
    took = time.monotonic() - began
    return [f"ends after {took:.1f} s, status {master.process.returncode}" if ended else "**does not end**"]


@fault(
    "SIGTERM twice, and a program that ignores it (stopwaitsecs=3600)",
    lambda f: mule(f, 3600),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    armed(master)
    began = time.monotonic()
    for _ in range(2):
        master.process.send_signal(signal.SIGTERM)
        # supervisord checks for signals once a second.
        master.wait(lambda: master.process.poll() is not None, 1.5)
    ended = master.wait(lambda: master.process.poll() is not None)
    took = time.monotonic() - began
    pids = [int(pid) for pid in re.findall(r"spawned: '\w+' with pid (\d+)", master.log())]
    for pid in () if ended else pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [f"ends after {took:.1f} s" if ended else f"still waits after {took:.0f} s"]


@fault(
    "a storm of SIGCHLD: 2000 orphans",
    lambda _: program(
        "storm",
        python(
            "import os, time\ntime.sleep(1)\n"
            "for _ in range(2000):\n    if os.fork() == 0:\n        os.fork()\n        os._exit(0)\n    os.wait()\n"
            "open('done', 'w').close(); time.sleep(1000)"
        ),
    ),
)
def _(master: Beside, _: contextlib.ExitStack) -> list[str]:
    time.sleep(1)
    for _ in range(20000):
        master.process.send_signal(signal.SIGCHLD)
    time.sleep(3)
    return []


def _stepped(step: int, words: str) -> None:
    @fault(
        f"the wall clock jumps {words} by a year",
        lambda f: (
            mule(f, 60)
            + program("patient", SLEEPER, startsecs=1800)
            + program("brief", "/bin/false", startsecs=1, startretries=1)
        ),
    )
    def _(master: Beside, stack: contextlib.ExitStack) -> list[str]:
        armed(master)
        mule = master.pid("mule")
        stop = master.ask("stop", "mule")
        stack.callback(stop.kill)
        master.wait(lambda: master.state("mule") == "STOPPING")
        master.inject("wall", step)
        time.sleep(4)
        killed = not os.path.exists(f"/proc/{mule}")
        seen = [f"`startsecs=1800`: {master.state('patient')}", f"`startretries=1`: {master.state('brief')}"]
        seen.append("`stopwaitsecs=60`: " + ("killed at once" if killed else "waits"))
        if not killed:
            os.kill(mule, signal.SIGKILL)
        return seen


_stepped(YEAR, "forward")
_stepped(-YEAR, "back")


def cell(kind: str, which: Fault, library: Path) -> str:
    """One cell of the table."""
    with tempfile.TemporaryDirectory(prefix="pm") as name, contextlib.ExitStack() as stack:
        master = Beside(kind, which, Path(name), library)
        try:
            seen = which.inject(master, stack)
            if master.process.poll() is None or not seen:
                seen += master.health()
        finally:
            ended = master.end()
            if master.reader is not None:
                os.close(master.reader)
    said = "; ".join([*seen, ended] if ended else seen)
    return said.replace(f"{name}/", "")


def main() -> None:
    """Print the table row by row, as results come in."""
    with tempfile.TemporaryDirectory(prefix="pm") as name:
        library = Path(name) / "inject.so"
        source = ROOT / "tests" / "faults" / "inject.c"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        print("| fault | procman | supervisord 4.3.0 |\n|---|---|---|", flush=True)
        for which in FAULTS:
            if len(sys.argv) < 2 or any(part in which.name for part in sys.argv[1:]):
                cells = [cell(kind, which, library) for kind in MASTERS]
                print(f"| {which.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
