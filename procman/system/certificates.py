"""The certificate and the key of a server, and what is wrong with them in words."""

import os
import ssl
import time
from calendar import timegm
from typing import Literal

from procman.errors import ProcmanError

# Clients refuse a certificate when it has expired: so many seconds before, there is a warning.
SOON = 14 * 86400
_MOST = 1 << 20  # bytes of a file
_UTC_TIME, _VERSION = 0x17, 0xA0  # tags of DER


Part = Literal["certfile", "keyfile", "client_ca"]


class UnusableCertificate(ProcmanError):
    """It cannot be used; the text says why, and what to do."""

    def __init__(self, part: Part, text: str) -> None:
        """`part` is the file that is wrong."""
        super().__init__(text)
        self.part = part


class Certificate:
    """The files of a server, and what they were when they were last read."""

    def __init__(self, certfile: str, keyfile: str | None = None, client_ca: str | None = None) -> None:
        """Raises UnusableCertificate."""
        self.certfile = certfile
        self._keyfile = keyfile
        self._client_ca = client_ca
        self.context = self._read()

    def read_again(self) -> None:
        """For connections from now on; raises UnusableCertificate, and goes on with what there was."""
        self.context = self._read()

    def warning(self) -> str:
        """That it has expired, or is about to; "" if neither is so."""
        expires = _expires(self.certfile)
        if expires is None:
            return ""
        left = expires - time.time()
        day = time.strftime("%Y-%m-%d", time.gmtime(expires))
        if left <= 0:
            return f"the certificate in {self.certfile} has expired on {day}: clients refuse it; put a new one there"
        if left < SOON:
            return f"the certificate in {self.certfile} expires on {day}: put a new one there"
        return ""

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _check_readable("certfile", self.certfile)
        _check_readable("keyfile", self._keyfile)
        _check_readable("client_ca", self._client_ca)
        try:
            # An encrypted key would have OpenSSL ask on the terminal.
            context.load_cert_chain(self.certfile, self._keyfile, password=_no_password)
        except _Encrypted:
            raise UnusableCertificate(
                self._key_part,
                f"the key in {self._keyfile or self.certfile} is encrypted, and no one can type its password: "
                "name one that is not",
            ) from None
        except ssl.SSLError as error:
            raise self._unusable(error) from None
        if self._client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            try:
                context.load_verify_locations(self._client_ca)
            except ssl.SSLError:
                text = f"{self._client_ca} has no certificate in it: expected PEM"
                raise UnusableCertificate("client_ca", text) from None
        return context

    @property
    def _key_part(self) -> Part:
        return "certfile" if self._keyfile is None else "keyfile"

    def _unusable(self, error: ssl.SSLError) -> UnusableCertificate:
        if error.reason == "KEY_VALUES_MISMATCH":
            key = self._keyfile or self.certfile
            text = (
                f"the key in {key} is not that of the certificate in {self.certfile}: name the one that belongs to it"
            )
            return UnusableCertificate(self._key_part, text)
        if self._keyfile is None and _begins_certificate(self.certfile):
            text = f"{self.certfile} has no private key in it: add keyfile = …, or put the key into it"
            return UnusableCertificate("certfile", text)
        if not _begins_certificate(self.certfile):
            return UnusableCertificate("certfile", f"{self.certfile} has no certificate in it: expected PEM")
        return UnusableCertificate("keyfile", f"{self._keyfile} has no private key in it: expected PEM")


class _Encrypted(Exception):
    pass


def _no_password() -> str:
    raise _Encrypted


def _check_readable(part: Part, path: str | None) -> None:
    if path is None:
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        way_out = {
            FileNotFoundError: "correct the path, or put it there",
            PermissionError: "let the user of the master read it",
        }.get(type(error), "mend that")
        text = f"cannot read {path}: {(error.strerror or '').lower()}: {way_out}"
        raise UnusableCertificate(part, text) from None
    os.close(descriptor)


def _begins_certificate(path: str) -> bool:
    with open(path, "rb") as file:
        return b"-----BEGIN CERTIFICATE-----" in file.read(_MOST)


def _expires(path: str) -> float | None:
    """When the first certificate of a file does, in seconds since the epoch; None: that cannot be told."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read(_MOST)
        end = "-----END CERTIFICATE-----"
        first = text[text.index("-----BEGIN CERTIFICATE-----") : text.index(end) + len(end)]
        kind, text = _not_after(ssl.PEM_cert_to_DER_cert(first))
        # RFC 5280, 4.1.2.5: the year has two digits until 2049.
        year, rest = (int(text[:2]), text[2:]) if kind == _UTC_TIME else (int(text[:4]), text[4:])
        if kind == _UTC_TIME:
            year += 1900 if year >= 50 else 2000  # noqa: PLR2004 - as the RFC has it
        month, day, hour, minute, second = (int(rest[at : at + 2]) for at in range(0, 10, 2))
        return float(timegm((year, month, day, hour, minute, second)))
    except (OSError, ValueError, LookupError):
        return None


def _not_after(certificate: bytes) -> tuple[int, str]:
    """The tag and the text of the end of a certificate's validity, by its place (RFC 5280, 4.1)."""
    (_, whole), *_ = _elements(certificate)
    (_, signed), *_ = _elements(whole)
    fields = _elements(signed)
    if fields[0][0] == _VERSION:
        del fields[0]
    _serial, _algorithm, _issuer, (_, validity), *_ = fields
    _begin, (tag, end), *_ = _elements(validity)
    return tag, end.decode("ascii")


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """The tags and the contents of DER elements that stand one behind the other."""
    found = []
    while data:
        tag, length, at = data[0], data[1], 2
        if length & 0x80:
            at += length & 0x7F
            length = int.from_bytes(data[2:at], "big")
        found.append((tag, data[at : at + length]))
        data = data[at + length :]
    return found
