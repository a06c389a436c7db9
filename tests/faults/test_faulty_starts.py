"""Programs that cannot be started because there is too little of something, on the machine or in the master."""

import contextlib
import errno
import re
import resource
import shutil
import socket
import subprocess

import pytest

from tests.support.faulty_master import assert_well, program
from tests.support.running_master import SLEEPER

PIPES_AND_LOGS = 5  # of a program that was started for the first time: stdin, stdout, stderr, and two files
WORDS = {
    errno.EAGAIN: "Too many processes in process table to spawn 'web'",
    errno.ENOMEM: "not enough memory to spawn 'web'",
    errno.EMFILE: "too many open files to spawn 'web'",
    errno.ETXTBSY: "couldn't exec {file}: ETXTBSY (Text file busy)",
}


@pytest.mark.parametrize("number", WORDS, ids=lambda number: errno.errorcode[number])
def test_the_kernel_refuses_to_execute(run, injection, tmp_path, number):
    """It backs off with that as the reason, and is started as soon as it can be; nobody else is concerned."""
    file = tmp_path / "ours"
    shutil.copy(shutil.which("sleep"), file)
    injection.say("exec", f"ours {number:d}")
    master = run(program("web", f"{file} 1000"), **injection.environ).begins()
    master.wait_for(f"spawnerr: {WORDS[number].format(file=file)}")
    info = master.until("web", "BACKOFF")
    assert info["spawnerr"] == WORDS[number].format(file=file)
    master.serves()
    injection.end("exec")
    master.until("web", "RUNNING")
    assert_well(master, held=PIPES_AND_LOGS)


def test_a_program_that_can_never_be_executed_is_given_up(run, injection, tmp_path):
    """After startretries more tries, with the reason; nothing of the tries is left open."""
    file = tmp_path / "ours"
    shutil.copy(shutil.which("sleep"), file)
    injection.say("exec", f"ours {errno.ENOMEM:d}")
    master = run(program("web", f"{file} 1000", startretries=1), **injection.environ).begins()
    master.wait_for("gave up: web entered FATAL state")
    assert_well(master)


def test_a_program_that_is_being_written(run, tmp_path):
    """ETXTBSY as the kernel says it: it is started when whoever writes it has ended."""
    file = tmp_path / "ours"
    shutil.copy(shutil.which("sleep"), file)
    with file.open("r+b"):
        with contextlib.suppress(OSError):
            subprocess.run([file, "0"], check=True)
            pytest.skip("this kernel executes what is being written (Linux 6.11 and 6.12 do)")
        master = run(program("web", f"{file} 1000")).begins()
        master.wait_for(f"spawnerr: {WORDS[errno.ETXTBSY].format(file=file)}")
        master.serves()
    master.until("web", "RUNNING")
    assert_well(master, held=PIPES_AND_LOGS)


def limit(master, count: int) -> None:
    """Let it have so many descriptors, and no more."""
    _, hard = resource.prlimit(master.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(master.pid, resource.RLIMIT_NOFILE, (count, hard))


def test_the_master_has_no_descriptors_left_for_programs(run):
    """What cannot be started says why, and is started when there are some again; clients and others feel nothing."""
    many = program("many", SLEEPER, autostart="false", numprocs=20, process_name="m_%(process_num)02d")
    master = run(many).begins()
    now = len(master.fds)
    limit(master, now + 60)
    master.ctl("start", "many:*")
    shown = master.ctl("status")
    assert re.search(r"many:m_00 +RUNNING", shown.stdout), shown.stdout + shown.stderr
    assert re.search(r"many:m_19 +(BACKOFF|FATAL|STARTING)", shown.stdout), shown.stdout + shown.stderr
    master.wait_for("too many open files to spawn 'm_")
    master.serves()
    limit(master, now + 500)
    master.ctl("start", "many:*")
    for number in range(20):
        master.until(f"many:m_{number:02}", "RUNNING")
    master.ctl("stop", "many:*")
    assert_well(master, held=20 * 2)


def test_clients_take_all_the_descriptors_of_the_master(run):
    """Programs go on; and procmanctl is heard, because those who only sit there are let go for it."""
    master = run(program("web", SLEEPER)).begins("web")
    now = len(master.fds)
    limit(master, now + 30)
    with contextlib.ExitStack() as clients:
        for _ in range(45):
            client = clients.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            client.connect(master.socket)
            client.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
        master.serves()
        assert master.info("web")["statename"] == "RUNNING"
    assert_well(master)
