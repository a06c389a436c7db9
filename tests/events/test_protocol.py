"""What a listener writes, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.events.protocol import MAX_LINE, MAX_RESULT, BadLine, Changed, Conversation, ListenerState, Result

ACKNOWLEDGED, READY, BUSY, UNKNOWN = (
    ListenerState.ACKNOWLEDGED,
    ListenerState.READY,
    ListenerState.BUSY,
    ListenerState.UNKNOWN,
)


def hear(conversation, *chunks):
    """Feed it, judging OK as understood; what came of it."""
    heard = []
    for chunk in chunks:
        conversation.feed(chunk)
        while (item := conversation.next()) is not None:
            heard.append(item)
            if isinstance(item, Result):
                heard.append(conversation.judged(understood=True))
            elif isinstance(item, BadLine):
                heard.append(conversation.judged(understood=False))
    return heard


def busy():
    conversation = Conversation()
    hear(conversation, b"READY\n")
    conversation.sent()
    return conversation


def test_ready_makes_it_ready():
    """Byte by byte, too."""
    conversation = Conversation()
    assert hear(conversation, *(b"READY\n"[i : i + 1] for i in range(6))) == [Changed(ACKNOWLEDGED, READY)]


@pytest.mark.parametrize("word", [b"REALLY", b"ready\n", b" READY\n", b"READY\r\n", b"\n\n\n\n\n\n"])
def test_another_word_is_the_end(word):
    """From UNKNOWN there is no way back, whatever comes."""
    conversation = Conversation()
    assert hear(conversation, word, b"READY\n") == [Changed(ACKNOWLEDGED, UNKNOWN)]
    assert conversation.state is UNKNOWN


def test_fewer_than_six_bytes_decide_nothing():
    """As in supervisord: more may come."""
    assert hear(Conversation(), b"WHAT\n") == []


def test_anything_while_it_is_ready_is_the_end():
    """Output of a listener that was asked nothing breaks the protocol."""
    conversation = Conversation()
    assert hear(conversation, b"READY\nREADY\n") == [Changed(ACKNOWLEDGED, READY), Changed(READY, UNKNOWN)]


@given(st.binary(min_size=1, max_size=40), st.integers(1, 7))
def test_a_result_arrives_whole_however_it_is_cut(data, size):
    """A result is read whole, and so is a READY behind it."""
    whole = b"RESULT %d\n%sREADY\n" % (len(data), data)
    chunks = [whole[i : i + size] for i in range(0, len(whole), size)]
    assert hear(busy(), *chunks) == [Result(data), Changed(BUSY, ACKNOWLEDGED), Changed(ACKNOWLEDGED, READY)]


def test_an_empty_result_is_complete_at_once():
    """There is nothing to wait for."""
    assert hear(busy(), b"RESULT 0\n") == [Result(b""), Changed(BUSY, ACKNOWLEDGED)]


@pytest.mark.parametrize("line", [b"RESULT x", b"OK", b"RESULT", b"", b"RESULT -1", b"RESULT 2 2", b"RESULT \xff"])
def test_a_line_without_a_length_is_the_end(line):
    """What follows is thrown away."""
    conversation = busy()
    assert hear(conversation, line + b"\nRESULT 2\nOK", b"READY\n") == [BadLine(line), Changed(BUSY, UNKNOWN)]


def test_only_what_follows_the_first_seven_bytes_counts():
    """As in supervisord, which does not look at the word itself."""
    assert hear(busy(), b"ANSWER 2\nOK")[0] == Result(b"OK")


def test_a_line_without_end_is_the_end():
    """No more than MAX_LINE is kept of it."""
    conversation = busy()
    assert hear(conversation, b"x" * (MAX_LINE - 1)) == []
    assert hear(conversation, b"x") == [BadLine(b"x" * MAX_LINE), Changed(BUSY, UNKNOWN)]


def test_a_result_too_large_to_be_one_is_refused_before_it_comes():
    """So nobody can fill the master's memory."""
    line = b"RESULT %d" % (MAX_RESULT + 1)
    assert hear(busy(), line + b"\n") == [BadLine(line), Changed(BUSY, UNKNOWN)]


def test_the_largest_result_is_taken():
    """The bound itself is within it."""
    data = b"x" * MAX_RESULT
    assert hear(busy(), b"RESULT %d\n" % MAX_RESULT, data)[0] == Result(data)


def test_a_result_that_the_handler_cannot_digest_is_the_end():
    """A result that the handler cannot read breaks the protocol."""
    conversation = busy()
    conversation.feed(b"RESULT 2\nOKREADY\n")
    assert conversation.next() == Result(b"OK")
    assert conversation.judged(understood=False) == Changed(BUSY, UNKNOWN)
    assert conversation.next() is None


@given(st.lists(st.binary(max_size=MAX_LINE // 4), max_size=30))
def test_garbage_is_never_kept(chunks):
    """Whatever a listener writes in whatever state, what is held of it stays small."""
    for conversation in (Conversation(), busy()):
        hear(conversation, *chunks)
        assert len(conversation._buffer) <= MAX_RESULT + MAX_LINE
        if conversation.state is UNKNOWN:
            assert not conversation._buffer
