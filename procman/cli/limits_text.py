"""The lines of `status --long` about limits: which there are, what is used of them, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable

from procman.client.api_client import ApiError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.processes import LimitsInfo
    from procman.cli.invocation import Invocation

_UNITS = (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10))


def limits_of(invocation: Invocation, chosen: Iterable[str]) -> list[LimitsInfo]:
    """Of these processes; nothing from a master that has no limits yet."""
    try:
        known: list[LimitsInfo] = invocation.client.call("GET", "/v1/limits")["limits"]
    except ApiError:
        return []
    names = set(chosen)
    return [info for info in known if info["namespec"] in names]


def lines_of(info: LimitsInfo) -> list[str]:
    """One line, and one for each limit that was left out."""
    shown = [f"{option}={value}" for option, value in info["options"].items()]
    used = [
        f"{word} {_size(number)}"
        for word, number in (
            ("uses", info["memory"] if info["memory"] is not None else info["measured"]),
            ("at most", info["memory_peak"]),
        )
        if number is not None
    ]
    if info["pids"] is not None:
        used.append(f"processes and threads: {info['pids']}")
    if info["throttled"]:
        used.append(f"slowed down {info['throttled']} times")
    now = f"; {', '.join(used)}" if used else ""
    return [
        f"{info['namespec']}: limits: {', '.join(shown)}{now}",
        *(f"{info['namespec']}: left out: {text}" for text in info["left_out"]),
    ]


def _size(count: int) -> str:
    return next((f"{count / size:.4g} {unit}" for unit, size in _UNITS if count >= size), f"{count} bytes")
