"""`procman run`: one program without a configuration, as an entrypoint, in the background, and kept running."""

import contextlib
import os
import pty
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from procman import __version__
from procman.entrypoint.run_spec import RunSpec
from procman.entrypoint.supervisor import run
from tests.support.forked_status import FATAL, forked_status
from tests.support.log_lines import PATIENCE, LogLines
from tests.support.master_process import environment
from tests.support.namespaces import as_pid_1

HERE = ["plain", pytest.param("PID 1", marks=pytest.mark.root)]


def end_of(where: str, *argv: str, **options: object) -> int:
    """The exit status with which `procman run` would hand the end of that command back."""
    return forked_status(lambda: run(RunSpec(argv=argv, **options)), as_pid_1=where == "PID 1")


@pytest.mark.slow
@pytest.mark.parametrize("where", HERE)
def test_every_exit_status_is_handed_back(where):
    """All 256 values, as PID 1 and elsewhere."""
    assert [end_of(where, "sh", "-c", f"exit {code}") for code in range(256)] == list(range(256))


@pytest.mark.parametrize("where", HERE)
def test_the_signal_that_ended_it_is_handed_back(where):
    """It becomes 128+n, as in a shell."""
    found = [end_of(where, "sh", "-c", f"ulimit -c 0; kill -{int(number)} $$") for number in FATAL]
    assert found == [128 + number for number in FATAL]


def test_a_status_that_is_expected_is_a_success():
    """-e makes the 143 of a stopped JVM a 0."""
    assert end_of("plain", "sh", "-c", "exit 143", good=frozenset({143})) == 0


@pytest.mark.root
def test_pid_1_reaps_the_orphans_of_orphans():
    """No zombie is left: the program ends when there is no process but PID 1 and itself."""
    script = "(((exit 1) & exit 2) & exit 3) & while [ $(ps -A -o stat= | grep -c Z) != 0 ]; do :; done; exit 7"
    found = subprocess.run(
        [*as_pid_1(), *procman("run", "--", "sh", "-c", script)],
        env=environment(Path("/tmp")),
        timeout=PATIENCE,
        check=False,
    )
    assert found.returncode == 7


def procman(*words: str) -> list[str]:
    return [sys.executable, "-m", "procman", *words]


class Running(LogLines):
    """`procman run ...`, whose program says "up" when it can be signalled."""

    def __init__(self, *words: str, cwd: Path | None = None) -> None:
        super().__init__(
            subprocess.Popen(
                procman("run", *words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment(cwd or Path("/tmp")),
                cwd=cwd,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What it runs would outlive it."""
        with contextlib.suppress(OSError):  # there is nobody any more
            pid = self.process.pid
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                os.killpg(int(child), signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


SAYS = """
import os, signal, sys
def said(number, frame):
    os.write(1, f"got {{signal.Signals(number).name}}\\n".encode())  # print cannot be called within print
    if number in (signal.SIGTERM, signal.SIGQUIT): sys.exit(5)
for number in map(signal.Signals, {0}): signal.signal(number, said)
# Whatever comes from here on is there to be read: a signal right before a pause would be handled after it.
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
print("up", flush=True)
while True: os.read(reader, 100)
"""
PASSED_ON = [
    number
    for number in signal.valid_signals()
    if number <= 31
    and number
    not in {
        *(signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD),
        *(signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS),
    }
]


def program(numbers: list[int]) -> list[str]:
    return [sys.executable, "-c", SAYS.format([int(number) for number in numbers])]


def test_every_signal_is_passed_on():
    """Except those that the kernel sends for faults, and those that cannot be caught."""
    with Running("--", *program(PASSED_ON)) as running:
        running.expect("^up$")
        ending = (signal.SIGTERM, signal.SIGQUIT)
        for number in [*(n for n in PASSED_ON if n not in ending), signal.SIGTERM]:
            running.process.send_signal(number)
            running.expect(f"^got {signal.Signals(number).name}$")
        assert running.to_the_end() == 5


@pytest.mark.parametrize(("rewrite", "got"), [("15:3", "SIGQUIT"), ("TERM:USR1", "SIGUSR1")])
def test_a_signal_can_be_passed_on_as_another(rewrite, got):
    """For programs that need another signal than the one that the runtime sends."""
    with Running("--rewrite", rewrite, "--", *program([signal.SIGQUIT, signal.SIGUSR1])) as running:
        running.expect("^up$")
        running.process.terminate()
        running.expect(f"^got {got}$")


def test_a_signal_can_be_dropped():
    """With 15:0 the program does not get SIGTERM."""
    with Running("-v", "-r", "10:0", "--", *program([signal.SIGUSR1, signal.SIGUSR2])) as running:
        running.expect("^up$")
        running.process.send_signal(signal.SIGUSR1)
        running.process.send_signal(signal.SIGUSR2)
        running.expect("^got SIGUSR2$")
        assert "got SIGUSR1" not in running.text


def test_signals_reach_the_whole_group_on_request():
    """-g signals the group: a shell that waits for its children does not pass signals on."""
    with Running(
        "-g", "--", "sh", "-c", 'trap "" TERM; "$@" & wait $!; exit 6', "sh", *program([signal.SIGTERM])
    ) as running:
        running.expect("^up$")
        running.process.terminate()
        running.expect("^got SIGTERM$")
        assert running.to_the_end() == 6


def on_a_terminal(script: str, *words: str) -> list[str]:
    """What a shell with job control shows of that script, whose "$@" is `procman run WORDS`; but for empty lines."""
    return shown_on_a_terminal(["bash", "--norc", "-c", f"set -m; {script}", "bash", *procman("run", *words)])


def typed_when(wanted: bytes, text: bytes, script: str, *words: str) -> list[str]:
    """What is on the terminal of that script, once that was typed as soon as it has shown this."""
    return shown_on_a_terminal(["sh", "-c", script, "sh", *procman("run", *words)], wanted, text)


def shown_on_a_terminal(argv: list[str], wanted: bytes | None = None, text: bytes = b"") -> list[str]:
    """The lines on its terminal when it has ended; `text` is typed as soon as `wanted` is there."""
    shell, terminal = pty.fork()
    if not shell:
        os.execvpe(argv[0], argv, environment(Path("/tmp")))
    shown = b""
    try:
        while select.select([terminal], [], [], PATIENCE)[0]:
            # Linux says EIO when the last one who had the terminal open has ended.
            try:
                shown += os.read(terminal, 4096)
            except OSError:
                os.waitpid(shell, 0)
                return [line for line in shown.decode().splitlines() if line]
            if wanted is not None and wanted in shown:
                wanted = None
                os.write(terminal, text)
    finally:
        os.close(terminal)
    os.kill(shell, signal.SIGKILL)
    os.waitpid(shell, 0)
    raise AssertionError(f"it does not end; so far: {shown.decode()}")


WHOSE = [
    sys.executable,
    "-c",
    "import os; print('in front' if os.tcgetpgrp(0) == os.getpgrp() else 'behind', flush=True)",
]


def test_on_a_terminal_the_program_is_in_the_foreground_after_each_start(tmp_path):
    """Ctrl-C reaches the program, and giving it the terminal again stops nothing."""
    lives = tmp_path / "lives"
    script = f'"$@"; echo life >> {lives}; [ $(wc -l < {lives}) = 2 ]'
    words = ["--restart", "on-failure", "--", "sh", "-c", script, "sh", *WHOSE]
    assert on_a_terminal('"$@"; echo "status $?"', *words) == ["in front", "in front", "status 0"]


def test_a_script_reads_from_the_terminal_again_when_the_program_has_ended():
    """Its process group is in the foreground again; there may be no shell to do that."""
    shown = typed_when(b"status 0\r\n", b"an answer\n", '"$@"; echo "status $?"; read x; echo "read $x"', "--", "true")
    assert shown == ["status 0", "an answer", "read an answer"]


def test_ctrl_c_ends_the_pause_before_a_restart():
    """No program runs that would get it."""
    script = 'trap : INT; "$@" 2>&1; echo "status $?"'
    shown = typed_when(b"starting it again", b"\x03", script, "--restart", "always", "-v", "--", "sh", "-c", "exit 3")
    assert shown[-1].endswith("status 3")


def test_the_other_end_of_a_pipe_stays_in_front_with_its_shells_job(tmp_path):
    """In `procman run -- … | less` the keys are for `less`; a program that reads them all the same is let to."""
    os.mkfifo(tmp_path / "seen")
    looks = "import os; t = os.open('/dev/tty', 0); print('in front' if os.tcgetpgrp(t) == os.getpgrp() else 'behind')"
    reads = f'echo up; read _ < {tmp_path}/seen; read key < /dev/tty; echo "key $key"'
    pipe = f'"$@" | (read up; {sys.executable} -c "{looks}"; echo seen > {tmp_path}/seen; cat); echo done'
    shown = typed_when(b"in front\r\n", b"x\n", f"set -m; {pipe}", "--", "sh", "-c", reads)
    assert [line for line in shown if line != "x"] == ["in front", "key x", "done"]


def test_in_the_background_of_a_shell_it_leaves_the_terminal_to_the_shell():
    """The user is typing there."""
    shown = on_a_terminal('"$@" & wait $!; echo "status $?"', "--", *WHOSE)
    assert [line for line in shown if not line.startswith("[1]")] == ["behind", "status 0"]


def test_a_program_that_is_stopped_from_the_terminal_gives_it_back_to_the_shell():
    """Ctrl-Z and `fg` work as if the shell had started the program itself."""
    words = ["--", "sh", "-c", 'kill -TSTP $$; "$@"; exit 3', "sh", *WHOSE]
    shown = on_a_terminal('"$@"; echo "status $?"; fg >/dev/null; echo "status $?"', *words)
    assert [line for line in shown if "Stopped" not in line] == [
        f"status {128 + signal.SIGSTOP}",
        "in front",
        "status 3",
    ]


@contextlib.contextmanager
def stopped_before_it_is_in_front(script: str) -> Iterator[tuple[int, int]]:
    """A `procman run` on its own terminal, whose program stops before it can be given that: its pid, our end."""
    keeper, terminal = pty.fork()
    if not keeper:
        start = os.posix_spawn

        def start_and_see_it_stop(*what: object, **how: object) -> int:
            pid = start(*what, **how)
            os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
            return pid

        status = 99
        try:
            os.posix_spawn = start_and_see_it_stop
            status = run(RunSpec(argv=("sh", "-c", script)))
        finally:
            os._exit(status)
    try:
        yield keeper, terminal
    finally:
        os.close(terminal)


def test_a_program_that_stops_as_soon_as_it_has_started_is_seen_to_stop():
    """Giving it the terminal does not undo its stop."""
    with stopped_before_it_is_in_front("kill -TSTP $$; exit 3") as (keeper, _):
        assert os.WSTOPSIG(os.waitpid(keeper, os.WUNTRACED)[1]) == signal.SIGSTOP
        os.kill(keeper, signal.SIGCONT)
        assert os.waitstatus_to_exitcode(os.waitpid(keeper, os.WUNTRACED)[1]) == 3


def test_a_program_that_reads_from_the_terminal_before_it_has_it_goes_on_when_it_has_it():
    """The kernel has stopped it for that; it is continued, and nothing else is stopped."""
    with stopped_before_it_is_in_front('read code; exit "$code"') as (keeper, terminal):
        os.write(terminal, b"3\n")
        assert os.waitstatus_to_exitcode(os.waitpid(keeper, os.WUNTRACED)[1]) == 3


@pytest.mark.parametrize("resume", ["fg", "bg; wait $!"])
def test_a_job_is_continued_as_a_whole(resume):
    """The children of the program are continued, too, and also in the background."""
    words = ["--", "sh", "-c", 'sh -c "kill -TSTP 0; exit 4"; exit $?']
    shown = on_a_terminal(f'"$@"; echo "status $?"; {resume} >/dev/null; echo "status $?"', *words)
    assert [line for line in shown if line[0] != "["] == [f"status {128 + signal.SIGSTOP}", "status 4"]


def test_the_version_is_printed():
    """-V as in dumb-init, --version as in tini."""
    for word in ("-V", "--version"):
        found = subprocess.run(procman("run", word), env=environment(Path("/tmp")), stdout=subprocess.PIPE, check=True)
        assert found.stdout.decode() == f"{__version__}\n"


def test_a_program_that_ignores_sigterm_is_killed_on_request():
    """--kill-after makes the status 137."""
    with Running("-k", "100ms", "--", "sh", "-c", 'trap "" TERM; echo up; while :; do sleep 0.05; done') as running:
        running.expect("^up$")
        running.process.terminate()
        assert running.to_the_end() == 137


@pytest.mark.parametrize(("when", "lives", "status"), [("on-failure", 3, 0), ("never", 1, 4)])
def test_it_is_started_again_as_long_as_it_fails(tmp_path, monkeypatch, when, lives, status):
    """The third run succeeds."""
    script = "echo life >> log; [ $(wc -l < log) = 3 ] || exit 4"
    monkeypatch.chdir(tmp_path)
    assert end_of("plain", "sh", "-c", script, restart=when, first_delay=0.001) == status
    assert (tmp_path / "log").read_text().count("life") == lives


def test_a_stop_ends_the_restarts():
    """A stop during the pause before a restart counts, too."""
    with Running("-v", "--restart", "always", "--", "sh", "-c", "exit 3") as running:
        running.expect("starting it again in 1 s")
        running.process.terminate()
        assert running.to_the_end() == 3


def test_what_the_program_inherits_is_as_it_was_asked_for(tmp_path):
    """--chdir, --umask, --env and --log take effect."""
    words = ["--chdir", str(tmp_path), "--umask", "027", "--env", "NAME=value", "--log", str(tmp_path / "log")]
    with Running(*words, "--", "sh", "-c", "pwd; umask; echo $NAME >&2") as running:
        assert running.to_the_end() == 0
    assert (tmp_path / "log").read_text() == f"{tmp_path}\n0027\nvalue\n"


HOW = pytest.mark.parametrize("how", [(), ("-d",)], ids=["foreground", "daemon"])


@HOW
@pytest.mark.parametrize(
    ("words", "own", "modes"),
    [
        (["--umask", "077"], 0o022, (0o600, 0o600)),
        (["--umask", "022"], 0o077, (0o644, 0o644)),
        (["--umask", "002"], 0o077, (0o664, 0o644)),
        ([], 0o027, (0o640, 0o640)),
    ],
)
def test_what_it_makes_has_the_umask_that_was_asked_for(tmp_path, how, words, own, modes):
    """The log, the pid file and the program's files have it; without --umask the umask is inherited."""
    made = {name: tmp_path / name for name in ("log", "pid", "file")}
    script = f"stat -c %a {made['pid']}; touch {made['file']}; exit 9"
    given = [*how, *words, "--log", str(made["log"]), "--pidfile", str(made["pid"])]
    before = os.umask(own)
    try:
        with Running(*given, "--", "sh", "-c", script) as running:
            running.to_the_end()
    finally:
        os.umask(before)
    while not made["file"].exists():
        os.sched_yield()
    log, pidfile = modes
    assert made["log"].read_text() == f"{pidfile:o}\n"
    assert stat.S_IMODE(made["log"].stat().st_mode) == log
    assert stat.S_IMODE(made["file"].stat().st_mode) == log


@HOW
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ["--log", "{}/a/b/c.log"],
            "open the log {0}/a/b/c.log: there is no directory {0}/a/b; create it, or name another log with --log",
        ),
        (["--log", "{}"], "open the log {0}: Is a directory; name another with --log"),
        (
            ["--pidfile", "{}/a/pid"],
            "write the pid file {0}/a/pid: there is no directory {0}/a; create it, or choose another with --pidfile",
        ),
        (["--pidfile", "{}"], "use the pid file {0}: it is not a regular file; choose another with --pidfile"),
        (
            ["--pidfile", "{}/text"],
            (
                "use the pid file {0}/text: what is in it is no pid, so it may be something else; "
                "remove it if nobody needs it, or choose another with --pidfile"
            ),
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_flag(tmp_path, how, words, reason):
    """The message is one line with a way out, the status is 2, and nothing is started."""
    (tmp_path / "text").write_text("text")
    with Running(*how, *(word.format(tmp_path) for word in words), "--", "touch", f"{tmp_path}/started") as running:
        assert running.to_the_end() == 2
        assert running.lines == [f"procman: cannot {reason.format(tmp_path)}"]
    assert not (tmp_path / "started").exists()


@HOW
def test_a_pid_file_that_is_held_is_reported_with_its_flag(tmp_path, how):
    """The message names the holder and both ways out."""
    pidfile = str(tmp_path / "pid")
    with Running("--pidfile", pidfile, "--", *program([signal.SIGTERM])) as holder:
        holder.expect("^up$")
        with Running(*how, "--pidfile", pidfile, "--", "true") as running:
            assert running.to_the_end() == 2
            assert running.text.endswith("which is running; stop it first, or choose another with --pidfile")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="is about what root does")
@HOW
def test_a_link_of_another_user_is_not_followed_to_the_log(tmp_path, how):
    """The folder may belong to the program's user, and root opens the log."""
    folder, prey = tmp_path / "logs", tmp_path / "prey"
    folder.mkdir()
    prey.write_text("secret")
    (folder / "log").symlink_to(prey)
    os.chown(folder, 65534, 65534)
    with Running(*how, "--log", str(folder / "log"), "--", "echo", "hello") as running:
        assert running.to_the_end() not in (0, None)
        assert "symbolic link in a directory that others may write" in running.text
    assert prey.read_text() == "secret"


def test_in_the_background_the_command_reports_whether_the_program_has_started(tmp_path):
    """The status is 0 and there is a pid file, or the reason and the status of a shell."""
    log, pidfile = tmp_path / "log", tmp_path / "pid"
    words = ["-d", "--log", str(log), "--pidfile", str(pidfile), "--"]
    with Running(*words, *program([signal.SIGTERM]), cwd=tmp_path) as running:
        assert running.to_the_end() == 0
    keeper = int(pidfile.read_text())
    assert os.getsid(keeper) not in (keeper, os.getsid(0))
    assert Path(f"/proc/{keeper}/cwd").readlink() == Path("/")
    while "up" not in log.read_text():
        os.sched_yield()
    stopped = subprocess.run(procman("stop", "--pidfile", str(pidfile)), env=environment(tmp_path), check=False)
    assert stopped.returncode == 0
    assert "got SIGTERM" in log.read_text()
    with Running("-d", "--", "/nonexistent") as running:
        assert running.to_the_end() == 127
        assert "cannot run /nonexistent: No such file or directory" in running.text


@pytest.mark.parametrize(
    ("words", "script", "status", "said"),
    [
        ([], "exit 3", 3, "sh has ended with status 3 before it was up for 60 s; run it without -d to see why"),
        ([], "exit 0", 0, "sh has ended with status 0 before it was up for 60 s"),
        ([], "kill -9 $$", 137, "sh has ended with status 137 before it was up for 60 s; run it without"),
        (["-e", "143"], "exit 143", 0, "sh has ended with status 0 before it was up for 60 s"),
        (
            ["--log", "{}/log"],
            "exit 4",
            4,
            "sh has ended with status 4 before it was up for 60 s; what it has written is in {}/log",
        ),
    ],
)
def test_in_the_background_an_early_end_is_reported(tmp_path, words, script, status, said):
    """The message has the exit status and where to look; the pid file is removed before."""
    pidfile = tmp_path / "pid"
    given = ["-d", "--wait", "60s", "--pidfile", str(pidfile), *(word.format(tmp_path) for word in words)]
    with Running(*given, "--", "sh", "-c", script) as running:
        assert running.to_the_end() == status
        assert running.text.startswith(f"procman: {said.format(tmp_path)}")
    assert not pidfile.exists()


def test_in_the_background_wait_0_does_not_report_an_early_end():
    """Without --wait an early end is reported, at least once in ten tries on a busy machine; with 0 never."""

    def status(*words: str) -> int:
        with Running("-d", *words, "--", "sh", "-c", "exit 3") as running:
            return running.to_the_end()

    assert any(status() == 3 for _ in range(10))
    assert status("--wait", "0") == 0


def test_in_the_background_a_program_that_stays_up_is_a_success():
    """The command ends while the program runs on."""
    with Running("-d", "--wait", "100ms", "--", "sh", "-c", "sleep 5; exit 3") as running:
        assert running.to_the_end() == 0
        assert not running.lines


def test_in_the_background_a_restart_is_reported(tmp_path):
    """The daemon stays, so the status is 0."""
    pidfile = tmp_path / "pid"
    with Running("-d", "--wait", "60", "--restart", "always", "--pidfile", str(pidfile), "--", "false") as running:
        assert running.to_the_end() == 0
        assert running.lines == ["procman: false has ended with status 1, and is started again in 1 s"]
    assert (
        subprocess.run(procman("stop", "--pidfile", str(pidfile)), env=environment(tmp_path), check=False).returncode
        == 0
    )


@pytest.mark.parametrize("words", [[], ["--chdir", "app"]])
def test_in_the_background_a_program_runs_where_it_was_asked_for(tmp_path, words):
    """Relative paths in the command, the program itself among them, start there after each restart, as with nohup."""
    folder, log = tmp_path.joinpath(*words[1:]), tmp_path / "log"
    folder.mkdir(exist_ok=True)
    worker = folder / "worker"
    worker.write_text(f"#!/bin/sh\npwd\n[ $(wc -l < {log}) = 2 ]\n")
    worker.chmod(0o755)
    words = ["-d", *words, "--restart", "on-failure", "--log", str(log), "--pidfile", str(tmp_path / "pid")]
    with Running(*words, "--", "./worker", cwd=tmp_path) as running:
        assert running.to_the_end() == 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended already
        keeper = os.pidfd_open(int((tmp_path / "pid").read_text()))
        try:
            assert select.select([keeper], [], [], PATIENCE)[0]
        finally:
            os.close(keeper)
    assert log.read_text().splitlines() == [str(folder)] * 2


@pytest.mark.root
def test_in_the_background_a_program_is_not_run_elsewhere_than_where_it_was_asked_for(tmp_path):
    """Its user may not enter that folder: the message has the reason and a way out."""
    tmp_path.chmod(0o700)
    with Running("-d", "--user", "nobody", "--", "true", cwd=tmp_path) as running:
        assert running.to_the_end() == 126
        assert f"cannot run true in {tmp_path}: Permission denied; name another with --chdir" in running.text


def test_the_program_is_found_in_the_path_that_it_is_given(tmp_path):
    """As with `env`; a file that cannot be executed does not hide the next one."""
    for name, text, mode in (("a", "", 0o644), ("b", "#!/no/such/sh\n", 0o755), ("c", "#!/bin/sh\necho c $1", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app").write_text(text)
        (tmp_path / name / "app").chmod(mode)
    path = ":".join(str(tmp_path / name) for name in ("none", "a", "b", "c"))
    with Running("--env", f"PATH={path}", "--", "app", "x") as running:
        assert running.to_the_end() == 0
        assert running.lines == ["c x"]


def made(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"#!/no/such/sh\n", 127, "bad interpreter '/no/such/sh' in its first line"),
        (b"\x7fELF\0\0", 126, "neither a binary of this machine nor a script"),
    ],
)
def test_a_file_that_cannot_be_executed_is_distinguished_from_a_missing_one(tmp_path, content, status, reason):
    """The message says why the kernel refuses it, in plainer words."""
    file = made(tmp_path / "app", content)
    with Running("--", file) as running:
        assert running.to_the_end() == status
        assert running.lines == [f"procman: cannot run {file}: {reason}"]


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (["--", ""], 127, "cannot run '': name a command"),
        (["--", "no-such-command"], 127, "cannot run no-such-command: it is in no folder of PATH"),
        ([], 2, "there is no command to run"),
        (["--", "/nonexistent"], 127, "cannot run /nonexistent: No such file or directory"),
        (["--", "/etc/passwd"], 126, "cannot run /etc/passwd: Permission denied"),
        (["--rewrite", "15", "--", "true"], 2, "expected two signals such as TERM:QUIT or 15:3"),
        (["--restart", "sometimes", "--", "true"], 2, "expected one of never, on-failure, always"),
        (["-e", "256", "--", "true"], 2, "an exit status is a number from 0 to 255"),
        (["--env", "NAME", "--", "true"], 2, "expected NAME=VALUE"),
        (["--umask", "9", "--", "true"], 2, "cannot read --umask"),
        (["--user", "nobody-at-all", "--", "true"], 2, "there is no user 'nobody-at-all'"),
        (["--chdir", "/nowhere", "--", "true"], 2, "cannot change to /nowhere"),
        (["-d", "--chdir", "/nowhere", "--", "true"], 2, "cannot change to /nowhere"),
        (["-k", "soon", "--", "true"], 2, "cannot read --kill-after"),
        (["-d", "--wait", "-1", "--", "true"], 2, "cannot read --wait '-1': expected 0 seconds or more"),
        (["--wait", "1", "--", "true"], 2, "--wait needs -d"),
        (["-k", "-1", "--", "true"], 2, "cannot read --kill-after '-1': expected 0 seconds or more"),
        (["-r", "KILL:TERM", "--", "true"], 2, "SIGKILL is never passed on; leave it out"),
    ],
)
def test_a_refusal_has_a_way_out(words, status, reason):
    """It is one line, and the status is that of a shell."""
    with Running(*words) as running:
        assert running.to_the_end() == status
        assert reason in running.text
        assert "Traceback" not in running.text
