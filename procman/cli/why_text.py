"""The text of `procmanctl why`: a sentence for each process, and labelled lines below it."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.why import WhyInfo, WhyOption

_LABEL_WIDTH = len("because")
_INDENT = " " * (2 + _LABEL_WIDTH + 2)
_UNBROKEN = "\0"  # a blank within a command, which is there to be copied
_NARROWEST = 40  # columns: a narrower terminal breaks lines itself


def lines(info: WhyInfo, width: int | None = None) -> list[str]:
    """The whole explanation of one process; no line is broken without a `width`, in columns."""
    rows = [("because" if number == 0 else "", link["text"]) for number, link in enumerate(info["because"])]
    rows.append(("since", info["since"]))
    rows.append(("next", _next(info)))
    rows.append(("options", ", ".join(_option(option) for option in info["options"])))
    rows.append(("defined", _defined(info)))
    if drift := info.get("drift"):  # an older master does not say
        restart = f"procmanctl restart {info['name']}".replace(" ", _UNBROKEN)
        rows.append(("drift", f"{'; '.join(drift)}. Try: {restart}"))
    shown = [_wrapped("", info["sentence"], width)]
    shown += [_wrapped(f"  {label:<{_LABEL_WIDTH}}  ", text, width) for label, text in rows if text]
    return [line.replace(_UNBROKEN, " ") for paragraph in shown for line in paragraph]


def all_is_well(processes: int) -> str:
    """Where nothing is to be explained."""
    match processes:
        case 0:
            return "there are no processes"
        case 1:
            return "the one process is as it should be"
        case _:
            return f"all {processes} processes are as they should be"


def _wrapped(head: str, text: str, width: int | None) -> list[str]:
    """The text behind its head; lines that follow stand below the first one's text."""
    if width is None or width < _NARROWEST:
        return [head + text]
    found, line = [], head
    for word in text.split(" "):
        more = word if line in (head, _INDENT) else f" {word}"
        if len(line) + len(more) > width and line not in (head, _INDENT):
            found.append(line)
            line, more = _INDENT, word
        line += more
    return [*found, line]


def _next(info: WhyInfo) -> str:
    commands = "; ".join(command.replace(" ", _UNBROKEN) for command in info["commands"])
    return f"{info['next']}. Try: {commands}" if commands else info["next"]


def _option(option: WhyOption) -> str:
    # Line ends in a value are spelt out, as `config` does.
    shown = option["shown"].replace("\n", "\\n")
    return f"{option['option']} = {shown}" + (f" ({option['place']})" if option["place"] else "")


def _defined(info: WhyInfo) -> str:
    changed = f"changed since this start: {', '.join(info['changed'])}" if info["changed"] else ""
    return f"{info['defined']} ({changed})" if info["defined"] and changed else info["defined"] or changed
