"""The simulated kernel with commands of hooks: they end when they like, or are killed, and may answer late."""

from dataclasses import dataclass

from procman.core.actions import Action, AnnounceRefreshed, EndHook, Kill, Probe, RunHook, SkipHook
from procman.core.events import EndedUnseen, Event, HookEnded, Notified
from procman.core.states import MasterState
from tests.simulation.fake_kernel import World
from tests.simulation.hook_scenarios import HookRun, HookScenario


@dataclass(eq=False)
class Command:
    """One that was begun."""

    order: RunHook
    run: HookRun
    is_over: bool = False


class HookWorld(World):
    """Runs a HookScenario."""

    scenario: HookScenario

    def run(self) -> "HookWorld":
        self.commands: dict[tuple[str, int], Command] = {}  # that run
        self._hook_runs: dict[str, int] = {}
        for name in self.scenario.unseen:
            self._at(0.0, lambda name=name: self.post(EndedUnseen(name)))
        super().run()
        return self

    def _carry_out(self, action: Action) -> None:
        match action:
            case RunHook():
                self._run_hook(action)
            case EndHook(name, _, number):
                command = self.commands.pop((name, number), None)
                if command is not None:
                    command.is_over = True
                    if command.run.late is not None:
                        self._answer(command, command.run.late)
            case SkipHook() | AnnounceRefreshed() | Probe():
                if isinstance(action, Probe):
                    super()._carry_out(action)
            case Kill(signal=1, pid=pid) if pid and not action.overdue:
                super()._carry_out(action)
                self._reloads(action.name)
            case _:
                super()._carry_out(action)

    def _run_hook(self, order: RunHook) -> None:
        runs = self.scenario.hook_runs.get(order.name) or (HookRun(),)
        number = self._hook_runs.get(order.name, 0)
        self._hook_runs[order.name] = number + 1
        command = Command(order, runs[number % len(runs)])
        self.commands[order.name, order.number] = command
        if command.run.lasts is not None:
            self._at(self.now + command.run.lasts + self._lateness(), lambda: self._over(command))

    def _over(self, command: Command) -> None:
        order = command.order
        if not command.is_over and self.quit is None:
            command.is_over = True
            self.commands.pop((order.name, order.number), None)
            self.post(self._end_of(command))
            if order.hook.value == "reload":
                self._reloads(order.name)

    @staticmethod
    def _end_of(command: Command) -> HookEnded:
        order, ok = command.order, command.run.ok
        return HookEnded(order.name, order.number, ok, "" if ok else "it exited 1", code=0 if ok else 1)

    def _answer(self, command: Command, after: float) -> None:
        self._hear_of(command.order.name, after, self._end_of(command))

    def _reloads(self, name: str) -> None:
        """It says that it reloads, and then that it is ready again; some forget one of the two."""
        process = self.fleet.processes.get(name)
        if process is None or self.fleet.state is not MasterState.RUNNING:
            return
        for after, field in ((0.1, ("RELOADING", "1")), (0.3, ("READY", "1"))):
            if self._random.random() < 0.85:
                self._hear_of(name, after, Notified(name, process.attempt, (field,)))

    def _hear_of(self, name: str, after: float, news: Event) -> None:
        process = self.fleet.processes.get(name)

        def come() -> None:
            # Another one may have its name.
            if self.quit is None and self.fleet.processes.get(name) is process:
                self.post(news)

        self._at(self.now + after, come)
