"""why: explains why processes are as they are."""

from __future__ import annotations

from procman.cli import why_text
from procman.cli.invocation import GENERIC
from procman.cli.named_processes import ask_for_each, report_unknown

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.why import WhyAnswer
    from procman.cli.invocation import Invocation


def why(invocation: Invocation, words: list[str]) -> None:
    """Explain the named processes, or all that are not as they should be.

    Exit status 1 if any is not, 2 for an unknown name.
    """
    answers: list[WhyAnswer]
    answers, unknown = ask_for_each(invocation, "/v1/why", words)
    explanations = {info["name"]: info for answer in answers for info in answer["explanations"]}
    as_wanted = all(answer["as_wanted"] for answer in answers)
    invocation.put(as_wanted=as_wanted, processes=sum(answer["processes"] for answer in answers))
    invocation.put(explanations=list(explanations.values()))
    if not words and not explanations:
        invocation.say(why_text.all_is_well(answers[0]["processes"]))
    width = invocation.columns
    for number, info in enumerate(explanations.values()):
        if number:
            invocation.say("")
        for line in why_text.lines(info, width):
            invocation.say_safe(line)
    if not as_wanted:
        invocation.exitstatus = GENERIC
    report_unknown(invocation, unknown)
