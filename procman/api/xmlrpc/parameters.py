"""What a client may pass: each parameter is made to fit the type that the table gives it, or refused."""

from collections.abc import Mapping
from typing import Any
from xmlrpc import client as wire

from procman.api.faults import Fault
from procman.api.xmlrpc.wire import fault

MULTICALL = "system.multicall"
SEND_STDIN = "supervisor.sendProcessStdin"
OFFSET_MAX = 2**63 - 1  # no file is longer
# Those whose answer may be a whole log, when more than so many bytes of it are asked for.
_LOG_METHODS = {
    f"supervisor.{read}Process{channel}Log" for read in ("read", "tail") for channel in ("", "Stdout", "Stderr")
}
_LOG_METHODS |= {"supervisor.readLog", "supervisor.readMainLog"}
LONG_LOG = 64 * 1024

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "int": int,
    "boolean": (bool, int),
    "array": list,
    "struct": dict,
}


def fitting(kind: str, value: Any, method: str) -> Any:
    """The value of a parameter, which must be of its kind; of bytes and of a number the text, as with supervisor."""
    if kind == "string" and type(value) is int and method != SEND_STDIN:
        return str(value)  # a signal, mostly
    if kind == "string" and isinstance(value, wire.Binary):
        try:
            return value.data.decode()
        except UnicodeDecodeError:
            raise fault(Fault.INCORRECT_PARAMETERS) from None
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, int) and abs(value) > OFFSET_MAX):
        raise fault(Fault.INCORRECT_PARAMETERS)
    return value


def reads_long_log(name: str, parameters: list[Any]) -> bool:
    """Whether the answer may be a whole log, or a large part of one."""
    match parameters:
        case [*_, int(offset), int(length)] if name in _LOG_METHODS:
            return not 0 < (length or -offset) <= LONG_LOG
        case _:
            return False


def one_call(call: Any) -> tuple[str, list[Any]]:
    """Method and parameters of one call within a multicall."""
    match call:
        case {"methodName": name} if name == MULTICALL:
            raise fault(Fault.INCORRECT_PARAMETERS, "Recursive system.multicall forbidden")
        case {"methodName": str(name), "params": list(parameters)}:
            return name, parameters
        case {"methodName": str(name), "params": something} if something:
            raise fault(Fault.INCORRECT_PARAMETERS)
        case {"methodName": str(name)}:
            return name, []
        case _:
            raise fault(Fault.INCORRECT_PARAMETERS, "No methodName")
