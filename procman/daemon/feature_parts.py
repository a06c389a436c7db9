"""What crash reports and notifications are made of: imported with the first crash, and the first notify section."""

import os
from collections.abc import Callable

from procman.config.schema.configuration import Config
from procman.daemon.rooms import Rooms
from procman.services.crash_reports.parts import Parts
from procman.services.surroundings import Surroundings


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


def surroundings(rooms: Rooms, config: Config) -> Surroundings:
    """Of notifications."""
    return Surroundings(
        bus=rooms.bus,
        commands=rooms.commands,
        children=rooms.children,
        log=rooms.outputs.log,
        host=os.uname().nodename,
        identifier=config.master.identifier,
        tag=lambda: rooms.trees.tag(""),
        why=rooms.status.why,
        end_of=rooms.ends.last,
        finding=rooms.explanations.of,
        note=lambda words, data: rooms.journal.note("notify", words, data=data),
        may_run=rooms.start_gate.may_run,
        environment=config.master.environment,
    )
