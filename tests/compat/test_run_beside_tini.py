"""`procman run` compared with tini and dumb-init: exit statuses and signals."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests.support.namespaces import as_pid_1

PROCMAN = (sys.executable, "-m", "procman", "run", "--")
ENDS = [
    *(f"exit {code}" for code in (0, 1, 2, 7, 126, 127, 128, 255)),
    *(f"kill -{n} $$" for n in (1, 2, 6, 9, 11, 15)),
]
# All that are passed on, the one that ends it last; not those that stop and continue jobs: each has its own way there.
SIGNALS = [
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGALRM),
    *(signal.SIGSTKFLT, signal.SIGURG, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGVTALRM, signal.SIGPROF),
    *(signal.SIGWINCH, signal.SIGIO, signal.SIGPWR, signal.SIGTERM),
]
# Whatever comes after it is there to be read: a signal right before a pause would be handled after it.
WAKES_UP = "import os; reader, writer = os.pipe(); os.set_blocking(writer, False); signal.set_wakeup_fd(writer)"
SAYS = (
    "import os, signal, sys\n"
    "def said(number, frame):\n"
    "    os.write(1, b'%d\\n' % number)\n"  # a signal may come within one of these, and print is not reentrant
    "    if number == signal.SIGTERM: sys.exit(5)\n"
    f"for number in {[int(number) for number in SIGNALS]}: signal.signal(number, said)\n"
    f"{WAKES_UP}\n"
    "print('up', flush=True)\n"
    "while True: os.read(reader, 100)\n"
)


@pytest.fixture(autouse=True)
def nothing_ignored():
    """Resets SIGINT and SIGQUIT, which a background job of a shell ignores, as would its children."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT)}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(params=["tini", "dumb-init"])
def peer(request) -> tuple[str, ...]:
    """The command of the other entrypoint; in CI it has to be installed."""
    found = shutil.which(request.param)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{request.param} is not installed")
    assert found is not None, f"{request.param} is not installed"
    # tini minds that it is not PID 1, unless it may be the parent of orphans all the same.
    return (found, *(("-s",) if request.param == "tini" else ()), "--")


def status_of(runner: tuple[str, ...], script: str) -> int:
    words = [*runner, "sh", "-c", f"ulimit -c 0; {script}"]
    return subprocess.run(words, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode


def test_the_end_of_the_program_is_reported_alike(peer):
    """The exit status is the program's, or 128+n, with each entrypoint."""
    assert [status_of(PROCMAN, end) for end in ENDS] == [status_of(peer, end) for end in ENDS]


def test_every_end_is_reported_as_we_report_it(peer):
    """The others report all 256 codes and all fatal signals as procman does, which other tests check."""
    assert [status_of(peer, f"exit {code}") for code in range(256)] == list(range(256))
    fatal = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 31]
    assert [status_of(peer, f"kill -{number} $$") for number in fatal] == [128 + number for number in fatal]


def test_a_script_without_a_first_line_is_run_alike(peer, tmp_path):
    """A script without a #! line, as images often have, is run by sh."""
    script = tmp_path / "start"
    script.write_text('echo "$0" "$@"; exit 3\n')
    script.chmod(0o755)

    def outcome(runner: tuple[str, ...]) -> tuple[int, str]:
        words = [*runner, str(script), "a b", "-c"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    assert outcome(PROCMAN) == outcome(peer) == (3, f"{script} a b -c\n")


def heard(runner: tuple[str, ...]) -> tuple[list[str], int]:
    """What a program reports of the signals sent to its entrypoint, and how it ends."""
    with subprocess.Popen([*runner, sys.executable, "-c", SAYS], stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline()]
        for number in SIGNALS:
            process.send_signal(number)
            lines.append(process.stdout.readline())
        return lines, process.wait(60)


def test_every_signal_arrives_alike(peer):
    """Every signal reaches the program through each entrypoint."""
    mine = heard(PROCMAN)
    assert mine == heard(peer)
    assert mine[1] == 5


# ---- their own tests' matrices: nested reaping, the group, -e, --rewrite, the death of the parent


def runner(name: str, *flags: str) -> list[str]:
    """The start of that entrypoint's command line."""
    if name == "procman":
        return [*PROCMAN[:-1], *flags, "--"]
    found = shutil.which(name)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed")
    assert found is not None, f"{name} is not installed"
    return [found, *flags, "--"]


def said_by(words: list[str], script: str, *numbers: int) -> tuple[list[str], int]:
    """The output of this Python code under that entrypoint, which gets these signals after "up"."""
    with subprocess.Popen([*words, sys.executable, "-u", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout:
            lines.append(line.strip().replace(str(process.pid), "the entrypoint"))
            if lines[-1] == "up":
                for number in numbers:
                    process.send_signal(number)
        return lines, process.wait(60)


ALL = ["procman", "tini", "dumb-init"]
NESTED = """
import os, sys, time
def orphans(depth):
    # Each ends before its child does, so that every one of them becomes PID 1's.
    if depth:
        parent = os.getpid()
        if not os.fork():
            while os.getppid() == parent: os.sched_yield()
            orphans(depth - 1)
            os._exit(depth)
def zombies():
    found = 0
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file: found += file.read().rpartition(")")[2].split()[0] == "Z"
        except OSError: pass
    return found
def others(): return sum(map(str.isdecimal, os.listdir("/proc"))) - 2
for _ in range(10):
    if not os.fork():
        orphans(5)
        os._exit(0)
for _ in range(10): os.wait()
while others(): os.sched_yield()
print("zombies:", zombies())
sys.exit(7)
"""


@pytest.mark.root
@pytest.mark.parametrize("name", ALL)
def test_as_pid_1_orphans_of_orphans_are_reaped(name):
    """As PID 1, each entrypoint reaps five generations of ten orphans and leaves no zombie."""
    assert said_by([*as_pid_1(), *runner(name)], NESTED) == (["zombies: 0"], 7)


ADOPTED = """
import os
reader, writer = os.pipe()
if not os.fork():
    middle = os.getpid()
    if not os.fork():
        while os.getppid() == middle: os.sched_yield()
        os.write(writer, str(os.getppid()).encode())
    os._exit(0)
print("orphans go to", os.read(reader, 100).decode())
"""


@pytest.mark.parametrize(("name", "flags"), [("procman", []), ("procman", ["-s"]), ("tini", ["-s"])])
def test_elsewhere_orphans_become_its_children(name, flags):
    """When not PID 1, procman is a subreaper; tini is one on request, dumb-init never."""
    assert said_by(runner(name, *flags), ADOPTED) == (["orphans go to the entrypoint"], 0)


GROUP = f"""
import os, signal, sys
def got(number, frame):
    os.write(1, who + b" got it\\n")
    sys.exit(0)
who = b"parent"
signal.signal(signal.SIGTERM, got)
ready, child = os.pipe()
if not os.fork():
    who = b"child"
    {WAKES_UP}
    os.write(child, b"x")
    while True: os.read(reader, 100)
os.read(ready, 1)
signal.signal(signal.SIGTERM, lambda *_: None)
print("up")
os.wait()
"""


@pytest.mark.parametrize(("name", "flags"), [("procman", ["-g"]), ("tini", ["-s", "-g"]), ("dumb-init", [])])
def test_the_whole_group_gets_a_signal(name, flags):
    """With -g, the whole process group gets a signal; dumb-init does that by default."""
    assert said_by(runner(name, *flags), GROUP, signal.SIGTERM) == (["up", "child got it"], 0)


GOT = f"""
import signal, sys
def got(number, frame):
    print("got", number)
    if number == signal.SIGQUIT: sys.exit(0)
for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1): signal.signal(number, got)
{WAKES_UP}
print("up")
while True: os.read(reader, 100)
"""


@pytest.mark.parametrize(("name", "flags"), [("procman", []), ("procman", ["-c"]), ("dumb-init", ["-c"])])
def test_a_signal_is_passed_on_as_another_or_not_at_all(name, flags):
    """--rewrite changes a signal (15:3) or drops it (10:0), as in dumb-init."""
    words = runner(name, *flags, "--rewrite", "10:0", "-r", "15:3")
    assert said_by(words, GOT, signal.SIGUSR1, signal.SIGTERM) == (["up", "got 3"], 0)


@pytest.mark.parametrize(("name", "flags"), [("procman", []), ("tini", ["-s"])])
def test_an_exit_status_is_made_a_success(name, flags):
    """-e makes an exit status a success, repeatedly and for 128+n too, as in tini."""
    words = runner(name, *flags, "-e", "143", "-e", "255")
    ends = ["kill -15 $$", "exit 143", "exit 255", "exit 1", "kill -9 $$", "exit 0"]
    assert [status_of(tuple(words), end) for end in ends] == [0, 0, 0, 1, 137, 0]


@pytest.mark.parametrize(("name", "flags"), [("procman", []), ("tini", ["-s"])])
def test_the_program_is_told_of_the_death_of_the_parent(name, flags):
    """With -p, the entrypoint gets a signal when its parent dies, and passes it on, as in tini."""
    words = [*runner(name, *flags, "-p", "SIGQUIT"), sys.executable, "-u", "-c", GOT]
    parent = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "assert child.stdout.readline() == 'up\\n'\n"
        "print('up', flush=True)\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "print(child.stdout.read(), end='', flush=True)\n"
    )
    found = subprocess.run([sys.executable, "-c", parent, *words], stdout=subprocess.PIPE, text=True, check=True)
    assert found.stdout == "up\ngot 3\n"
