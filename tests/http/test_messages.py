"""Requests as data."""

from dataclasses import replace

from procman.http.messages import Peer, Request


def test_a_request_with_its_body_is_otherwise_the_same():
    """`with_body` keeps every other field."""
    head = Request("PUT", "/a", "/%61", {"x": "1"}, {"host": "h"}, b"", Peer(1, 2, 3), "label", "read")
    assert head.with_body(b"body") == replace(head, body=b"body")
    assert head.body == b""
