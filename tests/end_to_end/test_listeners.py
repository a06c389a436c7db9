"""Event listeners under the real master: which events they get, and that bad ones harm nothing else."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from procman.client.api_client import ApiError
from tests.support.event_recorder import Record
from tests.support.running_master import SLEEPER, RunningMaster, python


@pytest.fixture
def recorder(tmp_path):
    """The events of a listener that answers OK to everything."""
    with contextlib.closing(Record(tmp_path)) as recorder:
        yield recorder


@pytest.fixture
def start_master(tmp_path):
    masters = []

    def start(programs, **options):
        masters.append(RunningMaster(tmp_path, programs, **options))
        return masters[-1]

    yield start
    for master in masters:
        master.close()


def section(kind, name, command, **options):
    lines = {"command": command, "startsecs": 0, **options}
    return f"[{kind}:{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


def listener(name, command, events="REMOTE_COMMUNICATION", **options):
    return section("eventlistener", name, command, events=events, **options)


def tell(master, data, kind="test"):
    master.call("POST", "/v1/events/remote", {"type": kind, "data": data})


# Each breaks the protocol in its own way. `ask` says READY and reads what comes.
ASK = "import os, time; ask = lambda: (os.write(1, b'READY\\n'), os.read(0, 1))\n"
MISBEHAVING = {
    "rude": "ask(); os.write(1, b'WHATEVER\\n'); time.sleep(1000)",
    "hasty": "os.write(1, b'READY\\nREADY\\n'); time.sleep(1000)",
    "stranger": "os.write(1, b'hello world\\n'); time.sleep(1000)",
    "babbling": "\nwhile True: os.write(1, b'x' * 4096)",
    "endless": "ask(); os.write(1, b'RESULT ')\nwhile True: os.write(1, b'9' * 4096)",
    "greedy": "ask(); os.write(1, b'RESULT 99999999999\\n')\nwhile True: os.write(1, b'x' * 4096)",
    "miscounting": "ask(); os.write(1, b'RESULT 3\\nOKREADY\\nREADY\\n'); time.sleep(1000)",
}
LYING = "ask()\nwhile time.sleep(0.01) is None: os.write(1, b'RESULT 2\\nOKREADY\\n')"


def test_a_misbehaving_listener_harms_nobody(start_master, recorder):
    """A misbehaving listener affects neither other listeners nor the master's answers nor its memory."""
    sections = [listener(name, python(ASK + code), stdout_logfile="NONE") for name, code in MISBEHAVING.items()]
    sections += [
        listener("deaf", python("import os, time; os.write(1, b'READY\\n'); time.sleep(1000)"), buffer_size=1),
        # Says that it has dealt with all of them, and reads none.
        listener("lying", python(ASK + LYING), buffer_size=1, stdout_logfile="NONE"),
        listener("dying", python(ASK + "ask(); os._exit(1)"), autorestart="false"),
        listener("good", recorder.command, buffer_size=100),
    ]
    master = start_master("".join(sections))
    success = [f"success: {name} entered" for name in (*MISBEHAVING, "deaf", "lying", "dying", "good")]
    broken = [f"{name}: has entered the UNKNOWN state" for name in ("hasty", "stranger", "babbling")]
    master.expect_all([*success, *broken])
    for number in range(20):
        tell(master, f"{number}:{'x' * 20_000}")
    for number in range(20):
        header, _ = recorder.expect("REMOTE_COMMUNICATION", f"\n{number}:x")
        assert header["poolserial"] == str(number)
    master.expect_all(
        [
            *(f"{name}: has entered the UNKNOWN state" for name in ("rude", "endless", "greedy")),
            "endless: bad result line: 'RESULT 999",
            "greedy: bad result line: 'RESULT 99999999999'",
            "miscounting: event was rejected",
            "pool deaf event buffer overflowed",
            "pool lying event buffer overflowed",
            r"exited: dying \(exit status 1; not expected\)",
        ]
    )
    assert master.info("good")["statename"] == "RUNNING"
    with open(f"/proc/{master.process.pid}/status") as status:
        (peak,) = (int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    assert peak < 150_000
    assert master.stop() == 0


def test_the_event_of_one_that_dies_while_busy_comes_again(start_master, tmp_path, recorder):
    """The event of a listener that dies while BUSY goes to its next run, with the same serials."""
    once = (
        f"import os\nif os.path.exists({str(tmp_path / 'died')!r}): "
        f"os.execvp('sh', ['sh', '-c', {recorder.command!r}])\n"
        f"os.write(1, b'READY\\n'); os.read(0, 1); os.mkdir({str(tmp_path / 'died')!r}); os._exit(1)"
    )
    master = start_master(listener("ear", python(once), autorestart="true"))
    master.expect("success: ear")
    tell(master, "first")
    tell(master, "second")
    assert recorder.expect("REMOTE_COMMUNICATION", "first")[0]["serial"] == "0"
    assert recorder.expect("REMOTE_COMMUNICATION", "second")[0]["serial"] == "1"


def test_a_listener_that_has_not_read_gets_the_next_event_when_it_has(start_master, tmp_path):
    """A listener that says READY before it has read its event gets the next one only after reading."""
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    late = (
        ASK + f"ask(); os.write(1, b'RESULT 2\\nOKREADY\\n'); open({str(fifo)!r}).read()\n"
        "import sys; print('GO', file=sys.stderr)\n"
        "for line in sys.stdin.buffer:\n"
        " if b'the second' in line: print('it has come', file=sys.stderr)\n"
    )
    master = start_master(listener("late", python(late), stderr_logfile="/dev/stdout"), arguments=("-e", "debug"))
    master.expect("ACKNOWLEDGED -> READY")
    tell(master, "x" * 400_000 + "\n")
    master.expect("event 0 sent to listener late", "ACKNOWLEDGED -> READY")
    tell(master, "the second\n")
    assert master.info("late")["statename"] == "RUNNING"
    fifo.write_text("")
    master.expect("event 1 sent to listener late", "it has come")
    sent = next(number for number, line in enumerate(master.lines) if "event 1 sent" in line)
    asked = next(number for number, line in enumerate(master.lines) if "GO" in line)
    assert asked < sent


def test_a_pool_shares_the_events(start_master, tmp_path):
    """Each event goes to one process of a pool."""
    code = (
        "import os, sys, procman.listener\n"
        "print('it is up', file=sys.stderr)\n"
        f"with open({str(tmp_path)!r} + '/' + os.environ['SUPERVISOR_PROCESS_NAME'], 'a', 1) as kept:\n"
        " for event in procman.listener.events(): kept.write(event.data + '\\n'); print('got', event.data)"
    )
    master = start_master(
        listener(
            "team",
            python(code),
            process_name="%(program_name)s_%(process_num)d",
            numprocs=3,
            buffer_size=100,
            stderr_logfile="/dev/stdout",
        )
    )
    master.expect("it is up", "it is up", "it is up")
    for number in range(30):
        tell(master, str(number))
    master.expect_all([rf"got {number}$" for number in range(30)])
    kept = "".join((tmp_path / f"team_{number}").read_text() for number in range(3))
    assert sorted(map(int, kept.split())) == list(range(30))


def test_a_listener_in_python_may_reject(start_master):
    """With procman.listener, fail() brings the event again, and the listener can call the master."""
    code = (
        "import procman.listener\n"
        "tries = 0\n"
        "for event in procman.listener.events():\n"
        " tries += 1\n"
        " print(event.name, event.fields['processname'], event.data, tries)\n"
        " event.ok() if tries == 3 else event.fail()\n"
        " if tries == 3: print(procman.listener.master().call('GET', '/v1/master')['statename'])"
    )
    talk = python("import procman.listener, time; procman.listener.communicate('done'); time.sleep(1000)")
    master = start_master(
        listener("ear", python(code), "PROCESS_COMMUNICATION", stderr_logfile="/dev/stdout")
        + section("program", "talker", talk, stdout_capture_maxbytes="1MB")
    )
    master.expect(*(f"PROCESS_COMMUNICATION_STDOUT talker done {tries}" for tries in (1, 2, 3)), "RUNNING")


def test_update_adds_changes_and_removes_listeners(start_master, recorder):
    """An update adds, changes and removes listeners without restarting anything else."""
    other = section("program", "web", SLEEPER)
    master = start_master(other)
    master.expect("success: web")
    pid = master.info("web")["pid"]
    master.write(other + listener("ear", recorder.command, "PROCESS_GROUP,PROCESS_STATE_RUNNING"))
    master.call("POST", "/v1/config/update", {})
    assert recorder.expect("PROCESS_GROUP_ADDED")[1] == "groupname:ear\n"
    assert recorder.expect("PROCESS_STATE_RUNNING", "processname:ear")[0]["poolserial"] == "1"
    tell(master, "nobody wants this")
    master.write(other + listener("ear", recorder.command, "PROCESS_STATE_RUNNING,REMOTE_COMMUNICATION"))
    master.call("POST", "/v1/config/update", {})
    assert recorder.expect("PROCESS_STATE_RUNNING", "processname:ear")[0]["poolserial"] == "0"
    tell(master, "now somebody does")
    recorder.expect("REMOTE_COMMUNICATION", "now somebody does")
    master.write(other)
    master.call("POST", "/v1/config/update", {})
    tell(master, "nobody is there")
    assert [process["name"] for process in master.call("GET", "/v1/processes")["processes"]] == ["web"]
    assert master.info("web")["pid"] == pid
    assert "nobody" not in str(recorder.events)


def test_a_reload_tells_its_listeners_and_goes_on_counting(start_master, tmp_path, recorder):
    """A reload sends STOPPING and RUNNING to its listeners, and serials continue."""
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    slow = python(
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {15})\n"
        f"print('armed'); signal.sigwait({{15}}); open({str(fifo)!r}).read()"
    )
    master = start_master(
        listener("ear", recorder.command, "SUPERVISOR_STATE_CHANGE")
        + section("program", "slow", slow, stdout_logfile="/dev/stdout", stopwaitsecs=60)
    )
    master.expect("armed")
    assert recorder.expect("SUPERVISOR_STATE_CHANGE_RUNNING")[0]["serial"] == "0"
    master.signal(signal.SIGHUP)
    assert recorder.expect("SUPERVISOR_STATE_CHANGE_STOPPING")[0]["serial"] == "1"
    fifo.write_text("go on")
    header, _ = recorder.expect("SUPERVISOR_STATE_CHANGE_RUNNING")
    assert (header["serial"], header["poolserial"]) == ("2", "0")


def test_the_clock_ticks(start_master, recorder):
    """TICK events come at the start of each interval."""
    start_master(listener("ear", recorder.command, "TICK_5"))
    _, payload = recorder.expect("TICK_5")
    assert int(payload.removeprefix("when:")) % 5 == 0


def test_a_descendant_of_an_earlier_run_does_not_speak_for_the_present_one(start_master, tmp_path, recorder):
    """Output of a descendant of an earlier run does not count as the listener's answer."""
    fifo = tmp_path / "say"
    os.mkfifo(fifo)
    once = (
        f"import os\nif os.path.exists({str(tmp_path / 'died')!r}): "
        f"os.execvp('sh', ['sh', '-c', {recorder.command!r}])\n"
        f"os.mkdir({str(tmp_path / 'died')!r})\n"
        f"if os.fork() == 0: os.setsid(); open({str(fifo)!r}).read(); os.write(1, b'NONSENSE'); os._exit(0)\n"
        "os._exit(1)"
    )
    master = start_master(
        listener("ear", python(once), autorestart="true", stdout_logfile="/dev/stdout"), arguments=("-e", "debug")
    )
    master.expect("exited: ear", "ear: ACKNOWLEDGED -> READY")
    fifo.write_text("")
    master.expect("NONSENSE")
    tell(master, "it still listens")
    recorder.expect("REMOTE_COMMUNICATION", "it still listens")


HANDLER = """
class RejectEvent(Exception): pass
def handle(event, response):
    print(type(event).__name__, event.payload(), response, flush=True)
    if event.serial == 0: raise KeyError('oops')
"""


def test_a_result_handler_of_ones_own_judges(start_master, tmp_path, recorder):
    """A failing result handler affects only its listener; an update with a missing one is refused."""
    (tmp_path / "mine.py").write_text(HANDLER)  # where the master is started
    master = start_master(listener("ear", recorder.command, result_handler="mine:handle"))
    master.expect("success: ear")
    tell(master, "one")
    master.expect(
        r"RemoteCommunicationEvent type:test",
        "ear: event caused an error",
        "mine:handle failed to handle the result of ear: KeyError: 'oops'",
        "ear: has entered the UNKNOWN state",
    )
    assert master.info("ear")["statename"] == "RUNNING"
    master.write(listener("ear", recorder.command, result_handler="mine:missing"))
    with pytest.raises(ApiError, match="cannot import mine:missing: AttributeError") as caught:
        master.call("POST", "/v1/config/update", {})
    assert caught.value.code == "CANT_REREAD"
    master.signal(signal.SIGHUP)
    master.expect("cannot import mine:missing", "everything goes on as it was")


def test_a_result_handler_that_cannot_be_imported_stops_the_start(tmp_path):
    """A result handler that cannot be imported stops the start, with section, option and reason."""
    config = tmp_path / "supervisord.conf"
    config.write_text("[supervisord]\n" + listener("ear", "true", result_handler="json:missing"))
    ran = subprocess.run(
        [sys.executable, "-m", "procman", "-c", str(config)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert ran.returncode == 2
    assert ran.stderr == (
        f"procman: {config}: [eventlistener:ear] result_handler: cannot import json:missing: AttributeError: module "
        "'json' has no attribute 'missing'; name a function of an installed module\n"
    )


@pytest.mark.parametrize("body", [{}, {"type": "a"}, {"type": 1, "data": "b"}, {"type": "a", "data": None}])
def test_a_remote_event_that_is_none_is_refused(start_master, body):
    """A remote event whose type or data is not text is refused."""
    master = start_master(section("program", "web", SLEEPER))
    master.expect("success: web")
    with pytest.raises(ApiError) as caught:
        master.call("POST", "/v1/events/remote", body)
    assert (caught.value.code, caught.value.status) == ("BAD_ARGUMENTS", 400)


def test_input_for_a_program_that_has_closed_its_own_is_refused(start_master):
    """Input for a program that has closed its stdin is refused without other effects."""
    master = start_master(
        section(
            "program",
            "web",
            python("import os, time; os.close(0); print('closed'); time.sleep(1000)"),
            stdout_logfile="/dev/stdout",
        )
    )
    master.expect("closed")
    with pytest.raises(ApiError) as caught:
        master.say("web", "hello")
    assert caught.value.code == "NO_FILE"
    assert master.info("web")["statename"] == "RUNNING"
