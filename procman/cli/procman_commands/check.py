"""`procman check`: reports every problem of a configuration file, and how long a shutdown may take."""

import json
from typing import TYPE_CHECKING, Any, cast

from procman.cli.procman_commands.config_file import assumptions, config_file
from procman.cli.security_text import lines as security_lines
from procman.cli.stop_plan_text import lines
from procman.cli.terminal_text import safe
from procman.config.load import read
from procman.config.report import report
from procman.config.security_review import WORST, review
from procman.config.security_review import to_json as security_json
from procman.config.stop_plan import compare, read_duration, stop_plan, to_json
from procman.errors import BadRequest

if TYPE_CHECKING:
    from procman.api.shapes.security_review import SecurityInfo
    from procman.api.shapes.stop_plan import StopPlanInfo

OK = 0
DOES_NOT_FIT = 1  # the stop plan, in its budget
ABOVE = 1  # the exposure of a program, --max
HAS_WARNINGS = 1  # --strict
BAD_FILE = 2


def _most(given: dict[str, str]) -> float | None:
    """What `--max` says; raises BadRequest."""
    text = given.get("max")
    if text is None:
        return None
    if "security" not in given:
        raise BadRequest("--max is for --security: write procman check --security --max 5")
    try:
        most = float(text)
    except ValueError:
        most = -1.0
    if not 0 <= most <= WORST:
        raise BadRequest(f"--max {text}: expected a number from 0 to {WORST:g}, such as 5")
    return most


def check(given: dict[str, str]) -> int:
    """Print the problems of the file and its stop plan; status 2 for an error, 1 if the plan exceeds `--budget`.

    With `--security`, how far each program is confined comes instead of the plan, with status 1 above `--max`. With
    `--strict`, the status is 1 for a warning, too.
    """
    most = _most(given)
    path = config_file(given.get("configuration"))
    assume = assumptions(given.get("assume"))
    budget = read_duration(given["budget"]) if "budget" in given else None
    if "json" in given:
        answer = report(path, assume, budget, security="security" in given, most=most)
        return _as_json(answer, judged=budget is not None, strict="strict" in given)
    loaded = read(path, assume=assume, places=True)
    for problem in sorted(loaded.problems, key=lambda problem: (problem.file, problem.line or 0)):
        print(problem.labelled())
    warned = sum(problem.severity == "warning" for problem in loaded.problems)
    warnings = _count(warned, "warning", "warnings")
    if loaded.config is None:
        errors = sum(problem.severity == "error" for problem in loaded.problems)
        print(f"{path}: cannot be used; {_count(errors, 'error', 'errors')}, {warnings}")
        return BAD_FILE
    groups = loaded.config.groups
    processes = sum(len(group.programs) for group in groups)
    size = f"{_count(processes, 'process', 'processes')} in {_count(len(groups), 'group', 'groups')}"
    refused = "strict" in given and warned > 0
    print(f"{path}: {f'{warnings}, and --strict allows none' if refused else 'good'}; {size}")
    if "security" in given:
        found = cast("SecurityInfo", security_json(review(loaded.config), most))
        print("\n".join(map(safe, security_lines(found))))
        return ABOVE if _is_above(found) else HAS_WARNINGS if refused else OK
    plan = stop_plan(loaded.config)
    verdicts = compare(plan, budget)
    print("\n".join(map(safe, lines(cast("StopPlanInfo", to_json(plan, verdicts))))))
    if budget is not None and not verdicts[0].fits:
        return DOES_NOT_FIT
    return HAS_WARNINGS if refused else OK


def _as_json(answer: dict[str, Any], *, judged: bool, strict: bool) -> int:
    print(json.dumps(answer, ensure_ascii=False))
    if not answer["ok"]:
        return BAD_FILE
    if "security" in answer and _is_above(answer["security"]):
        return ABOVE
    if strict and any(problem["severity"] == "warning" for problem in answer["problems"]):
        return HAS_WARNINGS
    return DOES_NOT_FIT if judged and not answer["stop_plan"]["budgets"][0]["fits"] else OK


def _is_above(found: "SecurityInfo") -> bool:
    return found["max"] is not None and any(one["exposure"] > found["max"] for one in found["programs"])


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
