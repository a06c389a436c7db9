"""The certificate of a server, and what may be wrong with it."""

import os
import shutil
import time
from pathlib import Path

import pytest

from procman.system.certificates import Certificate, UnusableCertificate, _expires
from tests.support.certificates import Authority, openssl

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("server")


def test_a_certificate_with_its_key_can_be_used(authority, pair):
    """In two files, or in one; with the authority of clients, these have to show a certificate."""
    file, key = pair
    both = f"{file}.both"
    Path(both).write_text("".join(Path(path).read_text() for path in pair))
    assert Certificate(file, key).context.verify_mode.name == "CERT_NONE"
    assert Certificate(both).context is not None
    assert Certificate(file, key, authority.file).context.verify_mode.name == "CERT_REQUIRED"
    assert Certificate(file, key).warning() == ""


def test_each_mistake_has_its_words(authority, pair, tmp_path):
    """A message says which file is wrong, and what to do."""
    file, key = pair
    _, other = authority.issue("other")
    nothing = str(tmp_path / "nothing")
    (tmp_path / "text").write_text("hello")
    text = str(tmp_path / "text")
    locked = str(tmp_path / "locked.key")
    openssl("ec", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked)
    for arguments, part, words in (
        ((nothing, key), "certfile", f"cannot read {nothing}: no such file or directory: correct the path"),
        ((file, nothing), "keyfile", f"cannot read {nothing}"),
        ((file, other), "keyfile", f"the key in {other} is not that of the certificate in {file}"),
        ((file, None), "certfile", f"{file} has no private key in it: add keyfile"),
        ((text, key), "certfile", f"{text} has no certificate in it: expected PEM"),
        ((file, text), "keyfile", f"{text} has no private key in it: expected PEM"),
        ((file, locked), "keyfile", f"the key in {locked} is encrypted"),
        ((file, key, text), "client_ca", f"{text} has no certificate in it"),
    ):
        with pytest.raises(UnusableCertificate) as raised:
            Certificate(*arguments)
        assert str(raised.value).startswith(words)
        assert raised.value.part == part


def test_it_is_read_again_or_stays_as_it_was(authority, pair, tmp_path):
    """A new certificate is taken over; one that cannot be used leaves the one before in its place."""
    file, key = (shutil.copy(path, tmp_path) for path in pair)
    certificate = Certificate(file, key)
    before = certificate.context
    certificate.read_again()
    assert certificate.context is not before
    before = certificate.context
    os.truncate(file, 20)
    with pytest.raises(UnusableCertificate):
        certificate.read_again()
    assert certificate.context is before


def test_the_end_of_its_validity_is_known(authority):
    """It is read from the certificate; what is about to expire is warned of."""
    file, key = authority.issue("short", days=3)
    end = _expires(file)
    assert end is not None
    assert abs(end - time.time() - 3 * 86400) < 3600
    assert "expires on" in Certificate(file, key).warning()
    openssl("x509", "-in", file, "-noout", "-enddate")


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "\xff" * 50])
def test_what_is_no_certificate_has_no_end(tmp_path, text):
    """Garbage is not known to expire."""
    (tmp_path / "f").write_text(text)
    assert _expires(str(tmp_path / "f")) is None
