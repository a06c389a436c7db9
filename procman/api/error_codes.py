"""The codes of /v1: for each of procman's reasons the word in an ErrorBody or a Result, and the HTTP status."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from procman.errors import Reason


class Code(NamedTuple):
    """One row: the word, and the status of an answer that is this error."""

    word: str
    status: HTTPStatus = HTTPStatus.CONFLICT


# What the router itself says.
UNKNOWN_PATH = "UNKNOWN_METHOD"
FORBIDDEN = "FORBIDDEN"

CODES: Mapping[Reason, Code] = {
    Reason.BAD_REQUEST: Code("BAD_ARGUMENTS", HTTPStatus.BAD_REQUEST),
    Reason.UNKNOWN_NAME: Code("BAD_NAME", HTTPStatus.NOT_FOUND),
    Reason.UNKNOWN_OPERATION: Code("BAD_NAME", HTTPStatus.NOT_FOUND),
    Reason.UNKNOWN_REPORT: Code("BAD_NAME", HTTPStatus.NOT_FOUND),
    Reason.BAD_SIGNAL: Code("BAD_SIGNAL"),
    Reason.NO_LOG: Code("NO_FILE", HTTPStatus.NOT_FOUND),
    Reason.NO_COMMAND: Code("NO_FILE", HTTPStatus.NOT_FOUND),
    Reason.NOT_EXECUTABLE: Code("NOT_EXECUTABLE"),
    Reason.CANNOT_SPAWN: Code("SPAWN_ERROR"),
    Reason.ENDED_TOO_SOON: Code("ABNORMAL_TERMINATION"),
    Reason.STDIN_CLOSED: Code("NO_FILE", HTTPStatus.NOT_FOUND),
    Reason.ALREADY_STARTED: Code("ALREADY_STARTED"),
    Reason.NOT_RUNNING: Code("NOT_RUNNING"),
    Reason.ALREADY_ADDED: Code("ALREADY_ADDED"),
    Reason.ROLLING: Code("ROLLING"),
    Reason.STILL_RUNNING: Code("STILL_RUNNING"),
    Reason.SHUTTING_DOWN: Code("SHUTDOWN_STATE", HTTPStatus.SERVICE_UNAVAILABLE),
    Reason.UNUSABLE_CONFIG: Code("CANT_REREAD", HTTPStatus.UNPROCESSABLE_ENTITY),
    Reason.STALE_PLAN: Code("STALE_PLAN"),
    Reason.UNCONFIRMED: Code("UNCONFIRMED"),
    Reason.NOT_CONFIRMED: Code("ROLLED_BACK"),
    Reason.DENIED: Code(FORBIDDEN, HTTPStatus.FORBIDDEN),
    Reason.FAILED: Code("FAILED", HTTPStatus.INTERNAL_SERVER_ERROR),
}

SUCCESS = "SUCCESS"
