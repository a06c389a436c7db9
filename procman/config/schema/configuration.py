"""A whole configuration that has passed every check. Plain facts: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from procman.config.problems import Problem
from procman.config.schema.access import AccessSection
from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.notify import Notify
from procman.config.schema.sections import Ctl
from procman.config.schema.servers import InetServer, UnixServer
from procman.core.spec import ProgramTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcInterface:
    """`[rpcinterface:x]`: supervisor's RPC plug-ins. Further options are handed to the plug-in."""

    name: str
    factory: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration that has passed every check."""

    file: str = field(compare=False)
    here: str = field(compare=False)
    files: tuple[str, ...] = field(default=(), compare=False)
    master: Master = field(default_factory=Master)
    servers: tuple[UnixServer | InetServer, ...] = ()
    rpcinterfaces: tuple[RpcInterface, ...] = ()
    groups: tuple[Group, ...] = ()
    notify: tuple[Notify, ...] = ()  # by name
    access: tuple[AccessSection, ...] = ()  # by name
    templates: tuple[ProgramTemplate, ...] = field(default=(), compare=False)  # what the programs were made of
    ctl: Ctl = field(default_factory=Ctl)
    serverurl: str | None = None  # what children get as SUPERVISOR_SERVER_URL; None without a server in the file
    warnings: tuple[Problem, ...] = field(default=(), compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)  # supervisor's log lines about reading the file
    wants_background: bool = field(default=False, compare=False)  # the file says nodaemon=false
    # File and line of each option in the files, by section; "command line" for options from there.
    origins: Mapping[str, Mapping[str, tuple[str, int | None]]] = field(default_factory=dict, compare=False)
    # By section, the names in %(…)s whose values come from the machine and not from the file: ENV_X, host_node_name.
    borrowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
