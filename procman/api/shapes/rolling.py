"""Rolling restarts, and the number of processes of programs."""

from typing import TypedDict


class RollingInfo(TypedDict):
    """The rolling restart of a program: it goes on, has stopped, or is done and can still be put back."""

    program: str  # its name, with that of its group where the two differ
    state: str  # going, stopped or done
    aborting: bool  # it puts earlier definitions back
    operation: int  # the id of the operation that has asked for it; 0: none
    batch: int  # how many processes are restarted at once
    total: int
    ready: list[str]  # the processes that are ready in their new run, by their namespecs
    under_way: list[str]  # those that are being restarted
    coming: list[str]  # those that are not restarted yet, in their order
    failed: str  # stopped: the process that did not get there
    reason: str  # stopped: why
    can_be_put_back: bool  # there are earlier definitions, which an abort puts back
    text: str  # all of that, for people


class ScaleInfo(TypedDict):
    """How many processes a program has."""

    program: str  # its name, with that of its group where the two differ
    numprocs: int  # how many there are to be
    in_file: int  # what the file says
    numprocs_max: int | None
    processes: list[str]  # namespecs, as they are now
