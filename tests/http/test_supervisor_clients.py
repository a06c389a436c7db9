"""The HTTP clients of supervisor itself."""

import asyncio

import pytest

from procman.http.messages import Request, Response
from tests.support.http_serving import run, serving


def test_the_real_xmlrpc_transport_is_served():
    """The XML-RPC transport of supervisor uses one connection for all its calls."""
    transport_module = pytest.importorskip("supervisor.xmlrpc")

    async def main():
        async def handler(request: Request) -> Response:
            assert b"<methodName>supervisor.getState</methodName>" in request.body
            return Response(
                body=b"<?xml version='1.0'?><methodResponse><params><param><value><int>20</int></value></param>"
                b"</params></methodResponse>",
                content_type="text/xml",
            )

        def ask(address: str) -> list[object]:
            import xmlrpc.client

            transport = transport_module.SupervisorTransport("user", "pass", f"unix://{address}")
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport)
            answers = [proxy.supervisor.getState() for _ in range(5)]
            transport.close()
            return answers

        async with serving(handler) as served:
            assert await asyncio.to_thread(ask, served.address) == [20] * 5
            assert served.server.requests == 5

    run(main())


def test_the_real_tail_client_is_served():
    """The client behind `supervisorctl tail -f` reads each chunk as it arrives; when it goes, the stream ends."""
    http_client = pytest.importorskip("supervisor.http_client")

    async def main():
        closed = asyncio.Event()
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def handler(request: Request) -> Response:
            assert request.path == "/logtail/web"

            async def tail():
                try:
                    yield b"first\n"
                    assert await heard.get() == b"first\n"
                    yield b"second\n"
                    await asyncio.Event().wait()
                finally:
                    closed.set()

            return Response(body=tail())

        loop = asyncio.get_running_loop()

        def follow(address: str) -> bytes:
            class Listener(http_client.Listener):
                received = b""

                def error(self, url, error):
                    raise AssertionError(error)

                def feed(self, url, data):
                    self.received += data
                    loop.call_soon_threadsafe(heard.put_nowait, data)
                    if self.received.endswith(b"second\n"):
                        client.close()

            listener, sockets = Listener(), {}
            client = http_client.HTTPHandler(listener, "", "", map=sockets)
            client.get(f"unix://{address}", "/logtail/web")
            http_client.asynchat.asyncore.loop(map=sockets)
            return listener.received

        async with serving(handler) as served:
            assert await asyncio.to_thread(follow, served.address) == b"first\nsecond\n"
            await closed.wait()

    run(main())
