"""The shell of supervisorctl against supervisord and that of procmanctl against procman, fed through a pipe."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.ctl_script import CONFIG_NAME
from tests.support.side_by_side import PROCMAN, PROCMANCTL, SUPERVISORCTL, SUPERVISORD, running

TYPED = """\

status sleeper manual
   pid   manual
help
? pid
nope
pid nope manual
start manual
start manual nolog nope
stop site:* pool:pool_0
signal hup nope
signal nope manual
signal usr1 manual
restart nope
avail extra
reread
update nope
add sleeper nope
remove sleeper nope
tail -3 sleeper
tail sleeper nochannel
fg exits0
open
open ftp://somewhere
open unix://ctl.sock
version extra
reload
no
shutdown
n
stop stubborn
exit
status
"""
SAME = (
    (re.compile(r"pid \d+"), "pid PID"),
    (re.compile(r"uptime \d+:\d\d:\d\d"), "uptime TIME"),
    (re.compile(r"\w{3} \d\d \d\d:\d\d [AP]M"), "DATE"),
    # What procmanctl alone has is below the rest.
    (re.compile(r"^procman commands .*?\n\n", re.MULTILINE | re.DOTALL), ""),
)


def converse(master, ctl):
    with running(master) as folder:
        file = folder / CONFIG_NAME
        file.write_text(file.read_text().replace("[supervisorctl]", "[supervisorctl]\nprompt = at your service"))
        while "STARTING" in (out := shell(ctl, folder, "quit\n")):
            pass
        assert "sleeper" in out
        return shell(ctl, folder, TYPED)


def shell(ctl, folder, typed):
    command = [*ctl, "-c", str(folder / CONFIG_NAME)]
    ran = subprocess.run(command, cwd=folder, input=typed, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stderr, ran.returncode) == ("", 0)
    out = ran.stdout.replace(str(folder), "FOLDER")
    for pattern, same in SAME:
        out = pattern.sub(same, out)
    return out


def test_both_shells_say_the_same():
    """Prompts, answers, questions and exit status 0 are the same; input after `exit` is not read."""
    pytest.importorskip("supervisor", reason="the oracle is not installed: pip install supervisor==4.3.0")
    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.map(converse, (SUPERVISORD, PROCMAN), (SUPERVISORCTL, PROCMANCTL))
    assert ours.splitlines() == theirs.splitlines()
    assert "at your service> " in ours
