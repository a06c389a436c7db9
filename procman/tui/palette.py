"""The command palette: what the keys do, and each process by its name."""

from collections.abc import Callable, Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from procman.tui.keys import KEYS
from procman.tui.process_table import ProcessTable


class Commands(Provider):
    """Finds them."""

    async def discover(self) -> Hits:
        """What is offered before anything is typed: the commands."""
        for name, about, run in self._commands():
            yield DiscoveryHit(name, run, help=about)

    async def search(self, query: str) -> Hits:
        """What has the letters of the query."""
        matcher = self.matcher(query)
        for name, about, run in [*self._commands(), *self._processes()]:
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), run, help=about)

    def _commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        for key in KEYS:
            if key.action and key.action != "find":
                yield key.about, f"key: {key.shown}", partial(self.app.run_action, key.action)

    def _processes(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        table = self.screen.query_one(ProcessTable)
        for name in table.fleet.processes:
            yield name, "go to this process", partial(table.go_to, name)
