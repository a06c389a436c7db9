"""The head of a response: its status and headers, as h11 takes them."""

import time

import h11

from procman.http.messages import Response, reason

# Proxies that buffer answers would buffer a stream for ever (nginx reads the second).
_STREAMED = (("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"))

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WITHOUT_BODY = (204, 304)


def has_body(status: int) -> bool:
    """Return whether a response with this status may have a body."""
    return status not in _WITHOUT_BODY


def response_head(response: Response, *, last: bool) -> h11.Response:
    """Make the head of a response; `last`: it says that the connection will be closed."""
    headers = [("Date", _http_date(int(time.time()))), *response.headers]
    if has_body(response.status):
        headers.append(("Content-Type", response.content_type))
        if isinstance(response.body, bytes):
            headers.append(("Content-Length", str(len(response.body))))
        else:
            headers += _STREAMED
    if last:
        headers.append(("Connection", "close"))
    return h11.Response(status_code=response.status, headers=headers, reason=reason(response.status))


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
