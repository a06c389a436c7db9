"""What changed between two configurations: by group, as supervisor's reread says it, and by process and option.

Pure. An AUTO log is equal to an AUTO log, whatever its file is called.
"""

from dataclasses import dataclass

from procman.config.model import Config, Effect, Group, Program
from procman.config.options import options_of

_ORDER = {Effect.NONE: 0, Effect.REOPEN: 1, Effect.RESTART: 2}


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """One process that is in both, with other options; `effect` is the strongest of theirs."""

    old: Program
    new: Program
    options: tuple[str, ...]
    effect: Effect


@dataclass(frozen=True, slots=True)
class GroupChange:
    """One group that is in both, and differs in something."""

    name: str
    old: Group
    new: Group
    programs_added: tuple[Program, ...]
    programs_removed: tuple[Program, ...]
    programs_changed: tuple[ProgramChange, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """From the old configuration to the new one, each in the order of the new (removed: of the old) one."""

    added: tuple[Group, ...]
    removed: tuple[str, ...]
    changed: tuple[GroupChange, ...]


def diff(old: Config, new: Config) -> Changes:
    """Compare the groups; the master's own settings and its servers are not looked at."""
    before = {group.name: group for group in old.groups}
    after = {group.name for group in new.groups}
    return Changes(
        added=tuple(group for group in new.groups if group.name not in before),
        removed=tuple(group.name for group in old.groups if group.name not in after),
        changed=tuple(
            _group_change(before[group.name], group)
            for group in new.groups
            if group.name in before and before[group.name] != group
        ),
    )


def _group_change(old: Group, new: Group) -> GroupChange:
    before = {program.namespec: program for program in old.programs}
    after = {program.namespec for program in new.programs}
    return GroupChange(
        name=new.name,
        old=old,
        new=new,
        programs_added=tuple(program for program in new.programs if program.namespec not in before),
        programs_removed=tuple(program for program in old.programs if program.namespec not in after),
        programs_changed=tuple(
            _program_change(before[program.namespec], program)
            for program in new.programs
            if program.namespec in before and before[program.namespec] != program
        ),
    )


def _program_change(old: Program, new: Program) -> ProgramChange:
    known = options_of(Program)
    changed = [name for name in known if getattr(old, name) != getattr(new, name)]
    # A uid without a changed user= is an account that got another number.
    effects = [known[name].effect for name in changed] or [Effect.RESTART]
    return ProgramChange(old, new, tuple(changed), max(effects, key=_ORDER.__getitem__))
