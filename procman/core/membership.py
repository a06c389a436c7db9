"""The groups of a fleet and their processes: how they come, change and go. No I/O and no clock here.

- A process that leaves is stopped with what it has left behind, and forgotten when it has settled; so is a group when
  its last process has.
- What an update replaces stops before what it depends on, and what is bound to it before it.
"""

from collections.abc import Callable

from procman.core.actions import Action, AnnounceGroup, AnnounceGroupChanged, ProcessRemoved
from procman.core.dependencies import Dependencies
from procman.core.groups import ActiveGroup
from procman.core.process import Process
from procman.core.requests import begin_service, change_in_place, redefine, stop
from procman.core.rolling import Rollings
from procman.core.spec import GroupSpec, ProcessSpec
from procman.core.stopping import take_down
from procman.core.switching import switch_on


class Membership:
    """Changes the groups and the processes of a fleet, which reads them."""

    def __init__(
        self,
        groups: dict[str, ActiveGroup],
        processes: dict[str, Process],
        dependencies: Dependencies,
        rollings: Rollings,
        *,
        new: Callable[[ProcessSpec], Process],
        define: Callable[[Process, ProcessSpec], None],
        going_with: Callable[[list[Process]], dict[str, tuple[Process, str]]],
        take_along: Callable[[Process, str, float], list[Action]],
        forget: Callable[[Process], None],
    ) -> None:
        """Groups, processes and dependencies are those of the fleet.

        Args:
            groups: all active groups by name.
            processes: all processes by namespec.
            dependencies: the edges between them.
            rollings: which get their definitions one batch after the other.
            new: makes the process of a definition.
            define: is told of each new definition.
            going_with: what goes down with those processes, by name, and with which of them.
            take_along: takes a process down with the one of that name.
            forget: is told of each process that has left.
        """
        self.any_leaves = False  # is any process leaving?
        self._groups = groups
        self._processes = processes
        self._dependencies = dependencies
        self._rollings = rollings
        self._new = new
        self._define = define
        self._going_with = going_with
        self._take_along = take_along
        self._forget = forget

    def activate(self, group: GroupSpec) -> ActiveGroup:
        """The group is there, with processes that are down."""
        members = ActiveGroup(group)
        for program in group.start_order:
            members.processes[program.namespec] = self._new(program)
        self._groups[group.name] = members
        self._processes.update(members.processes)
        for process in members.processes.values():
            self._define(process, process.program)
        return members

    def add(self, group: GroupSpec, now: float) -> list[Action]:
        """A group of the configuration becomes active."""
        members = self._groups.get(group.name)
        if members and not members.leaving:
            return []
        if members:
            # It is back before its processes have left; both are announced, as a client may wait for either.
            members.leaving = False
            back = [AnnounceGroup(group.name, added=False), AnnounceGroup(group.name, added=True)]
            return [*back, *self.change(group, frozenset(), now)]
        actions: list[Action] = [AnnounceGroup(group.name, added=True)]
        for process in self.activate(group).processes.values():
            if process.program.autostart:
                actions += begin_service(process, now)
        return actions

    def remove(self, name: str, now: float) -> list[Action]:
        """A group is to go, as soon as its processes have settled."""
        members = self._groups.get(name)
        if members is None:
            return []
        members.leaving = True
        self.any_leaves = True
        return self._let_leave(list(members.processes.values()), now)

    def change(self, group: GroupSpec, replace: frozenset[str], now: float, operation: int = 0) -> list[Action]:
        """A group has another definition; `replace` are the processes that are restarted for it."""
        members = self._groups.get(group.name)
        if members is None or members.leaving:
            return []
        is_new = group != members.spec
        waiting, replace, rolled = self._rollings.update(members, group, replace, operation)
        before, members.spec = members.processes, group
        now_named = {program.namespec for program in group.programs}
        gone = [process for name, process in before.items() if name not in now_named]
        # The new order of the group; processes that leave stay at its end until they have settled.
        members.processes = {}
        for program in group.start_order:
            name = program.namespec
            process = before.get(name)
            if process is None:
                process = self._processes[name] = self._new(program)
            members.processes[name] = process
            if name not in waiting:
                self._define(process, program)
        members.processes |= {process.name: process for process in gone}
        definitions = {program.namespec: program for program in group.start_order}
        for process in gone:
            process.leaving = self.any_leaves = True
        along = self._going_with(gone)
        elsewhere = (process for process, _ in along.values() if process.name not in members.processes)
        staying = (members.processes[name] for name in definitions)
        actions = list(rolled)
        for process in self._dependencies.stop_order([*elsewhere, *reversed(gone), *staying]):
            if process.name in along:
                actions += self._take_along(process, along[process.name][1], now)
            new = definitions.get(process.name)
            if process.leaving and new is None:
                actions += stop(process, now)
            elif new is None or process.name in waiting:
                continue
            elif process.name in before:
                actions += self._redefine(process, new, now, restart=process.name in replace)
            elif new.autostart:
                actions += begin_service(process, now)
        return [*actions, AnnounceGroupChanged(group)] if is_new else actions

    @staticmethod
    def _redefine(process: Process, program: ProcessSpec, now: float, *, restart: bool) -> list[Action]:
        if process.leaving:
            # It was on its way out and is in the file again.
            process.leaving = False
            process.wanted = program.autostart and program.schedule is None
            actions = redefine(process, program, now)
            return [*actions, *switch_on(process)] if program.autostart else actions
        if restart:
            return redefine(process, program, now)
        if program != process.definition:
            return change_in_place(process, program, now)
        return []

    def _let_leave(self, processes: list[Process], now: float) -> list[Action]:
        for process in processes:
            process.leaving = self.any_leaves = True
        along = self._going_with(processes)
        actions: list[Action] = []
        for process in self._dependencies.stop_order([*(other for other, _ in along.values()), *reversed(processes)]):
            if process.name in along:
                actions += self._take_along(process, along[process.name][1], now)
            else:
                actions += stop(process, now)
        return actions

    def forget_settled(self, now: float) -> list[Action]:
        """Forget processes that leave and have settled, and groups that are empty then."""
        actions: list[Action] = []
        for name, process in list(self._processes.items()):
            # One in UNKNOWN that still has a pid is forgotten too, or its group could never leave; should it end
            # after all it is reaped as an orphan.
            if not (process.leaving and process.settled):
                continue
            # It may have ended by itself after it was asked to stop, and what it has left behind has not heard of that:
            # when a shutdown had begun before its stop, or in its post_stop.
            actions += take_down(process, now)
            if process.settled:
                del self._processes[name]
                self._forget(process)
                self._dependencies.forget(name)
                del self._groups[process.program.group].processes[name]
                actions.append(ProcessRemoved(name))
        for name, members in list(self._groups.items()):
            if members.leaving and not members.processes:
                del self._groups[name]
                actions.append(AnnounceGroup(name, added=False))
        self.any_leaves = any(p.leaving for p in self._processes.values())
        return actions
