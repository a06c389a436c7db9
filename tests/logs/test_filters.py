"""What happens to a stream on its way to the log."""

from hypothesis import given
from hypothesis import strategies as st

from procman.logs.capture import BEGIN, END
from procman.logs.filters import StreamFilter


class Tapped:
    """A tap, and all that comes out of it; `order` says in which order."""

    def __init__(self, **options):
        self.log = b""
        self.texts = []
        self.messages = []
        self.raw = []
        self.lost = 0
        self.order = []
        self.tap = StreamFilter(
            on_raw=self.hear("raw", self.raw),
            on_text=self.hear("text", self.texts),
            on_message=self.hear("message", self.messages),
            on_lost=self.lose,
            **options,
        )

    def hear(self, kind, heard):
        def take(data):
            heard.append(data)
            self.order.append(kind)

        return take

    def write(self, data):
        self.log += data
        self.order.append("log")

    def lose(self, count):
        self.lost += count

    def feed(self, *chunks):
        for chunk in chunks:
            self.tap.feed(chunk, self.write)
        return self

    def end(self):
        self.tap.flush(self.write)
        return self


def test_a_captured_message_is_not_in_the_log():
    """The receiver gets it once and whole, wherever the stream was cut."""
    tapped = (
        Tapped(capture_maxbytes=100)
        .feed(b"a<!--XSUPER", b"VISOR:BEGIN-->one ", b"two<!--XSUPERVISOR:EN", b"D-->b")
        .end()
    )
    assert (tapped.log, tapped.messages, tapped.lost) == (b"ab", [b"one two"], 0)


def test_tokens_are_text_without_capture_mode():
    """As in supervisor, which does not search for them then."""
    tapped = Tapped().feed(BEGIN + b"x" + END).end()
    assert tapped.log == BEGIN + b"x" + END
    assert tapped.messages == []


def test_an_empty_message_is_a_message():
    """Two adjacent tokens give a message without bytes."""
    assert Tapped(capture_maxbytes=1).feed(BEGIN + END + BEGIN, END).messages == [b"", b""]


def test_receivers_of_text_get_the_text_of_messages_too():
    """Supervisor's PROCESS_LOG events contain it, whatever its manual says."""
    tapped = Tapped(capture_maxbytes=100).feed(b"a" + BEGIN + b"b" + END + b"c")
    assert tapped.texts == [b"a", b"b", b"c"]
    assert tapped.raw == [b"a" + BEGIN + b"b" + END + b"c"]


def test_the_log_has_the_text_before_receivers_do():
    """A listener that reads the log finds what the event reported."""
    tapped = Tapped(capture_maxbytes=100).feed(b"a" + BEGIN + b"b" + END)
    assert tapped.order == ["log", "text", "text", "message", "raw"]


def test_colours_are_stripped_from_log_and_messages():
    """A colour that continues after a message is not torn apart by it."""
    tapped = Tapped(capture_maxbytes=100, strip_ansi=True)
    tapped.feed(b"\x1b[1mred\x1b[", BEGIN + b"\x1b[3", b"1mblue" + END + b"0mgreen").end()
    assert (tapped.log, tapped.messages) == (b"redgreen", [b"blue"])
    assert b"".join(tapped.texts) == b"redbluegreen"


def test_an_unfinished_colour_stays_in_its_message():
    """It ends with the message, whatever follows."""
    tapped = Tapped(capture_maxbytes=100, strip_ansi=True).feed(BEGIN + b"x\x1b[3" + END + b"1my").end()
    assert (tapped.messages, tapped.log) == ([b"x\x1b[3"], b"1my")


def test_a_token_with_colours_in_it_is_text():
    """Tokens are searched for in the raw output, as in supervisor."""
    torn = BEGIN[:9] + b"\x1b[0m" + BEGIN[9:]
    tapped = Tapped(capture_maxbytes=100, strip_ansi=True).feed(torn).end()
    assert tapped.log == BEGIN


def test_the_last_bytes_of_a_stream_are_in_its_log():
    """Including those that looked like the beginning of a token or a colour."""
    assert Tapped(capture_maxbytes=100).feed(b"a<!--XSUP").end().log == b"a<!--XSUP"
    assert Tapped(strip_ansi=True).feed(b"a\x1b[3").end().log == b"a\x1b[3"


def test_a_message_without_end_is_lost():
    """It goes neither to the log nor to a receiver, and is counted."""
    tapped = Tapped(capture_maxbytes=100).feed(b"a" + BEGIN + b"secret<!").end()
    assert (tapped.log, tapped.messages, tapped.lost) == (b"a", [], len(b"secret<!"))


def test_an_overlong_message_loses_its_beginning():
    """The lost bytes are counted; the next message has all the room again."""
    tapped = Tapped(capture_maxbytes=5).feed(BEGIN + b"1234", b"56", END + BEGIN + b"abcde" + END)
    assert (tapped.messages, tapped.lost) == ([b"3456", b"abcde"], 2)


def test_the_size_of_messages_may_change_inside_a_message():
    """An update of the configuration does not tear the message."""
    tapped = Tapped(capture_maxbytes=2).feed(BEGIN + b"12")
    tapped.tap.capture_maxbytes = 100
    assert tapped.feed(b"34" + END).messages == [b"1234"]


@given(st.lists(st.sampled_from([BEGIN, END, b"<!--", b"text", b"\x1b[3", b"1m", b"\n"])), st.integers(1, 40))
def test_every_byte_is_accounted_for(chunks, maxbytes):
    """In = log + messages + lost + tokens."""
    tapped = Tapped(capture_maxbytes=maxbytes).feed(*chunks).end()
    stream = b"".join(chunks)
    tokens, inside, rest = 0, False, stream
    while (token := END if inside else BEGIN) in rest:
        rest = rest.partition(token)[2]
        tokens += len(token)
        inside = not inside
    assert len(tapped.log) + sum(map(len, tapped.messages)) + tapped.lost + tokens == len(stream)
    assert b"".join(tapped.raw) == stream
