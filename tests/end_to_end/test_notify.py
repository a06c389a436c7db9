"""A real master tells of failing programs: by web hooks on this machine, and by commands."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.memory_cgroups import memory_cgroup
from tests.support.running_master import SLEEPER, RunningMaster, python
from tests.support.webhook_servers import Hook, Silent

SECRET = "T0KEN-of-the-hook"
LOOPER = "[program:loop]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=true\n"


@pytest.fixture
def hook():
    hook = Hook()
    yield hook
    hook.close()


@pytest.fixture
def start_master(tmp_path):
    """A master with the test's programs and sections."""
    masters = []

    def start_master(text: str, **options) -> RunningMaster:
        masters.append(RunningMaster(tmp_path, text, **options))
        masters[-1].wait_for("spawned: ")  # by then its socket is there
        return masters[-1]

    yield start_master
    for master in masters:
        master.close()


def section(url, *lines, name="ops"):
    return "\n".join([f"[notify:{name}]", f"webhook={url}", *lines, ""])


def posted(hook):
    """The next message that arrives, as JSON."""
    return json.loads(hook.next()[1])


def helpers(master):
    """The pids of the master's helper processes."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if parent == master.process.pid and "procman.webhook" in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(int(pid))
        except OSError:
            pass  # it has ended
    return found


def ended(pid):
    """Wait until that process, which is no child of ours, has ended."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        try:
            return bool(select.select([fd], [], [], PATIENCE)[0])
        finally:
            os.close(fd)
    return True


def told(master, name="ops"):
    """What the master says of that section."""
    return next(one for one in master.call("GET", "/v1/notify")["sections"] if one["name"] == name)


def sent(master, *, at_least, name="ops"):
    """Wait until so many messages have been sent."""
    deadline = time.monotonic() + PATIENCE
    while (info := told(master, name))["sent"] < at_least:
        assert time.monotonic() < deadline, info
    return info


def test_a_crash_looper_is_a_message_at_once_and_one_with_a_count(start_master, hook):
    """The second one sums up what has happened since the first."""
    start_master(LOOPER + section(hook.url(), "interval=300ms"), master="restart_brake=false")
    first, second = posted(hook), posted(hook)
    (one,), (sum_of_others,) = first["processes"], second["processes"]
    assert first["text"].startswith(f"procman on {first['host']}: loop has failed")
    assert first["text"].endswith(": exit status 3")
    assert sum_of_others["count"] >= 1
    assert sum_of_others["total"] == one["count"] + sum_of_others["count"]


def test_fatal_is_told_and_then_that_it_has_recovered(start_master, hook, tmp_path):
    """Other programs, and those that the section does not name, are not told of."""
    master = start_master(
        f"[program:web]\ncommand=sh -c 'test -e {tmp_path}/good && exec {SLEEPER}; echo boom >&2; exit 2'\n"
        "startretries=0\n"
        "[program:other]\ncommand=false\nstartretries=0\n"
        + section(hook.url(), "on=fatal, recovered", "programs=w*", "recovered_after=100ms", "interval=100ms")
    )
    assert posted(hook)["text"].endswith("web is FATAL: exit status 2; its last line on stderr: boom")
    (tmp_path / "good").touch()
    master.call("POST", "/v1/processes/web/start", {})
    message = posted(hook)
    assert (message["event"], message["processes"][0]["process"]) == ("recovered", "web")
    assert told(master)["reported"] == []


def test_want_of_memory_is_told_as_that(start_master, hook):
    """A wrapper has given the program a cgroup of its own, which counts."""
    with memory_cgroup(f"notify-{os.getpid()}", 48 * 1024 * 1024) as folder:
        hungry = python("input(); print(len(bytearray(200_000_000)))")
        command = f"sh -c 'echo $$ > {folder}/cgroup.procs; exec \"$@\"' sh {hungry}"
        master = start_master(
            f"[program:hungry]\ncommand={command}\nautorestart=false\n{section(hook.url(), 'on=exit, oom')}"
        )
        master.wait_for("hungry entered RUNNING")
        master.say("hungry", "eat\n")
        (told_of,) = posted(hook)["processes"]
    assert told_of["event"] == "oom"
    assert told_of["reason"].startswith(
        "terminated by SIGKILL; not by procman; its memory limit was hit once (oom_kill)"
    )


def test_a_command_gets_the_message_in_variables_and_on_stdin(start_master, tmp_path):
    """It runs as the master's user, in its directory, and is no orphan."""
    script = tmp_path / "tell"
    script.write_text(f'#!/bin/sh\necho "$PROCMAN_PROCESS $PROCMAN_EVENT"> {tmp_path}/told\ncat >> {tmp_path}/told\n')
    script.chmod(0o755)
    master = start_master(
        f"[program:web]\ncommand=false\nstartretries=0\n[notify:ops]\non=fatal\nexec={script} --token hunter2\n"
    )
    info = sent(master, at_least=1)
    first, second = (tmp_path / "told").read_text().splitlines()
    assert first == "web fatal"
    assert json.loads(second)["processes"][0]["process"] == "web"
    assert info["command"] == f"{script} --token ********"
    assert master.call("GET", "/v1/master")["reaped_orphans"] == 0


@pytest.mark.parametrize(
    ("command", "words"),
    [("sh -c 'echo no such list >&2; exit 9'", "exit status 9: no such list"), ("/no/such", "can't find command")],
)
def test_a_command_that_fails_is_an_error_in_words(start_master, command, words):
    """Procmanctl says it, and its exit status is 1."""
    master = start_master(f"[program:web]\ncommand={SLEEPER}\n[notify:ops]\nexec={command}\n")
    ran = master.ctl("notify", "test", "ops")
    assert ran.returncode == 1
    assert words in ran.stdout


def test_a_test_message_says_how_it_went(start_master, hook):
    """Every section is tried, and those that do not exist are named."""
    sections = section(hook.url()) + section("http://127.0.0.1:1/", name="bad")
    master = start_master(f"[program:web]\ncommand={SLEEPER}\n{sections}")
    ran = master.ctl("notify", "test", "ops", "bad", "oops")
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        "ops: sent (HTTP 200)",
        "bad: ERROR (not sent: the server cannot be reached: connection refused)",
        "oops: ERROR (there is no [notify:oops]; sections: ops, bad)",
    ]
    assert posted(hook)["event"] == "test"
    assert told(master)["sent"] == 0  # a test is none of the messages that are counted
    assert master.ctl("notify", "test", "ops").returncode == 0


def test_the_url_is_in_no_output(start_master, tmp_path):
    """It is a secret as a whole: in no log, answer, command line, check or export, whatever goes wrong."""
    url = f"http://127.0.0.1:1/{SECRET}"
    master = start_master("[program:web]\ncommand=false\nstartretries=0\n" + section(url))
    master.wait_for("notify:ops: cannot send a message")
    assert "notify:ops cannot send messages: the server cannot be reached" in master.ctl("why", "procman").stdout
    outputs = [master.text]
    commands = (
        "why",
        "why web",
        "why procman",
        "events",
        "crashes",
        "metrics",
        "history web",
        "notify",
        "notify test ops",
        "config",
        "config all",
        "status",
        "maintail",
        "config --json",
        "notify --json",
    )
    outputs += [master.ctl(*words.split()).stdout for words in commands]
    for pid in helpers(master):
        outputs += [
            Path(f"/proc/{pid}/{file}").read_bytes().decode(errors="replace") for file in ("cmdline", "environ")
        ]
    master.write("[program:web]\ncommand=false\n" + section(url + "2", "format=carrier-pigeon"))
    outputs += [master.ctl("update").stdout, master.ctl("reread").stdout]
    broken = tmp_path / "broken.conf"
    broken.write_text(f"[supervisord]\n[program:web]\ncommand=cat\n[notify:a]\nwebhook=htp://x/{SECRET}\nexec=x\n")
    good = tmp_path / "good.toml"
    good.write_text(f'[program.web]\ncommand = "cat"\n[notify.a]\nwebhook = "http://example.com/{SECRET}"\n')
    for command in (
        ["check", "-c", str(broken)],
        ["check", "--json", "-c", str(broken)],
        ["check", "-c", str(good)],
        ["check", "--json", "-c", str(good)],
        *(["export", engine, "-c", str(good)] for engine in ("kubernetes", "compose", "systemd")),
    ):
        ran = subprocess.run([sys.executable, "-m", "procman", *command], capture_output=True, text=True, check=False)
        outputs += [ran.stdout, ran.stderr]
    assert all(outputs[:9])
    assert [output for output in outputs if SECRET in output] == []


def test_an_update_changes_sections_in_place(start_master, hook):
    """Nothing that runs is touched; the next message goes to the new place."""
    program = f"[program:web]\ncommand={SLEEPER}\n"
    master = start_master(program + section("http://127.0.0.1:1/"))
    pid = master.wait_for("web entered RUNNING") and master.info("web")["pid"]
    master.write(program + section(hook.url()) + section(hook.url(), name="two"))
    assert master.ctl("reread").stdout.splitlines() == [
        "No config updates to processes",
        "notify:ops: changed",
        "notify:two: changed",
    ]
    shown = master.ctl("update", "--dry-run").stdout
    assert hook.url() not in shown
    change, option, *others = shown.splitlines()
    assert change == "notify:ops: would be changed in place"
    assert option.startswith("    webhook")
    assert others == ["notify:two: would be added", "1 to add, 1 to change in place"]
    assert master.ctl("update").stdout.splitlines() == ["notify:ops: changed in place", "notify:two: added"]
    assert master.ctl("notify", "test", "ops", "two").returncode == 0
    master.write(program)
    assert master.ctl("update").stdout.splitlines() == ["notify:ops: removed", "notify:two: removed"]
    assert "No section tells anybody" in master.ctl("notify").stdout
    assert master.info("web")["pid"] == pid


@pytest.mark.slow
def test_an_upgrade_goes_on_with_what_is_not_sent(start_master):
    """The message that the server has refused arrives after it, with the same id; the helper is no orphan."""
    up = []
    hook = Hook(lambda _: (200, {}) if up else (500, {}))
    try:
        master = start_master("[program:web]\ncommand=false\nstartretries=0\n" + section(hook.url(), "on=fatal"))
        first = posted(hook)
        (helper,) = helpers(master)
        assert master.ctl("upgrade").returncode == 0
        assert ended(helper)
        assert (told(master)["waiting"], told(master)["reported"]) == (1, ["web"])
        up.append(True)
        sent(master, at_least=1)
        while hook.count > 1:
            assert posted(hook) == first
            hook.count -= 1
        assert master.call("GET", "/v1/master")["reaped_orphans"] == 0
    finally:
        hook.close()


def test_a_reload_goes_on_with_what_is_not_sent(start_master):
    """The programs start anew, and the messages of before are still sent."""
    up = []
    hook = Hook(lambda _: (200, {}) if up else (500, {}))
    try:
        master = start_master("[program:web]\ncommand=false\nstartretries=0\n" + section(hook.url(), "on=fatal"))
        first = posted(hook)
        master.wait_for("notify:ops: cannot send a message: HTTP 500")
        up.append(True)
        assert master.ctl("reload").returncode == 0
        while posted(hook)["id"] != first["id"]:
            pass
    finally:
        hook.close()


def test_at_the_end_of_the_master_what_waits_is_sent(start_master, hook):
    """A program that was told of fails again, and the master is stopped before the next message is due."""
    master = start_master(LOOPER + section(hook.url(), "interval=1h"), master="restart_brake=false")
    posted(hook)
    restarts = master.info("loop")["restarts"]
    deadline = time.monotonic() + PATIENCE
    while master.info("loop")["restarts"] < restarts + 4:
        assert time.monotonic() < deadline
    master.signal(signal.SIGTERM)
    assert posted(hook)["processes"][0]["count"] >= 3
    master.to_the_end()


def test_a_server_that_hangs_does_not_keep_the_master(start_master):
    """Meanwhile clients are answered, and at the end the log says what was not sent."""
    silent = Silent()
    try:
        master = start_master("[program:web]\ncommand=false\nstartretries=0\n" + section(silent.url(), "on=fatal"))
        master.wait_for("entered FATAL")
        assert master.info("web")["statename"] == "FATAL"
        master.signal(signal.SIGTERM)
        master.wait_for("notify:ops: 1 message was not sent: there was no time")
        master.to_the_end()
        assert "behind" not in master.text
    finally:
        silent.close()


def test_a_killed_helper_is_replaced(start_master, hook):
    """The message under way is tried again; nothing is taken for an orphan."""
    master = start_master(f"[program:web]\ncommand={SLEEPER}\n" + section(hook.url()))
    assert master.ctl("notify", "test", "ops").returncode == 0
    (helper,) = helpers(master)
    os.kill(helper, signal.SIGKILL)
    assert ended(helper)
    assert master.ctl("notify", "test", "ops").returncode == 0
    assert master.call("GET", "/v1/master")["reaped_orphans"] == 0
    assert helpers(master) != [helper]


def test_the_helper_of_a_killed_master_ends(start_master, hook):
    master = start_master(f"[program:web]\ncommand={SLEEPER}\n" + section(hook.url()))
    assert master.ctl("notify", "test", "ops").returncode == 0
    (helper,) = helpers(master)
    os.kill(master.process.pid, signal.SIGKILL)
    assert ended(helper)


def test_the_helper_inherits_nothing_of_the_programs(start_master, hook):
    """It has its three pipes, and what Python opens by itself."""
    master = start_master(f"[program:web]\ncommand={SLEEPER}\n" + section(hook.url()))
    assert master.ctl("notify", "test", "ops").returncode == 0
    (helper,) = helpers(master)
    links = []
    for fd in os.listdir(f"/proc/{helper}/fd"):
        with contextlib.suppress(FileNotFoundError):  # its connection to the server, which it has closed since
            links.append(os.readlink(f"/proc/{helper}/fd/{fd}"))
    assert len([link for link in links if link.startswith("pipe:")]) == 3
    assert [link for link in links if link.endswith((".log", "/s"))] == []


@pytest.mark.root
def test_as_pid_1_the_helper_is_no_stranger_at_the_end(start_master, hook):
    """It has ended before the master asks all that is left to leave."""
    master = start_master(f"[program:web]\ncommand={SLEEPER}\n" + section(hook.url()), as_pid_1=True)
    assert master.ctl("notify", "test", "ops").returncode == 0
    master.ctl("shutdown")
    master.to_the_end()
    assert "to leave, too" not in master.text
