"""What crash reports are made of: imported with the first crash."""

from collections.abc import Callable

from procman.config.schema.configuration import Config
from procman.daemon.rooms import Rooms
from procman.services.crash_reports.parts import Parts


def crash_parts(rooms: Rooms, config: Config, home: Callable[[], str]) -> Parts:
    """`home` is the directory of programs that have none."""
    return Parts(
        fleet=rooms.fleet,
        ends=rooms.ends,
        journal=rooms.journal,
        explanations=rooms.explanations,
        log=rooms.outputs.log,
        looks=rooms.looks,
        most=config.master.reports,
        folder=config.master.reports_dir,
        last_output=rooms.outputs.written.last_output,
        environment_of=rooms.launcher.environment_of,
        secrets_given=lambda name: rooms.engine.sources.known(name).secrets(),
        directory=home,
        hooks=rooms.hook_results.last,
        on_end=rooms.bus.nudge,
    )
