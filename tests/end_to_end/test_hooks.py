"""Commands of a program that a real master runs before, after and instead of something."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster, python
from tests.support.tree_fixtures import has_ended

# Ends with SIGTERM, and says what it got on SIGHUP.
SERVER = python(
    "import os, signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    "signal.signal(signal.SIGHUP, lambda *_: os.write(1, b'read again\\n'))\nprint('up', flush=True)\n"
    "while True: time.sleep(1000)"
)
# With ready=notify: says that it reloads, and that it has, on SIGHUP.
NOTIFIER = python(
    "import os, signal, socket, sys, time\nsock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "sock.connect(os.environ['NOTIFY_SOCKET'])\n"
    "def hup(*_):\n sock.send(b'RELOADING=1')\n sock.send(b'READY=1')\n"
    "signal.signal(signal.SIGHUP, hup)\nsock.send(b'READY=1')\nwhile True: time.sleep(1000)"
)


def section(name: str, command: str, *lines: str) -> str:
    return "\n".join([f"[program:{name}]", f"command={command}", "startsecs=0", "redirect_stderr=true", *lines, ""])


def output(master: RunningMaster, name: str = "web") -> list[str]:
    """What the log of a program has by now; a command is done a moment before its last output is written there."""
    master.has_written(name)
    return Path(master.info(name)["stdout_logfile"]).read_text().splitlines()


def until_said(master: RunningMaster, line: str, times: int = 1) -> None:
    """With startsecs=0 a program is RUNNING before it runs, and what it does on a signal is done when it has it."""
    deadline = time.monotonic() + PATIENCE
    while output(master).count(line) < times:
        assert time.monotonic() < deadline, output(master)


def held(tmp_path, text: str = "") -> str:
    """A command that waits until the file `go` is there."""
    return f"sh -c '{text}until [ -e {tmp_path}/go ]; do sleep 0.05; done'"


def test_the_order_of_all_hooks_stands_in_the_log(tmp_path):
    """Of a start, a restart and a stop; a restart runs them all: https://github.com/docker/compose/issues/13318."""
    hooks = [f"{hook}=sh -c 'echo {hook}'" for hook in ("pre_start", "post_start", "pre_stop", "post_stop")]
    with RunningMaster(tmp_path, section("web", SERVER, *hooks)) as master:
        at = master.wait_for("post_start of 'web': sh is done")
        until_said(master, "up")
        assert master.ctl("restart", "web").stdout == "web: stopped\nweb: started\n"
        master.wait_for("post_start of 'web': sh is done", after=at)
        until_said(master, "up", 2)
        assert master.ctl("stop", "web").stdout == "web: stopped\n"
        said = [line for line in output(master) if line != "post_start"]
        once = ["pre_start", "up", "pre_stop", "post_stop"]
        assert said == once * 2


def test_a_stop_command_and_a_before_kill(tmp_path):
    """One stops it instead of the signal; the other comes before SIGKILL."""
    config = section("web", SLEEPER, "stop_command=sh -c 'echo quit; kill -KILL $PROCMAN_PID'")
    config += section("deaf", STUBBORN, "before_kill=sh -c 'echo dump $PROCMAN_HOOK'", "stopwaitsecs=1")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: deaf")
        master.hear("deaf", "armed")
        master.ctl("stop", "all")
        assert output(master) == ["quit"]
        assert output(master, "deaf") == ["armed", "dump before_kill"]
        master.wait_for("killing 'deaf'")
        assert "killing 'web'" not in master.text


def test_the_output_of_a_hook_is_kept(tmp_path):
    """In the log of its program, and in the journal when it fails: https://github.com/docker/compose/issues/14204."""
    failing = "sh -c 'for n in $(seq 30); do echo line $n; done; echo broken >&2; exit 3'"
    with RunningMaster(tmp_path, section("web", SLEEPER, f"pre_start={failing}", "startretries=0")) as master:
        master.wait_for("web is FATAL")
        assert master.info("web")["description"] == "pre_start: sh exited 3: broken"
        assert output(master)[-1] == "broken"
        assert len(output(master)) == 31
        records = master.call("GET", "/v1/journal?kind=hook")["records"]
        (record,) = [record for record in records if record["data"].get("failed")]
        assert record["data"]["lines"] == [*(f"line {n}" for n in range(12, 31)), "broken"]
        assert record["data"]["code"] == 3
        assert "pre_start: sh exited 3: broken" in master.ctl("why", "web").stdout


def test_a_command_is_told_what_has_happened(tmp_path):
    """The variables say of what, how it ended and why."""
    show = "sh -c 'echo $PROCMAN_HOOK $PROCMAN_NAME $PROCMAN_EXIT_CODE/$PROCMAN_EXIT_SIGNAL $PROCMAN_REASON'"
    program = python("import sys\nsys.exit(int(sys.stdin.readline()))")
    config = section("web", program, f"post_stop={show}", f"on_failure={show}", "autorestart=false")
    with RunningMaster(tmp_path, config) as master:
        at = master.wait_for("success: web")
        master.say("web", "3\n")
        at = master.wait_for("on_failure of 'web': sh is done", after=at)
        assert output(master) == ["post_stop web 3/ exit", "on_failure web 3/ exit"]
        master.ctl("start", "web")
        at = master.wait_for("success: web", after=at)
        os.kill(master.info("web")["pid"], signal.SIGKILL)
        at = master.wait_for("on_failure of 'web': sh is done", after=at)
        assert output(master)[2:] == ["post_stop web /KILL signal", "on_failure web /KILL signal"]
        master.ctl("start", "web")
        master.wait_for("success: web", after=at)
        master.ctl("stop", "web")
        assert output(master)[4:] == ["post_stop web /TERM operator"]


def test_what_a_hook_leaves_behind_is_killed(tmp_path):
    """But for post_start, where leftovers are kept."""
    leave = "sh -c 'setsid sleep 4711 & echo $!'"
    config = section("web", SLEEPER, f"pre_start={leave}", f"post_start={leave}")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("post_start of 'web': sh is done")
        gone, kept = map(int, output(master))
        try:
            assert os.path.exists(f"/proc/{kept}/status")
            deadline = time.monotonic() + PATIENCE
            while not has_ended(gone):  # SIGKILL is carried out by the process that gets it
                assert time.monotonic() < deadline
        finally:
            os.kill(kept, signal.SIGKILL)


def test_a_hook_that_takes_too_long_is_killed(tmp_path):
    """With all that it has started, and the stop goes on."""
    config = section("web", SLEEPER, "pre_stop=sh -c 'sleep 4713; true'", "hook_timeout=500ms")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web")
        assert master.ctl("stop", "web").stdout == "web: stopped\n"
        master.wait_for("pre_stop of 'web': was killed: pre_stop timed out after 0.5 s")


def test_the_results_of_hooks_are_shown(tmp_path):
    """In `status --long`, in /v1/hooks and in the metrics; a command that ends with its program has not failed."""
    config = section(
        "web", SLEEPER, "pre_start=-sh -c 'exit 3'", "post_start=sleep 4712", "post_stop=sh -c 'echo gone; exit 4'"
    )
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("post_start of 'web': sleep begins")
        assert "web: post_start: sleep; sleep runs for " in master.ctl("status", "--long").stdout
        master.ctl("stop", "web")
        found = {one["hook"]: one for one in master.call("GET", "/v1/hooks?name=web")["hooks"]}
        assert {name: (one["last"]["result"], one["last"]["line"]) for name, one in found.items()} == {
            "pre_start": ("ignored", ""),
            "post_start": ("broken off", ""),
            "post_stop": ("failed", "gone"),
        }
        long = master.ctl("status", "--long").stdout
        assert re.search(r"^web: post_stop: sh; failed .* ago: sh exited 4, after .* s: gone$", long, re.MULTILINE)
        metrics = master.ctl("metrics").stdout
        failures = re.findall(r'procman_process_hook_failures_total\{.*hook="(\w+)"\} (\d+)', metrics)
        assert dict(failures) == {"pre_start": "0", "post_start": "0", "post_stop": "1"}
        # They outlive what begins anew: a reload of the master.
        position = master.so_far()
        master.ctl("reload")
        master.wait_for("post_start of 'web': sleep begins", after=position)
        found = {one["hook"]: one for one in master.call("GET", "/v1/hooks?name=web")["hooks"]}
        assert found["post_stop"]["last"]["line"] == "gone"


def test_status_and_why_say_which_hook_runs(tmp_path):
    """With how long it has run, and how long it may."""
    config = section("web", SERVER, f"pre_start={held(tmp_path)}", f"pre_stop={held(tmp_path)}")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("pre_start of 'web': sh begins")
        info = master.info("web")
        assert (info["statename"], info["phase"]) == ("STARTING", "pre_start")
        assert info["description"].startswith("pre_start: sh, ")
        assert "its pre_start runs: sh" in master.ctl("why", "web").stdout
        (tmp_path / "go").touch()
        master.wait_for("success: web")
        (tmp_path / "go").unlink()
        master.call("POST", "/v1/processes/web/stop", {"wait": False})
        master.wait_for("pre_stop of 'web': sh begins")
        info = master.info("web")
        assert (info["statename"], info["phase"]) == ("STOPPING", "pre_stop")
        assert info["description"].endswith(" s of 30 s")
        assert master.ctl("stop", "web").stdout == "web: stopped\n"
        master.wait_for("pre_stop of 'web': was killed: it is asked to stop a second time")


def test_refresh_has_programs_read_their_configuration_again(tmp_path):
    """By a signal, a command, or a signal that is answered; `reload NAME` asks whether that was meant."""
    config = section("web", SERVER, "reload=signal:HUP")
    config += section("by", SLEEPER, "reload=sh -c 'echo $PROCMAN_HOOK $PROCMAN_REASON'")
    config += section("bad", SLEEPER, "reload=sh -c 'echo wrong; exit 2'")
    config += section("says", NOTIFIER, "reload=signal:HUP", "ready=notify")
    config += section("other", SLEEPER)
    with RunningMaster(tmp_path, config) as master:
        for name in ("web", "by", "bad", "says", "other"):
            master.wait_for(f"success: {name}")
        until_said(master, "up")
        asked = master.ctl("refresh", "all")
        assert sorted(asked.stdout.splitlines()) == [
            "bad was not refreshed: sh exited 2: wrong",
            "by: refreshed",
            "says: refreshed",
            "web: refreshed",
        ]
        assert asked.returncode == 1
        assert output(master, "by") == ["reload operator"]
        until_said(master, "read again")
        assert "other has no option reload" in master.ctl("refresh", "other").stdout
        assert master.info("bad")["statename"] == "RUNNING"
        asked = master.ctl("reload", "web")
        assert asked.stderr == "did you mean refresh web? reload without a name restarts everything\n"
        assert asked.returncode == 1
        master.ctl("stop", "by")
        assert master.ctl("refresh", "by").stdout == "by: ERROR (not running)\n"


def test_an_upgrade_waits_for_hooks(tmp_path):
    """The new code goes on with what the program is by then."""
    with RunningMaster(tmp_path, section("web", SERVER, f"post_start={held(tmp_path)}")) as master:
        master.wait_for("post_start of 'web': sh begins")
        with ThreadPoolExecutor() as pool:
            upgrade = pool.submit(master.ctl, "upgrade")
            while not any(one["kind"] == "upgrade" for one in master.call("GET", "/v1/operations")["operations"]):
                assert not upgrade.done()
            (tmp_path / "go").touch()
            assert upgrade.result().returncode == 0
        assert master.info("web")["statename"] == "RUNNING"


@pytest.mark.root
def test_a_plus_runs_a_command_as_the_masters_user(tmp_path):
    """All others are the program's user."""
    tmp_path.chmod(0o755)
    config = section("web", SLEEPER, "pre_start=\n  sh -c 'id -un'\n  +sh -c 'id -un'", "user=nobody")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web")
        assert output(master) == ["nobody", "root"]


@pytest.mark.slow
def test_three_programs_with_a_pre_stop_of_4_s_end_within_a_timeout_of_9_s(tmp_path):
    """In three waves, each has its share of shutdown_timeout, and what is cut is said."""
    config = "".join(
        section(name, SERVER, f"priority={priority}", "pre_stop=sleep 4")
        for priority, name in enumerate(("one", "two", "three"))
    )
    with RunningMaster(tmp_path, config, master="shutdown_timeout=9s") as master:
        for name in ("one", "two", "three"):
            master.wait_for(f"success: {name}")
        os.kill(master.pid, signal.SIGTERM)
        master.wait_for("stopped: one")
        assert "was killed: pre_stop timed out after" in master.text
