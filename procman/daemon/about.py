"""What a master says of itself to its clients."""

import os

from procman import __version__
from procman.access.rights import Rights
from procman.access.roles import reaches
from procman.api.access import rights_of
from procman.api.shapes.master import MasterInfo
from procman.api.supervisor_states import supervisor_state
from procman.config.schema.configuration import Config
from procman.core.spec import MasterPolicy
from procman.daemon.rooms import Rooms
from procman.http.messages import Request

API_VERSION = "3.0"


class About:
    """What the master says of itself."""

    def __init__(self, config: Config, rooms: Rooms, began: int, upgrades: int) -> None:
        """`began` is in seconds since the epoch, `upgrades` how many this master has been through."""
        self._config = config
        self._rooms = rooms
        self._began = began
        self._upgrades = upgrades

    @property
    def policy(self) -> MasterPolicy:
        """How the fleet ends, and in which order it starts."""
        return self._config.master

    def to(self, rights: Rights | None = None) -> MasterInfo:
        """For a client with those rights; None: it may do everything."""
        fleet = self._rooms.fleet
        state = supervisor_state(fleet.state)
        may = None if rights is None or rights.reads_all else rights.sees
        info = MasterInfo(
            pid=os.getpid(),
            version=__version__,
            api_version=API_VERSION,
            identifier=self._config.master.identifier,
            state=state.code,
            statename=state.name,
            config_file=self._config.file,
            start=self._began,
            processes=sum(1 for name in fleet.processes if may is None or may(name)),
            reaped_orphans=self._rooms.engine.ends.orphans,
            upgrades=self._upgrades,
            may_control=rights is None or reaches(rights.role, "operate"),
        )
        if rights is not None and not rights.is_full and not rights.is_by_password:
            info["role"] = rights.role
        return info

    def to_asker(self, request: Request) -> MasterInfo:
        """For the client that has sent this."""
        return self.to(rights_of(request))
