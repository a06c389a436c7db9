"""The text of `procmanctl graph`: what processes depend on, as lines, and as a diagram for Mermaid."""

from __future__ import annotations

from procman.cli.journal_text import duration

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from procman.api.shapes.processes import GraphEdgeInfo, GraphInfo

# What an edge that does not hold means, by the phase of the process that depends on it.
_MISSING = {"waiting": "waited for", "blocked": "blocks it", "bound": "it starts with it"}
_UP = ("STARTING", "RUNNING", "BACKOFF")
# Less than that, in seconds, is shown as no time.
_AT_ONCE = 0.05
_MINUTE = 60


def lines(chosen: Sequence[GraphInfo], everything: Iterable[GraphInfo]) -> list[str]:
    """A tree of each of these, one level deep."""
    by_name = {info["namespec"]: info for info in everything}
    width = max((len(info["namespec"]) for info in chosen), default=0)
    edge_width = max((len(_written(edge)) for info in chosen for edge in info["edges"]), default=0)
    found = []
    for info in chosen:
        found.append(
            "  ".join(filter(None, (f"{info['namespec']:{width}}", _state(info), _time([info]), _needed(info))))
        )
        for number, edge in enumerate(info["edges"], 1):
            branch = "└─" if number == len(info["edges"]) else "├─"
            found.append(f"{branch} {_written(edge):{edge_width}}  {_target(info, edge, by_name)}")
    return found


def mermaid(chosen: Sequence[GraphInfo]) -> list[str]:
    """A flow chart from what depends to what it depends on; dotted where that is optional."""
    numbers: dict[str, str] = {}
    lines = ["graph TD"]
    for info in chosen:
        for name in (info["namespec"], *(name for edge in info["edges"] for name in edge["processes"])):
            if name not in numbers:
                numbers[name] = f"p{len(numbers)}"
                quoted = name.replace('"', "#quot;")
                lines.append(f'    {numbers[name]}["{quoted}"]')
    for info in chosen:
        for edge in info["edges"]:
            arrow = "-.->" if edge["optional"] else "-->"
            lines += [
                f"    {numbers[info['namespec']]} {arrow}|{edge['condition']}| {numbers[name]}"
                for name in edge["processes"]
            ]
    return lines


def _written(edge: GraphEdgeInfo) -> str:
    return f"{edge['target']}@{edge['condition']}{'?' if edge['optional'] else ''}"


def _state(info: GraphInfo) -> str:
    return f"{info['statename']} ({info['phase']})" if info["phase"] else info["statename"]


def _needed(info: GraphInfo) -> str:
    return f"needed by {', '.join(info['needed_by'])}" if info["needed_by"] and not info["edges"] else ""


def _time(infos: Sequence[GraphInfo]) -> str:
    """How long they took to be ready or done, by the slowest; of a single one that is not, how long it has been up."""
    times = [info.get("took") for info in infos]  # a master of before 0.3 does not say
    took = [seconds for seconds in times if seconds is not None]
    if took and len(took) == len(infos):
        longest = max(took)
        if all(info["phase"] == "done" for info in infos):
            return f"took {duration(longest)}"
        return f"ready after {duration(longest)}" if longest >= _AT_ONCE else "ready at once"
    if len(infos) == 1 and infos[0]["statename"] in ("STARTING", "RUNNING") and infos[0].get("uptime"):
        uptime = infos[0]["uptime"]  # whole seconds, which duration() would give with a tenth
        return f"for {f'{uptime} s' if uptime < _MINUTE else duration(uptime)}"
    return ""


def _target(info: GraphInfo, edge: GraphEdgeInfo, by_name: dict[str, GraphInfo]) -> str:
    """What the processes of the target are, and what that means for the one that depends on them."""
    counts: dict[str, int] = {}
    for name in edge["processes"]:
        state = _state(by_name[name]) if name in by_name else "not active"
        counts[state] = counts.get(state, 0) + 1
    shown = ", ".join(state if len(edge["processes"]) == 1 else f"{count} {state}" for state, count in counts.items())
    known = [by_name[name] for name in edge["processes"] if name in by_name]
    words = [shown, _time(known) if len(known) == len(edge["processes"]) else ""]
    if not edge["holds"]:
        words.append(f"<- {_MISSING.get(info['phase'], 'does not hold')}")
    elif edge["optional"] and not any(target["statename"] in _UP for target in known):
        words.append("optional, not on its way")
    return "  ".join(filter(None, words))
