"""The articles' scenarios on supervisord and on procman; all differences are deliberate.

`docs/differences.md` has a row for each.
"""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE, LogLines
from tests.support.side_by_side import PROCMAN, SUPERVISORCTL, SUPERVISORD, running
from tests.support.tree_fixtures import has_ended

PROGRAMS = Path(__file__).parents[1] / "end_to_end" / "programs"
FAMILY = f"{sys.executable} {PROGRAMS}/family.py"
MASTERS = pytest.mark.parametrize("master", [SUPERVISORD, PROCMAN], ids=["supervisord", "procman"])


def a_file(programs: str):
    """Writes a configuration with these programs; its socket is "s" beside it."""

    def write(folder: Path) -> Path:
        head = (
            "[unix_http_server]\nfile=%(here)s/s\n[supervisord]\nlogfile=%(here)s/log\npidfile=%(here)s/pid\n"
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
            "[supervisorctl]\nserverurl=unix://%(here)s/s\n"
        )
        file = folder / "supervisord.conf"
        file.write_text(head + programs)
        return file

    return write


def family(behaviour: str, *lines: str) -> str:
    log = "stdout_logfile=%(here)s/family.log"
    return "\n".join([f"[program:family]\ncommand={FAMILY} {behaviour}", log, *lines, ""])


def pid_of(folder: Path, who: str) -> int:
    """The pid of the family's parent or descendant, once it is up."""
    command = ["tail", "--lines=+1", "-F", folder / "family.log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as log:
        try:
            return int(LogLines(log).expect(rf"^{who} (\d+)").group(1))
        finally:
            log.kill()


def ctl(folder: Path, *words: str) -> str:
    return subprocess.run(
        [*SUPERVISORCTL, "-c", folder / "supervisord.conf", *words], capture_output=True, text=True, check=False
    ).stdout


def alive(pid: int) -> bool:
    return not has_ended(pid)


@MASTERS
def test_whoever_stays_in_the_process_group_gets_both_signals(master):
    """Stopasgroup and killasgroup mean the same to both, and neither reaches a process in a session of its own."""
    with running(master, a_file(family("obeys obeys", "stopasgroup=true", "killasgroup=true"))) as folder:
        descendant = pid_of(folder, "descendant")
        assert ctl(folder, "stop", "family") == "family: stopped\n"
        assert alive(descendant)
        os.kill(descendant, signal.SIGKILL)


@MASTERS
def test_who_made_a_session_of_his_own_outlives_the_master(master):
    """By default, a process in a session of its own outlives both masters; procman logs it."""
    with running(master, a_file(family("obeys obeys"))) as folder:
        descendant = pid_of(folder, "descendant")
        end(int((folder / "pid").read_text()))
        said = (folder / "log").read_text()
    assert alive(descendant)
    os.kill(descendant, signal.SIGKILL)
    assert (f"(pid {descendant}) behind" in said) is (master is PROCMAN)


def end(master: int) -> None:
    """Send SIGTERM, and wait until it has ended."""
    pidfd = os.pidfd_open(master)
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        assert select.select([pidfd], [], [], PATIENCE)[0], "it does not end"
    finally:
        os.close(pidfd)


def test_procman_can_stop_all_of_it():
    """With stop_scope=tree, which supervisord lacks, procman stops every descendant."""
    with running(PROCMAN, a_file(family("obeys obeys", "stop_scope=tree"))) as folder:
        descendant = pid_of(folder, "descendant")
        assert ctl(folder, "stop", "family") == "family: stopped\n"
        assert not alive(descendant)
        assert f"descendant {descendant} leaves" in (folder / "family.log").read_text()
