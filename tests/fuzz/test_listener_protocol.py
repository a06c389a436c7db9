"""A listener's output is understood or ends its session, and it does not matter how it is cut into pieces."""

from hypothesis import given, settings
from hypothesis import strategies as st

from procman.events.protocol import MAX_LINE, MAX_RESULT
from tests.support.fuzz_targets import listen

PIECES = st.sampled_from(
    [
        *(b"READY\n", b"RESULT 2\nOK", b"RESULT 4\nFAIL", b"RESULT 0\n", b"RESULT ", b"RESULT -1\n", b"RESULT 1_0\n"),
        *(
            b"RESULT +2\nOK",
            b"RESULT  2\nOK",
            b"RESULT 9999999999\n",
            b"RESULT " + b"9" * MAX_LINE,
            b"\n",
            b"OK",
            b"\0",
        ),
        *(b"ACKNOWLEDGED\n", b"RESULT %d\n" % MAX_RESULT, b"RESULT \xd9\xa3\n", b"READY\r\n", b"RESULT 2\r\nOK"),
    ]
)
TALK = st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=20)


@settings(max_examples=300)
@given(TALK, st.integers(1, 50))
def test_any_talk_is_the_same_however_it_is_cut(talk, size):
    """The same output gives the same result in any pieces."""
    whole = b"".join(talk)
    expected = listen([whole])
    assert listen(talk) == expected
    assert listen(whole[start : start + size] for start in range(0, len(whole), size)) == expected


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_heard(data):
    """Arbitrary bytes, also after a valid start, are handled."""
    listen([data])
    listen([b"READY\n", data])
    listen([b"READY\nRESULT ", data])
