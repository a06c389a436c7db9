"""Clients that are slow, die or do not read. Where a client has a time limit, the master's clock is advanced."""

import contextlib
import socket

import pytest

from tests.support.fault_programs import FLOOD
from tests.support.faulty_master import assert_well, program
from tests.support.log_lines import PATIENCE
from tests.support.running_master import python

pytestmark = pytest.mark.slow

GET = b"GET /v1/master HTTP/1.1\r\nHost: localhost\r\n\r\n"
# Longer than any time that the master gives a client.
LONG = 3600


def connect(master) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    # Without a timeout, connect waits for room in the queue; with one, it would fail with EAGAIN.
    client.connect(master.socket)
    client.settimeout(PATIENCE)
    return client


def answer(client: socket.socket) -> bytes:
    """The status line, and what arrived with it."""
    data = client.recv(65536)
    while b"\r\n\r\n" not in data:
        data += client.recv(65536)
    return data


def test_a_hundred_clients_send_half_a_request_and_a_hundred_are_idle(start_master, injection):
    """Incomplete requests get a 408 when their time is up; idle connections are kept, however long they last."""
    master = start_master(**injection.environ).wait_until_up()
    with contextlib.ExitStack() as clients:
        half, idle = ([clients.enter_context(contextlib.closing(connect(master))) for _ in range(100)] for _ in "12")
        for client in idle:
            client.sendall(GET)
            assert answer(client).startswith(b"HTTP/1.1 200 ")
        for number, client in enumerate(half):
            client.sendall((GET[:-2], GET[:10], b"POST /RPC2 HTTP/1.1\r\nContent-Length: 100\r\n\r\n<x>")[number % 3])
        master.assert_serves()
        injection.say("steady", LONG)
        master.assert_serves()
        for client in half:
            assert answer(client).startswith(b"HTTP/1.1 408 ")
        for client in idle:
            client.sendall(GET)
            assert answer(client).startswith(b"HTTP/1.1 200 ")
        clients.close()
        assert_well(master)


def test_a_hundred_clients_die_without_a_word(start_master):
    """Clients that die during a request, an answer or a stream leave nothing behind."""
    master = start_master(program("flood", FLOOD, stdout_logfile_maxbytes="1MB", stdout_logfile_backups=0))
    master.wait_until_up("flood")
    for number in range(100):
        client = connect(master)
        follow = b"GET /logtail/flood HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.sendall((b"GET /v1/mas", GET * 50, follow)[number % 3])
        if number % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.close()
    assert_well(master)


def test_a_client_stops_reading_the_log_of_a_flooding_program(start_master, tmp_path):
    """A follower that stops reading misses output; neither the program nor the master's memory suffers."""
    beats = program("beats", python("for line in open(0): print(line, end='')"))
    master = start_master(
        program("flood", FLOOD, stdout_logfile_maxbytes="1MB", stdout_logfile_backups=0)
        + program("loud", FLOOD, stdout_logfile="/dev/null", stdout_logfile_maxbytes=0)
        + beats
    ).wait_until_up("flood", "loud", "beats")
    with contextlib.ExitStack() as clients:
        before = master.rss()
        for name in ("flood", "loud") * 5:
            client = clients.enter_context(contextlib.closing(connect(master)))
            client.sendall(f"GET /v1/processes/{name}/log/stdout?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert answer(client).startswith(b"HTTP/1.1 200 ")
        master.assert_serves()
        with contextlib.closing(master.follow("flood")) as read:
            for _ in range(100):
                assert next(read), "the program goes on"
        assert master.rss() - before < 32 * 1024 * 1024
        assert master.info("flood")["lost"] == 0
        # SIGTERM is obeyed while they are there.
        assert_well(master, held=10)


def test_an_answer_that_nobody_reads(start_master):
    """A large answer that the client does not read delays neither other clients nor the end of the master."""
    said = python("import os, time; os.write(1, b'x' * (8 << 20)); os.write(2, b'through'); time.sleep(1000)")
    master = start_master(program("large", said)).wait_until_up("large")
    with contextlib.closing(master.follow("large", "stderr")) as through:
        assert next(through) == b"through"
    with contextlib.ExitStack() as clients:
        for _ in range(20):
            client = clients.enter_context(contextlib.closing(connect(master)))
            client.sendall(b"GET /v1/processes/large/log/stdout?offset=0&length=8000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(10) == b"HTTP/1.1 2"[:10]
        assert_well(master, held=20)
