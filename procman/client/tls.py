"""An encrypted connection of the client. Imported for https only."""

from __future__ import annotations

import errno
import select
import ssl
from typing import TYPE_CHECKING

from procman.client.wire import Unreachable, Wire, reason_of
from procman.errors import BadRequest

if TYPE_CHECKING:
    import socket

    from procman.client.tls_files import TlsFiles

# How long the handshake may take, in seconds.
_HANDSHAKE = 30.0


def encrypted(sock: socket.socket, host: str, place: str, files: TlsFiles | None) -> TlsWire:
    """The connection, with a server whose certificate has been checked; raises Unreachable."""
    context = context_of(files)
    sock.settimeout(_HANDSHAKE)
    try:
        wrapped = context.wrap_socket(sock, server_hostname=host)
    except OSError as error:
        sock.close()
        raise Unreachable(place, words_of(error, files), errno.EPROTO) from None
    wrapped.settimeout(None)
    wire = TlsWire(wrapped, place)
    wire.shows_certificate = files is not None and files.cert is not None
    return wire


def context_of(files: TlsFiles | None) -> ssl.SSLContext:
    """For servers whose certificate these files, or the authorities of the system, can prove; raises BadRequest."""
    try:
        context = ssl.create_default_context(cafile=files.ca if files is not None else None)
    except OSError as error:
        assert files is not None
        raise BadRequest(f"cannot use --cacert {files.ca}: {_of_file(error)}") from None
    if files is not None and files.cert is not None:
        try:
            context.load_cert_chain(files.cert, files.key)
        except OSError as error:
            named = f"--cert {files.cert}" + (f" with --key {files.key}" if files.key is not None else "")
            raise BadRequest(f"cannot use {named}: {_of_file(error)}") from None
    return context


def _of_file(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key is not that of the certificate"
        return "expected a certificate, and its key, as PEM"
    return (error.strerror or str(error)).lower()


def words_of(error: OSError, files: TlsFiles | None) -> str:
    """Why there is no encrypted connection, with a way out."""
    match error:
        case ssl.SSLCertVerificationError():
            way_out = "" if files is not None and files.ca else " (name its authority with --cacert FILE)"
            return f"its certificate cannot be trusted: {error.verify_message.rstrip('.')}{way_out}"
        case ssl.SSLError() if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
            return "it does not speak TLS: use http:// there"
        case ssl.SSLError():
            return f"the TLS handshake failed: {_plain(error)}"
        case TimeoutError():
            return "the TLS handshake takes too long"
        case _:
            return f"the TLS handshake failed: {reason_of(error)}"


def _plain(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


class TlsWire(Wire):
    """One connection, encrypted. A certificate of the client that is missing is noticed with the first answer."""

    _sock: ssl.SSLSocket
    shows_certificate = False

    @property
    def is_buffered(self) -> bool:
        """Whether something was received that is not read yet."""
        return super().is_buffered or self._sock.pending() > 0

    def wait_at_most(self, seconds: float) -> None:
        """Limit the wait for each piece of an answer; 0 for no limit."""
        self._sock.settimeout(seconds or None)

    def stale(self) -> bool:
        """Whether the other side has closed the connection, or sent something unexpected."""
        if self._sock.pending():
            return True
        readable, _, _ = select.select([self._sock], [], [], 0)
        return bool(readable)

    def lost(self, error: OSError | None = None) -> Unreachable:
        """Why the connection cannot be used any more."""
        if isinstance(error, TimeoutError):
            return Unreachable(self._place, "it does not answer (it was stopped, or is too busy)", errno.EAGAIN)
        if isinstance(error, ssl.SSLError):
            if "CERTIFICATE" in (error.reason or ""):
                why = "it wants a certificate of yours (--cert FILE, --key FILE)"
                return Unreachable(self._place, f"{why}: {_plain(error)}", errno.EPROTO)
            return Unreachable(self._place, f"the connection was lost: {_plain(error)}", errno.ECONNRESET)
        if not self.heard and not self.shows_certificate:
            # Some servers close without a word where the client has shown none.
            why = "the connection was lost; if the server wants a certificate of yours, name it with --cert FILE"
            return Unreachable(self._place, why, errno.ECONNRESET)
        return super().lost(error)
