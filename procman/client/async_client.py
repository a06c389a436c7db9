"""`procman.AsyncClient`: a master for programs with asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procman.client.async_transport import AsyncTransport
from procman.client.master_calls import ConfigurationCalls, MasterCalls
from procman.client.process_calls import ProcessCalls
from procman.client.transport import Addressed

if TYPE_CHECKING:
    from typing import Self

    from procman.client.address import Settings


class AsyncClient(Addressed, ProcessCalls, ConfigurationCalls, MasterCalls):
    """A master to ask, over asyncio. Several tasks may use it at the same time.

    What is not given is found as procmanctl finds it: by PROCMAN_SERVER_URL (which programs of a master have), by the
    configuration file of this folder or of /etc, or because only one master runs.

    Args:
        address: `unix:///path`, `http://host:port` or `https://host:port`.
        config_file: that of the master, instead of its address.
        username: and password, where the server has them.
        password: see there.
        token: where the server has access = roles; by default that of PROCMANCTL_TOKEN.
        cacert: a file with the authorities to trust, for https.
        cert: a file with a certificate of this client, and its key unless that is in `key`.
        key: see there.

    Raises:
        BadRequest: something of that cannot be used.
        Unreachable: no master is found. Whether one answers shows with the first call.
    """

    def _use(self, settings: Settings) -> None:
        self._transport = AsyncTransport(settings)

    async def close(self) -> None:
        """Close the connections that are kept; it may be used again."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
