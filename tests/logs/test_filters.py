"""What is done with a stream on its way to the log, besides keeping it."""

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


def test_a_message_is_not_in_the_log():
    """It is told once, whole, wherever the stream was cut."""
    tapped = (
        Tapped(capture_maxbytes=100)
        .feed(b"a<!--XSUPER", b"VISOR:BEGIN-->one ", b"two<!--XSUPERVISOR:EN", b"D-->b")
        .end()
    )
    assert (tapped.log, tapped.messages, tapped.lost) == (b"ab", [b"one two"], 0)


def test_tokens_are_text_where_nothing_is_captured():
    """As in supervisor, which does not look for them then."""
    tapped = Tapped().feed(BEGIN + b"x" + END).end()
    assert tapped.log == BEGIN + b"x" + END
    assert tapped.messages == []


def test_an_empty_message_is_a_message():
    """A program may have nothing to say, and say it."""
    assert Tapped(capture_maxbytes=1).feed(BEGIN + END + BEGIN, END).messages == [b"", b""]


def test_who_hears_the_text_hears_what_is_in_messages_too():
    """Supervisor's PROCESS_LOG events have it, whatever its manual says."""
    tapped = Tapped(capture_maxbytes=100).feed(b"a" + BEGIN + b"b" + END + b"c")
    assert tapped.texts == [b"a", b"b", b"c"]
    assert tapped.raw == [b"a" + BEGIN + b"b" + END + b"c"]


def test_the_log_has_it_before_anybody_is_told():
    """A listener that reads the log finds what it was told of."""
    tapped = Tapped(capture_maxbytes=100).feed(b"a" + BEGIN + b"b" + END)
    assert tapped.order == ["log", "text", "text", "message", "raw"]


def test_colours_are_out_of_log_and_messages_alike():
    """And of what is told of either; a message does not take a colour apart that goes on after it."""
    tapped = Tapped(capture_maxbytes=100, strip_ansi=True)
    tapped.feed(b"\x1b[1mred\x1b[", BEGIN + b"\x1b[3", b"1mblue" + END + b"0mgreen").end()
    assert (tapped.log, tapped.messages) == (b"redgreen", [b"blue"])
    assert b"".join(tapped.texts) == b"redbluegreen"


def test_what_only_began_like_a_colour_stays_in_its_message():
    """It ends with the message, whatever comes after that."""
    tapped = Tapped(capture_maxbytes=100, strip_ansi=True).feed(BEGIN + b"x\x1b[3" + END + b"1my").end()
    assert (tapped.messages, tapped.log) == ([b"x\x1b[3"], b"1my")


def test_a_token_with_colours_in_it_is_no_token():
    """Tokens are looked for in what the program wrote, as in supervisor."""
    torn = BEGIN[:9] + b"\x1b[0m" + BEGIN[9:]
    tapped = Tapped(capture_maxbytes=100, strip_ansi=True).feed(torn).end()
    assert tapped.log == BEGIN


def test_the_last_bytes_of_a_stream_are_in_its_log():
    """Also those that looked like the beginning of a token, or of a colour."""
    assert Tapped(capture_maxbytes=100).feed(b"a<!--XSUP").end().log == b"a<!--XSUP"
    assert Tapped(strip_ansi=True).feed(b"a\x1b[3").end().log == b"a\x1b[3"


def test_a_message_without_end_is_lost():
    """It goes neither into the log nor to anybody, and is counted."""
    tapped = Tapped(capture_maxbytes=100).feed(b"a" + BEGIN + b"secret<!").end()
    assert (tapped.log, tapped.messages, tapped.lost) == (b"a", [], len(b"secret<!"))


def test_the_beginning_of_a_message_that_is_too_long_is_lost():
    """What did not fit is counted; the next message has all the room again."""
    tapped = Tapped(capture_maxbytes=5).feed(BEGIN + b"1234", b"56", END + BEGIN + b"abcde" + END)
    assert (tapped.messages, tapped.lost) == ([b"3456", b"abcde"], 2)


def test_the_room_for_a_message_may_change_while_it_is_written():
    """An update of the configuration does not break it."""
    tapped = Tapped(capture_maxbytes=2).feed(BEGIN + b"12")
    tapped.tap.capture_maxbytes = 100
    assert tapped.feed(b"34" + END).messages == [b"1234"]


@given(st.lists(st.sampled_from([BEGIN, END, b"<!--", b"text", b"\x1b[3", b"1m", b"\n"])), st.integers(1, 40))
def test_no_byte_is_unaccounted_for(chunks, maxbytes):
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
