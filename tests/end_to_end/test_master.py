"""The real master with real children: the effects of signals, files and clients."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from procman.client.api_client import ApiError
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster, python


@pytest.fixture
def start_master(tmp_path):
    masters = []

    def start(programs, **options):
        masters.append(RunningMaster(tmp_path, programs, **options))
        return masters[-1]

    yield start
    for master in masters:
        master.close()


@pytest.fixture
def opened():
    """Closes what a test has opened."""
    with contextlib.ExitStack() as stack:
        yield lambda thing: stack.enter_context(contextlib.closing(thing))


def program(name, command, **options):
    return f"[program:{name}]\ncommand={command}\n" + "".join(f"{key}={value}\n" for key, value in options.items())


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_sigterm_stops_everything_and_cleans_up(start_master, tmp_path):
    """After SIGTERM the children are gone, the socket and the pid file are removed, and the status is 0."""
    master = start_master(program("web", SLEEPER, startsecs=0))
    master.wait_for("success: web")
    pid = master.info("web")["pid"]
    assert master.stop() == 0
    assert not alive(pid)
    assert not os.path.exists(master.socket)
    assert not (tmp_path / "master.pid").exists()
    master.wait_for("received SIGTERM indicating exit request")
    master.wait_for("waiting for web to die")
    master.wait_for("stopped: web (terminated by SIGTERM)")


def test_a_second_sigterm_kills_now(start_master):
    """A second SIGTERM kills programs without waiting for stopwaitsecs."""
    master = start_master(program("mule", STUBBORN, startsecs=0, stopwaitsecs=3600, stdout_logfile="/dev/stdout"))
    master.wait_for("armed")
    master.signal(signal.SIGTERM)
    master.wait_for("waiting for mule to die")
    assert master.stop() == 0
    master.wait_for("killing 'mule'")
    master.wait_for("stopped: mule (terminated by SIGKILL)")


def test_groups_stop_in_waves_of_their_priorities(start_master):
    """Groups with the highest number stop first, and have ended before the next ones get their signal."""
    master = start_master(
        program("first", SLEEPER, startsecs=0, priority=1)
        + program("last_a", SLEEPER, startsecs=0, priority=9)
        + program("last_b", SLEEPER, startsecs=0, priority=9),
        arguments=("-e", "debug"),
    )
    for name in ("first", "last_a", "last_b"):
        master.wait_for(f"success: {name}")
    assert master.stop() == 0
    order = [line for line in master.lines if "killing " in line or "stopped: " in line]
    names = [re.search(r"(killing|stopped:) (\w+)", line).groups() for line in order]
    assert {names[0], names[1]} == {("killing", "last_a"), ("killing", "last_b")}
    assert names[-2:] == [("killing", "first"), ("stopped:", "first")]


def test_sighup_starts_anew_with_the_file_as_it_is_then(start_master):
    """SIGHUP stops all programs, rereads the file and starts its programs."""
    master = start_master(program("old", SLEEPER, startsecs=0))
    master.wait_for("success: old")
    master.write(program("new", SLEEPER, startsecs=0))
    master.signal(signal.SIGHUP)
    master.wait_for("received SIGHUP indicating restart request")
    master.wait_for("stopped: old")
    master.wait_for("success: new")
    assert master.process.poll() is None
    assert master.stop() == 0


def test_sighup_with_a_broken_file_changes_nothing(start_master):
    """After SIGHUP with a broken file, programs keep running, and the log has the problems."""
    master = start_master(program("web", SLEEPER, startsecs=0))
    master.wait_for("success: web")
    pid = master.info("web")["pid"]
    master.write("[program:web]\nstartsecs=soon\nstopwaitsec=1\n")
    master.signal(signal.SIGHUP)
    master.wait_for("everything goes on as it was")
    assert any(" CRIT " in line and "startsecs: cannot" in line for line in master.lines)
    assert any(" WARN " in line and "stopwaitsec: ignored" in line for line in master.lines)
    assert master.info("web")["pid"] == pid
    assert master.info("web")["statename"] == "RUNNING"


def test_what_has_failed_is_told_of_with_its_last_words(start_master, tmp_path):
    """A FATAL program's last line is in the log at level warn, the API and `status`; supervisor's texts stay."""
    broken = python("import sys\nsys.stdout.write('starting\\n')\nsys.exit('cannot reach the database')")
    master = start_master(
        program("broken", broken, startsecs=100, startretries=0)
        + program("missing", tmp_path / "missing", startretries=0)
    )
    why = master.wait_for("broken is FATAL")
    assert " WARN broken is FATAL after 1 try: exit status 1; its last line on stderr: cannot" in master.lines[why - 1]
    master.wait_for("WARN missing is FATAL after 1 try: can't find command")
    info = master.info("broken")
    assert (info["ending"], info["last_words"]) == ("exit status 1", "cannot reach the database")
    assert master.ctl("status", "broken").stdout.endswith(" Exited too quickly (process log may have details)\n")


def test_the_last_words_outlive_an_upgrade(start_master):
    """A failed program's last line survives an upgrade."""
    broken = python("import sys\nsys.exit('cannot reach the database')")
    master = start_master(program("broken", broken, startsecs=100, startretries=0))
    master.wait_for("broken is FATAL")
    before = master.info("broken")
    assert master.ctl("upgrade").returncode == 0
    after = master.info("broken")
    for field in ("ending", "last_words", "last_words_on"):
        assert after[field] == before[field] != ""


def test_what_never_ran_was_not_stopped_in_1970(start_master, tmp_path):
    """A program that failed to start and was stopped before the next try shows "Not started", not a date."""
    master = start_master(program("missing", tmp_path / "missing", startretries=1000))
    master.wait_for("spawnerr")
    assert master.ctl("stop", "missing").stdout == "missing: stopped\n"
    assert master.ctl("status").stdout.split(maxsplit=2) == ["missing", "STOPPED", "Not started\n"]


def test_sigusr2_opens_the_logs_anew(start_master, opened, tmp_path):
    """After a log was moved, SIGUSR2 makes the output go to a new file."""
    log = tmp_path / "echo.log"
    echo = python("import sys\nfor line in sys.stdin: print(line, end='')")
    master = start_master(program("echo", echo, startsecs=0, stdout_logfile=log))
    master.wait_for("success: echo")
    follower = opened(master.follow("echo"))
    master.say("echo", "before\n")
    next(follower)
    log.rename(tmp_path / "moved.log")
    master.signal(signal.SIGUSR2)
    master.wait_for("received SIGUSR2 indicating log reopen request")
    master.say("echo", "after\n")
    next(follower)
    master.has_written("echo")
    assert (tmp_path / "moved.log").read_text() == "before\n"
    assert log.read_text() == "after\n"


def test_a_follower_sees_what_is_written_from_then_on(start_master, opened, tmp_path):
    """`tail -f` starts with the end of the log and continues with each line."""
    echo = python("import sys\nfor line in sys.stdin: print(line, end='')")
    (tmp_path / "echo.log").write_text("from an earlier life\n")
    master = start_master(program("echo", echo, startsecs=0, stdout_logfile=tmp_path / "echo.log"))
    master.wait_for("success: echo")
    lines = opened(master.follow("echo"))
    assert next(lines) == b"from an earlier life\n"
    master.say("echo", "hello\n")
    assert next(lines) == b"hello\n"


def test_update_replaces_only_what_changed(start_master):
    """An update replaces one program, changes one in place, adds one, removes one, and leaves one alone."""
    same = program("same", SLEEPER, startsecs=0)
    master = start_master(
        same
        + program("tuned", SLEEPER, startsecs=0, stopwaitsecs=10)
        + program("moved", SLEEPER, startsecs=0)
        + program("gone", SLEEPER, startsecs=0)
    )
    for name in ("same", "tuned", "moved", "gone"):
        master.wait_for(f"success: {name}")
    before = {name: master.info(name)["pid"] for name in ("same", "tuned", "moved")}
    master.write(
        same
        + program("tuned", SLEEPER, startsecs=0, stopwaitsecs=20)
        + program("moved", SLEEPER, startsecs=0, environment='X="1"')
        + program("fresh", SLEEPER, startsecs=0)
    )
    dry = master.call("POST", "/v1/config/update", {"dry_run": True})["steps"]
    assert master.info("moved")["pid"] == before["moved"]
    steps = master.call("POST", "/v1/config/update", {})["steps"]
    assert steps == dry
    assert {(s["group"], s.get("name"), s["action"]) for s in steps} == {
        ("gone", None, "stopped"),
        ("gone", None, "removed"),
        ("moved", None, "stopped"),
        ("moved", "moved", "replaced"),
        ("moved", None, "updated"),
        ("tuned", "tuned", "changed in place"),
        ("tuned", None, "updated"),
        ("fresh", None, "added"),
    }
    assert master.info("same")["pid"] == before["same"]
    assert master.info("tuned")["pid"] == before["tuned"]
    assert master.info("moved")["pid"] != before["moved"]
    master.wait_for("success: fresh")
    with pytest.raises(ApiError) as refused:
        master.info("gone")
    assert refused.value.code == "BAD_NAME"
    assert master.call("POST", "/v1/config/update", {})["steps"] == []


def test_update_leaves_what_an_operator_has_stopped(start_master):
    """An update does not start a program that was stopped manually."""
    master = start_master(program("web", SLEEPER, startsecs=0))
    master.wait_for("success: web")
    master.call("POST", "/v1/processes/web/stop")
    master.write(program("web", SLEEPER, startsecs=0, environment='X="1"'))
    steps = master.call("POST", "/v1/config/update", {})["steps"]
    assert [s["action"] for s in steps] == ["replaced", "updated"]
    assert master.info("web")["statename"] == "STOPPED"


def test_update_with_a_broken_file_changes_nothing(start_master):
    """An update with a broken file reports every problem and changes nothing."""
    master = start_master(program("web", SLEEPER, startsecs=0))
    master.wait_for("success: web")
    pid = master.info("web")["pid"]
    master.write("[program:web]\nstopsignal=NOPE\n")
    with pytest.raises(ApiError) as refused:
        master.call("POST", "/v1/config/update", {})
    assert refused.value.code == "CANT_REREAD"
    assert "stopsignal" in str(refused.value)
    assert master.info("web")["pid"] == pid


def test_last_words_are_in_the_log_before_the_death_is_told(start_master, tmp_path):
    """A program's last output is in its log when its end is announced."""
    talker = python("import os; os.write(1, b'x' * 60000); os._exit(3)")
    master = start_master(program("talker", talker, startretries=0, stdout_logfile=tmp_path / "talker.log"))
    master.wait_for("exited: talker (exit status 3; not expected)")
    assert (tmp_path / "talker.log").stat().st_size == 60000


def test_a_killed_program_is_back_and_never_twice(start_master, tmp_path):
    """After each SIGKILL, exactly one new process runs."""
    lock = tmp_path / "lock"
    code = (
        f"import fcntl, time; f = open({str(lock)!r}, 'w')\n"
        "fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB); time.sleep(1000)"
    )
    master = start_master(
        program("web", python(code), startsecs=0, autorestart="true", stderr_logfile=tmp_path / "err.log")
    )
    after = master.wait_for("success: web")
    for _ in range(5):
        os.kill(master.info("web")["pid"], signal.SIGKILL)
        master.wait_for("exited: web (terminated by SIGKILL; not expected)", after=after)
        after = master.wait_for("success: web", after=after)
    assert master.info("web")["restarts"] == 5
    assert (tmp_path / "err.log").read_text() == ""


def test_two_programs_never_share_a_line_on_the_console(start_master):
    """Partial lines of two programs appear as whole lines of one each."""

    def half(letter):
        return python(
            f"import sys, time\nhalf = '{letter}' * 10\n"
            "for _ in range(200):\n"
            "    sys.stdout.write(half); sys.stdout.flush()\n"
            "    sys.stdout.write(half + chr(10)); sys.stdout.flush()\n"
            "time.sleep(1000)"
        )

    master = start_master(
        program("a", half("a"), startsecs=0, stdout_logfile="/dev/stdout", stdout_logfile_maxbytes=0)
        + program("b", half("b"), startsecs=0, stdout_logfile="/dev/fd/1", stdout_logfile_maxbytes=0)
    )
    for letter in "ab":
        position = 0
        for _ in range(200):
            position = master.wait_for(letter * 20, after=position)
    output = [line for line in master.lines if set(line) <= set("ab")]
    assert sorted(output) == ["a" * 20] * 200 + ["b" * 20] * 200


def test_a_log_that_cannot_be_written_costs_one_message_and_is_counted(start_master, opened, tmp_path):
    """An unwritable log gives one message, the program keeps running, and lost bytes are counted."""
    chatty = python(
        "import os, time\nfor _ in range(50): os.write(1, b'0123456789')\nos.write(2, b'done')\ntime.sleep(1000)"
    )
    master = start_master(
        program("chatty", chatty, startsecs=0, stdout_logfile="/dev/full", stdout_logfile_maxbytes=0)
        + program("other", SLEEPER, startsecs=0)
    )
    master.wait_for("cannot write log /dev/full: No space left on device")
    errors = opened(master.follow("chatty", "stderr"))
    assert next(errors) == b"done"
    # stderr was read after stdout was written, so by now all of it has met the full disk.
    master.call("GET", "/v1/master")
    info = master.info("chatty")
    assert info["statename"] == "RUNNING"
    assert info["lost"] == 500
    assert sum("cannot write log /dev/full" in line for line in master.lines) == 1


def test_a_second_master_of_the_same_file_is_refused(start_master, tmp_path):
    """A second master of the same file names the first one and does not disturb it."""
    master = start_master(program("web", SLEEPER, startsecs=0))
    master.wait_for("success: web")
    second = subprocess.run(
        [sys.executable, "-m", "procman", "-c", str(master.file)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert second.returncode == 2
    assert f"is held by pid {master.process.pid} (" in second.stderr
    assert "Traceback" not in second.stderr
    assert master.info("web")["statename"] == "RUNNING"


def test_the_socket_of_a_killed_master_is_replaced(start_master):
    """A stale socket file does not prevent a start."""
    master = start_master("")
    master.wait_for("procman started")
    master.process.kill()
    master.to_the_end()
    assert os.path.exists(master.socket)
    again = subprocess.Popen(
        [sys.executable, "-m", "procman", "-c", str(master.file)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=master.folder,
    )
    assert any("procman started" in line for line in again.stdout)
    again.terminate()
    again.communicate()
    assert again.returncode == 0


def test_many_clients_wait_for_the_same_start(start_master):
    """Several requests for the same start cause one start, and each learns its result."""
    master = start_master(program("web", SLEEPER, autostart="false"))
    master.wait_for("procman started")
    answers = []

    def ask():
        answers.append(master.call("POST", "/v1/processes/web/start")["results"][0]["status"])

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["ALREADY_STARTED"] * 4 + ["SUCCESS"]


def test_restart_waits_for_the_new_one(start_master):
    """`restart` answers when the new process is up, with another pid."""
    master = start_master(program("web", SLEEPER, startsecs=0))
    master.wait_for("success: web")
    before = master.info("web")["pid"]
    answer = master.call("POST", "/v1/processes/web/restart")
    assert answer["results"][0]["status"] == "SUCCESS"
    after = master.info("web")
    assert after["statename"] == "RUNNING"
    assert after["pid"] != before
    assert not alive(before)


def test_orphans_of_a_program_do_not_hold_up_the_end(start_master, opened, tmp_path):
    """A grandchild that keeps the pipe open does not delay its parent's end, and its output is logged."""
    code = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    sys.stdin.read()\n"
        "    os.write(1, b'grandchild %d\\n' % os.getpid())\n"
        "    time.sleep(1000)\n"
        "os._exit(0)\n"
    )
    master = start_master(
        program("forker", python(code), startsecs=0, autorestart="false", stdout_logfile=tmp_path / "f.log")
    )
    master.wait_for("exited: forker (exit status 0; expected)")
    text = next(opened(master.follow("forker")))
    pid = int(text.split()[1])
    try:
        assert master.stop() == 0
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_status_long_shows_what_each_process_uses(start_master):
    """`status --long` shows memory and descriptors of every running program."""
    # Right after its exec, a program has less than a mebibyte.
    web = python("import os, time; os.write(1, b'up\\n'); time.sleep(1000)")
    master = start_master(
        program("web", web, startsecs=0, ready="log:up") + program("idle", SLEEPER, autostart="false")
    )
    master.wait_for("success: web")
    words = [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(master.file), "status", "--long"]
    out = subprocess.run(words, capture_output=True, text=True, check=False)
    assert out.returncode == 3
    head, idle, web = out.stdout.splitlines()
    names = ["NAME", "STATE", "PID", "CPU%", "CPU", "RSS", "PROCESSES", "THREADS", "FDS", "RESTARTS", "LOST"]
    assert head.split() == names
    assert idle.split() == ["idle", "STOPPED", "0", "0"]
    shown = dict(zip(names, web.replace(" MiB", "MiB").split(), strict=True))
    assert (shown["STATE"], shown["PID"]) == ("RUNNING", str(master.info("web")["pid"]))
    assert (shown["PROCESSES"], shown["THREADS"]) == ("1", "1")
    assert shown["RSS"].endswith("MiB")


def test_programs_that_end_at_once_hold_up_neither_clients_nor_the_end(start_master):
    """With ten crash-looping programs, the master still answers and obeys SIGTERM."""
    master = start_master(
        program("quick", "/bin/true", startsecs=0, autorestart="true", numprocs=10, process_name="q_%(process_num)d")
        + program("calm", SLEEPER, startsecs=0),
        master="restart_brake=false",
    )
    master.wait_for("success: calm")
    while sum(info["restarts"] for info in master.call("GET", "/v1/processes")["processes"]) < 500:
        pass
    assert master.info("calm")["statename"] == "RUNNING"
    assert master.stop() == 0
    assert [line for line in master.lines if "wakeup" in line or "Traceback" in line or "bug" in line] == []


def test_a_reload_that_cannot_listen_goes_on_with_what_was_there(start_master):
    """A reload whose socket path fails is logged, and the old programs are started again."""
    master = start_master(program("web", SLEEPER, startsecs=0))
    after = master.wait_for("success: web")
    text = master.file.read_text()
    master.file.write_text(text.replace(master.socket, "/proc/no-such-place/s"))
    master.signal(signal.SIGHUP)
    master.wait_for("cannot restart: cannot listen on /proc/no-such-place/s", after=after)
    master.wait_for("success: web", after=after)
    assert master.info("web")["statename"] == "RUNNING"


def test_what_was_lost_is_said_at_the_end(start_master):
    """Lost bytes are reported when a log is closed, also at the master's end."""
    chatty = python("import os, time; os.write(1, b'0123456789'); os.write(1, b'0123456789'); time.sleep(1000)")
    master = start_master(program("chatty", chatty, startsecs=0, stdout_logfile="/dev/full", stdout_logfile_maxbytes=0))
    master.wait_for("cannot write log /dev/full")
    assert master.stop() == 0
    master.wait_for("log /dev/full is closed")


def test_the_shell_prints_nothing_but_json_when_asked_for_it(start_master):
    """With --json, commands through a pipe print JSON documents and no prompts."""
    master = start_master(program("web", SLEEPER, startsecs=0))
    master.wait_for("success: web")
    words = [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(master.file), "--json"]
    out = subprocess.run(words, input="pid web\nexit\n", capture_output=True, text=True, check=False).stdout
    documents = []
    while out.strip():
        document, end = json.JSONDecoder().raw_decode(out.lstrip())
        documents.append(document)
        out = out.lstrip()[end:]
    assert documents[-1] == {"left": True}
    assert str(master.info("web")["pid"]) in json.dumps(documents[-2])
