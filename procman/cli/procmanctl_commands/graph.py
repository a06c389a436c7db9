"""The command `graph`: what depends on what, and what each of it waits for."""

from __future__ import annotations

from procman.cli import graph_text
from procman.cli.invocation import GENERIC, Invocation
from procman.cli.suggestions import suggest_processes

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.processes import GraphInfo


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
    suggest_processes(invocation, unknown)
    invocation.put(processes=chosen)
    if mermaid:
        for line in graph_text.mermaid(chosen):
            invocation.say_safe(line)
        return
    tied = [info for info in chosen if info["edges"] or names]
    if not tied and not names:
        invocation.say("no program has depends_on")
        return
    for line in graph_text.lines(tied, everything):
        invocation.say_safe(line)


def _is_meant(info: GraphInfo, name: str) -> bool:
    """Whether a name, a group (`site:*`) or `all` stands for this process."""
    group, colon, one = name.partition(":")
    whole = colon and one in {"", "*"} and group == info["namespec"].partition(":")[0]
    return bool(whole) or name in {info["namespec"], "all"}
