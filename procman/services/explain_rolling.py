"""The words for a process whose program is restarted one batch after the other, or was scaled. No I/O or clock here."""

from collections.abc import Iterable
from dataclasses import replace

from procman.core.rolling import Rolling
from procman.core.spec import ProgramTemplate
from procman.services.explain_facts import Explanation, Link
from procman.services.explain_texts import counted, quoted_name
from procman.services.rolling_words import operation_of


def with_rolling(made: Explanation, rolling: Rolling | None) -> Explanation:
    """The same with what the rolling restart of its program has to do with it."""
    if rolling is None or rolling.state == "done":
        return made
    what = "the earlier definition is put back" if rolling.aborting else "a rolling restart"
    about = f"{what} of {rolling.program}{operation_of(rolling.operation)}"
    count = f"{len(rolling.ready)} of {rolling.total} are ready"
    command = f"procmanctl restart {quoted_name(rolling.program)} --rolling"
    if rolling.state == "going":
        text = f"{about} goes on: {count}" if made.name not in rolling.coming else f"{about} goes on: its turn comes"
        return replace(made, because=(*made.because, Link("policy", text)))
    keeps = "; it goes on with the definition that it has" if made.name in rolling.targets else ""
    text = f"{about} has stopped at {rolling.failed} ({rolling.reason}), {count}{keeps}"
    commands = (f"{command} --continue", *((f"{command} --abort",) if rolling.previous else ()))
    return replace(
        made, because=(*made.because, Link("policy", text, rolling.failed)), commands=(*made.commands, *commands)
    )


def with_scales(made: Explanation, scaled: Iterable[ProgramTemplate]) -> Explanation:
    """The same with the numbers of processes that these programs were scaled to."""
    links = [
        Link(
            "request",
            f"{one.program} was scaled to {counted(one.numprocs, 'process', 'processes')}, the file says "
            f"{one.file_numprocs}",
        )
        for one in scaled
    ]
    return replace(made, because=(*made.because, *links)) if links else made
