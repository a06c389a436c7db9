"""stop-plan: how long a shutdown of the active programs takes at most."""

from __future__ import annotations

from procman.cli import stop_plan_text
from procman.cli.invocation import GENERIC, Invocation
from procman.client.api_client import quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.stop_plan import StopPlanInfo


def stop_plan(invocation: Invocation, words: list[str]) -> None:
    """Print the plan; exit status 1 if it exceeds `--budget`."""
    match words:
        case []:
            path = "/v1/stop-plan"
        case ["--budget", budget]:
            path = f"/v1/stop-plan?budget={quoted(budget)}"
        case [word] if word.startswith("--budget="):
            path = f"/v1/stop-plan?budget={quoted(word.removeprefix('--budget='))}"
        case _:
            invocation.usage("Error: stop-plan takes nothing but --budget DURATION", "stop-plan")
            return
    plan: StopPlanInfo = invocation.client.call("GET", path)
    invocation.put(**plan)
    for line in stop_plan_text.lines(plan):
        invocation.say_safe(line)
    if words and not all(budget["fits"] for budget in plan["budgets"]):
        invocation.exitstatus = GENERIC
