"""Starts a process as ordered: shared socket, tag, ledger, spawn, tree and pipes."""

import os
import shlex
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from procman.config.schema.programs import Program
from procman.core.actions import Announce, AnnounceHealthPause, ProcessRemoved, Spawn
from procman.core.events import Spawned, SpawnFailed
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import Hook, Leftovers, Scope
from procman.core.states import State
from procman.runtime.bus import Bus, GivenFromFiles, LimitsLeftOut, Notification
from procman.runtime.children import Children
from procman.runtime.definitions import group_of, program_of
from procman.runtime.given import NOTHING, Given
from procman.runtime.given_sources import GivenSources
from procman.runtime.launch import environment, launch_spec, socket_spec
from procman.runtime.ledger import Ledger
from procman.runtime.limit_options import has_cgroup_limits, has_view
from procman.runtime.process_trees import Trees
from procman.runtime.program_sockets import ProgramSockets
from procman.runtime.ready_channels import Channels, ReadyChannels
from procman.system.accounts import Account, find_account
from procman.system.cgroup import Leaf
from procman.system.cgroup_controllers import NoCgroups
from procman.system.commands import CannotSpawn
from procman.system.given_files import CredentialFolders
from procman.system.proc import Identity
from procman.system.shared_sockets import SharedSockets
from procman.system.spawn import Child, LaunchSpec, spawn
from procman.system.start_times import StartTimes

if TYPE_CHECKING:
    from procman.system.mount_namespace import RunNamespace

# The exit status of a shell that cannot execute a command.
NOT_EXECUTABLE = 126
NOT_FOUND = 127


class Streams(Protocol):
    """Owns the pipes of processes."""

    def attach(self, name: str, program: Program, child: Child) -> None:
        """A process has started: take its pipes."""

    def ended(self, name: str) -> None:
        """It has ended: its pipes contain the last output."""


@dataclass(frozen=True, slots=True)
class RunExtras:
    """What one run of a program gets in addition to its definition."""

    args: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Launcher:
    """Subscribe `hear` after the subscribers that log the end of a process, since it closes its socket."""

    hears = (
        State.RUNNING,
        State.BACKOFF,
        State.EXITED,
        State.STOPPED,
        State.FATAL,
        State.UNKNOWN,
        ProcessRemoved,
        AnnounceHealthPause,
    )

    def __init__(
        self,
        fleet: Fleet,
        bus: Bus,
        streams: Streams,
        trees: Trees,
        *,
        children: Children,
        sockets: SharedSockets,
        held: ProgramSockets,
        ledger: Ledger,
        channels: ReadyChannels | None = None,
        sources: GivenSources | None = None,
        serverurl: str | None = None,
        home: Callable[[], str | None] = lambda: None,
        account_of: Callable[[int], Account] = find_account,
        terminal_sizes: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """`serverurl`, `home` and `account_of` are arguments of `launch_spec`; the fleet is only read.

        `terminal_sizes` are rows and columns by namespec.
        """
        self._fleet = fleet
        self._bus = bus
        self._streams = streams
        self._trees = trees
        self._children = children
        self._sockets = sockets
        self.held = held
        self._ledger = ledger
        self.channels = channels or ReadyChannels(lambda _: None, lambda _: None)
        self.sources = sources or GivenSources(CredentialFolders("0"))
        self._serverurl = serverurl
        self._home = home
        self._account_of = account_of
        self._sizes = {} if terminal_sizes is None else terminal_sizes
        self._inherited = dict(os.environb)
        self._start_times = StartTimes()
        self._extras: dict[str, RunExtras] = {}  # until the process has settled: also for its retries
        self._given: GivenFromFiles | None = None
        self._ran: set[str] = set()  # the processes that were started before
        self._namespaces: dict[str, RunNamespace] = {}  # of those that have a view of the file system of their own
        self.left_out: dict[str, tuple[str, ...]] = {}  # limits that could not be set, with the reasons

    def give(self, name: str, extras: RunExtras) -> None:
        """For the runs of that process from its next start until it has settled."""
        self._extras[name] = extras

    def start(self, order: Spawn) -> Spawned | SpawnFailed:
        """Start it now; returns the outcome."""
        program = program_of(order.program)
        run = _debugged(program) if order.after_failure and program.debug_restart else program
        if order.name in self._extras:
            run = _extended(run, self._extras[order.name])
        tag = self._trees.tag(order.name, order.attempt)
        channels = None
        self._ledger.starting(order.name, program, tag)
        leaf: Leaf | None = None
        try:
            leaf, left_out = self._leaf(order.name, program)
            given = self.sources.take(program) if program.is_given else NOTHING
            spec = launch_spec(
                run,
                serverurl=self._serverurl,
                inherited=self._inherited,
                tag=tag,
                stdin=self._socket(order),
                again=order.name in self._ran,
                home=self._home(),
                account_of=self._account_of,
                given=given,
            )
            spec = self._placed(spec, order.name, leaf)
            if spec.terminal is not None:
                spec = replace(spec, terminal=self._sizes.get(order.name, spec.terminal))
            if program.sockets:
                sockets, names = self.held.give(order.name, program)
                spec = replace(spec, sockets=sockets, socket_names=names)
            if program.credentials:
                spec = self._with_credentials(spec, program, given, tag)
            if program.ready or program.watchdog is not None:
                channels = self.channels.open(order.name, program, order.attempt, spec.account)
            before = self._start_times.now()
            child = spawn(spec if channels is None else _with_channels(spec, channels))
        except CannotSpawn as why:
            self.channels.forget(order.name)
            self.held.held.gone(order.name)
            self.sources.ended(order.name)
            self._ledger.not_started(tag)
            if leaf is not None:
                leaf.remove()
            return SpawnFailed(order.name, str(why), NOT_FOUND if why.not_found else NOT_EXECUTABLE)
        if channels is not None:
            self.channels.spawned(channels)
        if program.is_given:
            self._note_given(program, given)
        self._children.program_started(order.name, child)
        self._ran.add(order.name)
        root = self._identify(child.pid, before)
        if root is None:
            self._ledger.not_started(tag)
        else:
            self._ledger.started(tag, root, child)
            whole = program.kill_scope is Scope.TREE or program.leftovers is Leftovers.STOP
            self._trees.started(order.name, root, tag, whole=whole, leaf=leaf)
        self._note_left_out(order.name, (*left_out, *child.left_out))
        self._bus.guard(partial(self._streams.attach, order.name, program, child))
        return Spawned(order.name, child.pid)

    def take_given(self) -> GivenFromFiles | None:
        """What the last start was given, once; None: nothing."""
        given, self._given = self._given, None
        return given

    def environment_of(self, program: Program) -> dict[bytes, bytes]:
        """What it is started with, but for its tag; raises ValueError where that is impossible."""
        return environment(program, self._serverurl, self._inherited, given=self.sources.known(program.namespec))

    def _identify(self, pid: int, before: int) -> Identity | None:
        """None without /proc or a free descriptor: then its tree is not found, and no master can adopt it."""
        try:
            return self._start_times.identify(pid, before)
        except OSError:
            return None

    def _leaf(self, name: str, program: Program) -> tuple[Leaf | None, list[str]]:
        if not has_cgroup_limits(program):
            return None, []
        from procman.runtime.launch_limits import cgroup_limits  # noqa: PLC0415 - see `daemon.features`

        try:
            return self._trees.cgroups.limited_leaf(name, cgroup_limits(program))
        except NoCgroups as why:
            raise CannotSpawn(str(why)) from None

    def _note_left_out(self, name: str, texts: tuple[str, ...]) -> None:
        """Say once what is left out, as long as that does not change."""
        if texts != self.left_out.get(name, ()):
            if texts:
                self._bus.publish(LimitsLeftOut(name, texts))
            self.left_out[name] = texts

    def command_spec(self, program: Program) -> LaunchSpec:
        """How to start a command of the program: as itself, with its user, directory, environment and limits.

        Raises CannotSpawn.
        """
        given = self.sources.of_run(program) if program.is_given else NOTHING
        spec = launch_spec(
            program,
            serverurl=self._serverurl,
            inherited=self._inherited,
            home=self._home(),
            account_of=self._account_of,
            given=given,
        )
        process = self._fleet.processes.get(program.namespec)
        # A command that runs as the master could not tell whose they are.
        if program.credentials and process is not None and program.uid == program_of(process.program).uid:
            spec = self._with_credentials_of_run(spec, program, given, process)
        if spec.view:
            spec = replace(spec, namespace=self._namespace(program.namespec))
        # What it uses counts as the program's.
        tree = self._trees.tree_of(program.namespec)
        return spec if tree is None else replace(spec, cgroup=tree.cgroup)

    def hear(self, notification: Notification) -> None:
        """Release the socket of a process that has ended, or could not be started; record what is ready or done."""
        event = notification.event
        if isinstance(event, Announce) and event.after is State.RUNNING:
            if event.program.ready:
                self._note_ready(event)
            return
        if isinstance(event, Announce) and event.program.is_oneshot:
            self._note_oneshot(event)
        if self._extras and isinstance(event, Announce):
            process = self._fleet.processes.get(event.name)
            if process is None or process.settled or event.after is State.STOPPED:
                self._extras.pop(event.name, None)
        if self._namespaces and isinstance(event, Announce | ProcessRemoved) and event.name in self._namespaces:
            self._namespaces.pop(event.name).close()
        match event:
            case Announce(name=name, after=State.BACKOFF | State.EXITED | State.STOPPED):
                self._sockets.release(name)
            case ProcessRemoved(name):
                self._sockets.release(name)
                self._ran.discard(name)
                self.left_out.pop(name, None)
                self._ledger.forget(name)
            case AnnounceHealthPause(name, seconds, reason):
                self._ledger.paused(name, seconds, reason)
            case _:
                pass

    def _note_oneshot(self, news: Announce) -> None:
        process = self._fleet.processes.get(news.name)
        if news.after is State.EXITED and news.expected and news.status is not None and process is not None:
            now, steady = time.time(), time.monotonic()
            age = steady - (process.born if process.born is not None else steady)
            self._ledger.done(program_of(news.program), news.status.code, now - max(0.0, age), now)

    def _note_ready(self, news: Announce) -> None:
        process = self._fleet.processes.get(news.name)
        if process is not None and process.ready_after is not None:
            self._ledger.ready(news.pid, process.ready_after)

    def snapshot(self) -> list[dict[str, Any]]:
        """The open sockets."""
        return self._sockets.snapshot()

    def extras(self) -> dict[str, Any]:
        """What runs get besides, by name, as plain data; `restore_extras` takes it."""
        return {name: [list(one.args), dict(one.environment)] for name, one in self._extras.items()}

    def restore_extras(self, data: Mapping[str, Any]) -> None:
        """Continue from what `extras` returned."""
        self._extras = {name: RunExtras(tuple(args), environment) for name, (args, environment) in data.items()}

    def restore(self, sockets: list[dict[str, Any]], ran: Iterable[str]) -> None:
        """Continue from there; `ran` are the processes that were started before."""
        self._sockets.restore(sockets)
        self._ran = set(ran)

    def close(self) -> None:
        """Close all open sockets, even those that processes hold."""
        self._sockets.close()
        self.held.close()
        self.channels.close()
        self.sources.close()
        for namespace in self._namespaces.values():
            namespace.close()

    def found(self, program: Program, pid: int) -> None:
        """Another process image has started it: its commands enter the namespace that it has."""
        if has_view(program):
            from procman.system.mount_namespace import RunNamespace, own_namespace_of  # noqa: PLC0415 - likewise

            self._namespaces[program.namespec] = RunNamespace(own_namespace_of(pid))

    def _placed(self, spec: LaunchSpec, name: str, leaf: Leaf | None) -> LaunchSpec:
        """In the cgroup and in the namespace of its run."""
        if leaf is not None:
            spec = replace(spec, cgroup=leaf.path)
        return replace(spec, namespace=self._namespace(name)) if spec.view else spec

    def _namespace(self, name: str) -> "RunNamespace":
        """Of its run: its first command makes it, the others enter it."""
        namespace = self._namespaces.get(name)
        if namespace is None:
            from procman.system.mount_namespace import RunNamespace  # noqa: PLC0415 - see `daemon.features`

            namespace = self._namespaces[name] = RunNamespace()
        return namespace

    def _with_credentials(self, spec: LaunchSpec, program: Program, given: Given, tag: str) -> LaunchSpec:
        owner = None if spec.account is None else (spec.account.uid, spec.account.gid)
        folder = self.sources.credentials_for(program, given, tag, owner)
        return replace(spec, environment={**spec.environment, b"CREDENTIALS_DIRECTORY": os.fsencode(folder)})

    def _with_credentials_of_run(
        self, spec: LaunchSpec, program: Program, given: Given, process: Process
    ) -> LaunchSpec:
        """Those that the run has; a pre_start has those that the run after it will have."""
        folder = self.sources.folder_of(process.name)
        if folder:
            return replace(spec, environment={**spec.environment, b"CREDENTIALS_DIRECTORY": os.fsencode(folder)})
        if process.hooks.running is Hook.PRE_START:
            return self._with_credentials(spec, program, given, self._trees.tag(process.name, process.attempt))
        return spec

    def _note_given(self, program: Program, given: Given) -> None:
        run = self.sources.started(program, given)
        if given.is_secret:
            self._given = GivenFromFiles(program.namespec, run.digests, tuple(given.credentials))

    def _socket(self, order: Spawn) -> int | None:
        group = group_of(self._fleet.groups[order.program.group].spec)
        return None if group.socket is None else self._sockets.take(order.name, group.name, socket_spec(group.socket))


def _with_channels(spec: LaunchSpec, channels: Channels) -> LaunchSpec:
    told = {name.encode(): value.encode() for name, value in channels.environment.items()}
    spec = replace(spec, environment={**spec.environment, **told})
    if channels.theirs is None:
        return spec
    if channels.place is not None:
        return replace(spec, ready=(channels.theirs, channels.place))
    return replace(spec, pass_fds=(*spec.pass_fds, channels.theirs))


def _debugged(program: Program) -> Program:
    return _with_variables(program, program.debug_restart)


def _extended(program: Program, extras: RunExtras) -> Program:
    command = " ".join([program.command, *map(shlex.quote, extras.args)])
    return replace(_with_variables(program, extras.environment), command=command)


def _with_variables(program: Program, more: Mapping[str, str]) -> Program:
    return replace(
        program,
        environment={**program.environment, **more},
        from_master=tuple(name for name in program.from_master if name not in more),
    )
