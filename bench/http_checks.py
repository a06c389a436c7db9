"""For the figure of health checks: a server that is asked, and a client that asks it as the master does.

`serve` prints its port; `ask PORT COUNT INTERVAL` is the floor: it asks and reads the status, and does nothing else.
"""

import asyncio
import contextlib
import sys

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


async def _serve() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(_ANSWER)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _ask(port: int, count: int, interval: float) -> None:
    request = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()

    async def one(number: int) -> None:
        await asyncio.sleep(interval * number / count)
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            line = await reader.readline()
            assert b" 200 " in line
            writer.close()
            await asyncio.sleep(interval)

    await asyncio.gather(*map(one, range(count)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(_serve())
        case ["ask", port, count, interval]:
            asyncio.run(_ask(int(port), int(count), float(interval)))
