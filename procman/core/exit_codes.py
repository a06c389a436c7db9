"""Whether a list of exit codes has a certain end in it. Pure."""

from procman.core.events import ExitStatus


def is_listed(status: ExitStatus, codes: tuple[int, ...]) -> bool:
    """A list has exit codes, and signals as their negative numbers; an end that is not known is in none."""
    if not status.known:
        return False
    return (status.code if status.signal is None else -status.signal) in codes
