"""Output whose destination fails: a console that nothing reads, full or hanging disks, removed files."""

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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.fault_programs import BLOCK, counts, on_tmpfs
from tests.support.faulty_master import assert_well, program
from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, STUBBORN, python

pytestmark = pytest.mark.slow


def fill_stdout(master) -> None:
    """Fill the pipe of its stdout, as if its reader had stopped long ago."""
    writer = os.open(f"/proc/self/fd/{master.process.stdout.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b".")
    os.close(writer)


def test_stdout_is_a_pipe_that_nobody_reads(start_master, tmp_path):
    """Only programs that write to the unread stdout wait; SIGTERM works, and the log says how much was not written."""
    code = (
        "import os\nnumber = os.open('written', os.O_CREAT | os.O_WRONLY)\nwritten = 0\n"
        "while True:\n"
        "    written += os.write(1, b'x' * 1023 + bytes([10])); os.pwrite(number, str(written).encode(), 0)\n"
    )
    master = start_master(program("loud", python(code), stdout_logfile="/dev/stdout", directory=tmp_path))
    fill_stdout(master)
    master.wait_until_up("loud", reads=False)
    assert_well(master, reads=False)
    master.to_the_end()
    came = sum(len(line) + 1 for line in master.lines if line.lstrip(".") == "x" * 1023)
    unwritten = re.search(r"(\d+) bytes of loud were not written: nobody read the console", master.log())
    unread = re.search(r"(\d+) bytes of loud \(stdout\) were not read", master.log())
    counted = came + int(unwritten[1]) + int(unread[1])
    # The one that it was about to write when it was stopped may have been in the pipe, and not in its number.
    assert counted - int((tmp_path / "written").read_text()) in (0, 1024)


def test_stdout_that_is_read_again_loses_nothing(start_master, tmp_path):
    """A reader that pauses delays the program, and no byte is lost."""
    code = BLOCK.format(count=3000) + "print('through'); time.sleep(1000)"
    master = start_master(program("loud", python(code), stdout_logfile="/dev/stdout"))
    fill_stdout(master)
    master.wait_until_up("loud", reads=False)
    master.assert_serves()
    master.wait_for("through")
    assert master.info("loud")["lost"] == 0
    assert sum(line.lstrip(".") == "x" * 1023 for line in master.lines) == 3000
    assert_well(master)


def test_stdout_is_closed_at_its_other_end(start_master):
    """Output to a closed stdout is counted as lost, and the log says so once."""
    code = BLOCK.format(count=100) + "os.write(2, b'through'); time.sleep(1000)"
    master = start_master(program("loud", python(code), stdout_logfile="/dev/stdout"))
    master.wait_for("success: loud")
    reader = os.dup(master.process.stdout.fileno())
    master.process.stdout.close()
    os.close(reader)
    master.wait_until_up("loud", reads=False)
    master.call("POST", "/v1/processes/loud/restart")
    with contextlib.closing(master.follow("loud", "stderr")) as said:
        assert next(said).startswith(b"through")  # of this run, or of both
    master.assert_serves()
    assert master.info("loud")["lost"] >= 100 * 1024
    assert master.log().count("cannot write to stdout") == 1
    assert_well(master, reads=False)


def test_log_files_are_on_a_full_disk(start_master, tmp_path):
    """A full disk under the master's log or a program's is reported once each, and the lost bytes are counted."""
    code = BLOCK.format(count=100) + "os.write(2, b'through'); time.sleep(1000)"
    loud = program("loud", python(code), stdout_logfile="/dev/full", stdout_logfile_maxbytes=0)
    master = start_master(loud, arguments=("--logfile", "/dev/full"))
    master.wait_for("cannot write log /dev/full: No space left on device; the program keeps running")
    master.wait_until_up("loud")
    with contextlib.closing(master.follow("loud", "stderr")) as said:
        assert next(said).startswith(b"through")  # of this run, or of both
    master.assert_serves()
    assert master.info("loud")["lost"] == 100 * 1024
    assert_well(master)
    assert sum("cannot write log /dev/full: No space" in line for line in master.lines) == 2
    assert any("log /dev/full is closed; 102400 bytes of it were lost" in line for line in master.lines)


def test_a_disk_fills_up_and_has_room_again(start_master, mount_namespace, tmp_path):
    """What did not fit on a full disk is counted to the byte; both logs go on as soon as there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    master = start_master(
        counts(tmp_path, disk / "counts.log") + program("calm", SLEEPER),
        arguments=("--logfile", str(disk / "master.log")),
        wrapper=(*on_tmpfs("128k"), str(disk)),
    )
    master.wait_until_up("counts", "calm")
    after = master.wait_for(f"cannot write log {disk}/counts.log: No space left on device")
    master.assert_serves()
    there = Path(f"/proc/{master.pid}/root{disk}")
    head = (there / "counts.log").read_bytes()
    os.truncate(there / "counts.log", 0)
    master.wait_for(f"log {disk}/counts.log can be written again", after=after)
    master.call("POST", "/v1/processes/counts/stop")
    kept = len(head) + (there / "counts.log").stat().st_size
    assert kept + master.info("counts")["lost"] == int((tmp_path / "said").read_text())
    assert_well(master)
    assert sum(f"cannot write log {disk}/counts.log" in line for line in master.lines) == 1


def master_on_a_disk(start_master, injection, tmp_path, programs="", **options):
    """A master and a folder with a file system of its own; {disk} in the programs stands for that folder."""
    disk = tmp_path / "disk"
    disk.mkdir()
    arguments = tuple(word.format(disk=disk) for word in options.pop("arguments", ()))
    wrapper = (*on_tmpfs("16m"), str(disk))
    master = start_master(programs.format(disk=disk), arguments=arguments, wrapper=wrapper, **injection.environ)
    return master, disk, Path(f"/proc/{master.pid}/root{disk}")


def hang_disk(master, injection, disk, ask, *words):
    """Make the disk hang, and call `ask` until the master has noticed."""
    injection.say("hang", disk)
    master.wait_until(lambda: "its disk does not answer" in master.ctl(*words).stdout, ask)
    ask()
    master.wait_for(f"the disk of {disk} does not answer; what is to be written there waits")


def test_the_disk_of_a_log_does_not_answer(start_master, mount_namespace, injection, tmp_path):
    """A hanging disk delays only what is written there; failed requests say why, and nothing is lost."""
    told = program("told", "/bin/cat", stdout_logfile="{disk}/told.log", stderr_logfile="{disk}/err.log")
    master, disk, there = master_on_a_disk(start_master, injection, tmp_path, told)
    master.wait_until_up("told")
    numbers = itertools.count()
    hang_disk(master, injection, disk, lambda: master.say("told", f"{next(numbers)}\n"), "tail", "told")
    there_is = (there / "told.log").read_bytes()
    master.assert_serves()
    why = "its disk does not answer"
    shown = master.ctl("tail", "told").stdout
    assert shown == f"told: ERROR (unknown error reading log: cannot reach {disk}/told.log: {why})\n"
    shown = master.ctl("clear", "told").stdout
    assert shown == f"told: ERROR (failed: cannot clear log {disk}/told.log: {why}; try it when it does)\n"
    assert master.ctl("restart", "told").stdout == "told: stopped\ntold: started\n"
    master.say("told", f"{next(numbers)}\n")
    master.call("POST", "/v1/log/reopen")
    master.assert_serves()
    assert (there / "told.log").read_bytes() == there_is
    injection.end("hang")
    master.wait_for(f"the disk of {disk} answers again")
    master.say("told", "end\n")
    with contextlib.closing(master.follow("told")) as said:
        heard = b""
        while not heard.endswith(b"end\n"):
            heard += next(said)
    master.has_written("told")
    wanted = "".join(f"{number}\n" for number in range(next(numbers)))
    assert (there / "told.log").read_text() == f"{wanted}end\n"
    assert master.info("told")["lost"] == 0
    assert_well(master)


def test_a_disk_falls_silent_under_a_flood(start_master, mount_namespace, injection, tmp_path):
    """A disk that hangs during a flood delays the flood, and nothing of it is lost."""
    flood = counts(tmp_path, "{disk}/counts.log")
    master, disk, there = master_on_a_disk(start_master, injection, tmp_path, flood)
    master.wait_until_up("counts")
    master.wait_until(lambda: (there / "counts.log").stat().st_size, lambda: master.info("counts"))
    injection.say("hang", disk)
    master.wait_for(f"the disk of {disk} does not answer; what is to be written there waits")
    master.assert_serves()
    injection.end("hang")
    master.wait_for(f"the disk of {disk} answers again")
    master.call("POST", "/v1/processes/counts/stop")
    assert (there / "counts.log").stat().st_size == int((tmp_path / "said").read_text())
    assert master.info("counts")["lost"] == 0
    assert_well(master)


def test_the_disk_of_its_own_log_does_not_answer(start_master, mount_namespace, injection, tmp_path):
    """While the disk of the master's log hangs, lines go to the console; afterwards all are in the file, in order."""
    master, disk, there = master_on_a_disk(
        start_master, injection, tmp_path, arguments=("--logfile", "{disk}/master.log")
    )
    master.wait_until_up()
    hang_disk(master, injection, disk, lambda: master.ctl("restart", "witness"), "maintail")
    master.assert_serves()
    injection.end("hang")
    told = master.wait_for(f"the disk of {disk} answers again")
    master.assert_serves()
    own = (there / "master.log").read_text().splitlines()
    assert own[:told] == [line.rstrip() for line in master.lines[:told]]
    assert_well(master)


def test_sigterm_while_a_disk_does_not_answer(start_master, mount_namespace, injection, tmp_path):
    """SIGTERM works while a disk hangs; the console says how much could not be written."""
    told = program("told", "/bin/cat", stdout_logfile="{disk}/told.log")
    master, disk, _ = master_on_a_disk(
        start_master, injection, tmp_path, told, arguments=("--logfile", "{disk}/master.log")
    )
    master.wait_until_up("told")
    hang_disk(master, injection, disk, lambda: master.say("told", "one\n"), "tail", "told")
    assert_well(master)
    assert any("bytes of told (stdout) were not read" in line for line in master.lines)
    assert any(re.search(rf"\d+ bytes for log {disk}/master.log were not written", line) for line in master.lines)


def with_a_hanging_include(start_master, injection, tmp_path):
    """A master whose included files are on a disk that hangs, and that disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "calm.conf").write_text(program("calm", SLEEPER))
    master = start_master(f"[include]\nfiles={disk}/*.conf\n", **injection.environ).wait_until_up("calm")
    injection.say("hang", disk)
    return master, disk


def wait_until_it_reads(master, ask):
    """Call `ask`, and wait for the thread in which the master reads the configuration."""
    threads = Path(f"/proc/{master.pid}/task")
    before = len(list(threads.iterdir()))
    asked = ask()
    master.wait_until(lambda: len(list(threads.iterdir())) != before, lambda: master.info("witness"))
    return asked


def test_the_disk_of_the_configuration_does_not_answer(start_master, injection, tmp_path):
    """Only clients that ask for a reread wait for the disk of the configuration; then it works as usual."""
    master, disk = with_a_hanging_include(start_master, injection, tmp_path)
    with ThreadPoolExecutor() as clients:
        first = wait_until_it_reads(master, lambda: clients.submit(master.ctl, "reread"))
        second = clients.submit(master.ctl, "update")
        master.assert_serves()
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


def test_it_begins_and_reads_its_configuration_while_a_disk_does_not_answer(start_master, injection, tmp_path):
    """A master that boots while a disk hangs runs all programs that do not need it, and rereads its configuration."""
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copy("/bin/sleep", disk / "app")
    (disk / "app.log").touch()
    injection.say("hang", disk)
    app = program("app", f"{disk}/app 1000", stdout_logfile=disk / "app.log")
    says = program("says", "/bin/sh -c 'echo hello; exec sleep 1000'", stdout_logfile=disk / "says.log")
    there = program("there", SLEEPER, directory=disk, startsecs=0)
    master = start_master(app + says + there, **injection.environ).wait_until_up("says")
    master.wait_for(f"the disk of '{disk}' does not respond: the directory is assumed to exist")
    master.assert_serves()
    assert [master.info(name)["statename"] for name in ("app", "there")] == ["STARTING"] * 2
    assert "cannot reach" in master.ctl("tail", "says").stdout
    master.write(app + says + there + program("more", SLEEPER))
    assert master.ctl("update").stdout == "more: added process group\n"
    injection.end("hang")
    for name in ("app", "there"):
        master.wait_for_state(name, "RUNNING")
    with contextlib.closing(master.follow("says")) as said:
        assert next(said) == b"hello\n"
    master.signal(signal.SIGTERM)
    assert master.to_the_end() == 0
    assert (disk / "says.log").read_text() == "hello\n"


@pytest.mark.parametrize("answers", [True, False])
def test_it_is_up_when_a_disk_has_had_its_time(start_master, injection, tmp_path, answers):
    """The master reports that it is up after at most two seconds of a hanging disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copy("/bin/sleep", disk / "app")
    injection.say("hang", disk)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{tmp_path}")
        systemd.settimeout(PATIENCE)
        master = start_master(program("app", f"{disk}/app 1000"), NOTIFY_SOCKET=f"@{tmp_path}", **injection.environ)
        master.wait_for("spawned: 'witness'")
        assert master.info("app")["statename"] == "STARTING"  # clients do not wait for that
        if answers:
            injection.end("hang")
        while not systemd.recv(4096).startswith(b"READY=1"):
            pass
        # When a request is answered, the log has everything that was written before.
        master.call("POST", "/v1/processes/witness/signal", {"signal": "CONT"})
        was_said = "does not answer; programs" in master.log()
        # Even here it may take two seconds, where everybody has to wait for a processor.
        assert was_said or (answers and master.info("app")["statename"] == "RUNNING")
    if not answers:
        injection.end("hang")
        master.wait_for_state("app", "RUNNING")


def test_sigterm_while_the_configuration_cannot_be_read(start_master, injection, tmp_path):
    """SIGTERM ends a master whose reload waits for the disk of the configuration."""
    master, _ = with_a_hanging_include(start_master, injection, tmp_path)
    wait_until_it_reads(master, lambda: master.signal(signal.SIGHUP))
    assert_well(master)


def test_sigterm_while_a_fresh_start_waits_for_the_configuration(start_master, injection, tmp_path):
    """SIGTERM ends a master that has stopped everything for a reload and cannot read its configuration."""
    stubborn = program("stubborn", STUBBORN, stopwaitsecs=1000)
    master = start_master(stubborn, **injection.environ).wait_until_up("stubborn")
    with contextlib.closing(master.follow("stubborn")) as said:
        assert next(said) == b"armed\n"
    pid = master.info("stubborn")["pid"]
    master.signal(signal.SIGHUP)
    master.wait_for("stopped: witness")
    injection.say("hang", tmp_path / "supervisord.conf")
    os.kill(pid, signal.SIGKILL)
    master.wait_for("stopped: stubborn")
    master.wait_until(lambda: not os.path.exists(master.socket))
    master.signal(signal.SIGTERM)
    assert master.to_the_end() == 0


def test_the_disk_of_a_program_does_not_answer(start_master, injection, tmp_path):
    """A program on a hanging disk waits to be started, after a crash or on request; all others are started."""
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copy("/bin/sleep", disk / "app")
    master = start_master(program("app", f"{disk}/app 1000", autorestart="true"), **injection.environ).wait_until_up(
        "app"
    )
    injection.say("hang", disk)
    os.kill(master.info("app")["pid"], signal.SIGKILL)
    master.wait_for(f"the disk of {disk}/app does not answer; programs that are started from there wait")
    master.assert_serves()
    assert master.info("app")["statename"] == "STARTING"
    (why,) = master.call("GET", "/v1/why?name=app")["explanations"]
    assert why["because"][0]["text"].startswith(f"the disk of {disk}/app does not answer; ")
    assert master.ctl("stop", "app").stdout == "app: stopped\n"
    with ThreadPoolExecutor() as clients:
        started = clients.submit(master.ctl, "start", "app")
        master.wait_for_state("app", "STARTING")
        master.assert_serves()
        assert not started.done()
        injection.end("hang")
        assert started.result().stdout == "app: started\n"
    master.wait_for(f"the disk of {disk}/app answers again")
    assert_well(master)


def test_the_user_database_does_not_answer(start_master, needs_root, injection):
    """A program with `user=` waits while the user database, such as LDAP, does not respond; all others are started."""
    sleeper = program("app", "/bin/sleep 1000", user="nobody", autorestart="true")
    master = start_master(sleeper, **injection.environ).wait_until_up("app")
    injection.say("users", 1)
    os.kill(master.info("app")["pid"], signal.SIGKILL)
    who = f"the user database, asked for uid {pwd.getpwnam('nobody').pw_uid},"
    master.wait_for(f"{who} does not answer; programs that run as this user wait")
    master.assert_serves()
    assert master.info("app")["statename"] == "STARTING"
    injection.end("users")
    master.wait_for(f"{who} answers again, after")
    master.wait_for_state("app", "RUNNING")
    assert_well(master)


def test_log_files_are_removed(start_master, tmp_path):
    """Removed log files are created again without a request, and what went with the old ones is counted as lost."""
    log = tmp_path / "counts.log"
    master = start_master(counts(tmp_path, log)).wait_until_up("counts")
    with (tmp_path / "master.log").open() as own:
        (tmp_path / "master.log").unlink()
        removed = log.stat().st_size
        log.unlink()
        master.wait_for(f"log {log} was removed and is created again")
        master.assert_serves()
        master.call("POST", "/v1/processes/counts/stop")
        assert "spawned: 'counts'" in own.read()
    said = int((tmp_path / "said").read_text())
    assert said - removed - log.stat().st_size <= master.info("counts")["lost"] < said
    assert "stopped: counts" in master.log()
    assert_well(master)


def test_a_log_file_is_a_directory(start_master, tmp_path):
    """If its log file is a directory, a program runs, and its output is counted as lost."""
    log = tmp_path / "counts.log"
    log.mkdir()
    master = start_master(counts(tmp_path, log)).wait_until_up("counts")
    master.wait_for(f"cannot write log {log}: Is a directory")
    master.assert_serves()
    master.call("POST", "/v1/processes/counts/stop")
    assert master.info("counts")["lost"] == int((tmp_path / "said").read_text())
    assert_well(master)
    assert sum("Is a directory" in line for line in master.lines) == 1


def test_a_log_file_becomes_a_directory(start_master, tmp_path):
    """Programs run on when a log file becomes a directory; after the repair, a request to reopen is enough."""
    log, own = tmp_path / "counts.log", tmp_path / "master.log"
    master = start_master(counts(tmp_path, log)).wait_until_up("counts")
    log.rename(tmp_path / "first")
    own.rename(tmp_path / "first-own")
    log.mkdir()
    own.mkdir()
    master.signal(signal.SIGUSR2)
    after = master.wait_for(f"cannot write log {log}: Is a directory")
    assert any(f"cannot write log {own}: Is a directory" in line for line in master.lines)
    master.assert_serves()
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
    """If its own log cannot be opened at the start, the master says so in one line and starts nothing."""
    (tmp_path / "x.log").mkdir()
    (tmp_path / "x.conf").write_text(f"[supervisord]\nlogfile={tmp_path}/x.log\n" + program("web", SLEEPER))
    words = [sys.executable, "-m", "procman", "-c", str(tmp_path / "x.conf")]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 2
    assert f"cannot open the log {tmp_path}/x.log: Is a directory; set logfile=" in ended.stderr
    assert "spawned" not in ended.stdout


def test_the_log_directory_vanishes_and_comes_back(start_master, tmp_path):
    """While the log directory is missing, lost bytes are counted; both logs go on when it is back."""
    logs = tmp_path / "logs"
    logs.mkdir()
    log = logs / "counts.log"
    master = start_master(counts(tmp_path, log), arguments=("--logfile", str(logs / "master.log"))).wait_until_up(
        "counts"
    )
    logs.rename(tmp_path / "away")
    for file in (tmp_path / "away").iterdir():
        file.rename(tmp_path / f"old-{file.name}")
    gone = (tmp_path / "old-counts.log").stat().st_size
    (tmp_path / "old-counts.log").unlink()
    (tmp_path / "old-master.log").unlink()
    after = master.wait_for(f"cannot write log {log}: No such file or directory")
    master.assert_serves()
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


def test_the_directory_that_it_was_started_in_is_removed(start_master, tmp_path):
    """If the starting directory is removed, absolute paths work, and relative ones fail instead of being guessed."""
    release = tmp_path / "release"
    enter = ("sh", "-c", 'mkdir "$0" && cd "$0" && exec "$@"', str(release))
    late = program("late", "echo here", stdout_logfile=tmp_path / "late.log", autorestart="false")
    master = start_master(program("web", SLEEPER), wrapper=enter).wait_until_up("web")
    release.rmdir()
    master.write(program("web", SLEEPER) + late)
    assert master.ctl("update").stdout == "late: added process group\n"
    assert master.ctl("restart", "web").stdout == "web: stopped\nweb: started\n"
    master.wait_for_state("late", "EXITED")
    assert master.ctl("tail", "late").stdout == "here\n\n"
    master.signal(signal.SIGUSR2)
    master.wait_for("procman logreopen")
    assert "entered RUNNING" in master.ctl("maintail").stdout
    master.file.write_text(master.file.read_text().replace(f"pidfile={tmp_path}/", "pidfile="))
    assert "the directory procman is in was removed; make them absolute" in master.ctl("reread").stdout
    assert "cannot write log" not in master.log()
    assert_well(master, held=2)  # the logs of the new one
