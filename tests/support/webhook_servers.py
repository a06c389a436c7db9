"""Servers that web hooks are posted to, and what misbehaving ones do."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

PATIENCE = 60.0


class Hook:
    """Keeps what is posted; `answer` decides what happens to the n-th post, counted from 0."""

    def __init__(self, answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (200, {}), **tls: Path) -> None:
        self.posts: SimpleQueue[tuple[str, bytes, Message]] = SimpleQueue()
        self.count = 0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                number, hook.count = hook.count, hook.count + 1
                status, headers = answer(number)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                hook.posts.put((self.path, sent, self.headers))

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # a client that refuses a certificate is part of the tests

        self._server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls["certificate"], tls["key"])
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self._server.server_address[1]}{path}"

    def next(self) -> tuple[str, bytes, Message]:
        """The next post: its path, body and headers."""
        return self.posts.get(timeout=PATIENCE)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Silent:
    """Accepts connections, and says what it is told to, if anything."""

    def __init__(self, says: bytes | None = None) -> None:
        """With `says`, each connection is closed after that; without, none is answered."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._says = says
        self._kept: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/hook"

    def _accept(self) -> None:
        try:
            while True:
                connection, _ = self._socket.accept()
                if self._says is None:
                    self._kept.append(connection)
                    continue
                connection.recv(65536)
                connection.sendall(self._says)
                connection.close()
        except OSError:
            pass  # closed

    def close(self) -> None:
        # Otherwise it listens for as long as the thread waits in accept.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._socket.close()
        for connection in self._kept:
            connection.close()


def certificate(folder: Path, name: str) -> dict[str, Path]:
    """A certificate for that host, signed by itself, and its key."""
    files = {"certificate": folder / f"{name}.pem", "key": folder / f"{name}.key"}
    kind = "IP" if name[0].isdigit() else "DNS"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName={kind}:{name}", "-keyout", str(files["key"])),
            *("-out", str(files["certificate"])),
        ],
        check=True,
        capture_output=True,
    )
    return files
