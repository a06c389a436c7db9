"""The conditions of `ready`, and what each of them looks at."""

import socket
from dataclasses import dataclass
from functools import lru_cache

from procman.config.schema.kinds.addresses import host_and_port, split_url
from procman.config.schema.kinds.durations import DURATION, show_seconds
from procman.config.schema.kinds.lists import STRING_LIST, accept_list
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Unfit
from procman.config.spelling import did_you_mean
from procman.core.spec import Condition, ReadyKind

# The forms, as messages and the reference have them.
FORMS = {
    "notify": ReadyKind.NOTIFY,
    "fd": ReadyKind.FD,
    "listen:": ReadyKind.LISTEN,
    "tcp:": ReadyKind.TCP,
    "unix:": ReadyKind.UNIX,
    "http://": ReadyKind.HTTP,
    "http+unix://": ReadyKind.HTTP_UNIX,
    "exec:": ReadyKind.EXEC,
    "log:": ReadyKind.LOG,
    "file:": ReadyKind.FILE,
    "delay:": ReadyKind.DELAY,
}
_SHOWN = (
    "none, notify, fd, fd:NUMBER, listen:PORT, tcp:PORT, unix:/PATH, http://…, http+unix://…, exec:COMMAND, log:TEXT, "
    "file:/PATH or delay:TIME"
)
# What may itself hold commas.
_FREE = ("exec:", "log:", "http")
_MOST = 16
_LOCAL = "127.0.0.1"
FIRST_FD, _LAST_FD = 3, 255  # above stdin, stdout and stderr; where RLIMIT_NOFILE lets a program have it


@dataclass(frozen=True, slots=True)
class Target:
    """What a condition looks at; what its kind does not need is empty."""

    host: str = ""
    port: int = 0
    path: str = ""  # of a socket or a file; "" means that host and port count
    url: str = ""  # what is asked for over HTTP, such as /ready?full=1
    authority: str = ""  # the Host header
    command: str = ""
    text: str = ""  # of a line of output
    fd: int | None = None  # the descriptor on which a newline comes; None: any


def form_of(text: str) -> str | None:
    """The form in which a condition begins; None if there is no such form."""
    lower = text.lower()
    if lower in ("notify", "fd") or lower.startswith("fd:"):
        return lower[:2] if lower.startswith("fd") else lower
    return next((form for form in FORMS if form.endswith((":", "/")) and lower.startswith(form)), None)


@lru_cache(maxsize=4096)
def target_of(condition: Condition) -> Target:
    """What it looks at; raises Unfit."""
    form = form_of(condition.text) or ""
    rest = condition.text[len(form) :]
    match condition.kind:
        case ReadyKind.LISTEN if rest.startswith("/"):
            return Target(path=_path(rest))
        case ReadyKind.LISTEN | ReadyKind.TCP:
            host, port = _address(condition.text, rest)
            if condition.kind is ReadyKind.LISTEN and host not in ("", "localhost") and not _is_literal(host):
                raise Unfit(f"{condition.text}: {host} is no address: a name says nothing of who listens; leave it out")
            return Target(host=host or ("" if condition.kind is ReadyKind.LISTEN else _LOCAL), port=port)
        case ReadyKind.UNIX | ReadyKind.FILE:
            return Target(path=_path(rest))
        case ReadyKind.HTTP:
            return _http(condition.text)
        case ReadyKind.HTTP_UNIX:
            path, _, url = rest.partition(":")
            if url and not url.startswith("/"):
                raise Unfit(f"{condition.text}: the path that is asked for has to begin with /")
            return Target(path=_path(path), url=_printable(url or "/"), authority="localhost")
        case ReadyKind.EXEC:
            return Target(command=_command(rest))
        case ReadyKind.LOG:
            if not rest.strip() or not rest.replace("*", "").strip():
                raise Unfit("log: needs the text of a line, such as log:listening on *")
            return Target(text=rest)
        case ReadyKind.FD if rest:
            return Target(fd=_descriptor(rest))
        case _:
            return Target()


def _path(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise Unfit(f"expected a full path that begins with /, not {text!r}")
    return text


def _descriptor(text: str) -> int:
    number = text.removeprefix(":").strip()
    if not (number.isascii() and number.isdecimal() and FIRST_FD <= int(number[:4]) <= _LAST_FD):
        raise Unfit(
            f"fd{text}: expected a descriptor from {FIRST_FD} to {_LAST_FD}, such as fd:3, or fd alone: then the "
            "program finds the number in PROCMAN_READY_FD"
        )
    return int(number)


def _address(text: str, rest: str) -> tuple[str, int]:
    try:
        host, port = host_and_port(rest.strip())
    except Unfit as error:
        raise Unfit(f"{text}: {error}") from None
    except ValueError:
        raise Unfit(f"{text}: expected a port, or an address such as 127.0.0.1:8080 or [::1]:8080") from None
    if any(letter.isspace() or letter in "/?#@" for letter in host):
        raise Unfit(f"{text}: {host!r} is no host")
    return host, port


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def _http(text: str) -> Target:
    try:
        parts = split_url(text)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        raise Unfit(f"{text}: expected a URL such as http://127.0.0.1:8080/ready") from None
    if not host or parts.username is not None:
        raise Unfit("expected a URL without a user, such as http://127.0.0.1:8080/ready; exec:curl … can do more")
    url = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host=host, port=port, url=_printable(url), authority=_printable(parts.netloc))


def _printable(text: str) -> str:
    if not text.isascii() or any(letter <= " " or letter == "\x7f" for letter in text):
        raise Unfit(f"{text!r}: a URL has no blanks and only letters of ASCII: write the others as %XX")
    return text


def _command(text: str) -> str:
    if not text.strip():
        raise Unfit("exec: needs a command, such as exec:pg_isready -q")
    return text.strip()


def condition_of(text: str) -> Condition:
    """The condition that the text is; raises Unfit."""
    text = text.strip()
    form = form_of(text)
    if text.lower().startswith("https:"):
        raise Unfit("https is not looked at: use exec:, for example exec:curl -fsS URL, or listen:PORT")
    if form is None:
        word = text.partition(":")[0]
        known = [name.rstrip(":/") for name in FORMS]
        raise Unfit(f"there is no condition {text!r}{did_you_mean(word, known)}; expected {_SHOWN}")
    kind = FORMS[form]
    delay = 0.0
    if kind is ReadyKind.DELAY:
        try:
            delay = DURATION.parse(text[len(form) :])
        except Unfit as error:
            raise Unfit(f"{text}: {error}") from None
    condition = Condition(kind, text, delay)
    target_of(condition)
    return condition


def _conditions(texts: list[str]) -> tuple[Condition, ...]:
    if not texts:
        raise Unfit(f"expected at least one condition: {_SHOWN}")
    if len(texts) > _MOST:
        raise Unfit(f"{len(texts)} conditions are too many: name up to {_MOST}")
    conditions = tuple(map(condition_of, texts))
    for kind in (ReadyKind.NOTIFY, ReadyKind.FD):
        if sum(condition.kind is kind for condition in conditions) > 1:
            raise Unfit(f"{kind.value} is listed twice: leave one of them out")
    return conditions


def _parse(text: str) -> tuple[Condition, ...]:
    """Conditions between commas; a command, a line and a URL may hold commas themselves."""
    pieces: list[str] = []
    for piece in text.split(","):
        if pieces and pieces[-1].lower().startswith(_FREE) and form_of(piece.strip()) is None:
            pieces[-1] += f",{piece}"
        else:
            pieces.append(piece.strip())
    return () if _is_none(text) else _conditions(pieces if text.strip() else [])


def _is_none(text: str) -> bool:
    return text.strip().lower() == "none"


def _accept(value: object) -> tuple[Condition, ...]:
    if isinstance(value, str):
        # A text is one condition, however many commas are in it.
        return () if _is_none(value) else _conditions([value.strip()] if value.strip() else [])
    return _conditions([accept_text(item) for item in accept_list(value)])


READY: Kind[tuple[Condition, ...]] = Kind(
    name="conditions",
    expected=_SHOWN,
    slug="bad-ready",
    parse=_parse,
    accept=_accept,
    schema=STRING_LIST,
    show=lambda value: ", ".join(condition.text for condition in value) or "none",
)


def _accept_timeout(value: object) -> float | None:
    if isinstance(value, str) and value.strip().lower() == "none":
        return None
    return DURATION.accept(value)


TIMEOUT: Kind[float | None] = Kind(
    name="duration or none",
    expected="a duration such as 60s or 2m, or none for no limit",
    slug="bad-number",
    parse=_accept_timeout,
    accept=_accept_timeout,
    schema={"type": ["number", "string"]},
    show=lambda value: "none" if value is None else show_seconds(value),
)

Statuses = tuple[tuple[int, int], ...]


def _accept_statuses(value: object) -> Statuses:
    texts = [str(item) for item in value] if isinstance(value, list) else str(value).split(",")
    ranges: list[tuple[int, int]] = []
    for text in texts:
        least, dash, most = text.strip().partition("-")
        if not least.strip().isdecimal() or (dash and not most.strip().isdecimal()):
            raise Unfit(f"expected {STATUSES.expected}")
        first, last = int(least), int(most) if dash else int(least)
        if not 100 <= first <= last <= 599:  # noqa: PLR2004 - RFC 9110
            raise Unfit(f"{text.strip()} is no range of HTTP statuses, which go from 100 to 599")
        ranges.append((first, last))
    return tuple(ranges)


STATUSES: Kind[Statuses] = Kind(
    name="HTTP statuses",
    expected="HTTP statuses and ranges such as 200-399 or 200,204,301",
    slug="bad-http-status",
    parse=_accept_statuses,
    accept=_accept_statuses,
    schema={"type": ["array", "integer", "string"]},
    show=lambda value: ",".join(str(least) if least == most else f"{least}-{most}" for least, most in value),
)
