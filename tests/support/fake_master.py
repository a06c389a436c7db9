"""A master of canned answers on a real socket, to test the client without the real master.

The server is the standard library's, not procman's: an error that both sides share would go unnoticed otherwise.
"""

import base64
import json
import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any


class Stream:
    """An answer in chunks, with a call before each next one; if cut, the final chunk is missing."""

    def __init__(self, *chunks: bytes, cut: bool = False, between: Callable[[], Any] = lambda: None):
        self.chunks = chunks
        self.cut = cut
        self.between = between


class Refusal:
    def __init__(self, status: int, code: str, message: str = ""):
        self.status = status
        self.body = {"error": {"code": code, "message": message or code}}


def process(name, state="RUNNING", *, group=None, description=None, pid=None) -> dict[str, Any]:
    """A ProcessInfo as in `shapes.py`."""
    group = group or name
    numbers = {"STOPPED": 0, "STARTING": 10, "RUNNING": 20, "BACKOFF": 30, "EXITED": 100, "FATAL": 200}
    pid = pid if pid is not None else 100 + len(name) if state == "RUNNING" else 0
    return {
        "name": name,
        "group": group,
        "namespec": name if name == group else f"{group}:{name}",
        "description": description or (f"pid {pid}, uptime 0:01:02" if pid else "Not started"),
        "state": numbers[state],
        "statename": state,
        "start": 1,
        "stop": 0,
        "now": 63,
        "pid": pid,
        "exitstatus": 0,
        "spawnerr": "",
        "logfile": "",
        "stdout_logfile": "",
        "stderr_logfile": "",
        "wanted": state == "RUNNING",
        "restarts": 0,
        "lost": 0,
    }


def result(spec, status="SUCCESS", description="OK") -> dict[str, str]:
    group, colon, name = spec.partition(":")
    return {"group": group, "name": name if colon else group, "status": status, "description": description}


class FakeMaster:
    """Answers by (method, path with query): JSON, bytes, a Stream, a Refusal, or a function of the body giving one."""

    def __init__(self, path: str):
        self.path = path
        self.url = f"unix://{path}"
        self.requests: list[tuple[str, str, Any]] = []
        self.connections: list[socket.socket] = []
        self.password: tuple[str, str] | None = None
        self.close_after_answer = False
        self.answers: dict[tuple[str, str], Any] = {
            ("GET", "/v1/health?file=1"): {"ready": True, "missing": [], "warnings": []},
            ("GET", "/v1/master"): {"pid": 4711, "version": "0.2.0", "statename": "RUNNING", "upgrades": 1},
        }
        self.show(process("cron", "STOPPED"), process("web"))
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                fake.connections.append(self.request)
                super().setup()

            def do_GET(self):
                fake.answer(self)

            def do_POST(self):
                fake.answer(self)

            def address_string(self):
                return "client"

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that hangs up is part of the tests

        self._server = Server(path, Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def show(self, *processes: dict[str, Any]) -> None:
        """Have these processes, under every name they can be asked by."""
        self.answers[("GET", "/v1/processes")] = {"processes": list(processes)}
        self.answers[("GET", "/v1/processes/all")] = {"processes": list(processes)}
        for info in processes:
            self.answers[("GET", f"/v1/processes/{info['namespec']}")] = {"processes": [info]}

    def results(self, operation: str, *results: dict[str, str], names: str = "") -> None:
        """Answer an operation on several names, or on the `names` of the path, with these results."""
        path = f"/v1/processes/{names}/{operation}" if names else f"/v1/processes/{operation}"
        self.answers[("POST", path)] = {"results": list(results)}

    def bodies(self, path: str) -> list[Any]:
        return [body for _, asked, body in self.requests if asked == path]

    def stop(self) -> None:
        self._server.shutdown()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        try:
            seen: Any = json.loads(body) if body else None
        except ValueError:
            seen = body
        self.requests.append((handler.command, handler.path, seen))
        if self.password:
            expected = "Basic " + base64.b64encode(":".join(self.password).encode()).decode()
            if handler.headers.get("Authorization") != expected:
                self._send(handler, 401, b"", "text/plain")
                return
        found = self.answers.get((handler.command, handler.path), Refusal(404, "BAD_NAME"))
        if callable(found):
            found = found(seen)
        match found:
            case Stream():
                self._send_chunks(handler, found)
            case Refusal():
                self._send(handler, found.status, json.dumps(found.body).encode(), "application/json")
            case bytes():
                self._send(handler, 200, found, "application/octet-stream")
            case _:
                self._send(handler, 200, json.dumps(found).encode(), "application/json")

    def _send(self, handler, status: int, body: bytes, kind: str) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        # Closes without a word, as a server that ends does.
        handler.close_connection = self.close_after_answer

    def _send_chunks(self, handler, stream: Stream) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for count, chunk in enumerate(stream.chunks):
            if count:
                stream.between()
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            handler.wfile.flush()
        if not stream.cut:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True
