"""The helper process that posts to web hooks, against servers that misbehave."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.support.master_process import ROOT
from tests.support.webhook_servers import PATIENCE, Hook, Silent, certificate

SECRET = "T0KEN"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")


class Helper:
    """The helper as the master starts it, and what it answers."""

    def __init__(self, before="", **environ):
        code = f"{before}import procman.webhook.sender as m; m.main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            text=True,
        )

    def send(self, url, number=1):
        self.process.stdin.write(json.dumps({"id": number, "url": url, "body": '{"text": "hello"}'}) + "\n")
        self.process.stdin.flush()

    def outcome(self):
        return json.loads(self.process.stdout.readline())

    def post(self, url):
        self.send(url)
        return self.outcome()

    def close(self):
        self.process.stdin.close()
        try:
            assert self.process.wait(PATIENCE) == 0
        finally:
            self.process.stdout.close()


@pytest.fixture
def start():
    started = []

    def start(kind, *arguments, **options):
        started.append(kind(*arguments, **options))
        return started[-1]

    yield start
    for one in reversed(started):
        one.close()


@pytest.fixture
def helper(start):
    return start(Helper)


def test_a_post_arrives_and_its_status_comes_back(helper, start):
    """The body is JSON, and the path is that of the URL."""
    hook = start(Hook)
    assert helper.post(hook.url("/services/x?y=1")) == {
        "id": 1,
        "ok": True,
        "words": "HTTP 200",
        "again": False,
        "after": None,
    }
    path, body, headers = hook.next()
    assert (path, body, headers["Content-Type"]) == ("/services/x?y=1", b'{"text": "hello"}', "application/json")


@pytest.mark.parametrize(
    ("status", "headers", "again", "after"),
    [
        (500, {}, True, None),
        (503, {"Retry-After": "120"}, True, 120.0),
        (429, {"Retry-After": "7"}, True, 7.0),
        (429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, True, None),
        (400, {}, False, None),
        (404, {}, False, None),
        (302, {}, False, None),
    ],
)
def test_a_refusal_says_whether_it_may_go_later(helper, start, *, status, headers, again, after):
    """An error of the server may pass; what it does not accept, it will not accept later."""
    hook = start(Hook, lambda _: (status, headers))
    outcome = helper.post(hook.url())
    assert (outcome["ok"], outcome["words"], outcome["again"], outcome["after"]) == (
        False,
        f"HTTP {status}",
        again,
        after,
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "example.com"])
def test_a_redirect_to_another_server_is_refused(helper, start, host):
    """Another name or port is another server, which learns nothing."""
    hook = start(Hook, lambda _: (307, {"Location": f"http://{host}/{SECRET}"}))
    outcome = helper.post(hook.url())
    assert (outcome["ok"], outcome["again"]) == (False, False)
    assert "redirects to another one, which is refused" in outcome["words"]
    assert SECRET not in outcome["words"]
    assert hook.count == 1


def test_a_redirect_on_the_same_server_is_followed(helper, start):
    """The body is posted again, whatever the status of the redirect."""
    hook = start(Hook, lambda number: (301, {"Location": "/new"}) if number == 0 else (204, {}))
    assert helper.post(hook.url("/old"))["words"] == "HTTP 204"
    assert [hook.next()[:2] for _ in range(2)] == [("/old", b'{"text": "hello"}'), ("/new", b'{"text": "hello"}')]


def test_redirects_in_a_circle_end(helper, start):
    hook = start(Hook, lambda _: (308, {"Location": "/"}))
    assert "more than 3 times" in helper.post(hook.url())["words"]


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 2", b"hello\r\n\r\n", b"\xff\x00\xff\r\n"])
def test_what_is_no_answer_may_go_later(helper, start, says):
    """A server that closes the connection, or speaks something else, is described in words."""
    outcome = helper.post(start(Silent, says).url())
    assert (outcome["ok"], outcome["again"]) == (False, True)
    assert "closed the connection, or does not speak HTTP" in outcome["words"]


def test_a_port_without_a_server_is_named_as_that(helper, start):
    silent = Silent()
    url = silent.url()
    silent.close()
    assert helper.post(url)["words"] == "the server cannot be reached: connection refused"


def test_an_unknown_host_is_named_as_that(helper):
    """Its name may be the secret, so it is not shown."""
    outcome = helper.post(f"https://{SECRET}.invalid/")
    assert outcome["words"] == "the host of the URL is not known (DNS)"
    assert outcome["again"]


def test_a_server_that_hangs_holds_up_no_other_post(helper, start):
    """Each post has a thread; the helper ends although one of them waits."""
    silent, hook = start(Silent), start(Hook)
    helper.send(silent.url(), 1)
    helper.send(hook.url(), 2)
    assert helper.outcome()["id"] == 2


def test_a_server_that_hangs_is_given_up(start):
    """Here after a tenth of a second."""
    helper = start(Helper, "import procman.webhook.sender as s; s.READ = 0.1; ")
    outcome = helper.post(start(Silent).url())
    assert outcome["words"] == "the server does not answer within 0.1 s"
    assert outcome["again"]


@needs_openssl
def test_a_certificate_that_nobody_vouches_for_is_refused(helper, start, tmp_path):
    """What would have been posted does not leave."""
    hook = start(Hook, **certificate(tmp_path, "127.0.0.1"))
    outcome = helper.post(hook.url(f"/{SECRET}"))
    assert outcome["words"].startswith("the server's certificate is refused: self")
    assert hook.count == 0


@needs_openssl
def test_a_certificate_for_another_host_is_refused(start, tmp_path):
    """The authority is trusted here. The words do not name the host."""
    tls = certificate(tmp_path, "t0ken.example.com")
    hook = start(Hook, **tls)
    helper = start(Helper, SSL_CERT_FILE=str(tls["certificate"]))
    outcome = helper.post(hook.url())
    assert "it is for another host" in outcome["words"]
    assert "example.com" not in outcome["words"]
    assert hook.count == 0


@needs_openssl
def test_a_trusted_certificate_is_accepted(start, tmp_path):
    """SSL_CERT_FILE names the authorities, as for other programs with OpenSSL."""
    tls = certificate(tmp_path, "127.0.0.1")
    hook = start(Hook, **tls)
    assert start(Helper, SSL_CERT_FILE=str(tls["certificate"])).post(hook.url())["words"] == "HTTP 200"


def test_tls_with_a_server_that_does_not_speak_it_fails_in_words(helper, start):
    outcome = helper.post(start(Hook).url().replace("http:", "https:"))
    assert outcome["words"].startswith("TLS fails: ")


def test_a_login_in_the_url_is_sent_as_one(helper, start):
    hook = start(Hook)
    assert helper.post(hook.url().replace("//", "//me:pw@"))["ok"]
    assert hook.next()[2]["Authorization"] == "Basic bWU6cHc="


def test_the_proxy_of_the_environment_is_used(start):
    """What NO_PROXY names goes straight; a proxy that cannot be used is named as that."""
    hook = start(Hook)
    helper = start(Helper, http_proxy=hook.url(), no_proxy="127.0.0.1")
    assert helper.post(hook.url("/straight"))["ok"]
    assert hook.next()[0] == "/straight"
    assert helper.post("http://hooks.invalid/x")["ok"]
    assert hook.next()[0] == "http://hooks.invalid/x"
    gone = Silent()
    url = gone.url()
    gone.close()
    assert "proxy" in start(Helper, https_proxy=url).post("https://hooks.invalid/x")["words"]


def test_without_the_library_the_outcome_says_what_to_install(start):
    helper = start(Helper, "import sys; sys.modules['urllib3'] = None; ")
    assert "pip install urllib3" in helper.post("http://127.0.0.1:1/")["words"]
