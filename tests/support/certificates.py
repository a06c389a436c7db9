"""Certificates for tests, made by openssl."""

import subprocess
from pathlib import Path


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """One that issues certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = str(folder / "ca.pem")
        self._key = str(folder / "ca.key")
        # Python 3.13 refuses an authority that does not say what its key is for.
        subject = ("-subj", "/CN=authority", "-days", "2", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl("req", "-x509", *KEY, "-nodes", "-keyout", self._key, "-out", self.file, *subject)

    def issue(self, name: str, days: int = 90) -> tuple[str, str]:
        """The files of a certificate for localhost, and of its key."""
        key, request, file = (str(self.folder / f"{name}.{suffix}") for suffix in ("key", "csr", "pem"))
        names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl("req", *KEY, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}", *names)
        signing = ("-CA", self.file, "-CAkey", self._key, "-copy_extensions", "copy", "-days", str(days))
        openssl("x509", "-req", "-in", request, *signing, "-out", file)
        return file, key


KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
