"""Two configurations to what lies between them: by group, as `reread` tells it, and by process, as `update` needs it.

Pure. An option that changed says itself what that costs (`Effect`); for a process the largest counts.
"""

from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass

from procman.config.schema.configuration import Config
from procman.config.schema.groups import Group, GroupOptions, ListenerOptions
from procman.config.schema.options import Effect, options_of
from procman.config.schema.programs import Program

PROGRAM = options_of(Program)
GROUP = options_of(GroupOptions)
LISTENER = options_of(ListenerOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramChange:
    """One process that is in both, and the options in which it differs."""

    old: Program
    new: Program
    options: tuple[str, ...]
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """One group that is in both. `effect` is what the group's own `options` ask of all its processes."""

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
    """What an update would do, each in the order of its configuration; removed groups by name."""

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


def fingerprint(program: Program) -> int:
    """The same for two definitions of which one can be taken over by a process that was started with the other."""
    values = [
        sorted(value.items()) if isinstance(value, Mapping) else value
        for name, known in PROGRAM.items()
        if known.effect is Effect.RESTART
        for value in (getattr(program, name),)
    ]
    return crc32(repr((values, program.uid)).encode())


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
    # The order of processes, or where they are written, is nothing to act upon.
    return None


def _program_change(old: Program, new: Program) -> ProgramChange | None:
    options = [name for name in PROGRAM if getattr(old, name) != getattr(new, name)]
    if old.uid != new.uid and "user" not in options:
        options.append("user")
    if not options:
        return None
    effect = max(PROGRAM[name].effect for name in options)
    return ProgramChange(old=old, new=new, options=tuple(options), effect=effect)


def _group_options(old: Group, new: Group) -> tuple[str, ...]:
    """The names of what differs: options as a file has them, or "kind" where the sort of group is another."""
    if old.kind != new.kind:
        return ("kind",)
    names = ["priority"] if old.priority != new.priority else []
    if old.listener is not None and new.listener is not None:
        names += [name for name in LISTENER if getattr(old.listener, name) != getattr(new.listener, name)]
    if old.socket != new.socket:
        names.append("socket")
    return tuple(names)


def _effect_on_group(name: str) -> Effect:
    """What belongs to all processes of a group, their socket or their events, cannot change under them."""
    known = GROUP.get(name) or LISTENER.get(name)
    return Effect.RESTART if known is None else known.effect
