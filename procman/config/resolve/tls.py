"""The certificate of a server, as far as it can be said without the library that reads it."""

import os
import stat

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.options import options_of
from procman.config.schema.servers import InetServer

TLS_OPTIONS = ("certfile", "keyfile", "client_ca")


def read_tls(reading: OptionReader, section: RawSection, names: dict[str, object]) -> dict[str, str | None]:
    """The options of TLS, with absolute paths."""
    table = options_of(InetServer)
    found: dict[str, str | None] = {}
    for option in TLS_OPTIONS:
        value = reading.option(section, option, table[option], {**names, "here": reading.here})
        found[option] = os.path.abspath(reading.machine.home(value.strip())) if value and value.strip() else None
    for option in ("keyfile", "client_ca"):
        if found[option] is not None and found["certfile"] is None:
            reading.complain(section, option, f"{option} needs a certificate: add certfile = …", "incomplete-tls")
    if not reading.machine.is_assumed:
        for option in TLS_OPTIONS:
            _check_file(reading, section, option, found[option], private=option == (private_part(found)))
    return found


def private_part(found: dict[str, str | None]) -> str:
    """The option whose file has the private key."""
    return "keyfile" if found["keyfile"] is not None else "certfile"


def _check_file(reading: OptionReader, section: RawSection, option: str, path: str | None, *, private: bool) -> None:
    if path is None:
        return
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        message = f"cannot look at {path}: {(error.strerror or str(error)).lower()}"
        reading.complain(section, option, message, "unusable-certificate")
        return
    if not stat.S_ISREG(mode):
        reading.complain(section, option, f"{path} is not a file: name a PEM file", "unusable-certificate")
    elif private and mode & (stat.S_IROTH | stat.S_IWOTH):
        message = f"every user can read the private key in {path}: chmod o-rwx {path}"
        reading.complain(section, option, message, "open-key", "warning")
