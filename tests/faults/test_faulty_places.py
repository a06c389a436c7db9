"""Where output goes is no longer what it was: a console nobody reads, a full disk, what is gone."""

import contextlib
import itertools
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.faulty_master import assert_well, program
from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, STUBBORN, python

# Says lines without end, ten thousand a second at most, and when it is told to leave how many bytes that were.
COUNTS = python(
    "import os, signal, sys, time\n"
    "said = 0\n"
    "def leave(*_):\n"
    "    open(sys.argv[1], 'w').write(str(said)); os._exit(0)\n"
    "signal.signal(signal.SIGTERM, leave)\n"
    "while True:\n"
    "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
    "    said += os.write(1, b'%050d' % said + bytes([10]))\n"
    "    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])\n"
    "    time.sleep(0.0001)\n"
)
BLOCK = "import os, time\nfor _ in range({count}): os.write(1, b'x' * 1023 + bytes([10]))\n"


def counts(folder: Path, log: object, **options) -> str:
    return program("counts", f"{COUNTS} {folder}/said", stdout_logfile=log, stdout_logfile_maxbytes=0, **options)


def in_memory(size: str) -> tuple[str, ...]:
    """What makes a small file system of the folder that is named after it, and goes on with the command behind that."""
    mount = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mount)


def fill(master) -> None:
    """Its stdout, as if somebody had stopped reading it long ago."""
    writer = os.open(f"/proc/self/fd/{master.process.stdout.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b".")
    os.close(writer)


def test_stdout_is_a_pipe_that_nobody_reads(run, tmp_path):
    """Only what writes there waits; SIGTERM is obeyed; and of what was too much for the pipe it is said how much."""
    code = (
        "import os\nnumber = os.open('written', os.O_CREAT | os.O_WRONLY)\nwritten = 0\n"
        "while True:\n"
        "    written += os.write(1, b'x' * 1023 + bytes([10])); os.pwrite(number, str(written).encode(), 0)\n"
    )
    master = run(program("loud", python(code), stdout_logfile="/dev/stdout", directory=tmp_path))
    fill(master)
    master.begins("loud", reads=False)
    assert_well(master, reads=False)
    master.to_the_end()
    came = sum(len(line) + 1 for line in master.lines if line.lstrip(".") == "x" * 1023)
    unwritten = re.search(r"(\d+) bytes of loud were not written: nobody read the console", master.log())
    unread = re.search(r"(\d+) bytes of loud \(stdout\) were not read", master.log())
    counted = came + int(unwritten[1]) + int(unread[1])
    # The one that it was about to write when it was stopped may have been in the pipe, and not in its number.
    assert counted - int((tmp_path / "written").read_text()) in (0, 1024)


def test_stdout_that_is_read_again_loses_nothing(run, tmp_path):
    """A reader that stood still for a while costs the program some time, and no byte."""
    code = BLOCK.format(count=3000) + "print('through'); time.sleep(1000)"
    master = run(program("loud", python(code), stdout_logfile="/dev/stdout"))
    fill(master)
    master.begins("loud", reads=False)
    master.serves()
    master.wait_for("through")
    assert master.info("loud")["lost"] == 0
    assert sum(line.lstrip(".") == "x" * 1023 for line in master.lines) == 3000
    assert_well(master)


def test_stdout_is_closed_at_its_other_end(run):
    """It is counted as lost what goes there, and said once in the log that can be written."""
    code = BLOCK.format(count=100) + "os.write(2, b'through'); time.sleep(1000)"
    master = run(program("loud", python(code), stdout_logfile="/dev/stdout"))
    master.wait_for("success: loud")
    reader = os.dup(master.process.stdout.fileno())
    master.process.stdout.close()
    os.close(reader)
    master.begins("loud", reads=False)
    master.call("POST", "/v1/processes/loud/restart")
    with contextlib.closing(master.follow("loud", "stderr")) as said:
        assert next(said) == b"through"
    master.serves()
    assert master.info("loud")["lost"] >= 100 * 1024
    assert master.log().count("cannot write to stdout") == 1
    assert_well(master, reads=False)


def test_log_files_are_on_a_full_disk(run, tmp_path):
    """The master's own and a program's: each is said once where it can be said, and counted."""
    code = BLOCK.format(count=100) + "os.write(2, b'through'); time.sleep(1000)"
    loud = program("loud", python(code), stdout_logfile="/dev/full", stdout_logfile_maxbytes=0)
    master = run(loud, arguments=("--logfile", "/dev/full"))
    master.wait_for("cannot write log /dev/full: No space left on device; the program keeps running")
    master.begins("loud")
    with contextlib.closing(master.follow("loud", "stderr")) as said:
        assert next(said) == b"through"
    master.serves()
    assert master.info("loud")["lost"] == 100 * 1024
    assert_well(master)
    assert sum("cannot write log /dev/full: No space" in line for line in master.lines) == 2
    assert any("log /dev/full is closed; 102400 bytes of it were lost" in line for line in master.lines)


def test_a_disk_fills_up_and_has_room_again(run, own_mounts, tmp_path):
    """What did not fit is counted to the byte; as soon as there is room, both logs go on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    master = run(
        counts(tmp_path, disk / "counts.log") + program("calm", SLEEPER),
        arguments=("--logfile", str(disk / "master.log")),
        wrapper=(*in_memory("128k"), str(disk)),
    )
    master.begins("counts", "calm")
    after = master.wait_for(f"cannot write log {disk}/counts.log: No space left on device")
    master.serves()
    there = Path(f"/proc/{master.pid}/root{disk}")
    head = (there / "counts.log").read_bytes()
    os.truncate(there / "counts.log", 0)
    master.wait_for(f"log {disk}/counts.log can be written again", after=after)
    master.call("POST", "/v1/processes/counts/stop")
    kept = len(head) + (there / "counts.log").stat().st_size
    assert kept + master.info("counts")["lost"] == int((tmp_path / "said").read_text())
    assert_well(master)
    assert sum(f"cannot write log {disk}/counts.log" in line for line in master.lines) == 1


def on_a_disk(run, injection, tmp_path, programs="", **options):
    """A master, and a folder that is a disk of its own, on which what is named in the programs as {disk} is."""
    disk = tmp_path / "disk"
    disk.mkdir()
    arguments = tuple(word.format(disk=disk) for word in options.pop("arguments", ()))
    wrapper = (*in_memory("16m"), str(disk))
    master = run(programs.format(disk=disk), arguments=arguments, wrapper=wrapper, **injection.environ)
    return master, disk, Path(f"/proc/{master.pid}/root{disk}")


def falls_silent(master, injection, disk, ask, *words):
    """The disk does not answer any more, and is asked until that is known."""
    injection.say("hang", disk)
    deadline = time.monotonic() + PATIENCE
    while "its disk does not answer" not in master.ctl(*words).stdout:
        assert time.monotonic() < deadline
        ask()
    ask()
    master.wait_for(f"the disk of {disk} does not answer; what is to be written there waits")


def test_the_disk_of_a_log_does_not_answer(run, own_mounts, injection, tmp_path):
    """Only what is written there waits; what cannot be done meanwhile is said; nothing is lost."""
    told = program("told", "/bin/cat", stdout_logfile="{disk}/told.log", stderr_logfile="{disk}/err.log")
    master, disk, there = on_a_disk(run, injection, tmp_path, told)
    master.begins("told")
    numbers = itertools.count()
    falls_silent(master, injection, disk, lambda: master.say("told", f"{next(numbers)}\n"), "tail", "told")
    there_is = (there / "told.log").read_bytes()
    master.serves()
    why = "its disk does not answer"
    shown = master.ctl("tail", "told").stdout
    assert shown == f"told: ERROR (unknown error reading log: cannot reach {disk}/told.log: {why})\n"
    shown = master.ctl("clear", "told").stdout
    assert shown == f"told: ERROR (failed: cannot clear log {disk}/told.log: {why}; try it when it does)\n"
    assert master.ctl("restart", "told").stdout == "told: stopped\ntold: started\n"
    master.say("told", f"{next(numbers)}\n")
    master.call("POST", "/v1/log/reopen")
    master.serves()
    assert (there / "told.log").read_bytes() == there_is
    injection.end("hang")
    master.wait_for(f"the disk of {disk} answers again")
    master.say("told", "end\n")
    with contextlib.closing(master.follow("told")) as said:
        heard = b""
        while not heard.endswith(b"end\n"):
            heard += next(said)
    wanted = "".join(f"{number}\n" for number in range(next(numbers)))
    assert (there / "told.log").read_text() == f"{wanted}end\n"
    assert master.info("told")["lost"] == 0
    assert_well(master)


def test_a_disk_falls_silent_under_a_flood(run, own_mounts, injection, tmp_path):
    """It has always just answered when it does; the flood waits, and nothing of it is lost."""
    flood = counts(tmp_path, "{disk}/counts.log")
    master, disk, there = on_a_disk(run, injection, tmp_path, flood)
    master.begins("counts")
    while not (there / "counts.log").stat().st_size:
        master.info("counts")
    injection.say("hang", disk)
    master.wait_for(f"the disk of {disk} does not answer; what is to be written there waits")
    master.serves()
    injection.end("hang")
    master.wait_for(f"the disk of {disk} answers again")
    master.call("POST", "/v1/processes/counts/stop")
    assert (there / "counts.log").stat().st_size == int((tmp_path / "said").read_text())
    assert master.info("counts")["lost"] == 0
    assert_well(master)


def test_the_disk_of_its_own_log_does_not_answer(run, own_mounts, injection, tmp_path):
    """What happens meanwhile is on the console, and in the log when the disk answers, line by line."""
    master, disk, there = on_a_disk(run, injection, tmp_path, arguments=("--logfile", "{disk}/master.log"))
    master.begins()
    falls_silent(master, injection, disk, lambda: master.ctl("restart", "witness"), "maintail")
    master.serves()
    injection.end("hang")
    told = master.wait_for(f"the disk of {disk} answers again")
    master.serves()
    own = (there / "master.log").read_text().splitlines()
    assert own[:told] == [line.rstrip() for line in master.lines[:told]]
    assert_well(master)


def test_sigterm_while_a_disk_does_not_answer(run, own_mounts, injection, tmp_path):
    """It is obeyed; what could not be written by then is counted where that can be read."""
    told = program("told", "/bin/cat", stdout_logfile="{disk}/told.log")
    master, disk, _ = on_a_disk(run, injection, tmp_path, told, arguments=("--logfile", "{disk}/master.log"))
    master.begins("told")
    falls_silent(master, injection, disk, lambda: master.say("told", "one\n"), "tail", "told")
    assert_well(master)
    assert any("bytes of told (stdout) were not read" in line for line in master.lines)
    assert any(re.search(rf"\d+ bytes for log {disk}/master.log were not written", line) for line in master.lines)


def asks_for_its_configuration(run, injection, tmp_path):
    """A master whose programs are on a disk that has fallen silent, and that disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "calm.conf").write_text(program("calm", SLEEPER))
    master = run(f"[include]\nfiles={disk}/*.conf\n", **injection.environ).begins("calm")
    injection.say("hang", disk)
    return master, disk


def until_it_waits(master, ask):
    """`ask` has it read the configuration: in a thread that was not there before."""
    threads = Path(f"/proc/{master.pid}/task")
    before = len(list(threads.iterdir()))
    asked = ask()
    deadline = time.monotonic() + PATIENCE
    while len(list(threads.iterdir())) == before:
        assert time.monotonic() < deadline
        master.info("witness")
    return asked


def test_the_disk_of_the_configuration_does_not_answer(run, injection, tmp_path):
    """Who wants it to be read waits, and nobody else; then it is as if nothing had been."""
    master, disk = asks_for_its_configuration(run, injection, tmp_path)
    with ThreadPoolExecutor() as clients:
        first = until_it_waits(master, lambda: clients.submit(master.ctl, "reread"))
        second = clients.submit(master.ctl, "update")
        master.serves()
        assert not first.done()
        assert not second.done()
        (disk / "calm.conf").write_text(program("calm", SLEEPER) + program("more", SLEEPER))
        injection.end("hang")
        assert first.result().stdout == "more: available\n"
        assert second.result().stdout == "more: added process group\n"
    master.wait_for("success: more")
    master.call("POST", "/v1/processes/more/stop")
    assert master.ctl("remove", "more").stdout == "more: removed process group\n"
    assert_well(master)


def test_it_begins_and_reads_its_configuration_while_a_disk_does_not_answer(run, injection, tmp_path):
    """A machine has booted without its file server: what does not need it runs, and can be changed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copy("/bin/sleep", disk / "app")
    (disk / "app.log").touch()
    injection.say("hang", disk)
    app = program("app", f"{disk}/app 1000", stdout_logfile=disk / "app.log")
    says = program("says", "/bin/sh -c 'echo hello; exec sleep 1000'", stdout_logfile=disk / "says.log")
    there = program("there", SLEEPER, directory=disk, startsecs=0)
    master = run(app + says + there, **injection.environ).begins("says")
    master.wait_for(f"the disk of the directory '{disk}' does not answer: it is taken to be there")
    master.serves()
    assert [master.info(name)["statename"] for name in ("app", "there")] == ["STARTING"] * 2
    assert "cannot reach" in master.ctl("tail", "says").stdout
    master.write(app + says + there + program("more", SLEEPER))
    assert master.ctl("update").stdout == "more: added process group\n"
    injection.end("hang")
    for name in ("app", "there"):
        master.until(name, "RUNNING")
    with contextlib.closing(master.follow("says")) as said:
        assert next(said) == b"hello\n"
    master.signal(signal.SIGTERM)
    assert master.to_the_end() == 0
    assert (disk / "says.log").read_text() == "hello\n"


@pytest.mark.parametrize("answers", [True, False])
def test_it_is_up_when_a_disk_has_had_its_time(run, injection, tmp_path, answers):
    """One that answers in two seconds has been slow, or the machine was: its programs are started before that."""
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copy("/bin/sleep", disk / "app")
    injection.say("hang", disk)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{tmp_path}")
        systemd.settimeout(PATIENCE)
        master = run(program("app", f"{disk}/app 1000"), NOTIFY_SOCKET=f"@{tmp_path}", **injection.environ)
        master.wait_for("spawned: 'witness'")
        assert master.info("app")["statename"] == "STARTING"  # clients do not wait for that
        if answers:
            injection.end("hang")
        while not systemd.recv(4096).startswith(b"READY=1"):
            pass
        # Who is answered that has asked for something finds in the log what was said before.
        master.call("POST", "/v1/processes/witness/signal", {"signal": "CONT"})
        was_said = "does not answer; programs" in master.log()
        # Even here it may take two seconds, where everybody has to wait for a processor.
        assert was_said or (answers and master.info("app")["statename"] == "RUNNING")
    if not answers:
        injection.end("hang")
        master.until("app", "RUNNING")


def test_sigterm_while_the_configuration_cannot_be_read(run, injection, tmp_path):
    """It has been asked for a fresh start, which would never come."""
    master, _ = asks_for_its_configuration(run, injection, tmp_path)
    until_it_waits(master, lambda: master.signal(signal.SIGHUP))
    assert_well(master)


def test_sigterm_while_a_fresh_start_waits_for_the_configuration(run, injection, tmp_path):
    """Nothing runs any more, and nobody could be answered; but who asks for the end gets it."""
    stubborn = program("stubborn", STUBBORN, stopwaitsecs=1000)
    master = run(stubborn, **injection.environ).begins("stubborn")
    with contextlib.closing(master.follow("stubborn")) as said:
        assert next(said) == b"armed\n"
    pid = master.info("stubborn")["pid"]
    master.signal(signal.SIGHUP)
    master.wait_for("stopped: witness")
    injection.say("hang", tmp_path / "supervisord.conf")
    os.kill(pid, signal.SIGKILL)
    master.wait_for("stopped: stubborn")
    deadline = time.monotonic() + PATIENCE
    while os.path.exists(master.socket):
        assert time.monotonic() < deadline
        os.sched_yield()
    master.signal(signal.SIGTERM)
    assert master.to_the_end() == 0


def test_the_disk_of_a_program_does_not_answer(run, injection, tmp_path):
    """It waits to be started, whether it was killed or is asked for; everybody else is started."""
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copy("/bin/sleep", disk / "app")
    master = run(program("app", f"{disk}/app 1000", autorestart="true"), **injection.environ).begins("app")
    injection.say("hang", disk)
    os.kill(master.info("app")["pid"], signal.SIGKILL)
    master.wait_for(f"the disk of {disk}/app does not answer; programs that are started from there wait")
    master.serves()
    assert master.info("app")["statename"] == "STARTING"
    assert master.ctl("stop", "app").stdout == "app: stopped\n"
    with ThreadPoolExecutor() as clients:
        started = clients.submit(master.ctl, "start", "app")
        master.until("app", "STARTING")
        master.serves()
        assert not started.done()
        injection.end("hang")
        assert started.result().stdout == "app: started\n"
    master.wait_for(f"the disk of {disk}/app answers again")
    assert_well(master)


def test_the_user_database_does_not_answer(run, as_root, injection):
    """A directory service that is gone, say, which has a part in every user's groups."""
    sleeper = program("app", "/bin/sleep 1000", user="nobody", autorestart="true")
    master = run(sleeper, **injection.environ).begins("app")
    injection.say("users", 1)
    os.kill(master.info("app")["pid"], signal.SIGKILL)
    who = f"the user database, asked for uid {pwd.getpwnam('nobody').pw_uid},"
    master.wait_for(f"{who} does not answer; programs that run as this user wait")
    master.serves()
    assert master.info("app")["statename"] == "STARTING"
    injection.end("users")
    master.wait_for(f"{who} answers again, after")
    master.until("app", "RUNNING")
    assert_well(master)


def test_log_files_are_removed(run, tmp_path):
    """They are begun anew by themselves, and what can be read nowhere any more is counted."""
    log = tmp_path / "counts.log"
    master = run(counts(tmp_path, log)).begins("counts")
    with (tmp_path / "master.log").open() as own:
        (tmp_path / "master.log").unlink()
        removed = log.stat().st_size
        log.unlink()
        master.wait_for(f"log {log} was removed and is begun anew")
        master.serves()
        master.call("POST", "/v1/processes/counts/stop")
        assert "spawned: 'counts'" in own.read()
    said = int((tmp_path / "said").read_text())
    assert said - removed - log.stat().st_size <= master.info("counts")["lost"] < said
    assert "stopped: counts" in master.log()
    assert_well(master)


def test_a_log_file_is_a_directory(run, tmp_path):
    """Output that can go nowhere is counted; the program runs."""
    log = tmp_path / "counts.log"
    log.mkdir()
    master = run(counts(tmp_path, log)).begins("counts")
    master.wait_for(f"cannot write log {log}: Is a directory")
    master.serves()
    master.call("POST", "/v1/processes/counts/stop")
    assert master.info("counts")["lost"] == int((tmp_path / "said").read_text())
    assert_well(master)
    assert sum("Is a directory" in line for line in master.lines) == 1


def test_a_log_file_becomes_a_directory(run, tmp_path):
    """The same while it runs, for the master's own as well; once it is mended a request to reopen is enough."""
    log, own = tmp_path / "counts.log", tmp_path / "master.log"
    master = run(counts(tmp_path, log)).begins("counts")
    log.rename(tmp_path / "first")
    own.rename(tmp_path / "first-own")
    log.mkdir()
    own.mkdir()
    master.signal(signal.SIGUSR2)
    after = master.wait_for(f"cannot write log {log}: Is a directory")
    assert any(f"cannot write log {own}: Is a directory" in line for line in master.lines)
    master.serves()
    log.rmdir()
    own.rmdir()
    master.signal(signal.SIGUSR2)
    master.wait_for(f"log {log} can be written again", after=after)
    master.call("POST", "/v1/processes/counts/stop")
    kept = (tmp_path / "first").stat().st_size + log.stat().st_size
    assert kept + master.info("counts")["lost"] == int((tmp_path / "said").read_text())
    assert "stopped: counts" in master.log()
    assert_well(master)


def test_the_masters_log_cannot_be_opened_at_its_start(tmp_path):
    """That is said in a line, and nothing is started."""
    (tmp_path / "x.log").mkdir()
    (tmp_path / "x.conf").write_text(f"[supervisord]\nlogfile={tmp_path}/x.log\n" + program("web", SLEEPER))
    words = [sys.executable, "-m", "procman", "-c", str(tmp_path / "x.conf")]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 2
    assert f"cannot open the log {tmp_path}/x.log: Is a directory; set logfile=" in ended.stderr
    assert "spawned" not in ended.stdout


def test_the_log_directory_vanishes_and_comes_back(run, tmp_path):
    """What could not be written meanwhile is counted, and both logs go on when it is there again."""
    logs = tmp_path / "logs"
    logs.mkdir()
    log = logs / "counts.log"
    master = run(counts(tmp_path, log), arguments=("--logfile", str(logs / "master.log"))).begins("counts")
    logs.rename(tmp_path / "away")
    for file in (tmp_path / "away").iterdir():
        file.rename(tmp_path / f"old-{file.name}")
    gone = (tmp_path / "old-counts.log").stat().st_size
    (tmp_path / "old-counts.log").unlink()
    (tmp_path / "old-master.log").unlink()
    after = master.wait_for(f"cannot write log {log}: No such file or directory")
    master.serves()
    logs.mkdir()
    master.wait_for(f"log {log} can be written again", after=after)
    # The master's own is tried again with its next line, a second after the last try: not waited for here.
    master.signal(signal.SIGUSR2)
    master.wait_for("received SIGUSR2", after=after)
    master.call("POST", "/v1/processes/counts/stop")
    said = int((tmp_path / "said").read_text())
    assert said - gone - log.stat().st_size <= master.info("counts")["lost"] < said
    assert "stopped: counts" in (logs / "master.log").read_text()
    assert_well(master)


def test_the_directory_that_it_was_started_in_is_removed(run, tmp_path):
    """As old releases are. Whole paths go on, also for what is new; what relative ones mean is not guessed."""
    release = tmp_path / "release"
    enter = ("sh", "-c", 'mkdir "$0" && cd "$0" && exec "$@"', str(release))
    late = program("late", "echo here", stdout_logfile=tmp_path / "late.log", autorestart="false")
    master = run(program("web", SLEEPER), wrapper=enter).begins("web")
    release.rmdir()
    master.write(program("web", SLEEPER) + late)
    assert master.ctl("update").stdout == "late: added process group\n"
    assert master.ctl("restart", "web").stdout == "web: stopped\nweb: started\n"
    master.until("late", "EXITED")
    assert master.ctl("tail", "late").stdout == "here\n\n"
    master.signal(signal.SIGUSR2)
    master.wait_for("procman logreopen")
    assert "entered RUNNING" in master.ctl("maintail").stdout
    master.file.write_text(master.file.read_text().replace(f"pidfile={tmp_path}/", "pidfile="))
    assert "the directory procman is in was removed; make them absolute" in master.ctl("reread").stdout
    assert "cannot write log" not in master.log()
    assert_well(master, held=2)  # the logs of the new one
