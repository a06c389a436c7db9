"""`procman.listener`, for those who write listeners in Python."""

import io
import subprocess
import sys

import pytest

from procman import listener
from procman.errors import BadRequest, ProcmanError
from procman.events.payloads import Event as Sent
from procman.events.payloads import envelope


def sent(*events):
    """What a master writes for events of (type, payload)."""
    data = b""
    for serial, (name, text) in enumerate(events):
        data += envelope(Sent(name, text, serial, {"pool": serial}), "here", "pool")
    return data


EXITED = ("PROCESS_STATE_EXITED", "processname:web groupname:site from_state:RUNNING expected:0 pid:14")


def test_events_come_one_by_one_with_their_words():
    """Events come one by one, and end with the pipe."""
    stdout = io.BytesIO()
    (event,) = listener.events(io.BytesIO(sent(EXITED)), stdout)
    assert event.name == "PROCESS_STATE_EXITED"
    assert event.serial == 0
    assert event.headers["pool"] == "pool"
    assert event.fields == {
        "processname": "web",
        "groupname": "site",
        "from_state": "RUNNING",
        "expected": "0",
        "pid": "14",
    }
    assert event.payload == EXITED[1]
    assert event.data == ""


def test_the_answers_are_the_protocol():
    """READY before each event; who says nothing has dealt with it."""
    stdout = io.BytesIO()
    for event in listener.events(io.BytesIO(sent(EXITED, EXITED, EXITED, EXITED)), stdout):
        match event.serial:
            case 0:
                event.ok()
            case 1:
                event.fail()
            case 2:
                event.answer("für")
            case _:
                pass
    assert stdout.getvalue() == (
        b"READY\nRESULT 2\nOKREADY\nRESULT 4\nFAILREADY\n" + "RESULT 4\nfürREADY\nRESULT 2\nOKREADY\n".encode()
    )


def test_no_event_is_answered_twice():
    """The master would take the second answer for nonsense."""
    for event in listener.events(io.BytesIO(sent(EXITED)), io.BytesIO()):
        event.ok()
        with pytest.raises(BadRequest, match="cannot answer event 0 twice"):
            event.fail()


def test_an_exception_leaves_the_event_unanswered():
    """So that it comes again to the next run."""
    stdout = io.BytesIO()

    def run():
        for _ in listener.events(io.BytesIO(sent(EXITED)), stdout):
            raise ValueError

    with pytest.raises(ValueError):
        run()
    assert stdout.getvalue() == b"READY\n"


@pytest.mark.parametrize("text", ["ü€𝄞\r\nline\rend\n", "Zeile\n\n", ""])
@pytest.mark.parametrize("kind", ["binary", "text of bytes", "text"])
def test_lengths_are_characters_and_line_ends_stay(text, kind):
    """Whatever stdin is."""
    data = sent(("REMOTE_COMMUNICATION", f"type:a b:c\n{text}"), EXITED)
    match kind:
        case "binary":
            stdin = io.BytesIO(data)
        case "text of bytes":
            stdin = io.TextIOWrapper(io.BytesIO(data), encoding="ascii")
        case _:
            stdin = io.StringIO(data.decode(), newline="")
    first, second = listener.events(stdin, io.StringIO())
    assert first.fields == {"type": "a b:c"}
    assert first.data == text
    assert second.payload == EXITED[1]
    assert not stdin.closed


def test_bytes_that_are_not_utf8_come_through():
    """A group may have such a name."""
    name = b"\xff".decode("utf-8", "surrogateescape")
    (event,) = listener.events(io.BytesIO(sent(("PROCESS_GROUP_ADDED", f"groupname:{name}\n"))), io.BytesIO())
    assert event.fields == {"groupname": name}


@pytest.mark.parametrize("junk", [b"hello\n", b"ver:3.0 len:x\n", b"ver:3.0 len:1 serial:2\nx", b"\n"])
def test_what_is_no_event_is_an_error(junk):
    """With what came instead."""
    with pytest.raises(listener.ProtocolError, match="expected the header of an event"):
        list(listener.events(io.BytesIO(junk), io.BytesIO()))


def test_half_an_event_is_an_error():
    """The master has gone."""
    with pytest.raises(listener.ProtocolError, match="the pipe ended after 66 of an event's 67 characters"):
        list(listener.events(io.BytesIO(sent(EXITED)[:-1]), io.BytesIO()))


def listen(code, data):
    """A listener as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"import os, procman.listener\n{code}"], input=data, capture_output=True, check=False
    )


def test_print_reaches_stderr_and_not_the_master():
    """Of the program itself, before and meanwhile, and of those that it runs."""
    ran = listen(
        "for event in procman.listener.events():\n"
        "    print('of its own', event.name)\n"
        "    os.system('echo of a child')\n"
        "print('READY no more')",
        sent(EXITED),
    )
    assert ran.stderr == b"of its own PROCESS_STATE_EXITED\nof a child\n"
    assert ran.stdout == b"READY\nRESULT 2\nOKREADY\nREADY no more\n"
    assert ran.returncode == 0


def test_a_message_is_framed_for_capture_mode():
    """The frame, and no line end that would belong to the log."""
    stream = io.StringIO()
    listener.communicate("done: 3 files", stream)
    assert stream.getvalue() == "<!--XSUPERVISOR:BEGIN-->done: 3 files<!--XSUPERVISOR:END-->"


def test_the_master_is_found_by_what_it_has_told(monkeypatch):
    """By supervisor's variables."""
    monkeypatch.setenv("SUPERVISOR_SERVER_URL", "unix:///run/procman.sock")
    assert listener.master().address == "unix:///run/procman.sock"
    monkeypatch.delenv("SUPERVISOR_SERVER_URL")
    with pytest.raises(ProcmanError, match="SUPERVISOR_SERVER_URL is not set"):
        listener.master()


def test_it_imports_next_to_nothing():
    """A listener starts with the master, so it has to start quickly."""
    ran = listen("import sys; print(*sorted(name for name in sys.modules if name.startswith('procman')))", b"")
    assert ran.stdout.split() == [b"procman", b"procman.errors", b"procman.listener"]
