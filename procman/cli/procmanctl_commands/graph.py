"""The command `graph`: what depends on what, and what each of it waits for."""

from __future__ import annotations

from procman.cli.invocation import GENERIC, Invocation
from procman.cli.procmanctl_commands.processes import suggest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.processes import GraphEdgeInfo, GraphInfo


# What an edge that does not hold means, by the phase of the process that depends on it.
_MISSING = {"waiting": "waited for", "blocked": "blocks it", "bound": "it starts with it"}
_UP = ("STARTING", "RUNNING", "BACKOFF")


def graph(invocation: Invocation, words: list[str]) -> None:
    """Print the graph as a list of trees, or as a diagram for Mermaid."""
    mermaid = "--mermaid" in words
    names = [word for word in words if word != "--mermaid"]
    everything: list[GraphInfo] = invocation.client.call("GET", "/v1/graph")["processes"]
    found = {name: [info for info in everything if _is_meant(info, name)] for name in names}
    chosen = [info for infos in found.values() for info in infos] if names else everything
    unknown = [name for name, infos in found.items() if not infos]
    for name in unknown:
        invocation.problem(f"{name}: ERROR (no such process)", code="BAD_NAME", exitstatus=GENERIC, name=name)
    suggest(invocation, unknown)
    invocation.put(processes=chosen)
    if mermaid:
        for line in _mermaid(chosen):
            invocation.say_safe(line)
        return
    by_name = {info["namespec"]: info for info in everything}
    tied = [info for info in chosen if info["edges"] or names]
    if not tied and not names:
        invocation.say("no program has depends_on")
        return
    width = max((len(info["namespec"]) for info in tied), default=0)
    edge_width = max((len(_written(edge)) for info in tied for edge in info["edges"]), default=0)
    for info in tied:
        invocation.say_safe(f"{info['namespec']:{width}}  {_state(info)}{_needed(info)}")
        for number, edge in enumerate(info["edges"], 1):
            branch = "└─" if number == len(info["edges"]) else "├─"
            invocation.say_safe(f"{branch} {_written(edge):{edge_width}}  {_target(info, edge, by_name)}")


def _written(edge: GraphEdgeInfo) -> str:
    return f"{edge['target']}@{edge['condition']}{'?' if edge['optional'] else ''}"


def _state(info: GraphInfo) -> str:
    return f"{info['statename']} ({info['phase']})" if info["phase"] else info["statename"]


def _needed(info: GraphInfo) -> str:
    return f"  needed by {', '.join(info['needed_by'])}" if info["needed_by"] and not info["edges"] else ""


def _target(info: GraphInfo, edge: GraphEdgeInfo, by_name: dict[str, GraphInfo]) -> str:
    """What the processes of the target are, and what that means for the one that depends on them."""
    counts: dict[str, int] = {}
    for name in edge["processes"]:
        state = _state(by_name[name]) if name in by_name else "not active"
        counts[state] = counts.get(state, 0) + 1
    shown = ", ".join(state if len(edge["processes"]) == 1 else f"{count} {state}" for state, count in counts.items())
    if not edge["holds"]:
        return f"{shown}  <- {_MISSING.get(info['phase'], 'does not hold')}"
    is_up = any(name in by_name and by_name[name]["statename"] in _UP for name in edge["processes"])
    return f"{shown}  optional, not on its way" if edge["optional"] and not is_up else shown


def _is_meant(info: GraphInfo, name: str) -> bool:
    """Whether a name, a group (`site:*`) or `all` stands for this process."""
    group, colon, one = name.partition(":")
    whole = colon and one in {"", "*"} and group == info["namespec"].partition(":")[0]
    return bool(whole) or name in {info["namespec"], "all"}


def _mermaid(chosen: list[GraphInfo]) -> list[str]:
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
