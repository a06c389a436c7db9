"""The endpoints of the notify sections."""

from functools import partial

from procman.access.roles import CONFIGURE_FLEET, READ_FLEET
from procman.api.facts_to_shapes import notify_info
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.notify import NotifyResult
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.notifying import Notifying


class NotifyEndpoints:
    """Adds them to a router."""

    def __init__(self, notifying: Notifying) -> None:
        """It is called on the loop's thread."""
        self._notifying = notifying

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/notify", self._list, READ_FLEET)
        add("POST", "/notify/{name}/test", self._test, CONFIGURE_FLEET)

    async def _list(self, _: Request) -> Response:
        return json_answer({"sections": [notify_info(status) for status in self._notifying.statuses()]})

    async def _test(self, _: Request, name: str) -> Response:
        outcome = await self._notifying.test(name)
        return json_answer(NotifyResult(name=name, sent=outcome.ok, words=outcome.words))
