"""The handler and the gate of a server: whatever they raise becomes an answer and one line of text."""

import asyncio
from collections.abc import Awaitable, Callable

from procman.http.messages import Request, Response, Rights, problem

Handler = Callable[[Request], Awaitable[Response]]
Gate = Callable[[Request], Response | Rights]


class Application:
    """Answers requests. See `Server` for the arguments."""

    def __init__(self, handler: Handler, gate: Gate | None, on_error: Callable[[str], None]) -> None:
        self.requests = 0  # the number of heads that were understood
        self._handler = handler
        self._gate = gate
        self._on_error = on_error

    def admit(self, request: Request) -> Response | Rights:
        """Decide by its head whether a request's body is read, and with which rights."""
        self.requests += 1
        if self._gate is None:
            return request.rights
        try:
            return self._gate(request)
        except Exception as bug:  # noqa: BLE001  a gate that fails stays shut, and the server goes on
            self.report(request, bug)
            return problem(500)

    async def answer(self, request: Request) -> Response:
        """Have a request answered; whatever the handler does, there is an answer."""
        try:
            return await self._handler(request)
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self.report(request, cancelled)  # something the handler awaited was cancelled, not the handler
        except Exception as bug:  # noqa: BLE001  one broken endpoint must not end the others
            self.report(request, bug)
        return problem(500)

    def report(self, request: Request, bug: BaseException) -> None:
        """Report in one line what went wrong, and where."""
        place = ""
        frame = bug.__traceback__
        while frame is not None:
            place = f" ({frame.tb_frame.f_code.co_filename}:{frame.tb_lineno})"
            frame = frame.tb_next
        what = " ".join(f"{type(bug).__name__}: {bug}".split())
        self._on_error(f"cannot answer {request.method} {request.raw_path}: {what}{place}")
