"""stop-plan: how long a shutdown takes at worst, with what the master has active now."""

from __future__ import annotations

from procman.cli import render as show
from procman.cli import stop_plan_text as shown
from procman.cli.session import GENERIC
from procman.client.api_client import quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes import StopPlanInfo
    from procman.cli.session import Session


def stop_plan(session: Session, words: list[str]) -> None:
    """Print the plan; with `--budget` an exit status of 1 means that it does not fit."""
    match words:
        case []:
            path = "/v1/stop-plan"
        case ["--budget", budget]:
            path = f"/v1/stop-plan?budget={quoted(budget)}"
        case [word] if word.startswith("--budget="):
            path = f"/v1/stop-plan?budget={quoted(word.removeprefix('--budget='))}"
        case _:
            session.usage("Error: stop-plan takes nothing but --budget DURATION", "stop-plan")
            return
    plan: StopPlanInfo = session.client.call("GET", path)
    session.put(**plan)
    for line in shown.lines(plan):
        session.say(show.safe(line) if session.terminal else line)
    if words and not all(budget["fits"] for budget in plan["budgets"]):
        session.exitstatus = GENERIC
