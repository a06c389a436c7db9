"""The composition root: builds everything from a configuration, boots, waits for the end, and cleans up.

Sockets are bound before any child exists, so that whatever is wrong is said before anything has been started.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from procman import __version__
from procman.api.live import Live
from procman.api.rest import Rest, error_answer
from procman.api.shapes import MasterInfo
from procman.api.stream import LogTails
from procman.config.find import default_socket, ensure_runtime_dir
from procman.config.load import load
from procman.config.model import Config, InetServer, UnixServer
from procman.config.problems import ConfigError
from procman.config.stop_plan import read_duration, stop_plan
from procman.config.stop_plan import warning as stop_warning
from procman.control import Control
from procman.core.fleet import Fleet
from procman.core.messages import BootRequested, Quit, ShutdownRequested
from procman.core.states import MasterState
from procman.engine import Engine, News
from procman.errors import BadRequest, CannotListen, ProcmanError
from procman.http.auth import BasicAuth, HostGuard, is_loopback_name
from procman.http.messages import Request, Response
from procman.http.routing import Router
from procman.http.server import Server
from procman.outputs import Outputs
from procman.reconfigure import Reconfigure
from procman.report import Report
from procman.system.limits import raise_limits
from procman.system.privileges import drop_privileges
from procman.system.signals import STOP, disinherit, signal_name
from procman.system.sockets import UnixAddress, listen_tcp, listen_unix, remove_socket

API_VERSION = "3.0"
if TYPE_CHECKING:
    from procman.api.xmlrpc import XmlRpc

# What the web page is made of, and what supervisor's had besides.
_WEB = ("/", "/index.html", "/page.css", "/page.js", "/tail.html", "/ok.html")
# What is read and run, and does not get all that supervisord would give it.
_UNSERVED = {
    "eventlistener": "procman sends no events yet",
    "fcgi-program": "procman does not open its socket yet",
}
# Imported when first used, if ever. Before the user is changed all of it is: the new one may not be able to read it, in
# root's home say. A test finds what is missing here.
IMPORTED_LATER = (
    "difflib",
    "encodings.ascii",
    "encodings.idna",
    "grp",
    "procman.api.xmlrpc",
    "procman.config.toml",
    "psutil",
    "zlib",
)
# How long what is left in buffers may take to be written at the very end, in seconds.
LAST_WORDS = 0.5
# How often the same complaint of the event loop is written down, in seconds.
COMPLAIN_EVERY = 60.0


def run(path: str, overrides: Mapping[str, str]) -> int:
    """Run the master until it is told to stop, and return its exit status.

    Raises ProcmanError before it has started anything.
    """
    # A shell's `nohup`, or whatever else started this, must not decide what signals mean to the programs.
    disinherit()
    # PID 1 has no default actions: a stop that comes before the loop runs must not be lost.
    for number in STOP:
        signal.signal(number, lambda *_: sys.exit(0))
    read = partial(load, path, overrides=overrides)
    config = read()
    notes = _become(config)
    return asyncio.run(_Life(read, config, notes).live())


def _become(config: Config) -> list[str]:
    """Make this process what the configuration says, as far as that is done once."""
    notes = []
    master = config.master
    notes += raise_limits(master.minfds, master.minprocs)
    if master.uid is not None:
        for name in IMPORTED_LATER:
            import_module(name)
        if drop_privileges(master.uid):
            notes.append(f"Set uid to user {master.uid} succeeded")
    if master.directory is not None:
        try:
            os.chdir(master.directory)
        except OSError as error:
            raise ProcmanError(f"cannot change to {master.directory}: {error.strerror}; check directory=") from None
    os.umask(master.umask)
    return notes


class _Life:
    """One master after the other, until one was not asked to come back."""

    def __init__(self, read: Callable[[], Config], config: Config, notes: list[str]) -> None:
        self._read = read
        self._config = config
        self._notes = notes
        self._master: _Master | None = None
        self._stop_asked = False
        self._caught: list[int] = []  # signals that were not delivered yet
        self._said: dict[str, float] = {}  # complaints of the loop, and when they were last written down

    async def live(self) -> int:
        self._catch_signals()
        asyncio.get_running_loop().set_exception_handler(self._complain)
        before: Config | None = None
        while not self._stop_asked:
            try:
                self._master = _Master(self._config, self._read, self._notes)
                end = await self._master.live()
                self._master = None
                if not end.restart:
                    return end.code
                before, self._config, self._notes = self._config, self._read(), []
            except ProcmanError as error:
                # It could be read when the reload was asked for, and cannot be used now: a socket that cannot be
                # bound, say. What ran before is better than nothing.
                if before is None:
                    raise
                self._config, before = before, None
                self._notes = [f"cannot begin anew: {error}; going on with the configuration from before"]
            finally:
                self._master = None
        return 0

    def _catch_signals(self) -> None:
        """Have signals delivered on the loop, however many come.

        asyncio passes them through a socket, byte by byte. Programs that end at once by the hundred fill it with
        SIGCHLD, and the byte of a SIGTERM would be lost; so they are noted here, and the socket only wakes the loop.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, lambda: None)
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)

        def catch(number: int, _: object) -> None:
            if number == signal.SIGCHLD and number in self._caught:
                return
            self._caught.append(number)
            if len(self._caught) == 1:
                try:
                    loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:
                    pass  # the loop has been closed: nobody is left to be stopped

        for number in (*STOP, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD):
            signal.signal(number, catch)

    def _deliver(self) -> None:
        caught, self._caught = self._caught, []
        for number in caught:
            master = self._master
            if number in STOP and master is None:
                self._stop_asked = True
            elif master is None:
                continue
            elif number in STOP:
                master.stop(number)
            elif number == signal.SIGHUP:
                master.reload()
            elif number == signal.SIGUSR2:
                master.reopen()
            else:
                master.engine.reap()

    def _complain(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would print as a traceback, for instance that no client can be let in: a line, once a minute."""
        error = context.get("exception")
        text = f"{context['message']}: {error}" if error is not None else str(context["message"])
        now = time.monotonic()
        if self._master is not None and now - self._said.get(text, -COMPLAIN_EVERY) >= COMPLAIN_EVERY:
            self._said[text] = now
            self._master.outputs.log.error(text)


class _Master:
    """Everything that one configuration brings to life."""

    def __init__(self, config: Config, read: Callable[[], Config], notes: list[str]) -> None:
        self._config = config
        self._read = read
        self._began = int(time.time())
        self._quit: asyncio.Future[Quit] = asyncio.get_running_loop().create_future()
        self._socket_files: list[str] = []
        self._servers: list[Server] = []
        self._xmlrpc: XmlRpc | None = None
        self._web: Router | None = None
        self.outputs = Outputs(config)
        self._log = self.outputs.log
        for warning in config.warnings:
            self._log.warn(str(warning))
        too_long = _stop_warning(config)
        if too_long is not None:
            self._log.warn(too_long)
        for note in notes:
            self._log.info(note)
        for group in config.groups:
            if group.kind in _UNSERVED:
                self._log.warn(f"[{group.kind}:{group.name}] runs as a plain program: {_UNSERVED[group.kind]}")
        fleet = Fleet(config.groups, config.master)
        self.engine = Engine(fleet, self.outputs, config.serverurl or self._implicit_url(), self._log.critical)
        self._fleet = fleet
        self._report = Report(fleet, self._log)
        self.engine.subscribe(self._report.tell)
        self.engine.subscribe(self.outputs.hear)
        self.engine.subscribe(self._hear)
        self._control = Control(self.engine, self.outputs.log_paths, self.outputs.lost)
        self._reconfigure = Reconfigure(self.engine, self._control, config, read)
        self._live = Live(self._control, self.engine.subscribe, lambda _: self._about())

    async def live(self) -> Quit:
        """From boot to the end, of which is said how to leave, or that there is to be a fresh beginning."""
        pidfile = self._config.master.pidfile
        try:
            await self._listen()
            wrote_pidfile = self._write_pidfile(pidfile)
            self._log.info(f"procman started with pid {os.getpid()}")
            self.engine.post(BootRequested())
            # Strangers that ended before there was anybody to be told of it.
            self.engine.reap()
            end = await self._quit
            if end.code and not end.restart:
                self._log.info(f"leaving with exit status {end.code}")
            if wrote_pidfile:
                _remove(pidfile)
        finally:
            self.engine.close()
            self._report.close()
            self.outputs.end_followers()
            self._live.close()
            for server in self._servers:
                await server.close(LAST_WORDS)
            for path in self._socket_files:
                remove_socket(path)
            self.outputs.close(LAST_WORDS)
        return end

    # ---- what signals ask for

    def stop(self, number: int) -> None:
        self._log.warn(f"received {signal_name(number)} indicating exit request")
        self.engine.post(ShutdownRequested())

    def reload(self) -> None:
        if self._fleet.state is MasterState.SHUTDOWN:
            self._log.warn("ignored SIGHUP indicating restart request (shutdown in progress)")
            return
        self._log.warn("received SIGHUP indicating restart request")
        try:
            self._read()
        except ConfigError as error:
            for problem in error.problems:
                self._log.critical(str(problem))
            self._log.critical("cannot restart with this configuration; everything goes on as it was")
            return
        self.engine.post(ShutdownRequested(restart=True))

    def reopen(self) -> None:
        self._log.info("received SIGUSR2 indicating log reopen request")
        self.outputs.reopen()

    # ---- the pieces of `live`

    def _hear(self, news: News) -> None:
        if isinstance(news, Quit) and not self._quit.done():
            self._quit.set_result(news)

    def _implicit_url(self) -> str | None:
        """What programs are told where the file names no server: the socket that is always there."""
        return f"unix://{default_socket(self._config.file)}"

    async def _listen(self) -> None:
        router = Router(problem=lambda status, text, _: error_answer(status, "UNKNOWN_METHOD", text))
        Rest(self._control, self._reconfigure, self.outputs, self._about).add_to(router)
        LogTails(self._control, self.outputs).add_to(router)
        self._live.add_to(router)
        router.add("POST", "/RPC2", self._rpc2, role="control")
        for path in _WEB:
            router.add("GET", path, self._page, role="read")
        for path in ("/", "/index.html"):
            router.add("POST", path, self._page, role="control")
        unix = [server for server in self._config.servers if isinstance(server, UnixServer)]
        for server in unix:
            await self._serve_unix(router, UnixAddress(server.file, server.chmod, server.chown_ids), server)
        if not unix:
            try:
                ensure_runtime_dir()
                await self._serve_unix(router, UnixAddress(default_socket(self._config.file)), None)
            except CannotListen:
                raise
            except ProcmanError as error:
                # Nobody asked for it in words, and a container without a writable directory can do without.
                self._log.warn(f"there is no control socket: {error}")
        for inet in self._config.servers:
            if isinstance(inet, InetServer):
                await self._serve_tcp(router, inet)

    async def _rpc2(self, request: Request) -> Response:
        if self._xmlrpc is None:
            from procman.api.xmlrpc import XmlRpc  # noqa: PLC0415 - 3 MiB, for those whose clients speak it

            self._xmlrpc = XmlRpc(self._control, self._reconfigure, self.outputs, self._about)
        return await self._xmlrpc.call(request)

    async def _page(self, request: Request) -> Response:
        if self._web is None:
            # Some hundred kB, for those who look at it.
            from procman.api.forms import Forms  # noqa: PLC0415
            from procman.web.page import Page  # noqa: PLC0415

            page = Page()
            self._web = Router()
            page.add_to(self._web)
            Forms(self._control, self.outputs, page.index).add_to(self._web)
        return await self._web(request)

    async def _serve_unix(self, router: Router, address: UnixAddress, options: UnixServer | None) -> None:
        auth = BasicAuth(options.username, options.password) if options else None
        sock = listen_unix(address)
        self._socket_files.append(address.path)
        server = Server(router, on_error=self._log.critical, gate=auth.refusal if auth else None)
        self._servers.append(server)
        await server.listen(sock, address.path)

    async def _serve_tcp(self, router: Router, options: InetServer) -> None:
        shown = f"{options.host or '*'}:{options.port}"
        if options.username is None and not is_loopback_name(options.host or "*"):
            self._log.critical(
                f"not listening on {shown}: everybody who reaches it could run programs here; set username= and "
                f"password= in [{options.section}], or listen on 127.0.0.1"
            )
            return
        auth = BasicAuth(options.username, options.password)
        # A browser sends no password to a host name that was turned to this address, so with one any name will do.
        guard = HostGuard(["*"] if options.username is not None else [options.host])

        def gate(request: Request) -> Response | None:
            return guard.refusal(request) or auth.refusal(request)

        server = Server(router, on_error=self._log.critical, gate=gate)
        self._servers.append(server)
        await server.listen(listen_tcp(options.host, options.port), shown)

    def _about(self) -> MasterInfo:
        return MasterInfo(
            pid=os.getpid(),
            version=__version__,
            api_version=API_VERSION,
            identifier=self._config.master.identifier,
            state=int(self._fleet.state),
            statename=self._fleet.state.name,
            config_file=self._config.file,
            start=self._began,
            processes=len(self._fleet.processes),
            reaped_orphans=self.engine.orphans,
        )

    def _write_pidfile(self, path: str) -> bool:
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
        except OSError as error:
            self._log.critical(f"could not write pidfile {path}: {error.strerror}")
            return False
        # Some files say pidfile=/dev/null, which must still be there afterwards.
        return os.path.isfile(path)


def _stop_warning(config: Config) -> str | None:
    """As PID 1: will whoever stops the container have the patience, of which PROCMAN_STOP_BUDGET tells?"""
    budget = os.environ.get("PROCMAN_STOP_BUDGET")
    if budget is None or os.getpid() != 1:
        return None
    try:
        return stop_warning(stop_plan(config), read_duration(budget))
    except BadRequest as error:
        return f"PROCMAN_STOP_BUDGET is no use: {error}"


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
