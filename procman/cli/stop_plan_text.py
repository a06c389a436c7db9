"""The text of a stop plan, as `procman check` and `procmanctl stop-plan` print a `StopPlanInfo`."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.stop_plan import BudgetInfo, ChangeInfo, StopPlanInfo, WaveInfo

_MOST_NAMES = 4  # programs of a wave that a line names


def lines(plan: StopPlanInfo) -> list[str]:
    """The sum, the waves, and the comparison with each budget."""
    leveled = any(wave["level"] for wave in plan["waves"])
    rows = [
        (wave["seconds"], _place(wave, leveled=leveled), _names(wave["critical"], wave["processes"]) + _hooks(wave))
        for wave in plan["waves"]
    ]
    rest = round(plan["needed"] - plan["master"] - sum(wave["seconds"] for wave in plan["waves"]), 3)
    if rest > 0:
        # It runs beside the waves, and the master ends after it.
        rows.append(
            (int(rest) if rest == int(rest) else rest, "on_failure", "the rest of it, if a program fails just before")
        )
    rows.append((plan["master"], "procman itself", ""))
    amounts = [f"{seconds} s" for seconds, _, _ in rows]
    width, wide = max(map(len, amounts)), max(len(what) for _, what, _ in rows)
    shown = [f"a shutdown takes at most {plan['seconds']} s:"]
    shown += [
        f"  {amount:>{width}}  {what:<{wide}}  {names}".rstrip()
        for amount, (_, what, names) in zip(amounts, rows, strict=True)
    ]
    if plan["seconds"] < plan["needed"]:
        shown.append(f"  cut from {plan['needed']} s to {plan['seconds']} s by shutdown_timeout")
    for budget in plan["budgets"]:
        fits = "fits" if budget["fits"] else f"{budget['over']} s too little"
        name = "the budget" if budget["name"] == "budget" else budget["name"]
        shown.append(f"{name} gives {budget['seconds']} s: {fits}")
    too_little = [budget for budget in plan["budgets"] if not budget["fits"]]
    if len(plan["budgets"]) == 1:
        shown += [line for budget in too_little for line in _advice(plan, budget)]
    elif too_little:
        shown.append(f"--budget {too_little[0]['seconds']}s shows what would make it fit")
    return shown


def _place(wave: WaveInfo, *, leveled: bool) -> str:
    """Its priority, and with dependencies also the level: 0 depends on nothing."""
    return f"priority {wave['priority']}" + (f", level {wave['level']}" if leveled else "")


def _names(critical: list[str], processes: int) -> str:
    """The programs that make the wave this long, and how many others are in it."""
    named = critical[:_MOST_NAMES]
    parts = [", ".join(named)]
    if len(critical) > len(named):
        parts.append(f"and {len(critical) - len(named)} as slow")
    if processes > len(critical):
        parts.append(f"({processes - len(critical)} quicker)")
    return " ".join(parts)


def _hooks(wave: WaveInfo) -> str:
    """What of its time is for hooks."""
    return f" ({wave['hooks']} s of it for hooks)" if wave.get("hooks") else ""


def _advice(plan: StopPlanInfo, budget: BudgetInfo) -> list[str]:
    """The ways to make it fit: shorter waits, a limit for the whole shutdown, or more time."""
    shown = []
    if budget["changes"]:
        shown += ["either change", *(_line(change) for change in budget["changes"])]
    if budget["timeout"]:
        shown += [
            f"{'or' if shown else 'either'} limit the shutdown, so that SIGKILL comes earlier",
            _line(budget["timeout"]),
        ]
    seconds = _whole(plan["seconds"])
    shown.append(f"{'or' if shown else 'it is less than procman itself needs:'} wait for {seconds} s")
    shown.append(f"  docker stop -t {seconds}, stop_grace_period: {seconds}s, terminationGracePeriodSeconds: {seconds}")
    return shown


def _line(change: ChangeInfo) -> str:
    now = "not set" if change["before"] is None else f"now {change['before']}"
    return f"  {change['section']} {change['option']} = {change['after']} ({now})"


def _whole(seconds: float) -> int:
    """Rounded up to whole seconds."""
    return -int(-seconds // 1)
