"""What notifications work with: imported with the first notify section."""

import os

from procman.config.schema.configuration import Config
from procman.daemon.rooms import Rooms
from procman.services.surroundings import Surroundings


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
