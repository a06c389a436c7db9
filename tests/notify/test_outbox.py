"""Messages that wait to be sent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.notify.message import Item, Message
from procman.notify.outbox import FIRST_RETRY, LONGEST_RETRY, LONGEST_WAIT, MOST_WAITING, Outbox, Outcome

SENT = Outcome(ok=True, words="HTTP 200")
LATER = Outcome(ok=False, words="HTTP 500", again=True)
NEVER = Outcome(ok=False, words="HTTP 404")
DAY = 86400.0


def message(number=1):
    item = Item(event="exit", process="web", group="web", words="", count=1, total=1, since=0.0)
    return Message(id=str(number), section="ops", at=0.0, items=(item,))


def filled(count):
    outbox = Outbox()
    said = [outbox.put(message(number), 0.0) for number in range(count)]
    return outbox, [text for text in said if text]


def test_messages_are_sent_in_order_and_one_at_a_time():
    outbox, _ = filled(2)
    assert outbox.take(0.0).id == "0"
    assert outbox.take(0.0) is None
    assert outbox.done(SENT, now=0.0, at=0.0) is None
    assert outbox.take(0.0).id == "1"


def test_a_message_that_may_go_later_is_tried_again_with_growing_pauses():
    outbox, _ = filled(1)
    now, pauses = 0.0, []
    for _ in range(12):
        assert outbox.take(now) is not None
        outbox.done(LATER, now=now, at=now)
        assert outbox.take(now) is None
        pauses.append(outbox.deadline() - now)
        now = outbox.deadline()
    assert pauses[:4] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
    assert pauses[-1] == LONGEST_RETRY
    assert outbox.waiting == 1


def test_what_is_refused_for_good_is_not_sent_again():
    outbox, _ = filled(2)
    outbox.take(0.0)
    assert "HTTP 404" in outbox.done(NEVER, now=0.0, at=5.0)
    assert (outbox.counts.failed, outbox.counts.last_error, outbox.counts.last_error_at) == (1, "HTTP 404", 5.0)
    assert outbox.take(0.0).id == "1"


@pytest.mark.parametrize(("asked", "pause"), [(60.0, 60.0), (0.0, FIRST_RETRY), (1e9, 3600.0)])
def test_a_server_may_ask_for_a_pause(asked, pause):
    """Retry-After counts if it is longer, and up to an hour."""
    outbox, _ = filled(1)
    outbox.take(0.0)
    outbox.done(Outcome(ok=False, words="HTTP 429", again=True, after=asked), now=0.0, at=0.0)
    assert outbox.deadline() == pause


def test_of_too_many_the_oldest_is_dropped_and_counted():
    """The log says so once."""
    outbox, said = filled(MOST_WAITING + 20)
    assert len(said) == 1
    assert (outbox.waiting, outbox.counts.dropped) == (MOST_WAITING, 20)
    assert outbox.take(0.0).id == "20"


def test_errors_of_a_whole_day_are_two_lines_in_the_log():
    """One when it begins and one when it is over, however many messages were tried or dropped."""
    outbox = Outbox()
    said, now, number = [], 0.0, 0
    while now < DAY / 4:
        number += 1
        said.append(outbox.put(message(number), now))
        if outbox.take(now):
            said.append(outbox.done(LATER, now=now, at=now))
        now += 60.0
    lines = [text for text in said if text]
    assert [text.partition(":")[0] for text in lines] == [
        "cannot send a message",
        f"more than {MOST_WAITING} messages wait",
    ]
    outbox.hurry()
    outbox.take(now)
    assert "were dropped" in outbox.done(SENT, now=now, at=now)
    outbox.take(now)
    assert outbox.done(SENT, now=now, at=now) is None


def test_trouble_lasts_until_a_message_is_sent():
    """It has the last error, and how many wait."""
    outbox, _ = filled(2)
    assert outbox.trouble is None
    outbox.take(0.0)
    outbox.done(LATER, now=0.0, at=0.0)
    assert outbox.trouble == "cannot send messages: HTTP 500; 2 wait"
    outbox.hurry()
    outbox.take(0.0)
    outbox.done(SENT, now=0.0, at=0.0)
    assert outbox.trouble is None


def test_a_message_of_yesterday_is_given_up():
    outbox, _ = filled(1)
    outbox.take(LONGEST_WAIT)
    outbox.done(LATER, now=LONGEST_WAIT, at=0.0)
    assert (outbox.waiting, outbox.counts.dropped) == (0, 1)


def test_what_is_under_way_at_an_upgrade_waits_again():
    """Whether it has arrived is not known; the receiver can tell by its id."""
    outbox, _ = filled(3)
    outbox.take(0.0)
    after = Outbox()
    after.restore(json.loads(json.dumps(outbox.snapshot())))
    assert [after.take(0.0).id, after.waiting] == ["0", 3]


def test_at_the_end_what_is_left_is_counted():
    outbox, _ = filled(3)
    outbox.take(0.0)
    assert outbox.discard() == 3
    assert (outbox.waiting, outbox.counts.dropped) == (0, 3)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["put", "sent", "later", "never", "upgrade", "wait"]), max_size=300))
def test_every_message_is_accounted_for(steps):
    """Each is sent, refused, dropped, or waiting; and never more wait than the bound."""
    outbox, now, put = Outbox(), 0.0, 0
    for step in steps:
        match step:
            case "put":
                put += 1
                outbox.put(message(put), now)
            case "wait":
                now += 400.0
            case "upgrade":
                kept = outbox.snapshot()
                outbox = Outbox()
                outbox.restore(json.loads(json.dumps(kept)))
            case _:
                if outbox.take(now) is not None:
                    outbox.done({"sent": SENT, "later": LATER, "never": NEVER}[step], now=now, at=now)
        counts = outbox.counts
        assert counts.sent + counts.failed + counts.dropped + outbox.waiting == put
        assert outbox.waiting <= MOST_WAITING
