"""The lines of the master's log about lazy programs: that one waits for a connection, and that one has come."""

from procman.core.actions import AnnounceSockets
from procman.logs.protocol import Log
from procman.runtime.bus import Notification


class SocketLog:
    """Subscribe `tell` to the bus."""

    hears = (AnnounceSockets,)

    def __init__(self, log: Log) -> None:
        self._log = log

    def tell(self, notification: Notification) -> None:
        """Write down what has happened."""
        match notification.event:
            case AnnounceSockets(program=program, what="listening"):
                places = ", ".join(address.url for address in program.addresses)
                self._log.info(f"{program.name} waits for a connection on {places}")
            case AnnounceSockets(program=program, what="connection", place=place):
                self._log.info(f"{program.name} has a connection on {program.addresses[place].url}")
            case AnnounceSockets(program=program):
                self._log.info(f"{program.name} does not wait for a connection any more")
            case _:
                pass
