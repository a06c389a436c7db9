"""The text of `procmanctl avail`, `config`, `reread` and `update`."""

from __future__ import annotations

from collections.abc import Iterable

from procman.cli.status_text import namespec

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.configuration import Changes, ConfigInfo, SectionSettings, SettingInfo, Step

# Before the name of a section that is no program; no group has a colon in its name.
_SECTIONS = ("notify:", "access:")
_VALUE_WIDTH = 60  # of `config`; the origin of a longer value stands further to the right


def avail_line(info: ConfigInfo) -> str:
    """One line of `avail`."""
    name = namespec(info["group"], info["name"])
    used = "in use" if info["inuse"] else "avail"
    start = "auto" if info["autostart"] else "manual"
    return f"{name:<32} {used:<9} {start:<9} {info['group_prio']}:{info['process_prio']}"


def settings_lines(sections: Iterable[SectionSettings]) -> list[str]:
    """The lines of `config`: under the name of each section its options, with their values and origins."""
    lines: list[str] = []
    for section in sections:
        if lines:
            lines.append("")
        lines.append(f"{section['name']}  [{section['section']}]" if section["name"] else f"[{section['section']}]")
        rows = [(_assigned(setting), _origin(setting)) for setting in section["settings"]]
        width = max((len(assigned) for assigned, _ in rows if len(assigned) <= _VALUE_WIDTH), default=0)
        lines += [f"  {assigned:<{width}}  ; {whence}" for assigned, whence in rows]
    return lines


def _assigned(setting: SettingInfo) -> str:
    name = f"{setting['option']}.{setting['variable']}" if "variable" in setting else setting["option"]
    # Line ends in a value are spelt out.
    return f"{name} = {setting['shown']}".replace("\n", "\\n").rstrip()


def _origin(setting: SettingInfo) -> str:
    match setting["source"]:
        case "file":
            return f"{setting['file']}:{setting['line']}" if setting["line"] else f"{setting['file']}"
        case "earlier":
            return "the file has another value now: see update"
        case source:
            return source


def reread_lines(found: Changes) -> list[str]:
    """The lines of `reread`, by name; as in supervisorctl, the last list that has a name counts."""
    texts: dict[str, str] = {}
    texts.update(dict.fromkeys(found["added"], "available"))
    texts.update(dict.fromkeys(found["changed"], "changed"))
    texts.update(dict.fromkeys(found["removed"], "disappeared"))
    lines = [f"{name}: {texts[name]}" for name in sorted(texts)] or ["No config updates to processes"]
    lines += [f"notify:{name}: changed" for name in found.get("notify", ())]
    return lines + [f"access:{name}: changed" for name in found.get("access", ())]


def update_lines(steps: Iterable[Step]) -> list[str]:
    """The lines of `update`, in supervisorctl's words, group by group; without errors."""
    by_group: dict[str, list[Step]] = {}
    for step in steps:
        if step["action"] not in ("error", "rolling stopped"):
            by_group.setdefault(step["group"], []).append(step)
    lines = []
    for group, done in by_group.items():
        if group.startswith(_SECTIONS):
            lines += [f"{group}: {step['action']}" for step in done]
            continue
        whole = {step["action"] for step in done if "name" not in step}
        if whole == {"added"}:
            lines.append(f"{group}: added process group")
            continue
        if "removed" in whole or any(step["action"] in {"stopped", "replaced"} for step in done):
            lines.append(f"{group}: stopped")
        lines.append(f"{group}: {'removed' if 'removed' in whole else 'updated'} process group")
    return lines
