"""The listening sockets of programs: where they listen, and which of them a program uses."""

from typing import Literal, NamedTuple

from procman.config.schema.kinds.addresses import host_and_port
from procman.config.schema.kinds.choices import word_of
from procman.config.schema.kinds.lists import STRING_LIST, accept_strings, parse_strings
from procman.config.schema.kinds.numbers import accept_int
from procman.config.schema.notation import show_text
from procman.config.schema.options import Kind, Unfit
from procman.core.spec import SocketSpec

MOST_WAITING = 65535
_EXPECTED = "tcp://HOST:PORT or unix:///PATH"


class Place(NamedTuple):
    """What a URL of a socket says."""

    path: str | None  # of a unix socket
    host: str = ""  # "": every interface
    port: int = 0


def place_of(url: str) -> Place:
    """The parts of a URL that was read before."""
    if url.startswith("unix://"):
        return Place(url.removeprefix("unix://"))
    host, port = host_and_port(url.removeprefix("tcp://"))
    return Place(None, host, port)


def _url(word: str) -> str:
    """The same in the one form in which it is compared."""
    if not word:
        raise Unfit("there is an empty address: take a comma out")
    if word.startswith("unix://"):
        path = word.removeprefix("unix://")
        if not path.startswith("/") or path.endswith("/"):
            raise Unfit(f"cannot read {show_text(word)}: expected unix:// and an absolute path, three slashes in all")
        return word
    if not word.startswith("tcp://"):
        meant = f"; did you mean unix://{word}?" if word.startswith("/") else ""
        if word.rpartition(":")[2].isdecimal() and "//" not in word:
            meant = f"; did you mean tcp://{word if ':' in word else f'*:{word}'}?"
        raise Unfit(f"cannot read {show_text(word)}: expected {_EXPECTED}{meant}")
    try:
        host, port = host_and_port(word.removeprefix("tcp://"))
    except ValueError as error:
        why = str(error) if isinstance(error, Unfit) else f"expected {_EXPECTED}"
        raise Unfit(f"cannot read {show_text(word)}: {why}") from None
    if any(map(str.isspace, host)):
        raise Unfit(f"cannot read {show_text(word)}: addresses are separated by commas")
    return f"tcp://{f'[{host}]' if ':' in host else host or '*'}:{port}"


def _urls(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        raise Unfit(f"expected {_EXPECTED}")
    return tuple(dict.fromkeys(map(_url, words)))


LISTEN: Kind[tuple[str, ...]] = Kind(
    name="addresses",
    expected=f"{_EXPECTED}, separated by commas",
    slug="bad-socket",
    parse=lambda text: _urls(parse_strings(text)),
    accept=lambda value: _urls(accept_strings(value)),
    schema=STRING_LIST,
    show=",".join,
)


def _backlog(number: int) -> int:
    if not 1 <= number <= MOST_WAITING:
        raise Unfit(f"expected a number from 1 to {MOST_WAITING}")
    return number


BACKLOG: Kind[int] = Kind(
    name="number",
    expected=f"a number from 1 to {MOST_WAITING}",
    slug="bad-socket",
    parse=lambda text: _backlog(int(text)),
    accept=lambda value: _backlog(accept_int(value)),
    schema={"type": "integer", "minimum": 1, "maximum": MOST_WAITING},
)
_HOLD: dict[str, Literal["always", "wanted"]] = {"always": "always", "wanted": "wanted"}
HOLD: Kind[Literal["always", "wanted"]] = word_of("bad-socket", _HOLD, str)


def _sockets(words: tuple[str, ...]) -> tuple[SocketSpec, ...]:
    """By name; the sections say the rest."""
    if not all(words):
        raise Unfit("there is an empty name: take a comma out")
    return tuple(SocketSpec(name=word) for word in dict.fromkeys(words))


SOCKETS: Kind[tuple[SocketSpec, ...]] = Kind(
    name="sockets",
    expected="names of [socket:NAME] sections, separated by commas",
    slug="unknown-socket",
    parse=lambda text: _sockets(parse_strings(text)),
    accept=lambda value: _sockets(accept_strings(value)),
    schema=STRING_LIST,
    show=lambda sockets: ",".join(socket.name for socket in sockets),
)
