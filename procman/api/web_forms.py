"""The URLs of supervisor's own web page, for existing bookmarks and scripts.

    /index.html?action=ACTION&processname=NAME   does it, and leads to /?message=WHAT-HAPPENED
            ACTION is start, stop, restart or clearlog; without a name refresh, stopall or restartall
    /tail.html?processname=NAME&limit=BYTES      the end of its log, in a page without a script
    /ok.html                                     OK

Any page in the world can make a browser send a GET. So an action by GET is carried out only for a script (which is no
browser) and for a browser whose Sec-Fetch-Site header says that the request began here. Browsers send this header only
to trustworthy origins, which plain HTTP from another machine is not; without it, the page opens and asks the user.
"""

import html
import time
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, quote

from procman.access.roles import ANYONE, LOGS, OPERATE
from procman.api.access import admitted
from procman.api.actors import actor_of
from procman.api.faults import fault_of
from procman.errors import AccessDenied, NoLog, OperationError, Reason, UnknownProcess
from procman.http.host_guard import HostGuard
from procman.http.messages import Request, Response, problem
from procman.http.page_headers import HTML, PAGE_HEADERS
from procman.http.router import Router
from procman.services.actors import Actor
from procman.services.logs import LogService
from procman.services.master import MasterService
from procman.services.operations import Operation
from procman.services.process_table import ProcessTable
from procman.services.processes import ProcessService

# Bytes of a log, by default and at least.
TAIL = 1024
# The largest limit, in decimal digits.
_LIMIT_DIGITS = 9

_WHY_NOT_STARTED = {
    Reason.NO_COMMAND: "no such file",
    Reason.NOT_EXECUTABLE: "file not executable",
    Reason.ALREADY_STARTED: "already started",
    Reason.CANNOT_SPAWN: "spawn error",
    Reason.ENDED_TOO_SOON: "abnormal termination",
}
_DONE = {"start": "Process {} started", "stop": "Process {} stopped", "restart": "Process {} restarted"}

# Control characters in a log are shown as their Unicode pictures.
_SIGNS = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)} | {0x7F: 0x2421}


class Forms:
    """Adds the endpoints to a router. `page` answers requests without an action."""

    def __init__(
        self,
        master: MasterService,
        processes: ProcessService,
        logs: LogService,
        page: Callable[[Request], Awaitable[Response]],
    ) -> None:
        """All of them are called on the loop's thread."""
        self._master = master
        self._processes = processes
        self._logs = logs
        self._page = page
        # The server has already checked the Host header.
        self._guard = HostGuard(["*"])

    def add_to(self, router: Router) -> None:
        """The page under both its names, and supervisor's other addresses."""
        for path in ("/", "/index.html"):
            router.add("GET", path, self._index, needs=ANYONE)
            router.add("POST", path, self._index, needs=OPERATE)
        router.add("GET", "/tail.html", self._tail, needs=LOGS)
        router.add("GET", "/ok.html", self._ok, needs=ANYONE)

    async def _ok(self, _: Request) -> Response:
        return Response(body=b"OK")

    # ---- actions

    async def _index(self, request: Request) -> Response:
        form = {**request.query, **dict(parse_qsl(request.body.decode("utf-8", "replace")))}
        action = form.get("action")
        if not action or request.method == "HEAD":
            return await self._page(request)
        if action == "refresh":
            return _lead_back(f"Page refreshed at {time.ctime()}")
        refusal = self._guard.refusal(request, changes=True)
        if refusal is not None:
            return refusal
        denial = request.rights.refusal(OPERATE)
        if denial is not None:
            return problem(403, denial)
        if request.method == "GET" and not _was_meant(request):
            return await self._page(request)
        try:
            message = await self._act(request, action, form.get("processname", ""))
        except AccessDenied as error:
            return problem(403, str(error))
        except OperationError as error:
            return problem(503, str(error))
        if message is None:
            return problem(400, "cannot do that: expected an action of supervisor's, and the name of a process")
        return _lead_back(message)

    async def _act(self, request: Request, action: str, name: str) -> str | None:
        """Do it, and return the message; None: there is no such action. Raises WrongState while shutting down."""
        actor = actor_of(request)
        specs = [] if action.endswith("all") else [name]
        processes = self._processes.among(admitted(request, self._processes.table, specs, OPERATE))
        match action:
            case "stopall":
                await self._done(processes.stop(["all"], actor))
                return f"All stopped at {time.ctime()}"
            case "restartall":
                await self._done(processes.restart(["all"], actor))
                return f"All restarted at {time.ctime()}"
            case "start" | "stop" | "restart" | "clearlog" if name:
                try:
                    namespec = processes.table.one(name).namespec
                except UnknownProcess:
                    return f"No such process named {name}"
                return await self._act_on(action, name, namespec, actor)
            case _:
                return None

    async def _act_on(self, action: str, shown: str, name: str, actor: Actor) -> str:
        match action:
            case "start":
                operation = self._processes.start([name], actor)
            case "stop":
                operation = self._processes.stop([name], actor)
            case "restart":
                operation = self._processes.restart([name], actor)
            case _:
                operation = self._processes.on_logs("clear", [name], self._logs.clear, actor)
        (outcome,) = (await self._done(operation)).outcomes
        if outcome.reason is None:
            return _DONE.get(action, "Log for {} cleared").format(shown)
        unexpected = _unexpected(outcome.reason, outcome.text)
        if action in ("start", "restart"):
            return f"ERROR: Process {shown}: {_WHY_NOT_STARTED.get(outcome.reason, unexpected)}"
        return unexpected

    async def _done(self, operation: Operation) -> Operation:
        await self._master.operations.wait(operation)
        return operation

    # ---- the end of a log

    async def _tail(self, request: Request) -> Response:
        name = request.query.get("processname", "")
        digits = request.query.get("limit", "")
        limit = max(TAIL, int(digits[:_LIMIT_DIGITS])) if digits.isdecimal() else TAIL
        try:
            may = admitted(request, self._processes.table, [name], LOGS)
        except AccessDenied as error:
            return problem(403, str(error))
        table = self._processes.table.among(may)
        text = await self._end_of_log(table, name, limit) if name else "No process name found"
        return Response(body=_tail_page(name, limit, text).encode(), headers=_TAIL_HEADERS, content_type=HTML)

    async def _end_of_log(self, table: ProcessTable, name: str, limit: int) -> str:
        try:
            self._master.refuse_while_ending()
            log = await self._logs.read(table.one(name).namespec, "stdout", -limit, 0)
        except NoLog:
            return f"No file for {name}"
        except OperationError as error:
            return f"ERROR: {_unexpected(error.reason, str(error))}"
        return log.decode("utf-8", "replace").replace("\r\n", "\n").translate(_SIGNS)


_TAIL_HEADERS = (("Cache-Control", "no-store"), *PAGE_HEADERS)


def _was_meant(request: Request) -> bool:
    """Whether a user asked for this here, or a script did; the guard has let it pass."""
    headers = request.headers
    if "prefetch" in headers.get("sec-purpose", headers.get("purpose", "")):
        return False  # a browser that fetches an address while the user still types it
    # Every browser's User-Agent begins like this, and no page can change it in requests to another site.
    return "sec-fetch-site" in headers or not headers.get("user-agent", "").startswith("Mozilla/")


def _lead_back(message: str) -> Response:
    # A browser caches a 301, which is supervisor's status, and would not send the next request.
    headers = (("Location", f"./?message={quote(message, safe='')}"), ("Cache-Control", "no-store"))
    return Response(301, headers=headers)


def _unexpected(reason: Reason, text: str) -> str:
    """In supervisor's words."""
    code = fault_of(reason)
    return f"unexpected rpc fault [{int(code)}] {code.name}: {text}"


def _tail_page(name: str, limit: int, text: str) -> str:
    title = html.escape(f"Tail of process {name}" if name else "Tail of a process")
    again = html.escape(f"tail.html?processname={quote(name, safe='')}&limit={limit}")
    refresh = f'<a href="{again}">Refresh</a> ' if name else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{title}</title>\n<link rel="icon" href="data:,">\n'
        '<link rel="stylesheet" href="static/page.css">\n</head>\n'
        f'<body class="tail">\n<h1>{title}</h1>\n<pre>{html.escape(text)}</pre>\n'
        f'<p>{refresh}<a href="./">All processes</a></p>\n</body>\n</html>\n'
    )
