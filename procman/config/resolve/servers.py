"""The control sockets that a file asks for, their logins, and supervisor's RPC plug-ins."""

import os
import re
from collections.abc import Mapping

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.tls import read_tls
from procman.config.runtime_dir import LONGEST_SOCKET_PATH
from procman.config.schema.configuration import RpcInterface
from procman.config.schema.kinds.addresses import host_and_port
from procman.config.schema.options import options_of
from procman.config.schema.sections import RPC_FACTORY
from procman.config.schema.servers import InetServer, UnixServer, bracketed

LOGINS = (("username", "password"), ("readonly_username", "readonly_password"))
SHA = "{SHA}"
ROLE_OPTIONS = ("default_role", "owner_role")
HEX_SHA1 = re.compile("[0-9a-fA-F]{40}")


def read_servers(reading: OptionReader) -> tuple[UnixServer | InetServer, ...]:
    """The servers, internet sockets first, as in supervisor."""
    inet = [_inet_server(reading, section) for section in reading.sections.starting_with("inet_http_server")]
    unix = [_unix_server(reading, section) for section in reading.sections.starting_with("unix_http_server")]
    return (*inet, *unix)


def read_rpcinterfaces(reading: OptionReader) -> tuple[RpcInterface, ...]:
    """Supervisor's RPC plug-ins; their options are only kept."""
    found = []
    names = reading.names()
    for section in reading.sections.starting_with("rpcinterface:"):
        factory = reading.plugin(section, RPC_FACTORY, names)
        options = {
            name: reading.text(section, name, names) or ""
            for name in reading.sections.names(section.name)
            if name != RPC_FACTORY
        }
        name = section.name.partition(":")[2]
        found.append(RpcInterface(name=name, factory=factory, options=options))
    return tuple(found)


def serverurl(servers: tuple[UnixServer | InetServer, ...]) -> str | None:
    """The URL for child processes: the first unix socket, else the first internet socket."""
    for server in servers:
        if isinstance(server, UnixServer):
            return f"unix://{server.file}"
    for server in servers:
        if isinstance(server, InetServer):
            return f"{server.scheme}://{bracketed(server.host) or 'localhost'}:{server.port}"
    return None


def _inet_server(reading: OptionReader, section: RawSection) -> InetServer:
    names, table = reading.names(), options_of(InetServer)
    user = _login(reading, section, names)
    port = reading.option(section, "port", table["port"], names)
    host = ""
    if port is not None:
        host, _ = host_and_port(reading.text(section, "port", names) or "")
    allowed = reading.option(section, "allow_unauthenticated", table["allow_unauthenticated"], names)
    access = reading.option(section, "access", table["access"], names)
    tls = read_tls(reading, section, names)
    server = InetServer(
        section=section.name,
        host=host,
        port=port or 0,
        allow_unauthenticated=allowed,
        access=access,
        **user,
        **tls,
    )
    if port is not None and server.is_open and not allowed:
        message = (
            f"the master will not listen on {server.shown}, because everybody who can reach it could run programs: add "
            "username = … and password = …, write port = 127.0.0.1:…, or add allow_unauthenticated = true"
        )
        reading.complain(section, "port", message, "unauthenticated", "warning")
    return server


def _unix_server(reading: OptionReader, section: RawSection) -> UnixServer:
    names, table = reading.names(), options_of(UnixServer)
    file = reading.option(section, "file", table["file"], {**names, "here": reading.here})
    user = _login(reading, section, names)
    chown = reading.option(section, "chown", table["chown"], names)
    ids = reading.owner_ids(section, "chown", chown)
    chmod = reading.option(section, "chmod", table["chmod"], names)
    path = reading.machine.normal((file or "").strip())
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        message = (
            f"the path has {len(os.fsencode(path))} bytes, and a socket's may have {LONGEST_SOCKET_PATH}: "
            "no master can listen there; choose a shorter one"
        )
        reading.complain(section, "file", message, severity="warning")
    roles: dict[str, str] = {
        name: reading.option(section, name, table[name], names) for name in ("access", *ROLE_OPTIONS)
    }
    if roles["access"] != "roles":
        for option in ROLE_OPTIONS:
            if reading.raw(section, option) is not None:
                message = "it has no effect without access = roles: add that, or take it out"
                reading.complain(section, option, message, "no-roles", "warning")
    return UnixServer(
        section=section.name,
        file=path,
        chown=chown,
        chown_ids=ids,
        chmod=chmod,
        access=roles["access"],
        default_role=roles["default_role"],
        owner_role=roles["owner_role"],
        **user,
    )


def _login(reading: OptionReader, section: RawSection, names: dict[str, object]) -> dict[str, str | None]:
    table = options_of(InetServer)
    login: dict[str, str | None] = {}
    for pair in LOGINS:
        login |= {name: reading.option(section, name, table[name], names) for name in pair}
        given = [name for name in pair if reading.raw(section, name) is not None]
        if len(given) == 1:
            other = pair[0] if given == [pair[1]] else pair[1]
            reading.complain(section, given[0], f"a {given[0]} needs a {other}: add {other} = …", "incomplete-auth")
        elif given:
            _warn_of_password(reading, section, pair[1], login[pair[1]])
    if login["username"] == "":
        # As in supervisord; but an empty variable must not look like a password.
        message = "it is empty, so no password is required: name a user"
        reading.complain(section, "username", message, "weak-auth", "warning")
    if login["readonly_username"] is not None:
        _check_readonly(reading, section, login)
    return login


def _warn_of_password(reading: OptionReader, section: RawSection, option: str, password: str | None) -> None:
    if password == "":
        reading.complain(section, option, "it is empty: choose a password", "weak-auth", "warning")
    elif password and password.startswith(SHA) and not HEX_SHA1.fullmatch(password.removeprefix(SHA).strip()):
        message = f"no password matches this hash: write the 40 hexadecimal digits of the password's SHA-1 after {SHA}"
        reading.complain(section, option, message, "weak-auth", "warning")


def _check_readonly(reading: OptionReader, section: RawSection, login: Mapping[str, str | None]) -> None:
    message = None
    if not login["username"]:
        message = "without username and password everybody has full access: add username = … and password = …"
    elif login["username"] == login["readonly_username"]:
        message = "it is the same as username, which has full access: choose another name"
    elif not login["readonly_username"]:
        message = "it is empty: choose a name"
    if message is not None:
        reading.complain(section, "readonly_username", message, "incomplete-auth")
