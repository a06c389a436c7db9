"""The head of a response: its status and headers, as bytes, or as h11 takes them where it frames the body."""

import re
import time

import h11

from procman.http.messages import Response, reason, size_of

# One line of a head (RFC 9110, 5): a header that a handler made from a client's text must not become two.
_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [!-~]?(?:[\t -~]*[!-~])?")

# Proxies that buffer answers would buffer a stream for ever (nginx reads the second).
_STREAMED = (("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"))

# A handler that set these could contradict the body.
_OURS = frozenset({"content-length", "transfer-encoding", "connection"})

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WITHOUT_BODY = (204, 304)


def has_body(status: int) -> bool:
    """Return whether a response with this status may have a body."""
    return status not in _WITHOUT_BODY


def head_bytes(response: Response, *, last: bool) -> bytes:
    """Write the head of a response whose body has a known size; `last`: it says that the connection will be closed.

    Raises ValueError for an invalid header.
    """
    for name, _ in response.headers:
        if name.lower() in _OURS:
            raise ValueError(f"a handler may not set {name}")
    lines = [f"{name}: {value}" for name, value in _headers(response, last=last)]
    for line in lines:
        if _FIELD.fullmatch(line) is None:
            raise ValueError(f"invalid header {line!r}")
    return "\r\n".join((f"HTTP/1.1 {response.status} {reason(response.status)}", *lines, "", "")).encode("ascii")


def stream_head(response: Response, *, last: bool) -> h11.Response:
    """Make the head of a stream, for which h11 chooses how its end is shown."""
    headers = _headers(response, last=last)
    return h11.Response(status_code=response.status, headers=headers, reason=reason(response.status))


def _headers(response: Response, *, last: bool) -> list[tuple[str, str]]:
    headers = [("Date", _http_date(int(time.time()))), *response.headers]
    if has_body(response.status):
        headers.append(("Content-Type", response.content_type))
        if isinstance(response.body, bytes | tuple):
            headers.append(("Content-Length", str(size_of(response.body))))
        else:
            headers += _STREAMED
    if last:
        headers.append(("Connection", "close"))
    return headers


_date_cache: tuple[int, str] = (0, "")


def _http_date(now: int) -> str:
    """Write a time as HTTP does, in English whatever the locale."""
    global _date_cache  # noqa: PLW0603  one second, one text
    if _date_cache[0] != now:
        t = time.gmtime(now)
        day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
        text = f"{day}, {t.tm_mday:02} {month} {t.tm_year} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
        _date_cache = (now, text)
    return _date_cache[1]
