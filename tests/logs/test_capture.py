"""Messages between supervisor's tokens, taken out of a stream in arbitrary chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor.dispatchers import POutputDispatcher
from supervisor.events import ProcessCommunicationStdoutEvent, clear, subscribe
from supervisor.loggers import BoundIO
from supervisor.tests.base import DummyOptions, DummyPConfig, DummyProcess

from procman.logs.capture import BEGIN, END, CapturedMessage, CaptureSplitter, Part

# Streams that are full of tokens, and of what only begins like one.
fragments = st.one_of(
    st.sampled_from([BEGIN, END, b"<", b"<!", b"\n", b"text", b"X", BEGIN[:-1], END[:-1], BEGIN + END, b"<" + BEGIN]),
    st.builds(lambda token, size: token[:size], st.sampled_from([BEGIN, END]), st.integers(0, 24)),
    st.binary(max_size=8),
)


@st.composite
def chunks(draw):
    """A stream, cut anywhere."""
    stream = b"".join(draw(st.lists(fragments, max_size=12)))
    borders = sorted(draw(st.sets(st.integers(0, len(stream)), max_size=30)))
    return [stream[start:end] for start, end in zip([0, *borders], [*borders, len(stream)], strict=True)]


def whole(stream):
    """What belongs into the log, the messages, and the one that has no end: cut when all of it is there."""
    log, messages = b"", []
    while True:
        before, begin, stream = stream.partition(BEGIN)
        log += before
        if not begin:
            return log, messages, None
        message, end, stream = stream.partition(END)
        if not end:
            return log, messages, message
        messages.append(message)


class Reader:
    """Puts the pieces together again."""

    def __init__(self):
        self.splitter = CaptureSplitter()
        self.log = b""
        self.messages = []
        self.inside = b""

    def take(self, pieces):
        for part, piece in pieces:
            assert piece or part is Part.MESSAGE
            match part:
                case Part.LOG:
                    self.log += piece
                case Part.INSIDE:
                    self.inside += piece
                case Part.MESSAGE:
                    self.messages.append(self.inside)
                    self.inside = b""


@given(chunks())
def test_chunk_boundaries_do_not_change_messages(stream):
    """Many reads give the same log and the same messages as one read."""
    reader = Reader()
    for chunk in stream:
        reader.take(reader.splitter.feed(chunk))
    reader.take(reader.splitter.flush())
    log, messages, unfinished = whole(b"".join(stream))
    assert (reader.log, reader.messages, reader.inside) == (log, messages, unfinished or b"")
    assert reader.splitter.inside == (unfinished is not None)


@given(chunks())
def test_only_a_possible_token_is_held_back(stream):
    """All bytes that are certainly text come out at once."""
    reader = Reader()
    fed = b""
    for chunk in stream:
        reader.take(reader.splitter.feed(chunk))
        fed += chunk
        log, messages, unfinished = whole(fed)
        sure, text = (reader.log, log) if unfinished is None else (reader.inside, unfinished)
        token = BEGIN if unfinished is None else END
        assert reader.messages == messages
        assert text.startswith(sure)
        assert len(text) - len(sure) < len(token)
        assert token.startswith(text[len(sure) :])


@pytest.mark.parametrize("token", [BEGIN, END])
def test_a_token_has_one_less_than_sign(token):
    """So one search for "<" finds what must be held back."""
    assert token.rfind(b"<") == 0


class Recorded:
    """A log of supervisor's that keeps what it is given."""

    def __init__(self):
        self.data = b""

    def info(self, data):
        self.data += data


class TheirOptions(DummyOptions):
    """Supervisor's own stand-in, whose capture log is the real one."""

    strip_ansi = False
    loglevel = 20

    def getLogger(self, *_args, **_kwargs):  # noqa: N802 - supervisor's name
        from supervisor.loggers import getLogger

        return getLogger(20)


def theirs(stream):
    """What supervisor's own dispatcher makes of it: the log and the messages."""
    options = TheirOptions()
    config = DummyPConfig(options, "web", "/bin/web", stdout_capture_maxbytes=10000)
    dispatcher = POutputDispatcher(DummyProcess(config), ProcessCommunicationStdoutEvent, 0)
    dispatcher.normallog = dispatcher.childlog = Recorded()
    messages = []
    clear()
    subscribe(ProcessCommunicationStdoutEvent, lambda event: messages.append(event.data))
    try:
        for chunk in stream:
            options.readfd_result = chunk
            if chunk:
                dispatcher.handle_read_event()
    finally:
        clear()
    return dispatcher.normallog.data, messages


@given(chunks())
def test_supervisor_captures_the_same_messages(stream):
    """Its own dispatcher gives the same log and the same messages, once it has released what it holds back."""
    stream = [*stream, b"." * 40]
    reader = Reader()
    for chunk in stream:
        reader.take(reader.splitter.feed(chunk))
    assert theirs(stream) == (reader.log, reader.messages)


@given(st.integers(1, 20), st.lists(st.binary(max_size=30)))
def test_an_overlong_message_is_truncated_as_in_supervisor(maxbytes, pieces):
    """Byte for byte, for every size of the pieces."""
    message, theirs = CapturedMessage(maxbytes), BoundIO(maxbytes)
    dropped = 0
    for piece in pieces:
        dropped += message.append(piece)
        theirs.write(piece)
    kept = message.take()
    assert kept == theirs.getvalue()
    assert len(kept) + dropped == sum(map(len, pieces))
    assert len(kept) <= max([maxbytes, *map(len, pieces)])
    assert message.take() == b""
