"""Requests that a page of another site makes a browser send."""

import http.client
import socket

import pytest

from tests.support.browser import program

CHANGES = (("POST", "/v1/processes/web/stop"), ("POST", "/v1/master/shutdown"), ("GET", "/index.html?action=stopall"))


def ask(connection, method, path, **headers):
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse().status
    finally:
        connection.close()


def over_unix(master):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(master.socket)
    return connection


def over_tcp(master):
    return http.client.HTTPConnection("localhost", master.port)


@pytest.mark.parametrize("way", [over_tcp, over_unix])
def test_another_site_cannot_change_anything(site, way):
    """Cross-site requests change nothing, directly or through a proxy in front of the unix socket."""
    master = site(program("web"))
    master.wait_for("success: web")
    for method, path in CHANGES:
        assert ask(way(master), method, path, Sec_Fetch_Site="cross-site", User_Agent="Mozilla/5.0") == 403
    assert ask(way(master), "GET", "/", Sec_Fetch_Site="cross-site", User_Agent="Mozilla/5.0") == 200
    assert master.info("web")["statename"] == "RUNNING"
    assert ask(way(master), "POST", "/v1/processes/web/stop", Sec_Fetch_Site="same-origin") == 200
    assert master.info("web")["statename"] == "STOPPED"
