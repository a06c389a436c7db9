"""The exit status of the master tells an orchestrator what ended it."""

import gc
import signal
import tempfile
from pathlib import Path

import pytest

from procman.config.load import load
from procman.daemon import bootstrap
from procman.daemon.late_imports import import_optional_features
from tests.support.forked_status import FATAL, forked_status
from tests.support.running_master import OBEDIENT, SLEEPER, RunningMaster, python

pytestmark = pytest.mark.slow

ENDS = [(f"raise SystemExit({code})", code) for code in (0, 1, 2, 77, 126, 127, 128, 255)]
ENDS += [
    (f"import os, signal; signal.signal({n}, signal.SIG_DFL) if {n} != 9 else 0; os.kill(os.getpid(), {n})", 128 + n)
    for n in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGHUP, signal.SIGPIPE)
]


def run(tmp_path, code: str, *lines: str, master: str = "", as_pid_1: bool = False) -> RunningMaster:
    options = ["autorestart=false", "startsecs=0", "stdout_logfile=NONE", "stderr_logfile=NONE", *lines]
    # web comes first, so that it is there when job ends.
    web = f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\npriority=1"
    programs = "\n".join([web, f"[program:job]\ncommand={python(code)}", *options, ""])
    return RunningMaster(tmp_path, programs, master=master, as_pid_1=as_pid_1)


@pytest.mark.root
@pytest.mark.parametrize(
    ("code", "status", "as_pid_1"),
    [(*end, False) for end in ENDS] + [(*end, True) for end in (ENDS[0], ENDS[1], ENDS[8], ENDS[9])],
)
def test_a_critical_programs_end_is_the_masters(tmp_path, code, status, as_pid_1):
    """A critical program ends the master with its own status, or 128+n, after the others have stopped."""
    master = run(tmp_path, code, "critical=true", as_pid_1=as_pid_1)
    try:
        assert master.to_the_end() == status
        how = "has ended unexpectedly" if status else "has ended"
        assert f"job is critical and {how}: shutting down" in master.text
        assert "stopped: web (terminated by SIGTERM)" in master.text
        assert (f"leaving with exit status {status}" in master.text) is bool(status)
    finally:
        master.close()


@pytest.mark.root
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
def test_pid_1_hears_what_the_kernel_drops_for_it_by_default(tmp_path, number):
    """As PID 1, the master reacts to every signal with a meaning: it rereads its file, reopens logs, and stops."""
    master = RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n", as_pid_1=True)
    try:
        position = master.wait_for("web entered RUNNING")
        master.signal(signal.SIGUSR2)
        position = master.wait_for("received SIGUSR2 indicating log reopen request", after=position)
        master.signal(signal.SIGHUP)
        position = master.wait_for("received SIGHUP indicating restart request", after=position)
        master.wait_for("web entered RUNNING", after=position)
        master.signal(number)
        assert master.to_the_end() == 0
        assert f"received {number.name} indicating exit request" in master.text
        assert "stopped: web (terminated by SIGTERM)" in master.text
    finally:
        master.close()


def test_an_operator_may_stop_and_start_a_critical_program(tmp_path):
    """A manual stop of a critical program does not end the master; its next end by itself does."""
    programs = f"[program:job]\ncommand={OBEDIENT}\nstopsignal=USR1\nautorestart=false\ncritical=true\nstartsecs=0\n"
    master = RunningMaster(tmp_path, programs)
    try:
        master.wait_for("job entered RUNNING")
        master.call("POST", "/v1/processes/job/stop")
        assert master.info("job")["statename"] == "STOPPED"
        master.call("POST", "/v1/processes/job/start")
        master.call("POST", "/v1/processes/job/signal", {"signal": "TERM"})
        assert master.to_the_end() == 128 + signal.SIGTERM
    finally:
        master.close()


def test_a_program_that_cannot_be_found_ends_the_master_as_a_shell_would(tmp_path):
    """A critical program that does not exist ends the master with 127 and a reason in the log."""
    programs = "[program:job]\ncommand=/nonexistent\ncritical=true\nstartretries=0\n"
    master = RunningMaster(tmp_path, programs)
    try:
        assert master.to_the_end() == 127
        assert "job is critical and is FATAL: shutting down" in master.text
    finally:
        master.close()


def test_jobs_that_are_all_done_end_the_master(tmp_path):
    """shutdown_when=all_done ends with 0 if all jobs succeeded, otherwise with the status of the first failure."""
    job = "[program:{0}]\ncommand={1}\nautorestart=false\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
    good = job.format("a", python("pass"))
    for others, status in ((job.format("b", python("pass")), 0), (job.format("b", python("raise SystemExit(3)")), 3)):
        master = RunningMaster(tmp_path, good + others, master="shutdown_when=all_done")
        try:
            assert master.to_the_end() == status
        finally:
            master.close()


def test_an_operators_stop_is_no_failure(tmp_path):
    """SIGTERM ends the master with 0, unless exit_code_from names a program."""
    for code_from, status in (("", 0), ("exit_code_from=web", 128 + signal.SIGTERM)):
        master = run(tmp_path, "pass", master=code_from)
        try:
            master.wait_for("web entered RUNNING")
            assert master.stop() == status
        finally:
            master.close()


# All of them, by a master that a process of the test becomes: to start an interpreter for each would take minutes.

ANY_END = """[supervisord]
logfile=/dev/null
silent=true
pidfile=/dev/null
shutdown_when=any_exit
[unix_http_server]
file=%(here)s/s
[program:job]
command=sh -c "ulimit -c 0; {}"
autorestart=false
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
"""


@pytest.fixture
def short_folder(monkeypatch):
    """A directory with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        monkeypatch.chdir(folder)
        # Compiles the reader's regular expressions here, once, and not in each of 400 masters that the tests fork. The
        # same for what a master imports only when it runs; and none of them looks for garbage in the test's memory.
        Path("procman.conf").write_text(ANY_END.format("exit 0"))
        load("procman.conf")
        import_optional_features()
        gc.freeze()
        yield


def status_of_a_master(where: str, end: str) -> int:
    """The exit status of a master whose only program ends like this."""
    with open("procman.conf", "w", encoding="utf-8") as file:
        file.write(ANY_END.format(end))

    def lead() -> int:
        if where == "plain":
            bootstrap.become_subreaper = lambda: "the kernel does not let it"
        return bootstrap.run("procman.conf", {})

    return forked_status(lead, as_pid_1=where == "PID 1")


@pytest.mark.parametrize(
    ("where", "first"),
    [
        ("plain", 0),
        ("subreaper", 64),
        ("subreaper", 128),
        *(pytest.param("PID 1", n, marks=pytest.mark.root) for n in (0, 192)),
    ],
)
def test_every_exit_status_of_a_program_can_be_the_masters(short_folder, where, first):
    """All 256 exit codes of a program are passed on, even if the kernel refuses to make the master a subreaper."""
    codes = list(range(first, first + 64))
    assert [status_of_a_master(where, f"exit {code}") for code in codes] == codes


@pytest.mark.parametrize("where", ["plain", "subreaper", pytest.param("PID 1", marks=pytest.mark.root)])
def test_every_signal_that_ends_a_program_can_be_told_by_the_masters_status(short_folder, where):
    """Every fatal signal of a program, also a real-time one, is passed on as 128+n."""
    found = [status_of_a_master(where, f"kill -{int(number)} $$") for number in FATAL]
    assert found == [128 + number for number in FATAL]
