"""Compares two configurations: by group, as `reread` reports it, and by process, as `update` needs it.

Each option declares the effect of a change (`Effect`); for a process the largest effect counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from procman.config.schema.access import AccessSection
from procman.config.schema.configuration import Config
from procman.config.schema.groups import Group, GroupOptions, ListenerOptions
from procman.config.schema.notify import Notify
from procman.config.schema.options import Effect, Option, options_of
from procman.config.schema.programs import Program
from procman.config.schema.sockets import Socket, sockets_of

PROGRAM = options_of(Program)
GROUP = options_of(GroupOptions)
LISTENER = options_of(ListenerOptions)
NOTIFY = options_of(Notify)
ACCESS = options_of(AccessSection)
Section = TypeVar("Section", Notify, AccessSection)
_NUMBERS = {"user": "uid", "user_group": "gid", "supplementary_groups": "extra_gids", "watch": "config_files"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramChange:
    """A process that both configurations have, and the options that differ."""

    old: Program
    new: Program
    options: tuple[str, ...]
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """A group that both configurations have. `effect` is what its own `options` require of all its processes."""

    name: str
    old: Group
    new: Group
    options: tuple[str, ...] = ()
    effect: Effect = Effect.NONE
    programs_added: tuple[Program, ...] = ()
    programs_removed: tuple[Program, ...] = ()
    programs_changed: tuple[ProgramChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an update would do, each part in the order of its configuration; removed groups by name."""

    added: tuple[Group, ...] = ()
    changed: tuple[GroupChange, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def diff(old: Config, new: Config) -> Changes:
    """What has to happen for `old` to become `new`. The master's own section counts only in what programs get of it."""
    before = {group.name: group for group in old.groups}
    after = {group.name for group in new.groups}
    compared = [_group_change(before[group.name], group) for group in new.groups if group.name in before]
    return Changes(
        added=tuple(group for group in new.groups if group.name not in before),
        changed=tuple(change for change in compared if change is not None),
        removed=tuple(group.name for group in old.groups if group.name not in after),
    )


def diff_notify(old: Iterable[Notify], new: Iterable[Notify]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The notify sections that differ, by name: added, removed, or changed with the names of the options."""
    return _diff_sections(old, new, NOTIFY)


def diff_access(old: Iterable[AccessSection], new: Iterable[AccessSection]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The access sections that differ; the same name may have another number now, and a file other tokens."""
    changes = _diff_sections(old, new, ACCESS)
    numbers = {"uids": "users", "gids": "groups", "digests": "token_file"}
    before, after = {rule.name: rule for rule in old}, {rule.name: rule for rule in new}
    for name, (what, options) in changes.items():
        if what == "changed" and not options:
            differ = [
                option
                for field, option in numbers.items()
                if getattr(before[name], field) != getattr(after[name], field)
            ]
            changes[name] = (what, tuple(differ))
    return changes


def _diff_sections(
    old: Iterable[Section], new: Iterable[Section], table: Mapping[str, Option]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    before, after = {rule.name: rule for rule in old}, {rule.name: rule for rule in new}
    changes: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            changes[name] = ("added", ())
        elif name not in after:
            changes[name] = ("removed", ())
        elif before[name] != after[name]:
            differ = (option for option in table if getattr(before[name], option) != getattr(after[name], option))
            changes[name] = ("changed", tuple(differ))
    return changes


def _group_change(old: Group, new: Group) -> GroupChange | None:
    if old == new:
        return None
    before = {program.name: program for program in old.programs}
    after = {program.name for program in new.programs}
    compared = [_program_change(before[p.name], p) for p in new.programs if p.name in before]
    options = _group_options(old, new)
    change = GroupChange(
        name=new.name,
        old=old,
        new=new,
        options=options,
        effect=max((_effect_on_group(name) for name in options), default=Effect.NONE),
        programs_added=tuple(p for p in new.programs if p.name not in before),
        programs_removed=tuple(p for p in old.programs if p.name not in after),
        programs_changed=tuple(found for found in compared if found is not None),
    )
    if change.options or change.programs_added or change.programs_removed or change.programs_changed:
        return change
    # The order or the place of processes needs no action.
    return None


def _program_change(old: Program, new: Program) -> ProgramChange | None:
    options = [name for name in PROGRAM if getattr(old, name) != getattr(new, name)]
    for name, number in _NUMBERS.items():
        # The same name may have another number now.
        if getattr(old, number) != getattr(new, number) and name not in options:
            options.append(name)
    if not options:
        return None
    effect = max(effect_on_process(name, old, new) for name in options)
    return ProgramChange(old=old, new=new, options=tuple(options), effect=effect)


def effect_on_process(name: str, old: Program, new: Program) -> Effect:
    """What a change of that option means for a process that runs."""
    if name == "sockets":
        before, after = sockets_of(old.sockets), sockets_of(new.sockets)
        same = len(before) == len(after) and all(map(Socket.is_like, before, after))
        return Effect.NONE if same else Effect.RESTART
    return PROGRAM[name].effect


def _group_options(old: Group, new: Group) -> tuple[str, ...]:
    """The names of the options that differ, or "kind" if the kind of the group does."""
    if old.kind != new.kind:
        return ("kind",)
    names = ["priority"] if old.priority != new.priority else []
    if old.listener is not None and new.listener is not None:
        names += [name for name in LISTENER if getattr(old.listener, name) != getattr(new.listener, name)]
    if old.socket != new.socket:
        names.append("socket")
    return tuple(names)


def _effect_on_group(name: str) -> Effect:
    """What all processes of a group share, such as a socket or events, cannot change while they run."""
    known = GROUP.get(name) or LISTENER.get(name)
    return Effect.RESTART if known is None else known.effect
