"""Whether certificates can be used, and what about roles is probably not meant."""

from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.kinds import is_loopback
from procman.config.schema.servers import InetServer, UnixServer

# What the kernel says of users that have no number here, as those of another user namespace.
NOBODY = 65534
_EVERYBODY = 0o006
_MUCH = ("configure", "admin")


def warn_of_access(reading: OptionReader, config: Config) -> None:
    """Complain of what a start would find, too, and of doubts."""
    for server in config.servers:
        if isinstance(server, InetServer):
            _check_certificate(reading, server)
            _warn_of_clear_text(reading, server)
            _warn_of_no_tokens(reading, server, config)
        else:
            _warn_of_closed_socket(reading, server)
            _warn_of_generosity(reading, server)
    for access in config.access:
        section = reading.sections.sections[f"access:{access.name}"]
        if NOBODY in access.uids:
            message = f"uid {NOBODY} is whoever the kernel has no number for, so it never counts: name another user"
            reading.complain(section, "users", message, "nobody", "warning")
        if access.token_file is not None and all(
            isinstance(server, UnixServer) or server.access != "roles" for server in config.servers
        ):
            message = "tokens are mostly for TCP, where no server has access = roles: add that to [inet_http_server]"
            reading.complain(section, "token_file", message, "no-roles", "note")


def _warn_of_no_tokens(reading: OptionReader, server: InetServer, config: Config) -> None:
    if server.access != "roles" or server.username:
        return
    if all(access.token_file is None for access in config.access):
        section = reading.sections.sections[server.section]
        message = "no [access:NAME] section has a token, so every request is refused: add one with token_file = …"
        reading.complain(section, "access", message, "no-tokens", "warning")


def _check_certificate(reading: OptionReader, server: InetServer) -> None:
    if server.certfile is None or reading.machine.is_assumed:
        return
    from procman.system.certificates import (  # noqa: PLC0415 - OpenSSL, for files that name one
        Certificate,
        UnusableCertificate,
    )

    section = reading.sections.sections[server.section]
    try:
        warning = Certificate(server.certfile, server.keyfile, server.client_ca).warning()
    except UnusableCertificate as error:
        reading.complain(section, error.part, str(error), "unusable-certificate")
        return
    if warning:
        reading.complain(section, "certfile", warning, "expired-certificate", "warning")


def _warn_of_clear_text(reading: OptionReader, server: InetServer) -> None:
    if server.access == "roles" and server.certfile is None and not is_loopback(server.host):
        section = reading.sections.sections[server.section]
        message = "tokens cross the network unencrypted: add certfile = …, or listen on 127.0.0.1 behind a TLS proxy"
        reading.complain(section, "access", message, "clear-text", "warning")


def _warn_of_generosity(reading: OptionReader, server: UnixServer) -> None:
    if server.access == "roles" and server.chmod & _EVERYBODY and server.default_role in _MUCH:
        section = reading.sections.sections[server.section]
        message = f"every user of this machine has the role {server.default_role} for all programs: name who needs it"
        reading.complain(section, "default_role", message, "open-socket", "warning")


def _warn_of_closed_socket(reading: OptionReader, server: UnixServer) -> None:
    if server.access == "roles" and not server.chmod & _EVERYBODY and server.chown is None:
        section = reading.sections.sections[server.section]
        message = f"with mode {server.chmod:04o} only its owner reaches the socket: add chmod = 0666, or chown"
        reading.complain(section, "access", message, "closed-socket", "warning")
