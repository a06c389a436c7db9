"""Watched files: has them watched for this master."""

from collections.abc import Callable

from procman.config.schema.configuration import Config
from procman.daemon.own_files import own_files
from procman.runtime.children import Children
from procman.runtime.engine import Engine
from procman.runtime.file_watches import FileWatches
from procman.runtime.looks import Looks
from procman.runtime.output_router import OutputRouter
from procman.runtime.process_trees import Trees
from procman.runtime.watch_commands import WatchCommands


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
