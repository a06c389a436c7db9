"""What the log of a real master says of ends that supervisord's line does not explain."""

import os
import signal
from contextlib import closing

import pytest

from tests.support.memory_cgroups import memory_cgroup
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster, python

ONCE = "autorestart=false\nstartretries=0\n"
# Uses more memory than a small cgroup has as soon as it gets a line.
HUNGRY = python("input(); print(len(bytearray(200_000_000)))")
LIMIT = 96 * 1024 * 1024  # the master has room for itself, also when its coverage is measured


def after(master: RunningMaster, text: str) -> str:
    """The line after the one with that text, without its time and level."""
    at = master.wait_for(text)
    master.wait_for(": terminated by", after=at)
    return master.lines[at].split(" ", 3)[3]


def test_a_sigkill_from_elsewhere_has_a_line_of_its_own(tmp_path):
    """It follows supervisord's, which is the same whoever kills."""
    with closing(RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\n{ONCE}")) as master:
        master.wait_for("entered RUNNING state")
        os.kill(master.info("web")["pid"], signal.SIGKILL)
        line = after(master, "exited: web (terminated by SIGKILL; not expected)")
        assert line.startswith("web: terminated by SIGKILL; not by procman; ")


def test_kills_by_procman_are_not_said_to_be_of_others(tmp_path):
    """A client's signal, and one for a program that does not stop."""
    programs = (
        f"[program:asked]\ncommand={SLEEPER}\n{ONCE}[program:stubborn]\ncommand={STUBBORN}\nstopwaitsecs=0\n{ONCE}"
    )
    with closing(RunningMaster(tmp_path, programs)) as master:
        for name in ("asked", "stubborn"):
            master.wait_for(f"{name} entered RUNNING state")
        master.hear("stubborn", "armed")
        master.call("POST", "/v1/processes/asked/signal", {"signal": "KILL"})
        master.wait_for("exited: asked (terminated by SIGKILL; not expected)")
        master.call("POST", "/v1/processes/stubborn/stop")
        master.wait_for("stopped: stubborn (terminated by SIGKILL)")
        assert "not by procman" not in master.text


def test_a_program_in_a_cgroup_that_runs_out_of_memory_is_known_to_be_killed_for_it(tmp_path):
    """A wrapper has given it a cgroup of its own, which counts."""
    with memory_cgroup(f"endings-own-{os.getpid()}", LIMIT) as folder:
        moved = f"sh -c 'echo $$ > {folder}/cgroup.procs; exec \"$@\"' sh {HUNGRY}"
        with closing(RunningMaster(tmp_path, f"[program:hungry]\ncommand={moved}\n{ONCE}")) as master:
            master.wait_for("hungry entered RUNNING state")
            master.say("hungry", "eat\n")
            line = after(master, "exited: hungry (terminated by SIGKILL; not expected)")
            assert line.startswith("hungry: terminated by SIGKILL; not by procman; its memory limit was hit once")


def test_a_container_that_runs_out_of_memory_is_blamed_for_the_kill(tmp_path):
    """The whole master is in a cgroup with a limit, as in a container."""
    with memory_cgroup(f"endings-all-{os.getpid()}", LIMIT) as folder:
        move = ("sh", "-c", f'echo $$ > {folder}/cgroup.procs; exec "$@"', "sh")
        program = f"[program:hungry]\ncommand={HUNGRY}\n{ONCE}[program:web]\ncommand={SLEEPER}\n"
        with closing(RunningMaster(tmp_path, program, wrapper=move)) as master:
            master.wait_for("hungry entered RUNNING state")
            master.say("hungry", "eat\n")
            line = after(master, "exited: hungry (terminated by SIGKILL; not expected)")
            assert line.startswith("hungry: terminated by SIGKILL; not by procman; the container's memory limit was")
            assert line.endswith("(oom_kill); give it more memory, or have it use less")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_other_signals_have_no_line_of_their_own(tmp_path, number):
    """Supervisord's line names the signal, and no memory is in question."""
    with closing(RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\n{ONCE}")) as master:
        master.wait_for("entered RUNNING state")
        os.kill(master.info("web")["pid"], number)
        master.wait_for(f"exited: web (terminated by {number.name}; not expected)")
        assert "not by procman" not in master.text
