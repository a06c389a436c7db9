"""Third-party software for supervisord under procman, unchanged: listeners, a result handler, a monitor."""

import contextlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.running_master import SLEEPER, RunningMaster, python

BIN = Path(sys.executable).parent
HELLO = python("import sys, time; print('hello'); print('oops', file=sys.stderr); time.sleep(1000)")


def needed(package: str, *, there: bool) -> None:
    if not there:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{package} is not installed: pip install {package}")


def section(kind: str, name: str, command: str, **options: object) -> str:
    lines = {"command": command, "startsecs": 0, **options}
    return f"[{kind}:{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


def test_one_that_starts_programs_in_order_does_so(tmp_path):
    """supervisord-dependent-startup starts programs in order through XML-RPC and events, and ends."""
    needed("supervisord-dependent-startup", there=find_spec("supervisord_dependent_startup") is not None)
    depends = {"autostart": "false", "dependent_startup": "true"}
    master = RunningMaster(
        tmp_path,
        # In the file, and by name, they stand the other way round.
        section("program", "asks", SLEEPER, dependent_startup_wait_for="base:running", **depends)
        + section(
            "program",
            "also",
            SLEEPER,
            numprocs=2,
            process_name="also_%(process_num)d",
            dependent_startup_wait_for="asks:running base:running",
            **depends,
        )
        + section("program", "base", SLEEPER, startsecs=1, **depends)
        + section(
            "eventlistener",
            "order",
            f"{BIN}/supervisord-dependent-startup -c {tmp_path}/supervisord.conf",
            autorestart="unexpected",
            startretries=0,
            exitcodes="0,3",
            events="PROCESS_STATE",
            buffer_size=100,
            stderr_logfile="/dev/stdout",
        ),
    )
    with contextlib.closing(master):
        master.expect("spawned: 'base'", "success: base entered", "spawned: 'asks'", "success: asks entered")
        master.expect_all(["success: also_0 entered", "success: also_1 entered", "exited: order .*; expected"])
        assert "Connected to supervisor with API version: 3.0" in master.text
        assert master.stop() == 0


def test_one_that_shows_what_programs_write_does_so(tmp_path):
    """supervisor-stdlog prints programs' lines to the master's stdout by its result handler."""
    needed("supervisor-stdlog", there=find_spec("supervisor_stdlog") is not None)
    events = {"stdout_events_enabled": "true", "stderr_events_enabled": "true", "autostart": "false"}
    listener = section(
        "eventlistener",
        "stdlog",
        f"{BIN}/supervisor-stdlog",
        buffer_size=100,
        events="PROCESS_LOG",
        result_handler="supervisor_stdlog:log_handler",
    )
    # Its handler writes what was stderr to stderr, which is where this master's stdout is.
    master = RunningMaster(tmp_path, section("program", "web", HELLO, **events) + listener, PYTHONUNBUFFERED="1")
    with contextlib.closing(master):
        master.expect("success: stdlog entered")
        assert master.ctl("start", "web").returncode == 0
        master.expect_all(["web +\\| \x1b\\[37mhello\x1b", "web +\\| \x1b\\[31moops\x1b"])
        assert master.info("stdlog")["statename"] == "RUNNING"
        assert master.stop() == 0


def test_one_that_watches_from_outside_sees_the_same(tmp_path):
    """The Nagios check reports OK for running programs and critical, with the reason, for failed ones."""
    needed("nagios-check-supervisord", there=(BIN / "check_supervisord.py").exists())
    master = RunningMaster(
        tmp_path,
        section("program", "web", SLEEPER) + section("program", "broken", "/nonexistent/program", startretries=0),
    )
    with contextlib.closing(master):
        master.expect_all(["success: web entered", "gave up: broken"])
        assert checked(master) == (
            2,
            "CRITICAL: problem with 'broken': (can't find command '/nonexistent/program'), 'web': OK\n",
        )
        master.write(section("program", "web", SLEEPER))
        assert master.ctl("update").returncode == 0
        assert checked(master) == (0, "OK: 'web': OK\n")
        assert master.stop() == 0
    assert checked(master)[0] == 3


def checked(master: RunningMaster) -> tuple[int, str]:
    check = [sys.executable, BIN / "check_supervisord.py", "-s", master.socket]
    ran = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, ran.stdout
