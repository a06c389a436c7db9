"""Capabilities of a process that is about to be executed: see capabilities(7).

A process that runs as root gets on exec what its bounding set has; any other needs the ambient set for that.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from procman.system.capability_names import CAPABILITIES
from procman.system.libc import capability_setter, function

_KEEP_CAPS = 8  # of prctl(2)
_BOUNDING_READ, _BOUNDING_DROP = 23, 24
_NO_NEW_PRIVS = 38
_AMBIENT, _RAISE, _CLEAR_ALL = 47, 2, 4

_NUMBERS = {name: number for number, name in enumerate(CAPABILITIES)}


@dataclass(frozen=True, slots=True)
class WantedCapabilities:
    """`ALL` in `has` stands for all that this process has. The names are without CAP_."""

    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    optional: bool = False

    def among(self, known: frozenset[str]) -> frozenset[str]:
        """Those meant, `known` being all that this process may have."""
        named = known if "ALL" in self.has else frozenset(self.has)
        return named - frozenset(self.lacks)


def bounding_set() -> frozenset[str]:
    """What this process, and all that it starts, may have at most."""
    bits = _bits("CapBnd")
    return frozenset(name for name, number in _NUMBERS.items() if bits >> number & 1)


def is_effective(name: str) -> bool:
    """Whether this process has that capability now."""
    return bool(_bits("CapEff") >> _NUMBERS[name] & 1)


def keeper() -> Callable[[], object]:
    """Keeps what is permitted over a change of user; to be called in the child."""
    prctl = function("prctl")
    return lambda: prctl(_KEEP_CAPS, 1, 0, 0, 0)


def bounder(wanted: Iterable[str]) -> Callable[[], object]:
    """Takes all others out of the bounding set; to be called in the child, as root."""
    prctl = function("prctl")
    kept = frozenset(_NUMBERS[name] for name in wanted)

    def drop() -> None:
        for number in range(_LAST + 1):
            if number not in kept and prctl(_BOUNDING_READ, number, 0, 0, 0) == 1:
                prctl(_BOUNDING_DROP, number, 0, 0, 0)

    return drop


def giver(wanted: Iterable[str]) -> Callable[[], object]:
    """Lets these, and no others, go over the exec; to be called in the child, as the user that it becomes."""
    prctl = function("prctl")
    numbers = sorted(_NUMBERS[name] for name in wanted)
    put = capability_setter(sum(1 << number for number in numbers))

    def give() -> None:
        prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
        put()
        for number in numbers:
            prctl(_AMBIENT, _RAISE, number, 0, 0)

    return give


def privilege_stopper() -> Callable[[], object]:
    """Lets no exec give it more; to be called in the child."""
    prctl = function("prctl")
    return lambda: prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)


def _bits(field: str) -> int:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1], 16) for line in file if line.startswith(f"{field}:")), 0)
    except OSError:
        # Without /proc: what root has, and others have not.
        return -1 if os.geteuid() == 0 else 0


def _last() -> int:
    """The number of the kernel's last one; it may know more of them than this module."""
    try:
        with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return len(CAPABILITIES) - 1


_LAST = _last()
