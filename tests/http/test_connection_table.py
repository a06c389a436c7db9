"""Many connections: which make room when a limit is reached."""

import asyncio

import pytest

from procman.http.limits import Limits
from procman.http.messages import Request, Response
from tests.support.http_serving import GET, Client, Served, echo, run, serving, still_answers


def test_a_hundred_idle_connections_disturb_no_other():
    """A hundred idle connections are held, each can go on at any time, and other clients are served."""

    async def main():
        async with serving() as served:
            clients = [await served.client() for _ in range(100)]
            await still_answers(served)
            await served.until(lambda: served.server.connections == 100)
            for client in clients:
                assert (await client.ask(GET)).status == 200

    run(main())


def test_the_longest_idle_connection_makes_room_for_a_new_one():
    """At the limit, the connection that has been idle longest is closed for a new one."""

    async def main():
        async with serving(limits=Limits(connections=3)) as served:
            first, second, third = [await served.client() for _ in range(3)]
            await first.ask(GET)
            await third.ask(GET)
            await second.ask(GET)
            await first.ask(GET)
            fourth = await served.client()
            assert (await fourth.ask(GET)).status == 200
            assert await third.ended()
            for client in (first, second, fourth):
                assert (await client.ask(GET)).status == 200
            assert served.server.connections == 3

    run(main())


def test_the_oldest_incomplete_request_makes_room():
    """Where no connection is idle, the oldest incomplete request is dropped; requests in progress stay."""

    async def main():
        async with serving(limits=Limits(connections=3)) as served:
            first, second, third = [await served.client() for _ in range(3)]
            await third.ask(GET)
            first.send(b"GET /")
            second.send(b"GET /")
            for _ in range(4):
                another = await served.client()
                assert (await another.ask(GET)).status == 200
                another.send(b"GET /")
            assert await third.ended()
            assert await first.ended()
            assert await second.ended()
            assert served.server.connections <= 3

    run(main())


def test_half_of_the_idle_connections_are_closed_when_descriptors_run_out():
    """The longest idle connections are closed, those in use stay."""

    async def main():
        async with serving() as served:
            clients = [await served.client() for _ in range(5)]
            for client in clients:
                await client.ask(GET)
            clients[0].send(GET[:-2])
            await served.until(lambda: len(served.table._idle) == 4)
            served.server.make_room()
            assert await clients[1].ended()
            assert await clients[2].ended()
            clients[0].send(GET[-2:])
            assert (await clients[0].head()).status == 200
            for client in clients[3:]:
                assert (await client.ask(GET)).status == 200

    run(main())


@pytest.mark.parametrize("tcp", [False, True])
def test_a_client_too_many_gets_a_503(tcp):
    """When every connection is in use, a new one gets a 503, and those in use do not notice."""

    async def main():
        go_on = asyncio.Event()

        async def handler(request: Request) -> Response:
            await go_on.wait()
            return await echo(request)

        async with serving(handler, limits=Limits(connections=2), tcp=tcp) as served:
            busy = [await served.client() for _ in range(2)]
            for client in busy:
                client.send(GET)
            await served.until(lambda: served.server.requests == 2)
            for _ in range(5):
                rejected = await served.client()
                answer = await rejected.ask(GET)
                assert (answer.status, answer.headers["connection"]) == (503, "close")
                assert await rejected.ended()
            assert served.server.connections <= 3
            go_on.set()
            for client in busy:
                assert (await client.answer()).status == 200

    run(main())


async def sending(served: Served) -> Client:
    """A client that has sent 900 bytes of a body of 1000, which the server has read."""
    client = await served.client()
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 900)
    held = set(served.table._held)
    await served.until(lambda: bool(served.table._held.keys() - held))
    return client


def test_bodies_in_transit_have_a_common_bound():
    """Without room for all bodies, the one without progress for longest gets a 503; the others are answered."""

    async def main():
        async with serving(limits=Limits(body=1000, held=2500, light=100)) as served:
            first, second = await sending(served), await sending(served)
            first.send(b"x")
            await served.until(lambda: served.table._holding == 1801)
            third = await sending(served)
            answer = await second.answer()
            assert (answer.status, answer.headers["connection"]) == (503, "close")
            assert served.table._holding == 1801
            first.send(b"x" * 99)
            third.send(b"x" * 100)
            for client in (first, third):
                assert (await client.answer()).body == b"POST / 1000"
            assert served.table._holding == 0

    run(main())


def test_a_small_body_needs_no_room():
    """An ordinary request is accepted however many large bodies are in transit."""

    async def main():
        async with serving(limits=Limits(body=1000, held=1, light=100)) as served:
            large = await sending(served)
            small = await served.client()
            small.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b"x" * 99)
            assert (await served.get()).status == 200
            small.send(b"x")
            assert (await small.answer()).body == b"POST / 100"
            large.send(b"x" * 100)
            assert (await large.answer()).body == b"POST / 1000"

    run(main())


LARGE = 8 * 1024 * 1024  # more than the buffers of a socket


async def large(_: Request) -> Response:
    return Response(body=bytes(LARGE))


def test_unread_answers_make_room_for_one_that_is_read():
    """A client that does not read is cut off when others need the room, and not before."""

    async def main():
        async with serving(large, limits=Limits(held=2 * LARGE)) as served:
            stalled = []
            for number in range(1, 5):
                client = await served.client(limit=1024)
                client.send(GET)
                await client.head()
                stalled.append(client)
                await served.until(lambda number=number: served.server.requests == number)
                assert served.table._holding == min(number, 2) * LARGE
            reading = await served.client()
            assert (await reading.ask(GET)).body == bytes(LARGE)
            await served.until(lambda: served.server.connections == 2)
            assert len(await stalled[3].reader.readexactly(LARGE)) == LARGE
            for client in stalled[:3]:
                with pytest.raises(asyncio.IncompleteReadError):
                    await client.reader.readexactly(LARGE)
            assert served.table._holding == 0
            assert not served.errors

    run(main())


def test_one_answer_may_be_larger_than_the_common_bound():
    """The bound is for many answers together; a single long log is sent whole."""

    async def main():
        async with serving(large, limits=Limits(held=1)) as served:
            for _ in range(2):
                assert (await served.get()).body == bytes(LARGE)
            assert served.table._holding == 0

    run(main())
