"""Programs that cannot be started because the machine or the master lacks something."""

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

pytestmark = pytest.mark.slow

PIPES_AND_LOGS = 5  # of a program that was started for the first time: stdin, stdout, stderr, and two files
WORDS = {
    errno.EAGAIN: "Too many processes in process table to spawn 'web'",
    errno.ENOMEM: "not enough memory to spawn 'web'",
    errno.EMFILE: "too many open files to spawn 'web'",
    errno.ETXTBSY: "couldn't exec {file}: ETXTBSY (Text file busy)",
}


@pytest.mark.parametrize("number", WORDS, ids=lambda number: errno.errorcode[number])
def test_the_kernel_refuses_to_execute(start_master, injection, tmp_path, number):
    """A failed exec is a BACKOFF with the reason; the program starts once it can, and no other program is affected."""
    file = tmp_path / "ours"
    shutil.copy(shutil.which("sleep"), file)
    injection.say("exec", f"ours {number:d}")
    web = program("web", f"{file} 1000", startretries=1000)
    master = start_master(web, **injection.environ).wait_until_up()
    master.wait_for(f"spawnerr: {WORDS[number].format(file=file)}")
    info = master.wait_for_state("web", "BACKOFF")
    assert info["spawnerr"] == WORDS[number].format(file=file)
    master.assert_serves()
    injection.end("exec")
    master.wait_for_state("web", "RUNNING")
    assert_well(master, held=PIPES_AND_LOGS)


def test_a_program_that_can_never_be_executed_is_given_up(start_master, injection, tmp_path):
    """A program that can never be executed becomes FATAL after its startretries, and its tries leave nothing open."""
    file = tmp_path / "ours"
    shutil.copy(shutil.which("sleep"), file)
    injection.say("exec", f"ours {errno.ENOMEM:d}")
    master = start_master(program("web", f"{file} 1000", startretries=1), **injection.environ).wait_until_up()
    master.wait_for("gave up: web entered FATAL state")
    assert_well(master)


def test_a_program_that_is_being_written(start_master, tmp_path):
    """A program whose file is being written (a real ETXTBSY) is started when the writer has closed it."""
    file = tmp_path / "ours"
    shutil.copy(shutil.which("sleep"), file)
    with file.open("r+b"):
        with contextlib.suppress(OSError):
            subprocess.run([file, "0"], check=True)
            pytest.skip("this kernel executes what is being written (Linux 6.11 and 6.12 do)")
        master = start_master(program("web", f"{file} 1000", startretries=1000)).wait_until_up()
        master.wait_for(f"spawnerr: {WORDS[errno.ETXTBSY].format(file=file)}")
        master.assert_serves()
    master.wait_for_state("web", "RUNNING")
    assert_well(master, held=PIPES_AND_LOGS)


def limit(master, count: int) -> None:
    """Limit the master to that many descriptors."""
    _, hard = resource.prlimit(master.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(master.pid, resource.RLIMIT_NOFILE, (count, hard))


def test_the_master_has_no_descriptors_left_for_programs(start_master):
    """Starts that lack descriptors say why and are retried; clients and running programs are not affected."""
    many = program("many", SLEEPER, autostart="false", numprocs=20, process_name="m_%(process_num)02d")
    master = start_master(many).wait_until_up()
    now = len(master.fds)
    limit(master, now + 60)
    master.ctl("start", "many:*")
    shown = master.ctl("status")
    assert re.search(r"many:m_00 +RUNNING", shown.stdout), shown.stdout + shown.stderr
    assert re.search(r"many:m_19 +(BACKOFF|FATAL|STARTING)", shown.stdout), shown.stdout + shown.stderr
    master.wait_for("too many open files to spawn 'm_")
    master.assert_serves()
    limit(master, now + 500)
    master.ctl("start", "many:*")
    for number in range(20):
        master.wait_for_state(f"many:m_{number:02}", "RUNNING")
    master.ctl("stop", "many:*")
    assert_well(master, held=20 * 2)


def test_clients_take_all_the_descriptors_of_the_master(start_master):
    """If clients take all descriptors, programs run on, and idle clients are dropped in favour of procmanctl."""
    master = start_master(program("web", SLEEPER)).wait_until_up("web")
    now = len(master.fds)
    limit(master, now + 30)
    with contextlib.ExitStack() as clients:
        for _ in range(45):
            client = clients.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            client.connect(master.socket)
            client.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
        master.assert_serves()
        assert master.info("web")["statename"] == "RUNNING"
    assert_well(master)
