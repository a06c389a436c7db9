"""The words for a program that is started by connections. No I/O and no clock here."""

from procman.services.explain_facts import Case, Link, Words
from procman.services.explain_links import how_it_ended
from procman.services.explain_texts import duration

_OPTIONS = ("lazy", "sockets", "idle_stop")


def listening(case: Case) -> Words:
    """It is down, and starts with the next connection."""
    process = case.process
    before = how_it_ended(case) if process.attempt else ()
    program = process.program
    idle = program.idle_stop
    stopped = "" if idle is None else f", and is stopped when nobody has connected for {duration(idle)}"
    return Words(
        because=(*before, Link("policy", f"it is started by a connection (lazy = true){stopped}")),
        next=f"it waits for a connection on {places(case)}; procman holds the socket, so nobody is refused",
        options=_OPTIONS,
        commands=(f"procmanctl start {case.name}", f"procmanctl stop {case.name}"),
        fine=True,
    )


def places(case: Case) -> str:
    """Where its sockets listen."""
    return ", ".join(address.url for address in case.process.program.addresses)
