"""Requests that a browser sends for another site."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.http.host_guard import HostGuard, host_name, is_address
from procman.http.messages import Peer, Request

PEER = Peer(1, 0, 0)


def request(method: str = "GET", *, peer: Peer | None = None, **headers: str) -> Request:
    return Request.of(method, "/", headers={name.replace("_", "-"): text for name, text in headers.items()}, peer=peer)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:9001",
        "localhost.",
        "app.localhost:80",
        "app:9001",  # as a container asks another one
        "Box",
        "127.0.0.1:9001",
        "192.168.1.7",
        "[::1]:9001",
        "[fe80::1]",
    ],
)
def test_hosts_that_cannot_be_rebound_are_allowed(host):
    """An address cannot be rebound, localhost is this machine by definition, and a public name has a dot."""
    assert HostGuard().refusal(request(host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        ":9001",
        "user@localhost",
        "local host",
        "[::1",
        "1.2.3",
    ],
)
def test_other_names_are_refused(host):
    """A page whose name was made to resolve to this server is not ours."""
    assert HostGuard().refusal(request(host=host)).status == 403
    assert HostGuard().refusal(request(host=host), changes=False).status == 403


def test_a_configured_name_is_allowed():
    """Names are compared without case, port and last dot; a star allows all."""
    guard = HostGuard(["Box.Lan"])
    assert guard.refusal(request(host="box.lan:9001")) is None
    assert guard.refusal(request(host="BOX.LAN.")) is None
    assert guard.refusal(request(host="other.lan")).status == 403
    assert HostGuard(["*"]).refusal(request(host="other.lan")) is None


def test_a_unix_socket_allows_any_host():
    """Supervisorctl sends an empty Host to a unix socket."""
    for host in ("", "evil.example", "/run/procman.sock"):
        assert HostGuard().refusal(request(host=host, peer=PEER)) is None


def test_a_client_that_sends_no_host_is_no_browser():
    """Health checks of load balancers use HTTP/1.0 without a Host."""
    assert HostGuard().refusal(request()) is None


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # not a browser
        ({"origin": "http://localhost:9001"}, True),
        ({"origin": "https://LOCALHOST:9001"}, True),
        ({"origin": "http://localhost:8000"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://localhost:9001.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "file://localhost:9001"}, False),
        ({"origin": "https://proxy.example"}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site"}, False),  # another port of this machine
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": "http://localhost:9001"}, False),
        ({"sec_fetch_site": "same-origin", "origin": "https://behind-a-proxy"}, True),
    ],
)
def test_only_our_own_pages_may_change_things(headers, allowed):
    """Another site's page can post a form here, but its browser says where it comes from."""
    guard = HostGuard(["proxy.example"])
    for method in ("POST", "PUT", "DELETE"):
        refusal = guard.refusal(request(method, host="localhost:9001", **headers))
        assert (refusal is None) == allowed
    assert guard.refusal(request("GET", host="localhost:9001", **headers)) is None
    assert (guard.refusal(request("GET", host="localhost:9001", **headers), changes=True) is None) == allowed


def test_a_refusal_behind_a_proxy_says_what_to_do():
    """A proxy that replaces the Host header gets the status page's own buttons refused; the answer says why."""
    refusal = HostGuard(["*"]).refusal(request("POST", host="127.0.0.1:9001", origin="http://web.example"))
    assert refusal.body == (
        b"pages of other sites may not change anything here: the page is from 'http://web.example', the server "
        b"is '127.0.0.1:9001'; a proxy must pass on the Host header\n"
    )
    sure = HostGuard(["*"]).refusal(request("POST", host="x", origin="http://y", sec_fetch_site="cross-site"))
    assert b"proxy" not in sure.body


def test_on_a_unix_socket_only_sec_fetch_site_counts():
    """The name of the proxy is unknown here, but the browser marks a cross-site request."""
    guard = HostGuard()
    assert guard.refusal(request("POST", host="x", origin="https://admin.example", peer=PEER)) is None
    assert guard.refusal(request("POST", host="x", sec_fetch_site="cross-site", peer=PEER)).status == 403


@given(st.text())
def test_any_host_header_can_be_parsed(text):
    """The guard has an answer to every header."""
    name = host_name(text)
    assert name is None or not is_address(name) or HostGuard().refusal(request(host=text)) is None
    HostGuard().refusal(request("POST", host=text, origin=text, sec_fetch_site=text))
