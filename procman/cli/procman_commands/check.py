"""`procman check`: reports every problem of a configuration file, and how long a shutdown may take."""

import json
from typing import TYPE_CHECKING, Any, cast

from procman.cli.procman_commands.config_file import assumptions, config_file
from procman.cli.stop_plan_text import lines
from procman.cli.terminal_text import safe
from procman.config.load import read
from procman.config.report import report
from procman.config.stop_plan import compare, read_duration, stop_plan, to_json

if TYPE_CHECKING:
    from procman.api.shapes.stop_plan import StopPlanInfo

OK = 0
DOES_NOT_FIT = 1  # the stop plan, in its budget
BAD_FILE = 2


def check(given: dict[str, str]) -> int:
    """Print the problems of the file and its stop plan; status 2 for an error, 1 if the plan exceeds `--budget`."""
    path = config_file(given.get("configuration"))
    assume = assumptions(given.get("assume"))
    budget = read_duration(given["budget"]) if "budget" in given else None
    if "json" in given:
        return _as_json(report(path, assume, budget), judged=budget is not None)
    loaded = read(path, assume=assume, places=True)
    for problem in sorted(loaded.problems, key=lambda problem: (problem.file, problem.line or 0)):
        print(problem.labelled())
    if loaded.config is None:
        errors = sum(problem.severity == "error" for problem in loaded.problems)
        warnings = _count(sum(p.severity == "warning" for p in loaded.problems), "warning", "warnings")
        print(f"{path}: cannot be used; {_count(errors, 'error', 'errors')}, {warnings}")
        return BAD_FILE
    groups = loaded.config.groups
    processes = sum(len(group.programs) for group in groups)
    print(f"{path}: good; {_count(processes, 'process', 'processes')} in {_count(len(groups), 'group', 'groups')}")
    plan = stop_plan(loaded.config)
    verdicts = compare(plan, budget)
    print("\n".join(map(safe, lines(cast("StopPlanInfo", to_json(plan, verdicts))))))
    return OK if budget is None or verdicts[0].fits else DOES_NOT_FIT


def _as_json(answer: dict[str, Any], *, judged: bool) -> int:
    print(json.dumps(answer, ensure_ascii=False))
    if not answer["ok"]:
        return BAD_FILE
    return DOES_NOT_FIT if judged and not answer["stop_plan"]["budgets"][0]["fits"] else OK


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
