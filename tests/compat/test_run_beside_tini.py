"""`procman run` beside tini and dumb-init: what an entrypoint makes of its program's end, and of signals."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

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
SAYS = (
    "import signal, sys\n"
    "def said(number, frame):\n"
    "    print(number, flush=True)\n"
    "    if number == signal.SIGTERM: sys.exit(5)\n"
    f"for number in {[int(number) for number in SIGNALS]}: signal.signal(number, said)\n"
    "print('up', flush=True)\n"
    "while True: signal.pause()\n"
)


@pytest.fixture(autouse=True)
def nothing_ignored():
    """What a shell puts into the background ignores these two, and so would all that it starts."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT)}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(params=["tini", "dumb-init"])
def peer(request) -> tuple[str, ...]:
    """How the other one is called; to be installed where CI runs."""
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
    """Its exit status, or 128+n."""
    assert [status_of(PROCMAN, end) for end in ENDS] == [status_of(peer, end) for end in ENDS]


def test_every_end_is_reported_as_we_report_it(peer):
    """All 256 codes as they are and all fatal signals as 128+n, which for procman is claimed elsewhere."""
    assert [status_of(peer, f"exit {code}") for code in range(256)] == list(range(256))
    fatal = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 31]
    assert [status_of(peer, f"kill -{number} $$") for number in fatal] == [128 + number for number in fatal]


def heard(runner: tuple[str, ...]) -> tuple[list[str], int]:
    """What a program says of the signals that its entrypoint is sent, and how that ends."""
    with subprocess.Popen([*runner, sys.executable, "-c", SAYS], stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline()]
        for number in SIGNALS:
            process.send_signal(number)
            lines.append(process.stdout.readline())
        return lines, process.wait(60)


def test_every_signal_arrives_alike(peer):
    """One after the other, and the last one ends it."""
    mine = heard(PROCMAN)
    assert mine == heard(peer)
    assert mine[1] == 5
