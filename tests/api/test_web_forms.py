"""The addresses of supervisor's own web page."""

import asyncio
import urllib.parse
from dataclasses import replace

import pytest

from procman.api.web_forms import Forms
from procman.errors import Reason, UnknownProcess, WrongState
from procman.http.messages import EVERY_RIGHT, Peer, Request, Response
from procman.http.router import Router
from procman.services.operations import Operations, Outcome
from tests.support.rights import only_reads

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


class FakeControl:
    """Records the operations it is asked for; its only process is "web"."""

    def __init__(self):
        self.done = []
        self.operations = Operations()
        self.reason = None
        self.ending = False
        self.table = self

    def among(self, may):
        assert may is None
        return self

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

    def on_logs(self, kind, specs, clear, actor):
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
    """Request an address; the page itself answers 200."""

    async def page(_):
        return Response(body=b"the page")

    def ask(target, method="GET", body=b"", peer=None, rights=EVERY_RIGHT, **headers):
        router = Router()
        Forms(control, control, FakeOutputs(), page).add_to(router)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request.of(method, target, headers=headers, body=body, peer=peer)
        return asyncio.run(router(replace(request, rights=rights)))

    return ask


def message(answer):
    """The message in the address of a redirect."""
    assert answer.status == 301
    location = urllib.parse.urlsplit(dict(answer.headers)["Location"])
    assert location.path == "./"
    return urllib.parse.parse_qs(location.query)["message"][0]


STOP = "/index.html?action=stop&processname=web"


def test_an_action_is_carried_out_and_redirects_to_its_message(ask, control):
    """GET and POST carry out an action, for one process or for all, and redirect to the page with a message."""
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


def test_browsers_do_not_cache_the_redirect(ask):
    """A browser remembers a 301 for ever unless its headers forbid that."""
    assert ("Cache-Control", "no-store") in ask(STOP).headers


def test_an_address_without_an_action_shows_the_page(ask, control):
    """Both addresses show the page, with and without a message."""
    for target in ("/", "/index.html", "/?message=hello", "/index.html?processname=web"):
        assert ask(target).body == b"the page"
    assert control.done == []


def test_a_failed_restart_is_reported_as_an_error(ask, control):
    """A failed restart gives its reason, where supervisord reports a success."""
    control.reason = Reason.CANNOT_SPAWN
    assert message(ask("/index.html?action=restart&processname=web")) == "ERROR: Process web: spawn error"


def test_an_invalid_action_is_a_400(ask, control):
    """An unknown action, or one without a process, is the client's error; supervisord answers 500."""
    for target in ("/index.html?action=explode&processname=web", "/index.html?action=stop"):
        assert ask(target).status == 400
    assert control.done == []


def test_actions_are_refused_during_a_shutdown(ask, control):
    """During a shutdown every action gets a 503, which is no error of the client."""
    control.ending = True
    assert ask("/index.html?action=stopall").status == 503
    assert ask(STOP).status == 503
    assert "SHUTDOWN_STATE" in ask("/tail.html?processname=web").body.decode()
    assert control.done == []


# ---- requests caused by another site


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_caused_by_another_site_are_refused(ask, control, site):
    """A link, an image or a form of another page changes nothing, over TCP or a unix socket."""
    for peer in (None, Peer(1, 0, 0)):
        assert ask(STOP, host="localhost", user_agent=FIREFOX, sec_fetch_site=site, peer=peer).status == 403
    assert (
        ask("/index.html", "POST", b"action=stopall", host="localhost:9001", origin="http://evil.example").status == 403
    )
    assert control.done == []


def test_a_browser_that_sends_no_origin_gets_the_page(ask, control):
    """Over plain HTTP, browsers send the origin only to localhost: otherwise the page asks the user first."""
    assert ask(STOP, host="10.0.0.1:9001", user_agent=FIREFOX).body == b"the page"
    assert control.done == []


def test_a_prefetch_changes_nothing(ask, control):
    """A browser prefetches bookmarks while their first letters are typed; a HEAD changes nothing either."""
    typed = {"host": "localhost", "user_agent": FIREFOX, "sec_fetch_site": "none"}
    assert ask(STOP, **typed, sec_purpose="prefetch;prerender").body == b"the page"
    assert ask(STOP, **typed, purpose="prefetch").body == b"the page"
    assert ask(STOP, "HEAD").status == 200
    assert control.done == []


def test_bookmarks_and_scripts_may_act(ask, control):
    """A bookmark, a typed address, the page itself and clients other than browsers carry out actions."""
    for headers in (
        {"user_agent": FIREFOX, "sec_fetch_site": "none"},
        {"user_agent": FIREFOX, "sec_fetch_site": "same-origin"},
        {"user_agent": "curl/8.5.0"},
        {},
    ):
        assert message(ask(STOP, host="localhost", **headers)) == "Process web stopped"
    assert control.done == [("stop", "web")] * 4


def test_a_read_only_client_cannot_act(ask, control):
    """A read-only client cannot act, not even by GET; it sees the page and the logs."""
    assert ask(STOP, rights=only_reads()).status == 403
    assert ask("/index.html", "POST", b"action=stopall", rights=only_reads()).status == 403
    assert ask("/", rights=only_reads()).body == b"the page"
    assert message(ask("/index.html?action=refresh", rights=only_reads())).startswith("Page refreshed at ")
    assert ask("/tail.html?processname=web", rights=only_reads()).status == 200
    assert control.done == []


# ---- the end of a log


def test_a_log_is_shown_as_text(ask, monkeypatch):
    """Markup, control characters and invalid UTF-8 in logs and names have no effect."""
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
def test_the_limit_of_a_tail_is_at_least_1024(ask, monkeypatch, limit, length):
    """An invalid or small limit becomes 1024; a large one is accepted whatever its size."""
    monkeypatch.setattr(FakeOutputs, "log", b"x" * 3000)
    text = ask(f"/tail.html?processname=web&limit={urllib.parse.quote(limit)}").body.decode()
    assert f"<pre>{'x' * length}</pre>" in text
