"""The sections that a file may have, in both forms, and where the options of each are declared."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from procman.config.schema import kinds
from procman.config.schema.access import AccessSection
from procman.config.schema.groups import FcgiOptions, GroupOptions, ListenerOptions
from procman.config.schema.master import Master
from procman.config.schema.notify import Notify
from procman.config.schema.options import Option, option, options_of, required
from procman.config.schema.programs import Program, Slots
from procman.config.schema.servers import InetServer, UnixServer
from procman.config.schema.sockets import Socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Ctl:
    """The client's settings: `[supervisorctl]`, in TOML `[procmanctl]`."""

    serverurl: str | None = option(
        kinds.URL, "Where the master listens; the socket of this file's master when not given.", default=None
    )
    prompt: str = option(kinds.TEXT, "The prompt of the shell.", default="procman")
    username: str | None = option(kinds.SECRET, "The user name to send.", default=None)
    password: str | None = option(kinds.SECRET, "The password to send.", default=None)
    history_file: str | None = option(kinds.PATH, "Where the shell keeps what was typed.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """`[include]`, in TOML `include = [...]` at the top: further files, read in order, of which later ones win."""

    files: tuple[str, ...] = field(metadata=required(kinds.PATTERNS, "File names and patterns, relative to this file."))


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionType:
    """One sort of section: its names in both forms, and where its options are declared."""

    ini: str
    toml: str
    about: str
    tables: tuple[type, ...] = ()
    named: bool = False  # [program:x]
    extra: Mapping[str, Option] = field(default_factory=dict)  # options whose names are not Python identifiers
    open: bool = False  # further options are for a plug-in

    @property
    def options(self) -> dict[str, Option]:
        """Everything that may stand in such a section."""
        return {name: known for table in self.tables for name, known in options_of(table).items()} | dict(self.extra)


RPC_FACTORY = "supervisor.rpcinterface_factory"
CTL_FACTORY = "supervisor.ctl_factory"


def _plugin(name: str, about: str) -> dict[str, Option]:
    return {name: required(kinds.PLUGIN, about)["option"]}


SECTIONS: dict[str, SectionType] = {
    known.ini: known
    for known in (
        SectionType(ini="supervisord", toml="procman", about="The master itself.", tables=(Master,)),
        SectionType(
            ini="program", toml="program", about="A program to keep running.", tables=(Program, Slots), named=True
        ),
        SectionType(
            ini="group",
            toml="group",
            about="Programs that are started, stopped and named together.",
            tables=(GroupOptions,),
            named=True,
        ),
        SectionType(
            ini="eventlistener",
            toml="eventlistener",
            about="A program that is told of events on its stdin.",
            tables=(Program, Slots, ListenerOptions),
            named=True,
        ),
        SectionType(
            ini="fcgi-program",
            toml="fcgi-program",
            about="A FastCGI program, whose processes share a listening socket.",
            tables=(Program, Slots, FcgiOptions),
            named=True,
        ),
        SectionType(
            ini="socket",
            toml="socket",
            about="A listening socket that the master holds, and gives to programs.",
            tables=(Socket,),
            named=True,
        ),
        SectionType(
            ini="unix_http_server",
            toml="unix_http_server",
            about="The control socket. Without one procman makes a private one.",
            tables=(UnixServer,),
        ),
        SectionType(ini="inet_http_server", toml="inet_http_server", about="Control over TCP.", tables=(InetServer,)),
        SectionType(ini="supervisorctl", toml="procmanctl", about="The settings of the client.", tables=(Ctl,)),
        SectionType(
            ini="notify",
            toml="notify",
            about="Whom to tell when a program fails, by a web hook or a command.",
            tables=(Notify,),
            named=True,
        ),
        SectionType(
            ini="access",
            toml="access",
            about="What some users, groups or tokens may do, where a server has access = roles.",
            tables=(AccessSection,),
            named=True,
        ),
        SectionType(ini="include", toml="include", about="Further files to read.", tables=(Include,)),
        SectionType(
            ini="rpcinterface",
            toml="rpcinterface",
            about="Supervisor's RPC plug-ins; procman's XML-RPC interface is always there.",
            named=True,
            extra=_plugin(RPC_FACTORY, "What makes the interface."),
            open=True,
        ),
        SectionType(
            ini="ctlplugin",
            toml="ctlplugin",
            about="Plug-ins of supervisorctl; accepted, and not used by procmanctl.",
            named=True,
            extra=_plugin(CTL_FACTORY, "What makes the plug-in."),
            open=True,
        ),
    )
}
BY_TOML_NAME = {known.toml: known for known in SECTIONS.values()}
