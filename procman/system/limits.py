"""Raises the master's own limits to `minfds` and `minprocs`, as supervisord does at its start."""

import resource

from procman.errors import ProcmanError


def raise_limits(minfds: int, minprocs: int) -> list[str]:
    """Make room for that many descriptors and processes; returns what was raised, for the log."""
    return [
        *_raise("file descriptors", "RLIMIT_NOFILE", "minfds", minfds),
        *_raise("processes", "RLIMIT_NPROC", "minprocs", minprocs),
    ]


def _raise(what: str, name: str, option: str, least: int) -> list[str]:
    limit = getattr(resource, name)
    soft, hard = resource.getrlimit(limit)
    if soft in (-1, resource.RLIM_INFINITY) or soft >= least:
        return []
    # Raising the hard limit takes root; other users get the error below.
    hard_wanted = least if hard not in (-1, resource.RLIM_INFINITY) and hard < least else hard
    try:
        resource.setrlimit(limit, (least, hard_wanted))
    except (OSError, ValueError):
        raise ProcmanError(
            f"cannot have {least} {what} ({option}={least}): the environment allows {hard}. "
            f"Raise its limit, or lower {option} in the configuration"
        ) from None
    return [f"Increased {name} limit to {least}"]
