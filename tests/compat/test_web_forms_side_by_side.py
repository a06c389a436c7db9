"""The addresses of supervisord's web page, requested from both masters."""

import html
import http.client
import re
import socket
import urllib.parse

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.side_by_side import PROCMAN, SUPERVISORD, running

pytest.importorskip("supervisor.web", reason="the oracle is not installed: pip install supervisor")

# In this order: each action changes the state for the next.
ACTIONS = (
    ("refresh", None),
    ("start", "manual"),
    ("start", "manual"),
    ("restart", "manual"),
    ("stop", "manual"),
    ("stop", "manual"),
    ("start", "missing"),
    ("start", "notexec"),
    ("start", "exits1"),
    ("start", "nope"),
    ("stop", "site:nope"),
    ("stop", "site:*"),
    ("start", "site:two"),
    ("stop", "site:two"),
    ("clearlog", "sleeper"),
    ("clearlog", "nope"),
    ("restart", "sleeper"),
    ("stopall", None),
    ("restartall", None),
)
POSTED = (("stop", "sleeper"), ("start", "sleeper"), ("start", "missing"), ("clearlog", "sleeper"))
TAILS = (
    "processname=sleeper",
    "processname=sleeper&limit=2",
    "processname=sleeper&limit=x",
    "processname=nope",
    "processname=nolog",
    "processname=",
    "",
)


def connect(folder):
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE)
    connection.sock.connect(f"{folder}/ctl.sock")
    return connection


def fetch(folder, method, target, body=None):
    connection = connect(folder)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def act(folder, method, action, name):
    """Status, path of the redirect, and its message without the time."""
    form = urllib.parse.urlencode({"action": action} | ({"processname": name} if name else {}))
    target, body = (f"/index.html?{form}", None) if method == "GET" else ("/index.html", form)
    status, headers, _ = fetch(folder, method, target, body)
    place = urllib.parse.urlsplit(urllib.parse.urljoin("http://127.0.0.1/index.html", headers["Location"]))
    message = urllib.parse.parse_qs(place.query)["message"][0]
    return action, name, status, place.path, re.sub(r" at \w+ \w+ +\d+ [\d:]+ \d+$", " at TIME", message)


def tail(folder, query):
    """Status, type and text."""
    status, headers, text = fetch(folder, "GET", f"/tail.html?{query}")
    shown = re.search(r"<pre>(.*?)</pre>|<pre></pre>", text, re.DOTALL)
    return query, status, headers["Content-Type"].replace(" ", ""), html.unescape(shown[1] or "")


@pytest.fixture(scope="module")
def both_masters():
    """Both masters, once their sleeper has written its line."""
    with running(SUPERVISORD) as theirs, running(PROCMAN) as ours:
        for folder in (theirs, ours):
            # When this one is up, all that start by themselves have been spawned.
            act(folder, "GET", "start", "manual")
            act(folder, "GET", "stop", "manual")
            await_line(folder, "sleeper", "hello")
        yield theirs, ours


def await_line(folder, name, line):
    connection = connect(folder)
    try:
        connection.request("GET", f"/logtail/{name}")
        answer = connection.getresponse()
        assert answer.status == 200
        while line not in answer.readline().decode():
            pass
    finally:
        connection.close()


def test_every_tail_has_the_same_text(both_masters):
    """A log, a missing log, and an unknown process."""
    theirs, ours = both_masters
    for query in TAILS:
        assert tail(ours, query) == tail(theirs, query)


def test_every_action_leads_to_the_same_place_with_the_same_words(both_masters):
    """Both masters answer with the same status codes, redirects and messages."""
    theirs, ours = both_masters
    for method, actions in (("GET", ACTIONS), ("POST", POSTED)):
        for action, name in actions:
            assert act(ours, method, action, name) == act(theirs, method, action, name)


def test_the_page_is_where_it_was(both_masters):
    """Both masters have the page under both names, and ok.html for health checks."""
    theirs, ours = both_masters
    for path in ("/", "/index.html", "/?message=hello"):
        for folder in both_masters:
            status, headers, _ = fetch(folder, "GET", path)
            assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert fetch(theirs, "GET", "/ok.html")[::2] == fetch(ours, "GET", "/ok.html")[::2] == (200, "OK")
