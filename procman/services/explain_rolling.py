"""The words for a process whose program is restarted one batch after the other. No I/O and no clock here."""

from dataclasses import replace

from procman.core.rolling import Rolling
from procman.services.explain_facts import Explanation, Link
from procman.services.explain_texts import quoted_name


def with_rolling(made: Explanation, rolling: Rolling | None) -> Explanation:
    """The same with what the rolling restart of its program has to do with it."""
    if rolling is None or rolling.state == "done":
        return made
    what = "the earlier definition is put back" if rolling.aborting else "a rolling restart"
    about = f"{what} of {rolling.program} (operation {rolling.operation})"
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
