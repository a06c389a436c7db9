"""Tokens, and what becomes of those who guess."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.http.tokens import DELAY, FREE_FAILURES, MOST_ADDRESSES, Tokens

DIGEST = hashlib.sha256(b"t0ken").hexdigest()
OTHER = hashlib.sha256(b"").hexdigest()


@pytest.fixture
def tokens():
    return Tokens(lambda: {DIGEST, OTHER}, lambda: tokens_clock[0])


tokens_clock = [0.0]


def basic(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


@pytest.mark.parametrize(
    "header", ["Bearer t0ken", "bearer  t0ken ", basic(b"anybody:t0ken"), basic(b":t0ken"), "BEARER t0ken"]
)
def test_a_token_may_be_sent_in_two_ways(tokens, header):
    """As a bearer token, and as the password for which a browser asks."""
    assert tokens.digest_in(header) == DIGEST


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "t0ken",
        f"Bearer {DIGEST}",
        "Bearer t0ken2",
        basic(b"t0ken"),
        basic(b"t0ken:"),
        "Basic !",
    ],
)
def test_everything_else_is_wrong(tokens, header):
    """The digest is no token, and an empty token is none even if somebody has its digest in the file."""
    assert tokens.digest_in(header) is None


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_any_header_can_be_read(text):
    """Whatever a client sends is a token or is none."""
    tokens = Tokens(lambda: {DIGEST})
    for header in (text, f"Bearer {text}", f"Basic {text}", basic(text.encode("utf-8", "replace"))):
        assert tokens.digest_in(header) in (None, DIGEST)
    assert tokens.digest_in("Bearer " + "x" * 100_000) is None


def test_who_guesses_waits(tokens):
    """Five wrong tokens of an address in a second are answered at once, the others later; other addresses are not."""
    tokens_clock[0] = 10.0
    assert [tokens.refusal("192.0.2.1").delay for _ in range(FREE_FAILURES + 2)] == [0.0] * 5 + [DELAY] * 2
    assert tokens.refusal("192.0.2.2").delay == 0.0
    assert tokens.refusal("").delay == 0.0  # one that has sent none has not guessed
    tokens_clock[0] = 12.0
    assert tokens.refusal("192.0.2.1").delay == 0.0


def test_addresses_are_forgotten(tokens):
    """A flood from many addresses costs bounded memory."""
    for number in range(MOST_ADDRESSES * 2):
        tokens.refusal(f"10.0.{number // 256}.{number % 256}")
    assert len(tokens._failures) == MOST_ADDRESSES
