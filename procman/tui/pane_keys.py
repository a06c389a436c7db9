"""What the keys of the pane do with it. Each returns what is to be said, "" if nothing."""

from collections.abc import Callable, Mapping

from procman.tui.content_pane import ContentPane


def _follow(pane: ContentPane) -> str:
    pane.follow = not pane.follow
    pane.settle()
    return ""


def _next(pane: ContentPane) -> str:
    return _go_on(pane, 1)


def _previous(pane: ContentPane) -> str:
    return _go_on(pane, -1)


def _only_matches(pane: ContentPane) -> str:
    pane.buffer.only_matches = not pane.buffer.only_matches
    pane.lay_out()
    return ""


def _wrap(pane: ContentPane) -> str:
    pane.buffer.wrap = not pane.buffer.wrap
    pane.left = 0
    pane.lay_out()
    return ""


def _times(pane: ContentPane) -> str:
    pane.times = not pane.times
    pane.load()
    return ""


def _copy(pane: ContentPane) -> str:
    text = pane.text()
    pane.app.copy_to_clipboard(text)
    return f"{len(text.splitlines())} lines were sent to the clipboard of your terminal"


def _go_on(pane: ContentPane, step: int) -> str:
    if pane.next_match(step):
        return ""
    return "nothing more is found" if pane.buffer.query else "nothing is searched for: Tab, then /"


PANE_KEYS: Mapping[str, Callable[[ContentPane], str]] = {
    "follow": _follow,
    "next": _next,
    "previous": _previous,
    "only_matches": _only_matches,
    "wrap": _wrap,
    "times": _times,
    "copy": _copy,
}
