"""For authors of event listeners in Python: the events one by one, and the answers to them.

    import procman.listener

    for event in procman.listener.events():
        if event.name == "PROCESS_STATE_EXITED" and event.fields["expected"] == "0":
            notify(f"{event.fields['processname']} has crashed")
        event.ok()

Such a program is an `[eventlistener:x]` of the configuration, of procman's or of supervisord's. It needs the standard
library only, and is quick to import. The loop ends when the master has closed the pipe.

- An event that was not answered when the loop asks for the next one is answered with OK.
- After `event.fail()` the event comes again; so it does if the program ends without an answer.
- `print` is safe, and so are programs that it runs: anything but the protocol on a listener's stdout would end its
  events, so as long as the loop goes on stdout leads to stderr, and with that into stderr_logfile.
"""

from __future__ import annotations

import io
import os
import sys

from procman.errors import BadRequest, ProcmanError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any

    from procman.client.api_client import Client

BEGIN = "<!--XSUPERVISOR:BEGIN-->"
END = "<!--XSUPERVISOR:END-->"


class ProtocolError(ProcmanError):
    """What came from the master is no event."""


class Event:
    """One event, to be answered once."""

    def __init__(self, headers: dict[str, str], payload: str, stdout: IO[Any]) -> None:
        self.headers = headers  # ver, server, serial, pool, poolserial, eventname, len
        self.payload = payload  # as it came
        self.answered = False
        self._stdout = stdout

    @property
    def name(self) -> str:
        """Its type, such as PROCESS_STATE_EXITED."""
        return self.headers["eventname"]

    @property
    def serial(self) -> int:
        """Counts the events of this master; an event that comes again has the one it had."""
        return int(self.headers["serial"])

    @property
    def fields(self) -> dict[str, str]:
        """The words of the payload's first line: {"processname": "web", "from_state": "RUNNING", ...}."""
        first = self.payload.partition("\n")[0]
        if self.name == "REMOTE_COMMUNICATION":
            # Its type is whatever the sender wrote, with blanks and colons.
            return {"type": first.removeprefix("type:")}
        return _words(first)

    @property
    def data(self) -> str:
        """What follows the payload's first line: what a process has written, or a client has sent."""
        return self.payload.partition("\n")[2]

    def ok(self) -> None:
        """It has been dealt with."""
        self.answer("OK")

    def fail(self) -> None:
        """It has not, and is to come again."""
        self.answer("FAIL")

    def answer(self, result: str) -> None:
        """Answer in words that the pool's own result_handler understands."""
        if self.answered:
            raise BadRequest(f"cannot answer event {self.serial} twice: call ok() or fail() once")
        self.answered = True
        data = result.encode("utf-8", "surrogateescape")
        _write(self._stdout, b"RESULT %d\n" % len(data) + data)

    def __repr__(self) -> str:
        return f"<{self.name} serial={self.serial} {self.payload!r}>"


def events(stdin: IO[Any] | None = None, stdout: IO[Any] | None = None) -> Iterator[Event]:
    """Wait for one event after the other; ends when the master has closed the pipe.

    Args:
        stdin: where the events come from, as text or as bytes; the program's own stdin.
        stdout: where the answers go, as text or as bytes; the program's own stdout.

    Raises:
        ProtocolError: what came is no event. Whoever does not catch it ends, and is started again by the master.
    """
    reader = _Reader(sys.stdin if stdin is None else stdin)
    try:
        if stdout is None:
            yield from _with_own_stdout(reader)
        else:
            yield from _events(reader, stdout)
    finally:
        reader.release()


def communicate(message: str, stream: IO[str] | None = None) -> None:
    """Send a PROCESS_COMMUNICATION event: for programs that have stdout_capture_maxbytes, not for listeners.

    Args:
        message: what the event's `data` will be.
        stream: sys.stdout, or sys.stderr where stderr_capture_maxbytes is set.
    """
    stream = sys.stdout if stream is None else stream
    stream.write(f"{BEGIN}{message}{END}")
    stream.flush()


def master() -> Client:
    """A client of the master that has started this program: `master().call("GET", "/v1/processes")`.

    Raises ProcmanError where no master has started it. It needs a procman; supervisord does not know /v1.
    """
    from procman.client.api_client import Client  # noqa: PLC0415 - most listeners only listen

    url = os.environ.get("SUPERVISOR_SERVER_URL")
    if not url:
        raise ProcmanError("cannot reach the master: SUPERVISOR_SERVER_URL is not set; let procman start this program")
    return Client(url, os.environ.get("SUPERVISOR_USERNAME"), os.environ.get("SUPERVISOR_PASSWORD"))


def _with_own_stdout(reader: _Reader) -> Iterator[Event]:
    """Keep the way to the master to ourselves; everybody else who writes to stdout reaches stderr."""
    before = sys.stdout
    before.flush()
    with os.fdopen(os.dup(1), "wb", buffering=0) as to_master:
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        try:
            yield from _events(reader, to_master)
        finally:
            sys.stdout = before
            os.dup2(to_master.fileno(), 1)


def _events(reader: _Reader, stdout: IO[Any]) -> Iterator[Event]:
    while True:
        _write(stdout, b"READY\n")
        line = reader.line()
        if not line:
            return
        try:
            headers = _words(line)
            length = int(headers["len"])
            _ = headers["eventname"], int(headers["serial"])
        except (ValueError, KeyError):
            raise ProtocolError(f"cannot read {line!r}: expected the header of an event") from None
        event = Event(headers, reader.characters(length), stdout)
        yield event
        if not event.answered:
            event.ok()


class _Reader:
    """Lines and characters of a stream: a length counts characters, and no line end may be translated."""

    def __init__(self, stream: IO[Any]) -> None:
        binary = getattr(stream, "buffer", stream)
        if isinstance(binary, io.TextIOBase):
            self._text: Any = binary
        else:
            self._text = io.TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape", newline="\n")

    def line(self) -> str:
        """The next line, "" at the end."""
        text: str = self._text.readline()
        return text

    def characters(self, count: int) -> str:
        text: str = self._text.read(count)
        if len(text) < count:
            raise ProtocolError(f"the pipe ended after {len(text)} of an event's {count} characters")
        return text

    def release(self) -> None:
        """The stream is not ours to close."""
        if isinstance(self._text, io.TextIOWrapper):
            self._text.detach()


def _words(line: str) -> dict[str, str]:
    """Return a mapping of words such as name:value; what has no colon is left out."""
    return {name: value for name, colon, value in (word.partition(":") for word in line.split()) if colon}


def _write(stream: IO[Any], data: bytes) -> None:
    """All of it, and at once."""
    binary = getattr(stream, "buffer", stream)
    if isinstance(binary, io.TextIOBase):
        binary.write(data.decode("utf-8", "surrogateescape"))
    else:
        while data:
            data = data[binary.write(data) or 0 :]
    binary.flush()
