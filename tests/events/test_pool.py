"""Which process gets which event, and what becomes of those that nobody took."""

import pytest

from procman.events.payloads import new_event
from tests.support.listener_pools import Driven, listeners

UNKNOWN = (
    "a: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated "
    "the eventlistener protocol"
)


class Unhappy(Exception):
    pass


class RejectEvent(Exception):
    """Not procman's, but of that name."""


def test_an_event_goes_to_the_first_that_is_free():
    """In the order of the group; each has one at a time, and the rest waits."""
    pool = Driven("a", "b")
    pool.up("b", "a")
    pool.happen(3)
    assert pool.dispatch() == [("a", 0), ("b", 1)]
    pool.ok("b")
    assert pool.dispatch() == [("b", 2)]


def test_nothing_is_sent_before_a_listener_runs_and_is_ready():
    """RUNNING is not enough, and READY is not either."""
    pool = Driven("a", "b")
    pool.happen()
    pool.spawn("a")
    pool.say("a", b"READY\n")
    pool.spawn("b")
    pool.pool.runs("pool:b", running=True)
    assert not pool.pool.ready
    assert pool.dispatch() == []
    pool.pool.runs("pool:a", running=True)
    assert pool.pool.ready
    assert pool.dispatch() == [("a", 0)]


def test_a_listener_that_is_being_stopped_gets_nothing():
    """It may answer what it has."""
    pool = Driven("a")
    pool.up("a")
    pool.pool.runs("pool:a", running=False)
    pool.happen()
    assert pool.dispatch() == []


def test_a_rejected_event_comes_again_before_all_others():
    """With the same serials."""
    pool = Driven("a")
    pool.up("a")
    pool.happen(2)
    pool.dispatch()
    pool.fail("a")
    assert pool.dispatch() == [("a", 0)]
    pool.ok("a")
    assert pool.dispatch() == [("a", 1)]
    assert pool.log.texts("warn") == ["a: event was rejected"]
    assert "rebuffering event 0 for pool pool (buf size=1, max=10)" in pool.log.texts("debug")


def test_the_event_of_one_that_dies_goes_to_the_next():
    """An event that a dead listener had is delivered to the next one."""
    pool = Driven("a", "b")
    pool.up("a")
    pool.happen(2)
    pool.dispatch()
    pool.die("a")
    pool.up("b")
    assert pool.dispatch() == [("b", 0)]
    pool.ok("b")
    assert pool.dispatch() == [("b", 1)]


def test_the_event_of_one_that_dies_comes_again_to_its_next_run():
    """A new process begins the conversation anew."""
    pool = Driven("a")
    pool.up("a")
    pool.happen()
    pool.dispatch()
    pool.say("a", b"RESULT 2\nO")
    pool.die("a")
    pool.up("a")
    assert pool.dispatch() == [("a", 0)]
    pool.ok("a")
    assert pool.log.texts("warn") == []


def test_a_full_buffer_drops_the_oldest():
    """A full buffer drops its oldest event, and logs it in supervisord's words."""
    pool = Driven("a", buffer_size=2)
    pool.happen(4)
    assert pool.log.texts("error") == [
        "pool pool event buffer overflowed, discarding event 0",
        "pool pool event buffer overflowed, discarding event 1",
    ]
    pool.up("a")
    assert pool.dispatch() == [("a", 2)]


def test_an_event_that_comes_back_to_a_full_buffer_drops_the_oldest_too():
    """It is first itself all the same."""
    pool = Driven("a", buffer_size=2)
    pool.up("a")
    pool.happen()
    pool.dispatch()
    pool.happen(2)
    pool.fail("a")
    assert pool.log.texts("error") == ["pool pool event buffer overflowed, discarding event 1"]
    assert pool.dispatch() == [("a", 0)]
    pool.ok("a")
    assert pool.dispatch() == [("a", 2)]


def test_who_has_closed_its_stdin_is_passed_over():
    """Its state stays what it was, and the next one gets the event."""
    pool = Driven("a", "b")
    pool.up("a", "b")
    pool.closed.add("a")
    pool.happen()
    assert pool.dispatch() == [("b", 0)]
    assert "epipe occurred while sending event 0 to listener a, listener state unchanged" in pool.log.texts("debug")


def test_who_does_not_read_gets_no_second_event():
    """Whatever it writes; the event waits until it has read the first."""
    pool = Driven("a")
    pool.up("a")
    pool.happen(2)
    pool.dispatch()
    pool.ok("a")
    pool.full.add("a")
    assert pool.dispatch() == []
    pool.full.clear()
    assert pool.dispatch() == [("a", 1)]


@pytest.mark.parametrize("words", [b"RESULT nonsense\n", b"SURPRISE\n"])
def test_a_listener_that_breaks_the_protocol_while_busy_loses_its_event_to_another(words):
    """A listener that breaks the protocol gets no event again."""
    pool = Driven("a", "b")
    pool.up("a", "b")
    pool.happen()
    pool.dispatch()
    pool.say("a", words)
    assert pool.dispatch() == [("b", 0)]
    pool.say("a", b"READY\n")
    pool.happen()
    assert pool.dispatch() == []
    assert pool.log.texts("warn") == [
        f"a: bad result line: '{words.decode().strip()}'",
        UNKNOWN,
    ]


def test_the_log_follows_the_states():
    """As supervisor's own end-to-end tests look for them."""
    pool = Driven("a")
    pool.up("a")
    pool.happen()
    pool.dispatch()
    pool.ok("a")
    assert pool.log.lines == [
        ("debug", "a: ACKNOWLEDGED -> READY"),
        ("debug", "event 0 sent to listener a"),
        ("debug", "a: event was processed"),
        ("debug", "a: BUSY -> ACKNOWLEDGED"),
        ("debug", "a: ACKNOWLEDGED -> READY"),
    ]


def test_a_handler_gets_the_event_and_the_bytes_of_the_answer():
    """What it returns does not matter."""
    calls = []

    def handle(event, response):
        calls.append((type(event).__name__, event.name, event.payload(), event.serial, event.pool_serials, response))
        return False

    pool = Driven("a", handler=handle)
    pool.up("a")
    pool.happen()
    pool.dispatch()
    pool.say("a", b"RESULT 3\n\x00\xff\n")
    assert calls == [("Tick5Event", "TICK_5", "when:0", 0, {"pool": 0}, b"\x00\xff\n")]
    assert pool.log.texts("debug")[-1] == "a: BUSY -> ACKNOWLEDGED"


def test_any_exception_named_rejectevent_rejects():
    """Supervisor's is another class, and need not be installed."""

    def handle(event, response):
        raise RejectEvent(response)

    pool = Driven("a", handler=handle)
    pool.up("a")
    pool.happen()
    pool.dispatch()
    pool.ok("a")
    assert pool.dispatch() == [("a", 0)]


@pytest.mark.parametrize("error", [Unhappy("ouch"), SystemExit(3)])
def test_any_other_exception_ends_the_listener_and_not_the_master(error):
    """The event goes to another one; the log says what was wrong."""

    def handle(event, response):
        raise error

    pool = Driven("a", "b", handler=handle, result_handler="my.own:handler")
    pool.up("a", "b")
    pool.happen()
    pool.dispatch()
    pool.ok("a")
    assert pool.log.texts("warn")[0] == "a: event caused an error"
    assert "UNKNOWN state" in pool.log.texts("warn")[1]
    assert pool.log.texts("error") == [
        f"my.own:handler failed to handle the result of a: {type(error).__name__}: {error}"
    ]
    assert pool.dispatch() == [("b", 0)]


@pytest.mark.parametrize(
    ("subscribed", "wanted"),
    [
        (("EVENT",), True),
        (("PROCESS_STATE",), True),
        (("TICK", "PROCESS_STATE_EXITED"), True),
        (("PROCESS_STATE_RUNNING",), False),
        (("PROCESS_LOG", "TICK"), False),
    ],
)
def test_a_type_stands_for_all_below_it(subscribed, wanted):
    """A type stands for all types below it, and for no others."""
    pool = Driven("a", events=subscribed).pool
    assert pool.wants(new_event("PROCESS_STATE_EXITED", "")) is wanted


def test_a_changed_group_keeps_what_waits_and_who_is_busy():
    """More processes, and one that leaves but still has its event."""
    pool = Driven("a", "b")
    pool.up("a")
    pool.happen(2)
    pool.dispatch()
    pool.pool.change(listeners("b", "c"))
    pool.up("c")
    assert pool.dispatch() == [("c", 1)]
    pool.die("a")
    pool.pool.dismissed("pool:a")
    pool.ok("c")
    assert pool.dispatch() == [("c", 0)]


def test_what_comes_from_a_stranger_is_nothing():
    """A descendant of one that has ended may write on."""
    pool = Driven("a")
    pool.up("a")
    pool.die("a")
    pool.say("a", b"garbage")
    pool.pool.heard("pool:who", b"garbage")
    pool.pool.ended("pool:who")
    assert pool.log.texts("warn") == []


def test_a_bad_line_is_shown_in_part():
    """The log is no place for all of it."""
    pool = Driven("a")
    pool.up("a")
    pool.happen()
    pool.dispatch()
    pool.say("a", b"x" * 3000 + b"\n")
    assert pool.log.texts("warn")[0] == f"a: bad result line: '{'x' * 200}…'"
