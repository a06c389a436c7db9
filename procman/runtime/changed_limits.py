"""Gives a process that runs other limits."""

from collections.abc import Iterable

from procman.config.schema.limits import LimitedProcess
from procman.runtime.launch_limits import cgroup_limits, process_limits
from procman.system.cgroup_limits import NO_CGROUP_LIMITS, changes, put
from procman.system.limits_in_place import change
from procman.system.process_limits import NO_LIMITS


def change_limits(
    before: LimitedProcess | None, after: LimitedProcess, root: int, others: Iterable[int], folder: str | None
) -> list[str]:
    """Change them, and return what could not be changed, in words.

    Args:
        before: has the limits that it was started with; None: it was started with none that are known.
        after: has those that it is to have.
        root: the pid of the process.
        others: those of what it has started.
        folder: that of its own cgroup; None: it has none.
    """
    own = NO_LIMITS if before is None else process_limits(before), process_limits(after)
    shared = NO_CGROUP_LIMITS if before is None else cgroup_limits(before), cgroup_limits(after)
    texts: list[str] = []
    if own[0] != own[1]:
        texts += change([root, *others], *own)
    if shared[0] != shared[1]:
        settings = changes(*shared)
        if folder is not None:
            failed, left_out = put(folder, settings)
            texts += [*failed, *left_out]
        elif settings:
            texts.append(f"{settings[0].option} is set at its next start, as it has no cgroup of its own now")
    return texts
