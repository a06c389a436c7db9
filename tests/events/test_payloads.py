"""What a listener reads of each event, to the character."""

import pytest

from procman.config.schema.event_types import EVENT_TYPES
from procman.core.actions import Announce
from procman.core.states import MasterState, State
from procman.events import payloads
from procman.events.payloads import envelope, new_event
from tests.support.programs import program

WEB = program("web", "site")
HEAD = "processname:web groupname:site"


def changed(before, after, **more):
    return payloads.state_changed(Announce("site:web", WEB, before, after, **{"pid": 0, **more}))


@pytest.mark.parametrize(
    ("event", "name", "text"),
    [
        (changed(State.STOPPED, State.STARTING), "STARTING", "from_state:STOPPED tries:0"),
        (changed(State.BACKOFF, State.STARTING, tries=2), "STARTING", "from_state:BACKOFF tries:2"),
        (changed(State.STARTING, State.RUNNING, pid=14), "RUNNING", "from_state:STARTING pid:14"),
        (changed(State.STARTING, State.BACKOFF, tries=1), "BACKOFF", "from_state:STARTING tries:1"),
        (changed(State.RUNNING, State.STOPPING, pid=14), "STOPPING", "from_state:RUNNING pid:14"),
        (changed(State.STOPPING, State.STOPPED, pid=14), "STOPPED", "from_state:STOPPING pid:14"),
        (changed(State.BACKOFF, State.STOPPED), "STOPPED", "from_state:BACKOFF pid:0"),
        (changed(State.RUNNING, State.EXITED, pid=14), "EXITED", "from_state:RUNNING expected:1 pid:14"),
        (
            changed(State.RUNNING, State.EXITED, pid=14, expected=False),
            "EXITED",
            "from_state:RUNNING expected:0 pid:14",
        ),
        (changed(State.BACKOFF, State.FATAL, tries=4), "FATAL", "from_state:BACKOFF"),
        (changed(State.STOPPING, State.UNKNOWN, pid=14), "UNKNOWN", "from_state:STOPPING"),
    ],
)
def test_a_state_tells_what_belongs_to_it(event, name, text):
    """In supervisor's order: the names, where it came from, and then tries, expected or pid."""
    assert event.name == f"PROCESS_STATE_{name}"
    assert event.payload() == f"{HEAD} {text}"


def test_output_comes_with_its_channel_and_its_text():
    """The header line, and then what was written, as it is."""
    event = payloads.logged(WEB, 14, "stderr", "für\nalle\n".encode())
    assert event.name == "PROCESS_LOG_STDERR"
    assert event.payload() == f"{HEAD} pid:14 channel:stderr\nfür\nalle\n"


def test_a_message_comes_without_a_channel():
    """PROCESS_COMMUNICATION has it in its name only."""
    event = payloads.captured(WEB, 14, "stdout", b"done")
    assert event.name == "PROCESS_COMMUNICATION_STDOUT"
    assert event.payload() == f"{HEAD} pid:14\ndone"


def test_what_is_not_utf8_is_told_as_bytes():
    """A listener reads text."""
    assert payloads.logged(WEB, 1, "stdout", b"\x88\n").payload().endswith("\nUndecodable: b'\\x88\\n'")


def test_the_rest_of_the_payloads():
    """Remote, group, master and clock."""
    told = [
        payloads.remote("deploy", "v2\n"),
        payloads.group_changed("site", added=True),
        payloads.group_changed("site", added=False),
        payloads.master_changed(MasterState.RUNNING),
        payloads.master_changed(MasterState.SHUTDOWN),
        payloads.master_changed(MasterState.RESTARTING),
        payloads.tick("TICK_5", 7199.99),
        payloads.tick("TICK_60", 7199.99),
        payloads.tick("TICK_3600", 7199.99),
    ]
    assert [(event.name, event.payload()) for event in told] == [
        ("REMOTE_COMMUNICATION", "type:deploy\nv2\n"),
        ("PROCESS_GROUP_ADDED", "groupname:site\n"),
        ("PROCESS_GROUP_REMOVED", "groupname:site\n"),
        ("SUPERVISOR_STATE_CHANGE_RUNNING", ""),
        ("SUPERVISOR_STATE_CHANGE_STOPPING", ""),
        ("SUPERVISOR_STATE_CHANGE_STOPPING", ""),
        ("TICK_5", "when:7195"),
        ("TICK_60", "when:7140"),
        ("TICK_3600", "when:3600"),
    ]


def test_the_length_counts_characters():
    """A listener that reads text would wait for ever, were it bytes."""
    event = new_event("REMOTE_COMMUNICATION", "type:ü\n€")
    event.serial, event.pool_serials = 7, {"pool": 3}
    assert envelope(event, "here", "pool") == (
        "ver:3.0 server:here serial:7 pool:pool poolserial:3 eventname:REMOTE_COMMUNICATION len:8\ntype:ü\n€".encode()
    )


def test_a_name_that_is_not_utf8_travels_as_it_is():
    """A file may hold any bytes."""
    event = new_event("PROCESS_GROUP_ADDED", b"groupname:\xff\n".decode("utf-8", "surrogateescape"))
    event.pool_serials = {"pool": 0}
    assert envelope(event, "here", "pool").endswith(b"groupname:\xff\n")


@pytest.mark.parametrize("name", sorted(EVENT_TYPES.keys() - set(EVENT_TYPES.values())))
def test_each_type_that_is_sent_can_be_made_and_has_supervisors_class(name):
    """A result handler may look at the name of the event's class."""
    oracle = pytest.importorskip("supervisor.events", reason="the oracle is not installed: pip install supervisor")
    event = new_event(name, "text")
    assert (event.name, event.payload()) == (name, "text")
    assert type(event).__name__ == getattr(oracle.EventTypes, name).__name__


def test_an_event_knows_all_the_names_it_is_wanted_by():
    """Its own, and those of the types above it."""
    assert new_event("PROCESS_LOG_STDOUT", "").types == ("PROCESS_LOG_STDOUT", "PROCESS_LOG", "EVENT")
