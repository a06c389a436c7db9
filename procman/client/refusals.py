"""The errors of a client: what a master refuses, and why. Nothing is read here, so all clients share it.

A text says what cannot be done and why; where the caller can do something about it, it ends with that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from procman.client.wire import Unreachable
from procman.errors import ProcmanError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence

    from procman.api.shapes.processes import Result

REFUSED = 400  # HTTP statuses from here on are errors
_UNAUTHORIZED = 401
# The server's own errors, before /v1 is reached: an unknown host, too large a body, too many clients.
_OF_THE_SERVER = frozenset({403, 413, 503})
_MAX_SAID = 300  # characters of an error of the server
# The `status` of a Result that is no success, for people.
RESULT_WORDS = {
    "BAD_NAME": "no such process",
    "BAD_SIGNAL": "bad signal name",
    "NO_FILE": "no such file",
    "NOT_EXECUTABLE": "file is not executable",
    "SPAWN_ERROR": "spawn error",
    "ABNORMAL_TERMINATION": "abnormal termination",
    "ALREADY_STARTED": "already started",
    "NOT_RUNNING": "not running",
    "FAILED": "failed",
}


class ApiError(ProcmanError):
    """The master refused: `code` is one of the codes of the HTTP interface, `status` the HTTP status."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class AuthRequired(ApiError):
    """The master requires a user name and a password, or rejects those it got."""

    def __init__(self) -> None:
        super().__init__("UNAUTHORIZED", "Server requires authentication", 401)
        # Below a traceback; the text itself is supervisorctl's.
        self.add_note("give the client a username and a password, or a token that the server knows")


class BadArguments(ApiError):
    """What was asked makes no sense to the master: BAD_ARGUMENTS."""


class Forbidden(ApiError):
    """This client may not do that: FORBIDDEN. `whoami` says what it may do, and why."""


class NotFound(ApiError):
    """There is no such process, group, operation, report or log: BAD_NAME, NO_FILE."""


class Conflict(ApiError):
    """The state forbids it, such as ALREADY_STARTED, NOT_RUNNING, ROLLING, STALE_PLAN, UNCONFIRMED."""


class BadConfiguration(ApiError):
    """The configuration cannot be used, and nothing was changed: CANT_REREAD. The text has its first problem."""


class ShuttingDown(ApiError):
    """The master ends, restarts or is upgraded, or has too many clients: try again later."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadArguments,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: BadConfiguration,
    503: ShuttingDown,
}


class NotDone(ProcmanError):
    """An operation did not succeed for some processes; `failed` has what became of these, `results` of all."""

    def __init__(self, verb: str, results: Sequence[Result], failed: Sequence[Result]) -> None:
        super().__init__(f"cannot {verb} {'; '.join(map(_told, failed))}")
        self.results = results
        self.failed = failed


class NotYet(ProcmanError):
    """The time was over before it was done; it goes on. `operation` is its id, where it is one."""

    def __init__(self, text: str, operation: int | None = None) -> None:
        super().__init__(text)
        self.operation = operation


def _told(result: Result) -> str:
    """Such as `web: spawn error`; of some errors the description says more, of others it is the name again."""
    name, group, status = result["name"], result["group"], result["status"]
    spec = name if name == group else f"{group}:{name}"
    words = RESULT_WORDS.get(status, status)
    return (
        f"{spec}: {words}" if result["description"] in ("", name, spec) else f"{spec}: {words}: {result['description']}"
    )


def refusal(place: str, status: int, headers: Mapping[str, str], content: bytes) -> ProcmanError | None:
    """What an answer of the master at `place` means as an error; None if it is none. Header names are lower-case."""
    if status < REFUSED:
        return None
    if status == _UNAUTHORIZED:
        return AuthRequired()
    try:
        error = json.loads(content.decode("utf-8", "surrogateescape"))["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, LookupError, TypeError):
        said = _plain_line(headers, content)
        if status not in _OF_THE_SERVER or said is None:
            return stranger(place, status, headers)
        code, message = "REFUSED", said
    return _BY_STATUS.get(status, ApiError)(code, message, status)


def stranger(place: str, status: int = 0, headers: Mapping[str, str] | None = None) -> Unreachable:
    """What answers there is not procman."""
    if headers is not None and headers.get("server", "").startswith("Medusa/"):
        # A likely mistake during a migration.
        return Unreachable(place, "it is supervisord that answers there (ask it with supervisorctl)")
    said = f" (it says {status} to a request for /v1)" if status else ""
    return Unreachable(place, f"what answers there is not procman{said}")


def _plain_line(headers: Mapping[str, str], content: bytes) -> str | None:
    """The body if it is one line of plain text, else None."""
    text = content.decode("utf-8", "replace").strip()
    plain = headers.get("content-type", "").startswith("text/plain")
    return text if plain and text.isprintable() and 0 < len(text) <= _MAX_SAID else None
