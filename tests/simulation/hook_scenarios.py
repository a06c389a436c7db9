"""Scenarios in which programs have hooks: those of `dependency_scenarios`, with commands that do what they like."""

from dataclasses import dataclass, field, replace
from random import Random

from procman.config.schema.programs import Program
from procman.core.events import Event, GroupChanged, RefreshRequested, StopRequested
from procman.core.spec import Condition, Hook, HookCommand, ProcessType, ReadyKind, Reload
from tests.simulation.dependency_scenarios import DependentPrograms
from tests.simulation.fake_kernel import Scenario

HOOKS = tuple(hook for hook in Hook if hook is not Hook.RELOAD)


@dataclass(frozen=True, kw_only=True)
class HookRun:
    """What one command of a hook does."""

    lasts: float | None = 0.0  # seconds until it answers, unless it is killed; None: for ever
    ok: bool = True
    late: float | None = None  # it answers so long after it was killed all the same


@dataclass(frozen=True, kw_only=True)
class HookScenario(Scenario):
    """A scenario, and what comes of commands."""

    hook_runs: dict[str, tuple[HookRun, ...]] = field(default_factory=dict)  # by namespec, again and again
    unseen: tuple[str, ...] = ()  # these have ended while there was no master


def hook_scenario(random: Random) -> HookScenario:
    """Something that may happen in half a minute to programs with hooks."""
    return _WithHooks(random).scenario()


class _WithHooks(DependentPrograms):
    def scenario(self) -> HookScenario:
        made = super().scenario()
        names = sorted(self._behaviours)
        stops_twice = [(self._pick(0.0, 0.01, 0.3, 1.0), StopRequested(self._name())) for _ in range(self._pick(0, 2))]
        refreshes = [(self._pick(0.3, 1.0, 2.5), RefreshRequested(self._name())) for _ in range(self._pick(0, 0, 2, 5))]
        at = self._random.randint(0, len(made.requests))
        values = {name: getattr(made, name) for name in Scenario.__dataclass_fields__}
        values["requests"] = (*made.requests[:at], *stops_twice, *refreshes, *made.requests[at:])
        adopted = {name for name, _ in made.adopted}
        return HookScenario(
            **values,
            hook_runs={name: tuple(self._hook_run() for _ in range(self._pick(1, 3, 7))) for name in names},
            unseen=tuple(
                program.namespec
                for group in made.groups
                for program in group.programs
                if program.post_stop and program.namespec not in adopted and self._chance(0.15)
            ),
        )

    def _hook_run(self) -> HookRun:
        return HookRun(
            lasts=self._pick(0.0, 0.0, 0.0, 0.2, 0.5, 1.0, 3.0, None),
            ok=self._chance(0.75),
            late=self._pick(None, None, 0.0, 0.7),
        )

    def _program(self, group: str, name: str) -> Program:
        return replace(super()._program(group, name), **self._hooks())

    def _hooks(self) -> dict:
        answers = self._chance(0.3)
        hooks = {hook.value: self._commands() if self._chance(0.35) else () for hook in HOOKS}
        reload = self._pick(None, Reload(1), Reload(0, (HookCommand("reload"),)), Reload(0, self._commands()))
        ready = {"ready": (Condition(ReadyKind.NOTIFY),), "start_timeout": 5} if answers and reload else {}
        return {
            **hooks,
            "hook_timeout": self._pick(0.4, 1, 2, 6),
            "before_kill_timeout": self._pick(0.3, 2),
            "reload": reload,
            "reload_timeout": self._pick(0.5, 3),
            **ready,
        }

    def _commands(self) -> tuple[HookCommand, ...]:
        return tuple(
            HookCommand(f"command-{number}", may_fail=self._chance(0.2)) for number in range(self._pick(1, 1, 2, 3))
        )

    def _change(self) -> Event:
        event = super()._change()
        assert isinstance(event, GroupChanged)
        programs = tuple(
            replace(program, **self._hooks())
            if self._chance(0.3) and program.type is not ProcessType.ONESHOT
            else program
            for program in event.group.programs
        )
        group = replace(event.group, programs=programs)
        if group.name in self._config:
            self._config[group.name] = group
        return GroupChanged(group, event.replace)

    def _request(self, *kinds) -> Event:
        if self._chance(0.15):
            return RefreshRequested(self._name())
        return super()._request(*kinds)
