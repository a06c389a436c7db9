"""The text of `procmanctl why`: a sentence for each process, and labelled lines below it."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes import WhyInfo, WhyOption

_LABEL_WIDTH = len("because")


def lines(info: WhyInfo) -> list[str]:
    """The whole explanation of one process."""
    rows = [("because" if number == 0 else "", link["text"]) for number, link in enumerate(info["because"])]
    rows.append(("since", info["since"]))
    rows.append(("next", _next(info)))
    rows.append(("options", ", ".join(_option(option) for option in info["options"])))
    rows.append(("defined", _defined(info)))
    return [info["sentence"], *(f"  {label:<{_LABEL_WIDTH}}  {text}" for label, text in rows if text)]


def all_is_well(processes: int) -> str:
    """Where nothing is to be explained."""
    match processes:
        case 0:
            return "there are no processes"
        case 1:
            return "the one process is as it should be"
        case _:
            return f"all {processes} processes are as they should be"


def _next(info: WhyInfo) -> str:
    return f"{info['next']}. Try: {'; '.join(info['commands'])}" if info["commands"] else info["next"]


def _option(option: WhyOption) -> str:
    return f"{option['option']} = {option['shown']}" + (f" ({option['place']})" if option["place"] else "")


def _defined(info: WhyInfo) -> str:
    changed = f"changed since this start: {', '.join(info['changed'])}" if info["changed"] else ""
    return f"{info['defined']} ({changed})" if info["defined"] and changed else info["defined"] or changed
