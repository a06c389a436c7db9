"""Every key of the screen: what it does, in words. The footer, the sheet of keys and the palette are made of this."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `action` is the name of the action of the application that it calls."""

    keys: str  # as Textual calls them, several with commas
    shown: str  # as people call it
    action: str
    about: str
    group: str
    short: str = ""  # what the footer says of it; "": it is not there
    changes: bool = False  # it changes something, so a client that may only read has no use for it


_SEE, _CHANGE, _MOVE, _PANE, _ELSE = "What is shown", "What is changed", "Moving", "The pane", "The screen"

KEYS = (
    Key("up", "Arrows, PgDn, End", "", "Move in the table, or scroll the pane", _MOVE),
    Key("tab", "Tab", "other_pane", "Go to the pane, and back to the table", _MOVE, "pane"),
    Key(
        "space",
        "Space",
        "mark('one')",
        "Mark the process, or take its mark away; what follows is about all that are marked",
        _MOVE,
    ),
    Key("a", "a", "mark('all')", "Mark all that are shown", _MOVE),
    Key("u,escape", "u, Esc", "unmark", "Take all marks away; then the filter", _MOVE),
    Key("slash", "/", "search", "Filter the table (web*, @failed, @stopped), or search in the pane", _MOVE, "filter"),
    Key(
        "o",
        "o",
        "arrange('next')",
        "Sort by the next column: state, name, CPU, memory, restarts, newest",
        _MOVE,
        "sort",
    ),
    Key("O", "O", "arrange('reverse')", "Turn the order round", _MOVE),
    Key("l", "l", "view('log')", "The log: of the process, or of all that are marked, with their names", _SEE, "log"),
    Key("w", "w", "view('why')", "Why the process is as it is", _SEE, "why"),
    Key("g", "g", "view('graph')", "What it depends on, and what depends on it", _SEE, "graph"),
    Key("e", "e", "view('events')", "What happens, as it happens", _SEE, "events"),
    Key("c", "c", "view('crashes')", "Its crash reports", _SEE, "crashes"),
    Key("s", "s", "change('start')", "Start", _CHANGE, "start", changes=True),
    Key("S", "S", "change('stop')", "Stop", _CHANGE, "Stop", changes=True),
    Key("r", "r", "change('restart')", "Restart", _CHANGE, "restart", changes=True),
    Key("B", "B", "change('rolling')", "Restart a program batch by batch (rolling restart)", _CHANGE, changes=True),
    Key(
        "T", "T", "change('retry')", "Try again now what waits for its next try, or was given up", _CHANGE, changes=True
    ),
    Key("R", "R", "change('refresh')", "Have it read its configuration again", _CHANGE, changes=True),
    Key("k", "k", "change('signal')", "Send a signal", _CHANGE, "signal", changes=True),
    Key("p", "p", "change('scale')", "Scale: have another number of processes of its program", _CHANGE, changes=True),
    Key("f", "f", "pane('follow')", "Follow: stay at the end", _PANE),
    Key("n", "n", "pane('next')", "The next line that has what was searched for", _PANE),
    Key("N", "N", "pane('previous')", "The one before", _PANE),
    Key("ampersand", "&", "pane('only_matches')", "Show only the lines that have it, or all again", _PANE),
    Key("W", "W", "pane('wrap')", "Break long lines, or not; then Left and Right scroll", _PANE),
    Key("t", "t", "pane('times')", "Show when each line was written, or not", _PANE),
    Key("z", "z", "show('pane')", "The pane alone on the screen, to select its text; again: both", _PANE, "zoom"),
    Key(
        "y",
        "y",
        "pane('copy')",
        "Copy the text of the pane to the clipboard (OSC 52), as far as the terminal lets us",
        _PANE,
    ),
    Key("colon,ctrl+p", ":", "find", "Palette: find a command or a process by its name", _ELSE),
    Key("question_mark,f1", "?", "keys", "All keys", _ELSE, "keys"),
    Key("L", "L", "show('light')", "Colours for a light background, or for a dark one; this is remembered", _ELSE),
    Key("ctrl+l", "Ctrl-L", "show('all')", "Draw the screen again", _ELSE),
    Key("ctrl+z", "Ctrl-Z", "suspend_process", "Suspend; fg comes back", _ELSE),
    Key("q,ctrl+c,ctrl+q", "q, Ctrl-C", "quit", "Quit", _ELSE, "quit"),
)


def sheet() -> list[tuple[str, list[tuple[str, str]]]]:
    """All keys with their words, by group."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key in KEYS:
        found.setdefault(key.group, []).append((key.shown, key.about))
    return list(found.items())
