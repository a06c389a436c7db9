"""`procmanctl why` of a real master: one scenario for each kind of end, and for all else that keeps a program down."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.support.elf_files import elf64
from tests.support.master_process import PROGRAMS
from tests.support.memory_cgroups import memory_cgroup
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster, python

NOBODY = 65534
# However busy the machine is, it ends before it counts as started, and is not started again.
FAILS = "startsecs=60\nstartretries=0\n"
NEVER_STOPPED = "stopwaitsecs=3600\n"
UNSHARED = ("unshare", "--mount", "sh", "-c")
LIMIT = 48 * 1024 * 1024


@pytest.fixture
def start_master(tmp_path):
    """Masters that end with the test, whatever they wait for."""
    masters = []

    def start_master(programs: str, **options) -> RunningMaster:
        masters.append(RunningMaster(tmp_path, programs, **options))
        masters[-1].wait_for("procman started with pid")
        return masters[-1]

    yield start_master
    for master in masters:
        for info in master.call("GET", "/v1/processes")["processes"] if master.process.poll() is None else ():
            if info["pid"]:
                os.kill(info["pid"], signal.SIGKILL)
        master.close()


def section(name: str, command: str, *options: str) -> str:
    return "\n".join([f"[program:{name}]", f"command={command}", *options, ""])


def why(master: RunningMaster, name: str) -> dict:
    (info,) = master.call("GET", f"/v1/why?name={name}")["explanations"]
    return info


def because(info: dict) -> list[str]:
    return [link["text"] for link in info["because"]]


def until(master: RunningMaster, name: str, condition: Callable[[dict], bool]) -> dict:
    """Ask until it is so: what a process has left behind is looked for a while after its end."""
    for _ in range(10_000):
        if condition(info := why(master, name)):
            return info
        master.call("GET", "/v1/master")  # takes a turn or two
    raise AssertionError(info)


def found_out(info: dict) -> bool:
    """It says more than how it ended; on a busy machine, that takes longer than `why` waits."""
    return len(info["because"]) > 1


def test_an_exit_with_an_error(start_master, tmp_path):
    """How often, how and with which words it failed, who wants it, which lines decide, and what to type."""
    program = section("db", python("import sys; sys.exit('data directory has wrong ownership')"), FAILS)
    master = start_master(program)
    master.wait_for("db entered FATAL state")
    info = why(master, "db")
    assert re.fullmatch(r"db has been FATAL for [\d.]+ s, and should be up \(wanted by boot\)", info["sentence"])
    assert because(info) == ["1 failed start; exit status 1, last words: data directory has wrong ownership"]
    assert info["short"] == f"FATAL: {because(info)[0]}"
    assert (info["end"], info["last_words_on"]) == ("exit status 1", "stderr")
    assert (info["next"], info["next_in"]) == ("nothing by itself", None)
    tail, crash, start = info["commands"]
    assert (tail, start) == ("procmanctl tail db stderr", "procmanctl start db")
    report = master.call("GET", f"/v1/crashes/{crash.removeprefix('procmanctl crash ')}")
    assert (report["name"], report["times"], report["how"]) == ("db", 1, "exit status 1, sooner than startsecs (60 s)")
    lines = master.file.read_text().splitlines()
    assert info["options"][0] == {
        "option": "startretries",
        "shown": "0",
        "source": "file",
        "file": str(master.file),
        "line": lines.index("startretries=0") + 1,
        "place": f"supervisord.conf:{lines.index('startretries=0') + 1}",
    }
    assert info["defined"] == f"supervisord.conf:{lines.index('[program:db]') + 2}"
    assert info["as_wanted"] is False


def test_a_signal_that_procman_has_not_sent(start_master):
    """It says so, and whether memory was short."""
    master = start_master(section("web", SLEEPER, "autorestart=false"))
    master.wait_for("web entered RUNNING state")
    os.kill(master.info("web")["pid"], signal.SIGKILL)
    master.wait_for("exited: web (terminated by SIGKILL; not expected)")
    info = why(master, "web")
    assert info["sentence"].endswith(", and has failed")
    assert because(info)[0].startswith("terminated by SIGKILL; not by procman; ")
    assert because(info)[1:] == ["autorestart = false: it is not started again"]
    assert [option["option"] for option in info["options"]] == ["autorestart", "exitcodes"]


def test_a_fault_of_its_own(start_master):
    """The signal by name, and what it means."""
    master = start_master(section("web", python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), FAILS))
    master.wait_for("web entered FATAL state")
    assert "terminated by SIGSEGV" in because(why(master, "web"))[0]
    assert "it accessed memory that is not its own" in because(why(master, "web"))[0]


def test_our_own_sigkill(start_master):
    """What it was for."""
    master = start_master(section("stub", STUBBORN, "stopwaitsecs=0", "ready=log:armed"))
    master.wait_for("stub entered RUNNING state")
    master.call("POST", "/v1/processes/stub/stop")
    info = why(master, "stub")
    assert info["as_wanted"] is True
    assert because(info)[0].startswith("terminated by SIGKILL; by procman: it had not stopped after ")
    assert because(info)[0].endswith("(stopwaitsecs)")


def test_out_of_memory(start_master):
    """Of its own cgroup that is certain."""
    hungry = python("input(); print(len(bytearray(200_000_000)))")
    with memory_cgroup(f"why-{os.getpid()}", LIMIT) as folder:
        moved = f"sh -c 'echo $$ > {folder}/cgroup.procs; exec \"$@\"' sh {hungry}"
        master = start_master(section("hungry", moved, "autorestart=false"))
        master.wait_for("hungry entered RUNNING state")
        master.say("hungry", "eat\n")
        master.wait_for("exited: hungry (terminated by SIGKILL; not expected)")
        assert "its memory limit was hit once (oom_kill)" in because(why(master, "hungry"))[0]


def executable(path, content: bytes, mode: int = 0o755) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: f"{folder}/venv/bin/app", "/venv does not exist: check the path in command="),
        (lambda folder: executable(folder / "app", b"#!/bin/sh\n", 0o644), "chmod +x "),
        (lambda folder: executable(folder / "app", b"#!/no/such/python\n"), "its interpreter /no/such/python"),
        (lambda folder: executable(folder / "app", b"echo hello\n"), "let its first line name its interpreter"),
        (lambda folder: executable(folder / "app", elf64(8, None) + bytes(512)), "is built for "),
    ],
    ids=["missing", "not-executable", "interpreter", "no-first-line", "architecture"],
)
def test_what_the_kernel_said_of_exec(start_master, tmp_path, make, said):
    """Supervisor's reason, and then what is behind it, with the way out; there is no log to look at."""
    master = start_master(section("web", make(tmp_path), FAILS))
    master.wait_for("web entered FATAL state")
    info = why(master, "web")
    assert because(info)[0].startswith("1 failed start; ")
    assert said in because(info)[1]
    assert info["because"][1]["kind"] == "trouble"
    assert info["commands"][0] == "procmanctl config web"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.root
def test_a_folder_that_its_user_may_not_enter(start_master, tmp_path):
    """The folder is named."""
    (tmp_path / "home").mkdir(mode=0o700)
    master = start_master(section("web", "sleep 1000", "user=nobody", f"directory={tmp_path}/home", FAILS))
    master.wait_for("web entered FATAL state")
    assert any("may not enter the directory" in text for text in because(why(master, "web")))


def test_a_port_that_another_program_holds(start_master):
    """The holder is named, with its pid, and that it is ours, also where only `ready` says which port it is."""
    listens = python(
        "import socket, sys, time\n"
        "taken = socket.socket(); taken.bind(('127.0.0.1', int(sys.argv[2]))); taken.listen()\n"
        "print(taken.getsockname()[1], flush=True); time.sleep(1000)"
    )
    first = section("first", f"{listens} --port 0")
    master = start_master(first)
    with closing(master.follow("first")) as said:
        port = int(next(said))
    master.write(first + section("second", f"{listens} --port {port}", "autostart=false", FAILS))
    master.call("POST", "/v1/config/update", {})
    master.call("POST", "/v1/processes/second/start")
    texts = because(until(master, "second", found_out))
    assert "Address already in use" in texts[0]
    assert texts[1].startswith(f"port {port} is held by pid {master.info('first')['pid']} ")
    assert texts[1].endswith("of the program first: give one of the two another address")
    silent = python(
        f"import socket\ntry: socket.create_server(('127.0.0.1', {port}))\nexcept OSError: exit('EADDRINUSE')"
    )
    master.write(first + section("third", silent, f"ready=listen:{port}", "startretries=0", "autostart=false"))
    master.call("POST", "/v1/config/update", {})
    master.call("POST", "/v1/processes/third/start")
    assert because(until(master, "third", found_out))[1] == texts[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.root
def test_a_full_disk(start_master, tmp_path):
    """Which one it is, from what the program wrote last."""
    small = tmp_path / "small"
    small.mkdir()
    mount = (*UNSHARED, 'mount -t tmpfs -o size=64k none "$0" && exec "$@"', str(small))
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted in a namespace of its own here")
    fills = python(f"file = open('{small}/file', 'wb', 0)\nwhile True: file.write(bytes(4096))")
    master = start_master(section("web", fills, f"directory={small}", FAILS), wrapper=mount)
    master.wait_for("web entered FATAL state")
    texts = because(until(master, "web", found_out))
    assert "No space left on device" in texts[0]
    assert texts[1] == f"no room is left on {small}: make room"


def test_a_limit_of_descriptors(start_master):
    """Which one it is, and the option that raises it."""
    opens = python("files = []\nwhile True: files.append(open('/dev/null'))")
    master = start_master(section("web", opens, FAILS))
    master.wait_for("web entered FATAL state")
    texts = because(until(master, "web", found_out))
    assert "Too many open files" in texts[0]
    assert texts[1].startswith("it had as many files open as it may ")


def test_a_program_that_daemonizes(start_master):
    """How many of its processes run, and both remedies."""
    master = start_master(section("app", f"python3 {PROGRAMS}/daemonizes.py", FAILS))
    master.wait_for("app entered FATAL state")
    position = master.wait_for("app has put itself into the background")
    info = until(master, "app", found_out)
    assert because(info)[0].startswith("1 failed start; exit status 0, sooner than startsecs (60 s)")
    assert because(info)[1].startswith("it has daemonized: 1 process of it runs; run it in the foreground")
    pid = re.search(r"have pid (\d+) stopped", master.lines[position - 1])
    assert pid is not None
    os.kill(int(pid[1]), signal.SIGKILL)


def test_a_program_that_daemonizes_and_is_not_expected_to_stay(start_master):
    """It has ended as it should; that processes of it run on is said all the same."""
    daemonizes = f"python3 {PROGRAMS}/daemonizes.py"
    master = start_master(section("app", daemonizes, "startsecs=0", "autorestart=false"))
    position = master.wait_for("app has ended and left pid")
    info = until(master, "app", lambda info: len(info["because"]) > 2)
    assert info["as_wanted"]
    assert because(info)[1].startswith("it has daemonized: 1 process of it runs; run it in the foreground")
    pid = re.search(r"left pid (\d+) behind", master.lines[position - 1])
    assert pid is not None
    os.kill(int(pid[1]), signal.SIGKILL)


def test_a_stop_by_an_operator(start_master):
    """Who that was, with which command and when; it is as it should be, and the exit status says so."""
    master = start_master(section("web", SLEEPER))
    master.wait_for("web entered RUNNING state")
    master.ctl("stop", "web")
    ran = master.ctl("why", "web")
    assert ran.returncode == 0
    actor = rf"uid {os.getuid()} \((\w+, )?\w+ stop web, pid \d+\) at \d\d:\d\d:\d\d"
    first, *_ = ran.stdout.splitlines()
    assert re.fullmatch(rf"web has been STOPPED for [\d.]+ s, as it should be \(stopped by {actor}\)", first)
    assert "because  terminated by SIGTERM; by procman\n           it was asked to stop\n" in ran.stdout
    master.ctl("start", "web")
    assert re.search(r"as it should be \(wanted by uid \d+ \((\w+, )?\w+ start web, ", master.ctl("why", "web").stdout)


def test_a_program_that_was_never_started(start_master):
    """The option that decides."""
    master = start_master(section("web", SLEEPER, "autostart=false"))
    info = why(master, "web")
    assert (info["sentence"], info["as_wanted"]) == ("web is STOPPED, as it should be", True)
    assert because(info) == ["it does not start with procman (autostart = false), and nobody has started it"]
    assert info["options"][0]["shown"] == "false"


def test_backing_off(start_master):
    """The next try, its number and its time."""
    master = start_master(section("web", "/no/such/program", "startretries=1000"))
    master.wait_for("spawnerr: ")
    info = until(master, "web", lambda info: info["statename"] == "BACKOFF")
    assert re.fullmatch(
        r"try \d+ of 1001 (now|in [\d.]+ s, at \d\d:\d\d:\d\d); if all of them fail, it is FATAL", info["next"]
    )
    assert info["next_in"] is not None


def test_a_stop_that_takes_its_time(start_master):
    """The signal it has, when SIGKILL comes, and who has asked."""
    master = start_master(section("stub", STUBBORN, NEVER_STOPPED))
    with closing(master.follow("stub")) as said:
        assert b"armed" in next(said)
    pid = master.info("stub")["pid"]
    master.call("POST", "/v1/processes/stub/stop", {"wait": False})
    info = why(master, "stub")
    assert re.match(r"stub has been STOPPING for [\d.]+ s, and should be down \(stopped by uid \d+ ", info["sentence"])
    assert re.fullmatch(rf"its process \(pid {pid}\) got SIGTERM [\d.]+ s ago and has not ended", because(info)[0])
    assert re.fullmatch(r"SIGKILL in 1 h|SIGKILL in 59 m", info["next"].partition(";")[0])
    assert 3000 < info["next_in"] <= 3600


def test_leftovers_are_named(start_master):
    """What is waited for, with its pid, and the option that has it waited for."""
    child = f"{STUBBORN} & read line; exit 0"
    master = start_master(section("app", f"sh -c {json.dumps(child)}", "leftovers=stop", NEVER_STOPPED))
    with closing(master.follow("app")) as said:
        assert b"armed" in next(said)
    master.say("app", "\n")
    master.wait_for("app has ended")
    info = why(master, "app")
    assert (info["statename"], info["phase"]) == ("STOPPING", "leftovers")
    found = re.match(
        r"it has ended \(.*\), and pid (\d+) \(\S+\) has not; that is waited for \(leftovers = stop\)", because(info)[0]
    )
    assert found is not None, because(info)
    os.kill(int(found[1]), signal.SIGKILL)


def test_a_shutdown_waits_wave_by_wave(start_master):
    """What stops first is a link of what waits for it, and stands before it; `why procman` names it, too."""
    programs = section("first", STUBBORN, NEVER_STOPPED, "priority=2") + section("later", SLEEPER, "priority=1")
    master = start_master(programs)
    with closing(master.follow("first")) as said:
        assert b"armed" in next(said)
    pid = master.info("first")["pid"]
    master.process.send_signal(signal.SIGTERM)
    master.wait_for("waiting for later, first to die")
    answer = master.call("GET", "/v1/why")
    assert [info["name"] for info in answer["explanations"]] == ["first", "later", "procman"]
    later = answer["explanations"][1]
    assert later["because"][0] == {
        "kind": "wave",
        "text": "first (priority 2) must end before its own wave",
        "name": "first",
    }
    assert "(stopped by SIGTERM at " in later["sentence"]
    itself = answer["explanations"][2]
    assert itself["statename"] == "SHUTDOWN"
    assert because(itself)[0].startswith("it waits for first (priority 2; 1 more in later waves)")
    assert because(itself)[1].startswith(f"first (pid {pid}) got SIGTERM and has not ended; SIGKILL in ")
    os.kill(pid, signal.SIGKILL)
    assert master.to_the_end() == 0


def test_all_that_is_wrong_and_nothing_else(start_master):
    """Without a name; an unknown one is met with the nearest."""
    master = start_master(section("web", SLEEPER) + section("db", "false", FAILS))
    master.wait_for("web entered RUNNING state")
    master.wait_for("db entered FATAL state") if "db entered FATAL state" not in master.text else None
    ran = master.ctl("why")
    assert ran.returncode == 1
    assert ran.stdout.startswith("db has been FATAL for ")
    assert "web" not in ran.stdout
    assert json.loads(master.ctl("--json", "why").stdout)["processes"] == 2
    short = "FATAL: 1 failed start; exit status 1"
    assert master.info("db")["why"] == short
    assert f"\ndb: {short}\n" in master.ctl("status", "--long").stdout
    master.ctl("stop", "db")
    assert master.ctl("why").stdout == "all 2 processes are as they should be\n"
    ran = master.ctl("why", "wbe")
    assert (ran.returncode, ran.stderr) == (2, "did you mean web?\n")
    assert [info["why"] for info in master.call("GET", "/v1/processes")["processes"]] == ["", ""]


def test_a_file_that_has_changed(start_master):
    """Of the program once it was read, of the master as it is on the disk; nonsense in it is a trouble."""
    master = start_master(section("web", SLEEPER, "environment=A='1'"))
    master.wait_for("web entered RUNNING state")
    assert why(master, "procman")["as_wanted"] is True
    master.write(section("web", SLEEPER, "environment=A='2',B='secret'", "startsecs=2"))
    assert why(master, "procman")["changed"] == ["web"]
    assert why(master, "web")["changed"] == []
    master.call("POST", "/v1/config/reread")
    assert why(master, "web")["changed"] == ["startsecs", "environment A", "environment B"]
    assert "secret" not in json.dumps(why(master, "web"))
    master.file.write_text("[nonsense\n")
    info = why(master, "procman")
    assert info["as_wanted"] is False
    assert because(info)[0].startswith("the configuration on the disk cannot be used: ")
    assert info["commands"] == [f"procman check -c {master.file}"]


def test_what_ends_the_master(start_master):
    """A critical program, and shutdown_when, with its line."""
    master = start_master(section("web", SLEEPER, "critical=true"), master="shutdown_when=any_fatal")
    master.wait_for("web entered RUNNING state")
    info = why(master, "procman")
    assert info["next"] == (
        "it ends by itself if web (critical) has ended and is not started again; or if any program is FATAL "
        "(shutdown_when)"
    )
    assert info["options"][0]["option"] == "shutdown_when"
    assert info["options"][0]["line"] is not None


def test_who_wants_it_is_known_after_an_upgrade(start_master):
    """And since when it is in its state."""
    master = start_master(section("web", SLEEPER))
    master.wait_for("web entered RUNNING state")
    master.ctl("stop", "web")
    before = why(master, "web")
    master.call("POST", "/v1/master/upgrade")
    master.wait_for("upgraded: procman ")
    after = why(master, "web")
    assert after["wanted_by"] == before["wanted_by"] != ""
    assert (after["entered"], after["wanted_since"]) == (before["entered"], before["wanted_since"])


def test_what_was_found_is_known_after_an_upgrade(start_master):
    """With the number of the crash report; another one keeps both, too."""
    opens = python("files = []\nwhile True: files.append(open('/dev/null'))")
    master = start_master(section("web", opens, FAILS))
    master.wait_for("web entered FATAL state")
    before = until(master, "web", found_out)
    assert any(" crash " in command for command in before["commands"])
    position = 0
    for _ in range(2):
        master.call("POST", "/v1/master/upgrade")
        position = master.wait_for("upgraded: procman ", after=position)
        after = why(master, "web")
        assert (because(after), after["commands"]) == (because(before), before["commands"])
