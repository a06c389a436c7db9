"""The client of /v1: one kept connection, every framing of HTTP/1.1, and clear errors."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

import procman.client.api_client
from procman.client.api_client import ApiError, AuthRequired, Client, Unreachable, quoted
from procman.errors import BadRequest
from tests.support.fake_master import Refusal, Stream


@pytest.fixture
def client(master) -> Iterator[Client]:
    client = Client(master.url)
    yield client
    client.close()


def serve_once(path, answer: bytes, *pieces: bytes) -> threading.Thread:
    """A server that reads one request, sends `answer` as it is, and closes the connection."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        with listener, listener.accept()[0] as connection:
            connection.recv(65536)
            for piece in (answer, *pieces):
                connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def ask(path, answer: bytes, *pieces: bytes) -> bytes:
    thread = serve_once(path, answer, *pieces)
    client = Client(f"unix://{path}")
    try:
        return client.exchange("GET", "/v1/x")
    finally:
        client.close()
        thread.join()


def test_calls_share_one_connection(client, master):
    """Refused calls keep the connection too."""
    client.call("GET", "/v1/master")
    with pytest.raises(ApiError):
        client.call("GET", "/v1/nothing")
    assert client.call("GET", "/v1/master")["pid"] == 4711
    assert len(master.connections) == 1


def test_a_connection_that_was_closed_meanwhile_is_opened_again(client, master):
    """A master that restarts between two commands of the shell is no error."""
    master.close_after_answer = True
    for _ in range(3):
        assert client.call("GET", "/v1/master")["pid"] == 4711


def test_a_refusal_carries_the_code_the_message_and_the_status(client, master):
    """All three are as the master sent them."""
    master.answers["POST", "/v1/groups/x/add"] = Refusal(409, "ALREADY_ADDED", "x is there")
    with pytest.raises(ApiError, match="x is there") as caught:
        client.call("POST", "/v1/groups/x/add")
    assert (caught.value.code, caught.value.status) == ("ALREADY_ADDED", 409)


def test_credentials_are_sent_with_every_request(client, master):
    """Basic authentication in UTF-8 is sent; without credentials the client reports that they are required."""
    master.password = ("ü", "p:q")
    with pytest.raises(AuthRequired):
        client.call("GET", "/v1/master")
    with_password = Client(master.url, "ü", "p:q")
    assert with_password.call("GET", "/v1/master")["pid"] == 4711
    with_password.close()


def test_a_body_is_json_and_data_is_sent_as_it_is(client, master):
    """POST without a body has Content-Length 0."""
    master.answers["POST", "/x"] = {}
    client.call("POST", "/x", {"a": [1]})
    client.exchange("POST", "/x", b"\xff")
    client.call("POST", "/x")
    assert master.bodies("/x") == [{"a": [1]}, b"\xff", None]


def test_a_stream_is_chunk_by_chunk_and_apart_from_the_calls(client, master):
    """A call does not disturb an open stream."""
    gate = threading.Event()
    master.answers["GET", "/s"] = Stream(b"one", b"two", between=gate.wait)
    with client.stream("GET", "/s") as stream:
        assert next(stream) == b"one"
        assert client.call("GET", "/v1/master")["pid"] == 4711
        gate.set()
        assert b"".join(stream) == b"two"


def test_a_stream_that_is_refused_says_so_at_once(client, master):
    """The error is raised before any iteration."""
    with pytest.raises(ApiError):
        client.stream("GET", "/nothing")


def test_a_stream_can_be_ended_by_another_thread(client, master):
    """A thread that waits for the next piece gets StopIteration."""
    gate = threading.Event()
    master.answers["GET", "/s"] = Stream(b"one", b"two", between=gate.wait)
    with client.stream("GET", "/s") as stream:
        assert next(stream) == b"one"
        ender = threading.Thread(target=stream.close)
        ender.start()
        assert list(stream) == []
        ender.join()
    gate.set()


def test_a_stream_that_is_cut_is_not_taken_for_its_end(client, master):
    """Without the chunk of length 0 it is an error."""
    master.answers["GET", "/s"] = Stream(b"one", cut=True)
    with client.stream("GET", "/s") as stream:
        assert next(stream) == b"one"
        with pytest.raises(Unreachable, match="the connection was lost"):
            next(stream)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 200 OK\r\n\r\n", b"hel", b"lo"],
        [b"HTTP/1.1 200 OK\r\ntransfer-ENCODING: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HT", b"TP/1.1 200 OK\r\nContent-", b"Length: 5\r\n\r", b"\nhe", b"llo"],
        [b"HTTP/1.1 200\nContent-Length: 5\n\nhello"],
    ],
)
def test_every_framing_is_understood(tmp_path, pieces):
    """Each framing works, however the answer is split into packets."""
    assert ask(tmp_path / "s", *pieces) == b"hello"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "the connection was lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "the connection was lost"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "the connection was lost"),
        (b"220 mail.example.org ESMTP\r\n", "what answers there is not procman"),
        (b"x" * 70000, "what answers there is not procman"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>", "what answers there is not procman"),
        (
            b"HTTP/1.1 404 Not Found\r\nServer: Medusa/1.12\r\nContent-Length: 6\r\n\r\n<head>",
            "it is supervisord that answers there",
        ),
    ],
)
def test_an_invalid_answer_is_reported_with_the_address(tmp_path, answer, reason):
    """No other exception is raised."""
    with pytest.raises(Unreachable, match=reason) as caught:
        ask(tmp_path / "s", answer)
    assert caught.value.address == str(tmp_path / "s")


def test_a_request_with_a_limit_times_out(tmp_path):
    """The kernel accepts connections for a stopped master, which never answers."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, contextlib.closing(Client(f"unix://{path}")) as client:
        listener.bind(path)
        listener.listen()
        with pytest.raises(Unreachable, match="it does not answer"):
            client.call("GET", "/v1/health", patience=0.001)


def test_a_get_times_out(tmp_path, monkeypatch):
    """A GET to a stopped master times out; changes have no limit."""
    path = str(tmp_path / "s")
    monkeypatch.setattr(procman.client.api_client, "READS_TAKE", 0.001)
    with socket.socket(socket.AF_UNIX) as listener, contextlib.closing(Client(f"unix://{path}")) as client:
        listener.bind(path)
        listener.listen()
        with pytest.raises(Unreachable, match="it does not answer"):
            client.call("GET", "/v1/processes")


def test_a_limit_applies_to_one_request(tmp_path):
    """The next request on the same connection has no limit."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, contextlib.closing(Client(f"unix://{path}")) as client:
        listener.bind(path)
        listener.listen()

        def serve():
            with listener.accept()[0] as connection:
                for _ in range(2):
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve)
        thread.start()
        assert client.call("GET", "/v1/health", patience=10) == {}
        assert client._wire._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO) == 10
        assert client.call("POST", "/v1/processes/x/stop") == {}
        assert client._wire._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO) == 0
        thread.join()


def test_errors_of_the_server_are_reported_in_its_words(tmp_path):
    """The server's own errors are plain text, unlike those of /v1 and of other servers' pages."""
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
    with pytest.raises(ApiError, match="not known as 'x'") as caught:
        ask(tmp_path / "s", head + b"18\r\n\r\nnot known as 'x' \n")
    assert (caught.value.status, caught.value.code) == (403, "REFUSED")
    strangers = (head.replace(b"plain", b"html") + b"2\r\n\r\nno", head + b"3\r\n\r\na\nb", head + b"0\r\n\r\n")
    for number, stranger in enumerate(strangers):
        with pytest.raises(Unreachable, match="not procman"):
            ask(tmp_path / f"s{number}", stranger)


def test_tcp_is_spoken_too():
    """The client connects to the host and port of the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve():
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        seen: list[bytes] = []
        thread = threading.Thread(target=serve)
        thread.start()
        client = Client(f"http://127.0.0.1:{port}")
        assert client.call("GET", "/v1/master") == {}
        client.close()
        thread.join()
    assert f"Host: 127.0.0.1:{port}\r\n".encode() in seen[0]
    with pytest.raises(Unreachable, match=f"cannot reach procman at http://127.0.0.1:{port}: refused connection"):
        client.call("GET", "/v1/master")


@pytest.mark.parametrize("address", ["foo", "http://", "http://h:port", "http://a b:1", "http://a\r\nX: y:1", "/path"])
def test_an_address_that_is_none_is_refused(address):
    """Nothing is sent."""
    with pytest.raises(BadRequest, match="cannot use the address"):
        Client(address)


def test_names_are_quoted_for_a_path():
    """Usual names stay unchanged."""
    assert quoted("web-1_a.b:c*") == "web-1_a.b:c*"
    assert quoted("a/b?c d\r\n%\udcff") == "a%2Fb%3Fc%20d%0D%0A%25%FF"
