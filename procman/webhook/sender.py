"""Reads jobs from stdin and posts them, each in a thread of its own; writes the outcomes to stdout.

A job and an outcome are a JSON object in a line each:

    {"id": 7, "url": "https://…", "body": "{…}"}
    {"id": 7, "ok": true, "words": "HTTP 200", "again": false, "after": null}

It ends when stdin does: the master has ended, or wants no helper any more. No words have the URL or a part of it in
them. A redirect is followed only to the same scheme, host and port: what has the URL must not learn of another server
what the first one was told.
"""

import json
import os
import ssl
import sys
import threading
from typing import Any
from urllib.parse import urljoin, urlsplit

# Seconds to connect, and between two pieces of the answer; the master gives up after a while in any case.
CONNECT = 5.0
READ = 10.0
MOST_REDIRECTS = 3
# Bytes of an answer that are read, so that the connection ends in order.
MOST_READ = 4096
# Jobs at the same time; the master has no more sections than that.
MOST_JOBS = 32

_REDIRECTS = (301, 302, 303, 307, 308)
# It may be better later, whatever the message is. 408 and 425: too slow, too early.
_LATER = (408, 425, 429)
_SERVER_ERROR = 500

Outcome = dict[str, Any]


def main() -> None:
    """Work until the end of stdin."""
    try:
        import urllib3  # noqa: F401, PLC0415 - what is missing is an outcome, too
    except ImportError:
        post = _without_library
    else:
        post = _post_following
    write = threading.Lock()
    free = threading.Semaphore(MOST_JOBS)

    def work(job: dict[str, Any]) -> None:
        try:
            outcome = post(job["url"], job["body"].encode())
        except Exception as bug:  # noqa: BLE001 - the master waits for an outcome
            outcome = _failed(f"the helper process failed with {type(bug).__name__}")
        finally:
            free.release()
        line = json.dumps({"id": job["id"], **outcome}) + "\n"
        with write:
            sys.stdout.write(line)
            sys.stdout.flush()

    for line in sys.stdin:
        free.acquire()
        threading.Thread(target=work, args=(json.loads(line),), daemon=True).start()
    # A thread that waits for a server must not keep this process.
    os._exit(0)


def _failed(words: str, *, again: bool = True, after: float | None = None) -> Outcome:
    return {"ok": False, "words": words, "again": again, "after": after}


def _without_library(url: str, body: bytes) -> Outcome:  # noqa: ARG001 - as the other one
    return _failed("urllib3 is not installed, which posts to web hooks: python3 -m pip install urllib3")


def _post_following(url: str, body: bytes) -> Outcome:
    """Follow redirects on the same server; all others are refused."""
    origin = _origin(url)
    for _ in range(MOST_REDIRECTS + 1):
        outcome, target = _post_once(url, body)
        if target is None:
            return outcome
        url = urljoin(url, target)
        if _origin(url) != origin:
            words = "the server redirects to another one, which is refused; write the final URL into the file"
            return _failed(words, again=False)
    return _failed(f"the server redirects more than {MOST_REDIRECTS} times", again=False)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    try:
        port = parts.port
    except ValueError:
        return scheme, None, None
    return scheme, parts.hostname, port or {"http": 80, "https": 443}.get(scheme)


def _post_once(url: str, body: bytes) -> tuple[Outcome, str | None]:
    """What came of it, or where the server redirects to."""
    import urllib3  # noqa: PLC0415 - `main` has tried it

    timeout = urllib3.Timeout(connect=CONNECT, read=READ)
    headers = {"Content-Type": "application/json", "User-Agent": "procman"}
    try:
        address = urllib3.util.parse_url(url)
        if address.auth is not None:
            headers |= urllib3.util.make_headers(basic_auth=address.auth)
        with _pool(urllib3, address.scheme, address.host) as pool:
            answer = pool.request(
                "POST", url, body=body, headers=headers, timeout=timeout, retries=False, preload_content=False
            )
            try:
                answer.read(MOST_READ)
            except urllib3.exceptions.HTTPError:
                pass  # the status has come
            finally:
                answer.close()
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return _failed(_words(urllib3, error)), None
    return _judged(answer.status, answer.headers)


def _judged(status: int, headers: Any) -> tuple[Outcome, str | None]:
    location = headers.get("Location")
    if status in _REDIRECTS and location:
        return {}, str(location)
    words = f"HTTP {status}"
    if 200 <= status < 300:  # noqa: PLR2004 - success, RFC 9110
        return {"ok": True, "words": words, "again": False, "after": None}, None
    after = headers.get("Retry-After", "")
    seconds = float(after) if after.isdecimal() and len(after) < 10 else None  # noqa: PLR2004 - or a date
    return _failed(words, again=status in _LATER or status >= _SERVER_ERROR, after=seconds), None


def _pool(urllib3: Any, scheme: str | None, host: str | None) -> Any:
    """Connections by the proxy of the environment, if that has one for this host."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - only after the check of the library

    proxy = getproxies().get(scheme or "")
    if proxy and not proxy_bypass(host or ""):
        auth = urllib3.util.parse_url(proxy).auth
        headers = urllib3.util.make_headers(proxy_basic_auth=auth) if auth else None
        return urllib3.ProxyManager(proxy, proxy_headers=headers, ssl_context=_trust())
    return urllib3.PoolManager(ssl_context=_trust())


def _trust() -> ssl.SSLContext:
    """The machine's certificates, or those of SSL_CERT_FILE; names are checked."""
    return ssl.create_default_context()


def _words(urllib3: Any, error: Exception) -> str:
    """What went wrong, without the URL, which is in the texts of most of these errors."""
    known = urllib3.exceptions
    if isinstance(error, known.ProxyError):
        return "the proxy of the environment (HTTPS_PROXY, HTTP_PROXY) cannot be used"
    if isinstance(error, known.NameResolutionError):
        return "the host of the URL is not known (DNS)"
    if isinstance(error, known.TimeoutError) and not isinstance(error, known.NewConnectionError):
        if isinstance(error, known.ConnectTimeoutError):
            return f"the server does not accept a connection within {CONNECT:g} s"
        return f"the server does not answer within {READ:g} s"
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = cause.verify_message or "not trusted"
        return (
            f"the server's certificate is refused: {_without_host(why)}; trust its authority on this machine "
            "(ca-certificates, or SSL_CERT_FILE), or correct the URL"
        )
    if isinstance(cause, ssl.SSLError):
        return f"TLS fails: {(cause.reason or 'no common protocol').lower().replace('_', ' ')}"
    if isinstance(cause, OSError) and cause.strerror:
        return f"the server cannot be reached: {cause.strerror.lower()}"
    if isinstance(error, known.LocationValueError):
        return "the URL cannot be used; correct it in the file"
    return "the server has closed the connection, or does not speak HTTP"


def _without_host(text: str) -> str:
    """The text of OpenSSL names the host that the certificate is not for."""
    return "it is for another host" if "ostname mismatch" in text or "IP address mismatch" in text else text


def _cause(error: BaseException) -> BaseException:
    """The error of the system behind those of the library."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        if isinstance(current, (ssl.SSLError, OSError)):
            return current
        inner = next((arg for arg in current.args if isinstance(arg, BaseException)), None)
        current = inner or current.__cause__ or current.__context__
    return error
