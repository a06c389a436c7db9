"""supervisord and procman, started by a shell with a umask: their programs get the same one."""

import os
import select
import signal
import subprocess
from contextlib import suppress

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.side_by_side import PROCMAN, SUPERVISORD

pytest.importorskip("supervisor", reason="the oracle is not installed: pip install supervisor")

FILE = """\
[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/master.pid
{option}
[program:web]
command=sh -c 'umask >%(here)s/heard; exec sleep 1000'
stdout_logfile=NONE
stderr_logfile=NONE
"""
IN_A_SHELL = ("sh", "-c", 'umask 026; exec "$@"', "sh")
# How each of them becomes a daemon, and how it does not.
THEIRS = {"foreground": SUPERVISORD, "daemon": SUPERVISORD[:-1]}
OURS = {"foreground": PROCMAN, "daemon": (*PROCMAN, "--daemon")}


def umask_of_a_program(master, option, folder):
    """The umask that a program reports; then the master is stopped."""
    (folder / "supervisord.conf").write_text(FILE.format(option=option))
    os.mkfifo(folder / "heard")
    started = subprocess.Popen(
        [*IN_A_SHELL, *master, "-c", folder / "supervisord.conf"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        heard = (folder / "heard").read_text().strip()
        end((folder / "master.pid").read_text())
    finally:
        with suppress(ProcessLookupError):
            started.terminate()
        started.wait(PATIENCE)
    return heard


def end(pid):
    watched = os.pidfd_open(int(pid))
    signal.pidfd_send_signal(watched, signal.SIGTERM)
    assert select.select([watched], [], [], PATIENCE)[0]
    os.close(watched)


@pytest.mark.parametrize(
    ("how", "option", "expected"),
    [("foreground", "", "0026"), ("daemon", "", "0022"), ("daemon", "umask=027", "0027")],
    ids=["foreground", "daemon", "daemon with umask="],
)
def test_programs_have_the_umask_that_supervisords_have(how, option, expected, tmp_path):
    """Without the option, programs have the shell's umask, and 022 under a daemon."""
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    theirs = umask_of_a_program(THEIRS[how], option, tmp_path / "theirs")
    ours = umask_of_a_program(OURS[how], option, tmp_path / "ours")
    assert (theirs, ours) == (expected, expected)


def test_the_option_has_its_effect_in_the_foreground_too(tmp_path):
    """umask= works in the foreground, where supervisord ignores it."""
    assert umask_of_a_program(PROCMAN, "umask=027", tmp_path) == "0027"
