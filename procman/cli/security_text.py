"""The text of `procman check --security`."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.security_review import SecurityInfo


def lines(info: SecurityInfo) -> list[str]:
    """For each program its exposure and what was found; then what was not rated."""
    programs, most = info["programs"], info["max"]
    shown = []
    for one in programs:
        over = "" if most is None or one["exposure"] <= most else f", more than --max {most:g}"
        shown.append(f"[{one['section']}]: exposure {one['exposure']} of 10{over}")
        width = max((len(finding["text"]) for finding in one["findings"] if finding["add"]), default=0)
        shown += [
            f"  {finding['weight']:>4}  {finding['text']:<{width}}  {finding['add'] or ''}".rstrip()
            for finding in one["findings"]
        ]
    shown += [f"not rated: {text}" for text in info["not_rated"]]
    if most is not None:
        above = sum(one["exposure"] > most for one in programs)
        shown.append(f"--max {most:g}: {above} of {len(programs)} program{'' if len(programs) == 1 else 's'} above it")
    return shown
