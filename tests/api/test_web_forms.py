"""The addresses of supervisor's own page: what they do, and for whom."""

import asyncio
import urllib.parse
from dataclasses import replace

import pytest

from procman.api.web_forms import Forms
from procman.errors import Reason, UnknownProcess, WrongState
from procman.http.messages import Peer, Request, Response
from procman.http.router import Router
from procman.services.operations import Operations, Outcome

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


class FakeControl:
    """Writes down what it was asked for; knows "web" only."""

    def __init__(self):
        self.done = []
        self.operations = Operations()
        self.reason = None
        self.ending = False

    def one(self, name):
        if name != "web":
            raise UnknownProcess(name)
        return type("Status", (), {"namespec": name})

    def refuse_while_ending(self):
        if self.ending:
            raise WrongState("procman is shutting down", Reason.SHUTTING_DOWN)

    def _do(self, op, specs, actor):
        self.refuse_while_ending()
        self.done.append((op, *specs))
        operation = self.operations.begin(op, specs, actor)
        operation.reach(0, Outcome("web", "web", self.reason, "web"))
        operation.accept()
        return operation

    def start(self, specs, actor):
        return self._do("start", specs, actor)

    def stop(self, specs, actor):
        return self._do("stop", specs, actor)

    def restart(self, specs, actor):
        return self._do("restart", specs, actor)

    def clear_logs(self, specs, clear, actor):
        return self._do("clear", specs, actor)


class FakeOutputs:
    log = b""

    async def clear(self, name):
        raise AssertionError

    async def read(self, name, channel, offset, length):
        return self.log[offset:]


@pytest.fixture
def control():
    return FakeControl()


@pytest.fixture
def ask(control):
    """Ask for an address; an answer of the page itself has the status 200."""

    async def page(_):
        return Response(body=b"the page")

    def ask(target, method="GET", body=b"", peer=None, role="control", **headers):
        router = Router()
        Forms(control, control, FakeOutputs(), page).add_to(router)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request.of(method, target, headers=headers, body=body, peer=peer)
        return asyncio.run(router(replace(request, role=role)))

    return ask


def message(answer):
    """Where it leads to, which holds what has happened."""
    assert answer.status == 301
    location = urllib.parse.urlsplit(dict(answer.headers)["Location"])
    assert location.path == "./"
    return urllib.parse.parse_qs(location.query)["message"][0]


STOP = "/index.html?action=stop&processname=web"


def test_an_action_is_done_and_leads_to_a_message(ask, control):
    """By GET as by POST, for one and for all."""
    assert message(ask("/index.html?processname=web&action=start")) == "Process web started"
    assert message(ask(STOP)) == "Process web stopped"
    assert message(ask("/?action=restart&processname=web")) == "Process web restarted"
    assert message(ask("/index.html", "POST", b"action=clearlog&processname=web")) == "Log for web cleared"
    assert message(ask("/index.html?action=stopall")).startswith("All stopped at ")
    assert message(ask("/index.html?action=restartall")).startswith("All restarted at ")
    assert message(ask("/index.html?action=refresh")).startswith("Page refreshed at ")
    assert control.done == [
        ("start", "web"),
        ("stop", "web"),
        ("restart", "web"),
        ("clear", "web"),
        ("stop", "all"),
        ("restart", "all"),
    ]


def test_no_browser_may_keep_the_answer_instead_of_asking_again(ask):
    """301 is for ever, unless one says otherwise."""
    assert ("Cache-Control", "no-store") in ask(STOP).headers


def test_without_an_action_there_is_the_page(ask, control):
    """Under both its names, with and without a message."""
    for target in ("/", "/index.html", "/?message=hello", "/index.html?processname=web"):
        assert ask(target).body == b"the page"
    assert control.done == []


def test_a_restart_that_fails_is_not_called_one(ask, control):
    """As supervisord does, whatever has become of it."""
    control.reason = Reason.CANNOT_SPAWN
    assert message(ask("/index.html?action=restart&processname=web")) == "ERROR: Process web: spawn error"


def test_what_is_no_action_is_an_error_and_does_nothing(ask, control):
    """It is who asks that has to mend it: no 500, as from supervisord."""
    for target in ("/index.html?action=explode&processname=web", "/index.html?action=stop"):
        assert ask(target).status == 400
    assert control.done == []


def test_while_shutting_down_nothing_is_begun(ask, control):
    """It is not there for the moment; that is no error of who asks."""
    control.ending = True
    assert ask("/index.html?action=stopall").status == 503
    assert ask(STOP).status == 503
    assert "SHUTDOWN_STATE" in ask("/tail.html?processname=web").body.decode()
    assert control.done == []


# ---- what a browser may be made to ask


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_can_make_a_browser_ask_but_not_act(ask, control, site):
    """A link, an image or a form of another page, whatever way to the server."""
    for peer in (None, Peer(1, 0, 0)):
        assert ask(STOP, host="localhost", user_agent=FIREFOX, sec_fetch_site=site, peer=peer).status == 403
    assert (
        ask("/index.html", "POST", b"action=stopall", host="localhost:9001", origin="http://evil.example").status == 403
    )
    assert control.done == []


def test_a_browser_that_does_not_say_who_asks_gets_the_page(ask, control):
    """Over plain HTTP it tells only localhost: the page then asks the person in front of it."""
    assert ask(STOP, host="10.0.0.1:9001", user_agent=FIREFOX).body == b"the page"
    assert control.done == []


def test_a_browser_that_looks_ahead_does_nothing(ask, control):
    """It fetches a bookmark while somebody types its first letters; and a HEAD only looks."""
    typed = {"host": "localhost", "user_agent": FIREFOX, "sec_fetch_site": "none"}
    assert ask(STOP, **typed, sec_purpose="prefetch;prerender").body == b"the page"
    assert ask(STOP, **typed, purpose="prefetch").body == b"the page"
    assert ask(STOP, "HEAD").status == 200
    assert control.done == []


def test_a_person_and_a_script_may(ask, control):
    """A bookmark or a typed address, the page itself, and whatever is no browser."""
    for headers in (
        {"user_agent": FIREFOX, "sec_fetch_site": "none"},
        {"user_agent": FIREFOX, "sec_fetch_site": "same-origin"},
        {"user_agent": "curl/8.5.0"},
        {},
    ):
        assert message(ask(STOP, host="localhost", **headers)) == "Process web stopped"
    assert control.done == [("stop", "web")] * 4


def test_who_may_only_read_may_not_act(ask, control):
    """By GET neither; what changes nothing is there for everybody."""
    assert ask(STOP, role="read").status == 403
    assert ask("/index.html", "POST", b"action=stopall", role="read").status == 403
    assert ask("/", role="read").body == b"the page"
    assert message(ask("/index.html?action=refresh", role="read")).startswith("Page refreshed at ")
    assert ask("/tail.html?processname=web", role="read").status == 200
    assert control.done == []


# ---- the end of a log


def test_a_log_is_shown_as_text(ask, monkeypatch):
    """Markup, control characters and what is no UTF-8 do nothing; names neither."""
    monkeypatch.setattr(FakeOutputs, "log", b"<script>alert(1)</script>\r\n\x1b[31m\xff\ttab")
    answer = ask("/tail.html?processname=web")
    text = answer.body.decode()
    assert answer.content_type == "text/html; charset=utf-8"
    assert "<pre>&lt;script&gt;alert(1)&lt;/script&gt;\n␛[31m\ufffd\ttab</pre>" in text
    assert "script-src 'self'" in dict(answer.headers)["Content-Security-Policy"]
    assert "<b>" not in ask("/tail.html?processname=%3Cb%3E%22").body.decode()


@pytest.mark.parametrize(
    ("limit", "length"),
    [("", 1024), ("5", 1024), ("2000", 2000), ("-3", 1024), ("x", 1024), ("²", 1024), ("9" * 5000, 3000)],
)
def test_its_limit_is_a_number_or_else_1024(ask, monkeypatch, limit, length):
    """Never less than that; no number is too large."""
    monkeypatch.setattr(FakeOutputs, "log", b"x" * 3000)
    text = ask(f"/tail.html?processname=web&limit={urllib.parse.quote(limit)}").body.decode()
    assert f"<pre>{'x' * length}</pre>" in text
