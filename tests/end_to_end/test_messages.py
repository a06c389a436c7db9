"""Output of running programs in capture mode and with *_events_enabled, under the real master."""

import contextlib

import pytest

from tests.support.event_recorder import Record
from tests.support.running_master import RunningMaster, python

EVENTS = "PROCESS_LOG,PROCESS_COMMUNICATION,PROCESS_STATE_RUNNING,PROCESS_STATE_EXITED"
BEGIN, END = "<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->"
# Copies its stdin to its stdout.
PARROT = python("import os\nwhile data := os.read(0, 65536): os.write(1, data)")


@pytest.fixture
def recorder(tmp_path):
    """The events of a listener that answers OK to everything."""
    with contextlib.closing(Record(tmp_path)) as recorder:
        yield recorder


@pytest.fixture
def start_master(tmp_path, recorder):
    """A master with a running listener, and programs to start manually: name, command, options."""
    listener = f"[eventlistener:ear]\ncommand={recorder.command}\nevents={EVENTS}\nstartsecs=0\n"
    masters = []

    def text(name, command, **options):
        lines = {"command": command, "startsecs": 0, "autostart": "false", "autorestart": "false", **options}
        return f"{listener}[program:{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())

    def start(name, command, **options):
        master = RunningMaster(tmp_path, text(name, command, **options))
        masters.append(master)
        recorder.expect("PROCESS_STATE_RUNNING", "processname:ear")
        master.call("POST", f"/v1/processes/{name}/start")
        recorder.expect("PROCESS_STATE_RUNNING", f"processname:{name}")
        return master

    start.text = text
    yield start
    for master in masters:
        master.close()


def test_an_update_turns_events_and_messages_on_and_off_without_a_restart(start_master, recorder, tmp_path):
    """An update switches events and capture mode without restarting the process or losing output."""
    log = tmp_path / "parrot.log"
    master = start_master("parrot", PARROT, stdout_logfile=log)
    pid = master.info("parrot")["pid"]
    talk = f"one{BEGIN}two{END}three\n"

    def update(**options):
        master.write(start_master.text("parrot", PARROT, stdout_logfile=log, **options))
        master.call("POST", "/v1/config/update", {})
        assert master.info("parrot")["pid"] == pid

    update(stdout_events_enabled="true")
    master.say("parrot", talk)
    assert recorder.expect("PROCESS_LOG_STDOUT")[1].endswith(f"pid:{pid} channel:stdout\n{talk}")
    update(stdout_capture_maxbytes="1MB")
    master.say("parrot", talk)
    assert recorder.expect("PROCESS_COMMUNICATION_STDOUT")[1].endswith(f"pid:{pid}\ntwo")
    update(stdout_events_enabled="true")
    master.say("parrot", "the end\n")
    recorder.expect("PROCESS_LOG_STDOUT", "the end")
    master.has_written("parrot")
    assert log.read_text() == talk + "onethree\n" + "the end\n"
    assert len(recorder.passed) == 5


def test_a_channel_that_is_redirected_is_part_of_the_other(start_master, recorder):
    """Redirected stderr counts as stdout, including its messages, and the options of stderr have no effect."""
    code = (
        f"import os, time; os.write(1, b'{BEGIN}from '); os.write(2, b'both{END}'); os.write(2, b'and more\\n'); "
        "time.sleep(1000)"
    )
    start_master(
        "both",
        python(code),
        redirect_stderr="true",
        stdout_capture_maxbytes="1MB",
        stderr_capture_maxbytes="1MB",
        stdout_events_enabled="true",
        stderr_events_enabled="true",
    )
    assert recorder.expect("PROCESS_COMMUNICATION_STDOUT")[1].endswith("\nfrom both")
    recorder.expect("PROCESS_LOG_STDOUT", "and more")
    assert not [header for header, _ in recorder.events if header["eventname"].endswith("STDERR")]


def test_last_words_are_told_before_the_end(start_master, recorder):
    """Message and log events of a program's last output come before the event of its exit."""
    code = f"import os; os.write(1, b'{BEGIN}bye{END}farewell'); os.write(2, b'{BEGIN}never ends')"
    options = {"stdout_capture_maxbytes": "1MB", "stderr_capture_maxbytes": "1MB", "stdout_events_enabled": "true"}
    start_master("brief", python(code), **options)
    recorder.expect("PROCESS_STATE_EXITED", "processname:brief")
    names = [header["eventname"] for header, _ in recorder.passed]
    assert names[2:] == [
        "PROCESS_LOG_STDOUT",
        "PROCESS_COMMUNICATION_STDOUT",
        "PROCESS_LOG_STDOUT",
        "PROCESS_STATE_EXITED",
    ]
