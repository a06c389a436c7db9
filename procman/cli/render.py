"""How things look: the tables, the colours, and bytes made safe for a terminal.

Text in, text out; nothing here prints. Off a terminal every byte is supervisorctl's, as scripts read it; on one, states
have colours and nothing that a program wrote can move the cursor. The colours are plain SGR codes: importing rich would
take longer (50 ms) than everything else that `procmanctl status` does.
"""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from procman.api.shapes import Changes, ConfigInfo, ProcessInfo, SectionSettings, SettingInfo, Step

_RESET = "\x1b[0m"
_COLOURS = {
    "RUNNING": "\x1b[32m",
    "STARTING": "\x1b[33m",
    "BACKOFF": "\x1b[33m",
    "STOPPING": "\x1b[33m",
    "STOPPED": "\x1b[2m",
    "EXITED": "\x1b[36m",
    "FATAL": "\x1b[1;31m",
    "UNKNOWN": "\x1b[1;31m",
}
_CONSEQUENCES = frozenset({"stopped", "updated"})  # of another step for the same group, which says it better
_NAME_WIDTH = 30  # supervisorctl's: three blanks follow the widest name, if that is wider than this
_VALUE_WIDTH = 60  # of `config`: what stands behind a longer value stands further right

_SGR = r"\x1b\[[0-9;:]{0,32}m"
# C0 but for TAB and LF, DEL, C1, and the marks that turn the direction of text: all of them can fake what is shown.
_UNSAFE = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\udc80-\udcff]"
# Patterns are compiled (and kept, by re) when first used: off a terminal none is, and they cost 1 ms.
_LOG_TEXT = rf"({_SGR})|\r(?=\n)|({_UNSAFE})"
_NAME_TEXT = rf"()[\t\n]|({_UNSAFE})"
# What may go on in the next block: a carriage return, an escape sequence, or the first bytes of one UTF-8 character.
_UNFINISHED = rb"(?:\r|\x1b(?:\[[0-9;:]{0,32})?|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"


def on_terminal(out: BinaryIO) -> bool:
    """Does a person look at `out`?"""
    return out.isatty()


def colours_wanted(out: BinaryIO) -> bool:
    """Does a person look at `out` who did not ask for plain text (https://no-color.org)?"""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def namespec(group: str, name: str) -> str:
    """What a process is called: `web`, or `group:name` where the two differ."""
    return name if group == name else f"{group}:{name}"


def status_table(processes: Iterable[ProcessInfo], *, terminal: bool, colour: bool) -> list[str]:
    """The lines of `status`: on a terminal they say more, elsewhere they are supervisorctl's."""
    rows = [
        (namespec(info["group"], info["name"]), info["statename"], _fate(info) if terminal else info["description"])
        for info in processes
    ]
    if terminal:
        rows = [(safe(name), state, safe(description)) for name, state, description in rows]
    width = max([_NAME_WIDTH, *(len(name) for name, _, _ in rows)]) + 3
    lines = []
    for name, state, description in rows:
        shown = f"{state:<10}"
        if colour:
            shown = coloured(shown, state)
        lines.append(f"{name:<{width}}{shown}{description}")
    return lines


def coloured(text: str, state: str) -> str:
    """In the colour of that state."""
    return f"{_COLOURS.get(state, '')}{text}{_RESET}"


def emphasized(text: str) -> str:
    """As a heading."""
    return f"\x1b[1m{text}{_RESET}"


def _fate(info: ProcessInfo) -> str:
    """The description, and why it is not up; of what runs, how often it had to be brought back."""
    match info["statename"]:
        case "FATAL" | "BACKOFF":
            return why(info) or info["description"]
        case "EXITED" if info["spawnerr"]:
            parts = [info["description"], why(info)]
        case "RUNNING" | "STARTING" if info["restarts"]:
            restarts = f"{info['restarts']} restart{'s' if info['restarts'] > 1 else ''}"
            flaps = info["now"] < info.get("flapping_until", 0)
            parts = [info["description"], f"{restarts} ({why(info)})" if flaps else restarts]
        case _:
            return info["description"]
    return ", ".join(part for part in parts if part)


def why(info: ProcessInfo) -> str:
    """How the last run ended, and what it said then; an older master does not tell."""
    words = info.get("last_words")
    return info.get("ending", "") + (f"; {info['last_words_on']}: {words}" if words else "")


def config_row(info: ConfigInfo) -> str:
    """One line of `avail`."""
    name = namespec(info["group"], info["name"])
    used = "in use" if info["inuse"] else "avail"
    start = "auto" if info["autostart"] else "manual"
    return f"{name:<32} {used:<9} {start:<9} {info['group_prio']}:{info['process_prio']}"


def settings(sections: Iterable[SectionSettings]) -> list[str]:
    """The lines of `config`: each section under its name, each option with its value and where that is from."""
    lines: list[str] = []
    for section in sections:
        if lines:
            lines.append("")
        lines.append(f"{section['name']}  [{section['section']}]" if section["name"] else f"[{section['section']}]")
        rows = [(_assigned(setting), _whence(setting)) for setting in section["settings"]]
        width = max((len(assigned) for assigned, _ in rows if len(assigned) <= _VALUE_WIDTH), default=0)
        lines += [f"  {assigned:<{width}}  ; {whence}" for assigned, whence in rows]
    return lines


def _assigned(setting: SettingInfo) -> str:
    name = f"{setting['option']}.{setting['variable']}" if "variable" in setting else setting["option"]
    # A value of several lines stays in one.
    return f"{name} = {setting['shown']}".replace("\n", "\\n").rstrip()


def _whence(setting: SettingInfo) -> str:
    match setting["source"]:
        case "file":
            return f"{setting['file']}:{setting['line']}" if setting["line"] else f"{setting['file']}"
        case "earlier":
            return "not what the file says now: see update"
        case source:
            return source


def changes(found: Changes) -> list[str]:
    """The lines of `reread`, by name; a name in two lists is what the later one says, as in supervisorctl."""
    said: dict[str, str] = {}
    said.update(dict.fromkeys(found["added"], "available"))
    said.update(dict.fromkeys(found["changed"], "changed"))
    said.update(dict.fromkeys(found["removed"], "disappeared"))
    return [f"{name}: {said[name]}" for name in sorted(said)] or ["No config updates to processes"]


def updated(steps: Iterable[Step]) -> list[str]:
    """What `update` did, a group at a time in the words of supervisorctl; errors are not in here."""
    by_group: dict[str, list[Step]] = {}
    for step in steps:
        if step["action"] != "error":
            by_group.setdefault(step["group"], []).append(step)
    lines = []
    for group, done in by_group.items():
        whole = {step["action"] for step in done if "name" not in step}
        if whole == {"added"}:
            lines.append(f"{group}: added process group")
            continue
        if "removed" in whole or any(step["action"] in {"stopped", "replaced"} for step in done):
            lines.append(f"{group}: stopped")
        lines.append(f"{group}: {'removed' if 'removed' in whole else 'updated'} process group")
    return lines


def planned(steps: Iterable[Step]) -> list[str]:
    """What `update --dry-run` would do, a step a line, with the options that ask for it; errors are not in here."""
    lines = []
    telling = [step for step in steps if step["action"] != "error"]
    explained = {step["group"] for step in telling if step["action"] not in _CONSEQUENCES}
    for step in telling:
        if step["action"] in _CONSEQUENCES and step["group"] in explained:
            continue
        what = namespec(step["group"], step["name"]) if "name" in step else step["group"]
        options = f" ({', '.join(step['options'])})" if step.get("options") else ""
        lines.append(f"{what}: would be {step['action']}{options}")
    return lines or ["No config updates to processes"]


def safe(text: str) -> str:
    """A name or a description with everything in it shown that would act on a terminal."""
    return re.sub(_NAME_TEXT, _shown, text)


def safe_lines(text: str) -> str:
    """The same for text of several lines."""
    return "\n".join(safe(line) for line in text.split("\n"))


class LogCleaner:
    """A stream of log bytes made safe for a terminal: colours and line ends stay, other controls are spelt out."""

    def __init__(self) -> None:
        self._rest = b""
        self._coloured = False

    def feed(self, data: bytes) -> str:
        """What can be shown by now; the beginning of a sequence is kept back until it is whole."""
        data = self._rest + data
        unfinished = re.search(_UNFINISHED, data[-40:])
        cut = len(data) - len(unfinished[0]) if unfinished else len(data)
        data, self._rest = data[:cut], data[cut:]
        return self._clean(data)

    def flush(self) -> str:
        """What was kept back, and the colour reset if one was set."""
        data, self._rest = self._rest, b""
        return self._clean(data) + (_RESET if self._coloured else "")

    def _clean(self, data: bytes) -> str:
        def replace(match: re.Match[str]) -> str:
            if match[1]:
                self._coloured = True
                return match[1]
            return _shown(match)

        return re.sub(_LOG_TEXT, replace, data.decode("utf-8", "surrogateescape"))


def _shown(match: re.Match[str]) -> str:
    r"""One unsafe character as `\x1b` or `\u202e`; a line end or a tab in a name as `\n`; a CR before LF as nothing."""
    if match[2] is None:
        return "" if match[0] == "\r" else {"\t": r"\t", "\n": r"\n"}[match[0]]
    code = ord(match[2])
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - surrogateescape's range: a byte that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - what two digits hold
