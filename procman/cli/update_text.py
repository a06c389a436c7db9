"""The text of the plan of an update, and of an update that waits for its confirmation."""

from __future__ import annotations

from collections.abc import Iterable

from procman.cli.journal_text import duration

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.update import AffectedInfo, OptionChangeInfo, PendingInfo, PlanInfo, PlannedChangeInfo

NOTHING = "No config updates to processes"
_NOT_SET = "(not set)"
_SECTIONS = ("notify:", "access:")
# What a change of an option costs a process that runs, where it costs anything.
_EFFECTS = {"restart": " (restart)", "reopen": " (logs reopened)"}
_COUNTED = {
    "added": "to add",
    "removed": "to remove",
    "restarted": "to restart",
    "reopened": "to reopen",
    "changed in place": "to change in place",
}


def plan_lines(plan: PlanInfo) -> list[str]:
    """The lines of `update --dry-run`: each process with what is done to it, by which options, and for how long."""
    changes = plan["changes"]
    lines: list[str] = []
    for change in changes:
        lines += _change_lines(change)
    if plan["needs_reload"]:
        lines.append("an update leaves these options of procman itself; a reload takes them:")
        lines += [f"    {_assignment(option)}" for option in plan["needs_reload"]]
    if not changes:
        return [*lines, NOTHING]
    counts = {action: sum(change["action"] == action for change in changes) for action in _COUNTED}
    return [*lines, ", ".join(f"{count} {_COUNTED[action]}" for action, count in counts.items() if count)]


def diff_lines(plan: PlanInfo) -> list[str]:
    """The lines of `diff`: what is active, and what the file has instead."""
    lines: list[str] = []
    for change in plan["changes"]:
        name = change["name"] or change["group"]
        if change["action"] == "added":
            lines.append(f"+ {name}: is in the file, and not active")
        elif change["action"] == "removed":
            lines.append(f"- {name}: is active, and not in the file any more")
        else:
            lines.append(f"  {name}")
            for option in change["options"]:
                lines += _both(option)
    if plan["needs_reload"]:
        lines.append("  procman itself (a reload takes them)")
        for option in plan["needs_reload"]:
            lines += _both(option)
    return lines or ["the file has what is active"]


def pending_line(pending: PendingInfo) -> str:
    """What an update waits for."""
    number = pending["operation"]
    if pending["stage"] == "applying":
        return f"update {number} is being carried out, and waits for its confirmation then"
    if pending["stage"] == "rolling back":
        return f"update {number} is being rolled back: {pending['reason']}"
    left = duration(pending["left"] or 0)
    if pending["confirmed_by"] is None:
        return f"update {number} is rolled back in {left} unless it is confirmed, and all of it is ready and healthy"
    return f"update {number} is confirmed; it is rolled back in {left} unless all of it is ready and healthy by then"


def missing_line(pending: PendingInfo) -> str:
    """What is not ready and healthy; "" if all is."""
    missing = [f"{one['name']} {one['words']}" for one in pending["missing"]]
    more = len(missing) - 5
    return "; ".join([*missing[:5], *([f"and {more} more"] if more > 0 else [])])


def _change_lines(change: PlannedChangeInfo) -> list[str]:
    name = change["name"] or change["group"]
    lines = [f"{name}: would be {_action(change)}"]
    lines += [f"    {_assignment(option)}" for option in change["options"]]
    if change["dependents"]:
        lines.append(f"    depends on it: {', '.join(_affected(change['dependents']))}")
    return lines


def _action(change: PlannedChangeInfo) -> str:
    action = change["action"]
    if change["group"].startswith(_SECTIONS):
        return action
    match action:
        case "added":
            return "added and started" if change["starts"] else "added, and not started (autostart)"
        case "removed":
            return f"stopped (within {change['stop']:g} s) and removed" if change["running"] else "removed"
        case "restarted" if not change["running"]:
            then = "started with it" if change["starts"] else "not started: it has it from its next start"
            return f"given the new definition, and {then}"
        case "restarted":
            if not change["starts"]:
                return f"stopped (within {change['stop']:g} s), and not started"
            return f"restarted{' in its turn' if change['in_turn'] else ''}, {_down(change)}"
        case "reopened":
            return "changed in place, and its logs reopened"
        case _:
            return action


def _down(change: PlannedChangeInfo) -> str:
    stop = f"{change['stop']:g} s to stop"
    if change["start"] is None:
        return f"down for up to {stop}, and then until it is ready (start_timeout=none)"
    return f"down for up to {change['down']:g} s ({stop}, {change['start']:g} s to start)"


def _affected(dependents: Iterable[AffectedInfo]) -> list[str]:
    return [f"{one['name']} ({one['effect']})" for one in dependents]


def _assignment(option: OptionChangeInfo) -> str:
    old, new = _shown(option["old"]), _shown(option["new"])
    values = "has another value (not shown)" if old == new else f"{old} -> {new}"
    effect = _EFFECTS.get(option["effect"], "")
    return _line(f"{_name(option)}{effect}: {values}", option)


def _both(option: OptionChangeInfo) -> list[str]:
    old, new = _shown(option["old"]), _shown(option["new"])
    if old == new:
        return [_line(f"  ! {_name(option)} has another value (not shown)", option)]
    return [f"  - {_name(option)} = {old}", _line(f"  + {_name(option)} = {new}", option)]


def _line(text: str, option: OptionChangeInfo) -> str:
    # Line ends in a value are spelt out.
    return f"{text}  ; {_origin(option)}".replace("\n", "\\n")


def _name(option: OptionChangeInfo) -> str:
    return f"{option['option']}.{option['variable']}" if "variable" in option else option["option"]


def _shown(value: str | None) -> str:
    return _NOT_SET if value is None or value == "" else value


def _origin(option: OptionChangeInfo) -> str:
    if option["source"] != "file":
        return option["source"]
    return f"{option['file']}:{option['line']}" if option["line"] else f"{option['file']}"
