"""Watched files: has them watched for this master, and writes into its log what is done about changes."""

from collections.abc import Callable

from procman.config.schema.configuration import Config
from procman.core.actions import AnnounceWatch
from procman.core.fleet import Fleet
from procman.core.watches import MOST, WINDOW
from procman.daemon.own_files import own_files
from procman.logs.protocol import Log
from procman.runtime.bus import Interest, Notification, Subscriber
from procman.runtime.children import Children
from procman.runtime.engine import Engine
from procman.runtime.file_watches import FileWatches
from procman.runtime.looks import Looks
from procman.runtime.output_router import OutputRouter
from procman.runtime.process_trees import Trees
from procman.runtime.watch_commands import WatchCommands
from procman.services.watches import WatchService
from procman.system.signals import signal_name

_DOES = {
    "restart": "restarting",
    "start": "starting again",
    "reload": "reading its configuration again",
    "exec": "running the command of watch_action",
}


class WatchLog:
    """Subscribe `tell` to the bus."""

    hears = (AnnounceWatch,)

    def __init__(self, fleet: Fleet, log: Log) -> None:
        """The fleet is only read."""
        self._fleet = fleet
        self._log = log

    def tell(self, notification: Notification) -> None:
        """Write down what has happened."""
        news = notification.event
        if not isinstance(news, AnnounceWatch) or (process := self._fleet.processes.get(news.name)) is None:
            return
        match news.what:
            case "suspended":
                self._log.warn(
                    f"{news.name}: {news.words}, and {MOST} times before within {WINDOW:g} s, each time just after the "
                    "last: its files are not watched any more. If it writes them itself, add them to watch_ignore and "
                    f"run procmanctl update; procmanctl restart {news.name} watches them again"
                )
            case "resumed":
                self._log.info(f"{news.name}: its files are watched again")
            case "signal":
                number = process.program.watch_action.signal
                self._log.info(f"{news.name}: sending {signal_name(number)}: {news.words}")
            case what:
                self._log.info(f"{news.name}: {_DOES[what]}: {news.words}")


class Watching:
    """All of it for one run of the master."""

    def __init__(
        self,
        config: Config,
        engine: Engine,
        outputs: OutputRouter,
        looks: Looks,
        *,
        children: Children,
        trees: Trees,
        home: Callable[[], str],
    ) -> None:
        """`home` is the directory of programs that have none."""
        fleet, log = engine.fleet, outputs.log
        self.files = FileWatches(
            fleet,
            children,
            lambda: trees.tag(""),
            post=engine.post,
            own_files=lambda: own_files(config, fleet, outputs, home()),
            directory=home,
            tell=lambda text, is_bad: log.warn(text) if is_bad else log.info(text),
            is_off=config.master.no_watch,
        )
        self.commands = WatchCommands(fleet, looks, outputs, log.warn)
        self.service = WatchService(fleet, self.files)
        self._log = WatchLog(fleet, log)

    @property
    def subscribers(self) -> tuple[tuple[Subscriber, tuple[Interest, ...]], ...]:
        """Those of it, each with what it hears."""
        return (self._log.tell, self._log.hears), (self.files.hear, self.files.hears)
