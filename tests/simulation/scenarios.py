"""Scenarios by chance, from any `random.Random`: a seeded one, or one of hypothesis, which can shrink what it finds."""

from dataclasses import replace
from random import Random
from signal import SIGABRT, SIGHUP, SIGKILL, SIGQUIT, SIGSEGV, SIGTERM

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.events import (
    Event,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    RestartRequested,
    RetryRequested,
    ShutdownRequested,
    SignalRequested,
    StartRequested,
    StopRequested,
)
from procman.core.spec import (
    Autorestart,
    Condition,
    EarlyExit,
    Leftovers,
    ProcessType,
    ReadyKind,
    Scope,
    ShutdownWhen,
)
from procman.core.states import State
from tests.simulation.fake_kernel import FOREVER, Behaviour, Descendant, Scenario

GROUPS = "abcd"
MEMBERS = ("one", "two", "three")

# Moments that matter: the same one, within startsecs, about a back-off, and beyond every stopwaitsecs.
DELAYS = (0.0, 0.0, 0.0, 0.01, 0.3, 0.5, 1.0, 1.0, 2.5, 12.0)

# The stop signal never reaches more than SIGKILL does.
SCOPES = tuple({"stop_scope": stop, "kill_scope": kill} for stop in Scope for kill in Scope if stop <= kill)

SERVICE = {"type": ProcessType.SERVICE, "run_timeout": None}

WHOLE = {"stop_scope": Scope.TREE, "kill_scope": Scope.TREE}

KINDS = ("start", "stop", "stop", "restart", "restart", "retry", "signal")
CONFIG_KINDS = (*KINDS, "add", "remove", "change", "change", "change")


def scenario(random: Random) -> Scenario:
    """Something that may happen to a master in half a minute."""
    return Imagination(random).scenario()


class Imagination:
    """What may be in a scenario; `dependency_scenarios` has more."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._behaviours: dict[str, tuple[Behaviour, ...]] = {}
        self._config: dict[str, Group] = {}
        self._versions = 0

    def scenario(self) -> Scenario:
        for name in GROUPS[: self._random.randint(1, 4)]:
            self._config[name] = self._group(name)
        groups = tuple(self._config.values())
        requests: list[tuple[float, Event]] = []
        for _ in range(self._pick(0, 1, 2, self._random.randint(3, 10))):
            before = dict(self._config)
            requests.append((self._pick(*DELAYS), self._request()))
            removed = [group for name, group in before.items() if name not in self._config]
            requests += [(self._pick(0.0, 0.0, 0.01, 0.5), self._after_removal(group)) for group in removed]
        # Of these it is not known when they come, so they leave the configuration alone.
        reactions = tuple(
            (self._name(), self._pick(*State), self._request(KINDS)) for _ in range(self._pick(0, 0, 0, 1, 2))
        )
        # Mostly it is a first master; if not, most of what ran is still there.
        adopted = self._pick(0.0, 0.0, 0.0, 0.7)
        # A shutdown, a hasty one, a reload, a reload that becomes a shutdown; or none of them.
        for restart in self._pick((), (), (False,), (False,), (False, False), (True,), (True, False, False)):
            requests.append((self._pick(*DELAYS), ShutdownRequested(restart=restart)))
            if self._chance(0.2):
                requests.append((self._pick(*DELAYS), self._request()))
        return Scenario(
            groups=groups,
            master=self._master(),
            behaviours=self._behaviours,
            adopted=tuple(
                (name, self._pick(0.0, 0.5, 1.0, 60.0)) for name in sorted(self._behaviours) if self._chance(adopted)
            ),
            remembered=tuple(
                program.namespec
                for group in groups
                for program in group.programs
                if program.type is ProcessType.ONESHOT and self._chance(0.3)
            ),
            requests=tuple(requests),
            reactions=reactions,
            late=self._pick(0.0, 0.0, 0.05, 1.5),
            slice=self._pick(1000, 1, 1, 2),
            turn=self._pick(0.0, 0.02, 0.4),
            seed=self._random.randint(0, 1_000_000),
        )

    def _master(self) -> Master:
        names = sorted(self._behaviours)
        return Master(
            shutdown_timeout=self._pick(None, None, None, 0.2, 2, 9),
            shutdown_when=self._pick(*[ShutdownWhen.NEVER] * 12, *ShutdownWhen, ShutdownWhen.ANY_EXIT),
            exit_code_from=self._pick(None, None, "none", "first_failure", *names),
        )

    # ---- groups and programs

    def _group(self, name: str) -> Group:
        members = (name,) if self._chance(0.4) else MEMBERS[: self._random.randint(1, 3)]
        programs = [self._program(name, member) for member in members]
        return Group(name=name, priority=self._pick(1, 2, 2, 999), programs=_in_order(programs))

    def _program(self, group: str, name: str) -> Program:
        program = Program(name=name, group=group, command=self._command(), **self._options())
        if program.namespec not in self._behaviours:
            self._behaviours[program.namespec] = self._runs()
        return program

    def _command(self) -> str:
        self._versions += 1
        return f"/bin/version-{self._versions}"

    def _options(self) -> dict:
        return {
            "autostart": self._chance(0.8),
            "autorestart": self._pick(*Autorestart),
            "startsecs": self._pick(0, 1, 1, 2),
            "startretries": self._pick(0, 1, 3),
            "stopwaitsecs": self._pick(0, 0.5, 3, 10),
            "stopsignal": self._pick(SIGTERM, SIGTERM, SIGQUIT),
            **self._pick(*SCOPES, *[WHOLE] * 6),
            "leftovers": self._pick(Leftovers.KEEP, Leftovers.KEEP, Leftovers.STOP),
            "critical": self._chance(0.03),
            "exitcodes": self._pick((0,), (0, 2)),
            "priority": self._pick(1, 2, 999),
            **(self._restart_policy() if self._chance(0.3) else {}),
            **(self._readiness() if self._chance(0.25) else {}),
            **(self._oneshot() if self._chance(0.15) else SERVICE),
        }

    def _in_place(self, program: Program) -> dict:
        """Options of the same type: another one replaces it."""
        options = self._options()
        while options["type"] is not program.type:
            options = self._options()
        return options

    def _oneshot(self) -> dict:
        """As the configuration makes one."""
        return {
            "type": ProcessType.ONESHOT,
            "ready": (),
            "start_timeout": None,
            "run_timeout": self._pick(None, 0.5, 1.0, 5.0),
            "startsecs": 0,
            "startretries": self._pick(0, 0, 2),
            "critical": self._chance(0.1),
            "norestart_exitcodes": self._pick((), (), (1,)),
            "autorestart": Autorestart.NEVER,
            "early_exit": EarlyExit.FAILURE,
        }

    def _readiness(self) -> dict:
        kinds = (ReadyKind.LISTEN, ReadyKind.TCP, ReadyKind.NOTIFY, ReadyKind.LOG, ReadyKind.LISTENER, ReadyKind.DELAY)
        chosen = [self._pick(*kinds) for _ in range(self._pick(1, 1, 2, 3))]
        return {
            "ready": tuple(Condition(kind, delay=0.7 if kind is ReadyKind.DELAY else 0.0) for kind in chosen),
            # With none, a world in which nobody answers would never come to rest.
            "start_timeout": self._pick(0.4, 2, 5, 12),
            "ready_interval": self._pick(0.3, 0.5, 1.0),
            "startsecs": self._pick(0, 0, 1),
        }

    def _restart_policy(self) -> dict:
        return {
            "backoff": self._pick(None, (0.1, 2), (0.5, 8), (1.5, 1.5)),
            "backoff_factor": self._pick(1, 2, 3),
            "backoff_jitter": self._pick(0, 0.1, 0.5),
            "backoff_reset": self._pick(None, 1, 3),
            "restart_limit": self._pick(None, (1, 5), (2, 10), (3, 60)),
            "on_restart_limit": self._pick(("fatal", 0), ("fatal", 0), ("wait", 4), ("shutdown", 0)),
            "norestart_exitcodes": self._pick((), (), (1,), (-SIGSEGV,)),
            "early_exit": self._pick(*EarlyExit),
        }

    def _runs(self) -> tuple[Behaviour, ...]:
        runs = [self._behaviour() for _ in range(self._pick(0, 0, 1, 2, 5))]
        # The last one goes on for ever, so that the world comes to rest.
        lasting = (
            FOREVER,
            FOREVER,
            replace(self._behaviour(), fails=None, lives=None),
            Behaviour(fails="no such file"),
        )
        return (*runs, self._pick(*lasting))

    def _behaviour(self) -> Behaviour:
        return Behaviour(
            fails=self._pick(None, None, None, None, "no such file"),
            lives=self._pick(None, None, 0.0, 0.2, 0.9, 1.0, 1.1, 2.0, 3.5),
            code=self._pick(0, 0, 1, 2),
            signal=self._pick(None, None, None, SIGSEGV, SIGABRT),
            obeys_after=self._pick(0.0, 0.0, 0.4, 2.0, 5.0, None),
            sigkills=self._pick(1, 1, 1, 2, 3),
            refuses=self._chance(0.1),
            descendant=self._descendant() if self._chance(0.5) else None,
            **(self._unready() if self._chance(0.4) else {}),
        )

    def _unready(self) -> dict:
        return {
            "ready_after": self._pick(0.0, 0.3, 1.0, 3.0, None),
            "answers_after": self._pick(0.0, 0.0, 0.1, 1.0, 3.0, None),
            "lies": self._chance(0.3),
        }

    def _descendant(self) -> Descendant:
        return Descendant(
            lives=self._pick(None, None, None, 0.0, 0.3, 4.0),
            obeys_after=self._pick(0.0, 0.0, 0.4, 5.0, None),
            refuses=self._chance(0.1),
            in_group=self._chance(0.5),
        )

    # ---- requests

    def _request(self, kinds: tuple[str, ...] = CONFIG_KINDS) -> Event:
        match self._pick(*kinds):
            case "start":
                return StartRequested(self._name())
            case "stop":
                return StopRequested(self._name())
            case "restart":
                return RestartRequested(self._name())
            case "retry":
                return RetryRequested(self._name())
            case "signal":
                return SignalRequested(self._name(), self._pick(SIGHUP, SIGHUP, SIGTERM, SIGKILL))
            case "add":
                # The one that has just gone, most of all.
                missing = [name for name in GROUPS if name not in self._config] or list(GROUPS)
                return self._add(self._pick(*missing))
            case "remove":
                name = self._pick(*GROUPS)
                self._config.pop(name, None)
                return GroupRemoved(name)
            case _:
                return self._change()

    def _add(self, name: str) -> Event:
        group = self._group(name)
        self._config.setdefault(name, group)
        return GroupAdded(group)

    def _after_removal(self, old: Group) -> Event:
        """Something about a group whose processes, or even the orders to spawn them, have not gone yet."""
        if self._chance(0.4):
            return self._request()
        if old.programs and self._chance(0.3):
            return StartRequested(self._pick(*old.programs).namespec)
        # Taken out and put back in.
        programs = tuple(replace(program, command=self._command()) for program in old.programs)
        group = self._config[old.name] = replace(old, programs=programs)
        return GroupAdded(group)

    def _change(self) -> Event:
        name = self._pick(*(self._config or GROUPS))
        old = self._config.get(name) or self._group(name)
        replaced: set[str] = set()
        programs: list[Program] = []
        for program in old.programs:
            how = self._pick("keep", "in place", "replace", "replace", "drop")
            match how:
                case "in place":
                    programs.append(replace(program, **self._in_place(program)))
                case "replace":
                    new = replace(program, command=self._command())
                    programs.append(replace(new, **self._options()) if self._chance(0.3) else new)
                    replaced.add(program.namespec)
                case "keep":
                    programs.append(program)
        for member in MEMBERS:
            if self._chance(0.2) and all(program.name != member for program in (*programs, *old.programs)):
                programs.append(self._program(name, member))
        # A shared socket that changes replaces those, too, that are the same.
        replaced |= {program.namespec for program in programs if self._chance(0.05)}
        group = replace(old, programs=_in_order(programs), priority=self._pick(old.priority, old.priority, 1, 999))
        if name in self._config:
            self._config[name] = group
        return GroupChanged(group, frozenset(replaced))

    def _name(self) -> str:
        names = sorted(self._behaviours)
        return self._pick(*names) if self._chance(0.95) else "unknown"

    # ---- chance

    def _pick(self, *choices):
        return choices[self._random.randint(0, len(choices) - 1)]

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability


def _in_order(programs: list[Program]) -> tuple[Program, ...]:
    """As the configuration has them: by priority, then by name."""
    return tuple(sorted(programs, key=lambda program: (program.priority, program.name)))
