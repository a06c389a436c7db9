"""How many CPUs this process may use: those of its affinity, and what the quota of its cgroup leaves of them."""

import math
import os

MOUNT = "/sys/fs/cgroup"


def usable_cpus(own: str = "/proc/self/cgroup", mount: str = MOUNT) -> int:
    """At least one. A quota of 2.5 CPUs is 3."""
    count = len(os.sched_getaffinity(0))
    quotas = [quota for folder in _folders(own, mount) if (quota := _quota(folder)) is not None]
    return max(1, min([count, *map(math.ceil, quotas)]))


def _folders(own: str, mount: str) -> list[str]:
    """The folder of its cgroup, and of all above it; of cgroup v1 that of its controller cpu."""
    folders: list[str] = []
    for line in _read(own).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            top = mount
        elif "cpu" in controllers.split(","):
            top = os.path.join(mount, controllers)
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        # In a container the path may be that on the host, which is not there: its own cgroup is the top one.
        folders += [os.path.join(top, *parts[:length]) for length in range(len(parts), -1, -1)]
    return folders


def _quota(folder: str) -> float | None:
    """In CPUs; None: there is none, or it cannot be read."""
    words = _read(os.path.join(folder, "cpu.max")).split() or [
        _read(os.path.join(folder, f"cpu.cfs_{name}_us")).strip() for name in ("quota", "period")
    ]
    try:
        quota, period = float(words[0]), float(words[1])
    except (ValueError, IndexError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
