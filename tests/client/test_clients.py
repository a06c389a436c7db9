"""`procman.Client` and `procman.AsyncClient`: the same calls, over two ways of waiting."""

import asyncio
import inspect
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import procman
from procman.client.async_client import AsyncClient
from procman.client.blocking_client import Client
from tests.support.fake_master import FakeMaster, Refusal, Stream, result


class Asking:
    """Makes calls of one of the two clients; a call is given as a function of the client."""

    def __init__(self, master: FakeMaster, *, blocks: bool) -> None:
        self.master = master
        self.blocks = blocks

    def __call__(self, call: Callable[[Any], Any], **given: Any) -> Any:
        if self.blocks:
            with procman.Client(self.master.url, **given) as client:
                return call(client)
        return asyncio.run(self._await(call, given))

    async def _await(self, call: Callable[[Any], Any], given: dict[str, Any]) -> Any:
        async with procman.AsyncClient(self.master.url, **given) as client:
            return await call(client)

    def items(self, call: Callable[[Any], Any]) -> list[Any]:
        if self.blocks:
            with procman.Client(self.master.url) as client, call(client) as stream:
                return list(stream)
        return asyncio.run(self._items(call))

    async def _items(self, call: Callable[[Any], Any]) -> list[Any]:
        async with procman.AsyncClient(self.master.url) as client, call(client) as stream:
            return [item async for item in stream]


@pytest.fixture(params=["blocking", "asyncio"])
def ask(master, request) -> Asking:
    return Asking(master, blocks=request.param == "blocking")


def calls_of(kind: type) -> dict[str, list[str]]:
    """Its public calls, and the names of their parameters."""
    functions = inspect.getmembers(kind, inspect.isfunction)
    return {name: list(inspect.signature(call).parameters) for name, call in functions if not name.startswith("_")}


def test_both_clients_have_the_same_calls():
    """A call that is added to one is added to the other."""
    assert calls_of(Client) == calls_of(AsyncClient)


def test_neither_client_is_imported_with_the_package():
    """A master imports the package, and pays for no client; the blocking one does without asyncio."""
    code = (
        "import sys, procman; print('procman.client' in sys.modules); procman.Client; print('asyncio' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


def test_a_name_that_is_not_there_is_an_error_of_python():
    """The package has no other attributes."""
    with pytest.raises(AttributeError, match="nothing"):
        procman.nothing  # noqa: B018


def test_an_operation_waits_and_returns_the_results(ask, master):
    """The body has what was given; what is already so is fine."""
    master.results("start", result("web"), result("db", "ALREADY_STARTED"))
    answer = ask(lambda client: client.start("web", "db", timeout=5))
    assert [one["status"] for one in answer["results"]] == ["SUCCESS", "ALREADY_STARTED"]
    assert master.bodies("/v1/processes/start") == [{"names": ["web", "db"], "wait": True, "timeout": 5}]


def test_what_did_not_succeed_is_raised_with_all_results(ask, master):
    """The text names each failure, and nothing else."""
    master.results("restart", result("web"), result("gr:db", "SPAWN_ERROR", "no such file"))
    with pytest.raises(procman.NotDone, match=r"^cannot restart gr:db: spawn error: no such file$") as caught:
        ask(lambda client: client.restart("all"))
    assert len(caught.value.results) == 2


def test_an_operation_that_takes_too_long_is_raised_with_its_id(ask, master):
    """It goes on, and can be asked for."""
    master.answers["POST", "/v1/processes/stop"] = {"operation": 7, "results": [], "pending": ["web"]}
    with pytest.raises(procman.NotYet, match="of web") as caught:
        ask(lambda client: client.stop("web", timeout=1))
    assert caught.value.operation == 7


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "BAD_ARGUMENTS", procman.BadArguments),
        (403, "FORBIDDEN", procman.Forbidden),
        (404, "BAD_NAME", procman.NotFound),
        (409, "STALE_PLAN", procman.Conflict),
        (422, "CANT_REREAD", procman.BadConfiguration),
        (503, "SHUTDOWN_STATE", procman.ShuttingDown),
    ],
)
def test_a_refusal_has_a_type_and_the_words_of_the_master(master, status, code, kind):
    """Programs tell them apart by type and code, people by the text."""
    master.answers["POST", "/v1/config/reread"] = Refusal(status, code, "because; do this")
    with procman.Client(master.url) as client, pytest.raises(kind, match="because; do this") as caught:
        client.reread()
    assert (caught.value.code, caught.value.status) == (code, status)


def test_refusals_of_requests_and_streams_are_the_same(ask, master):
    """A stream raises with its first item."""
    with pytest.raises(procman.NotFound):
        ask(lambda client: client.request("GET", "/v1/nothing"))
    with pytest.raises(procman.NotFound):
        ask.items(lambda client: client.follow_log("nothing"))


def test_credentials_are_sent(ask, master):
    """A password as HTTP's basic authentication; without it, the error says what is missing."""
    master.password = ("me", "pässword")
    assert ask(lambda client: client.master(), username="me", password="pässword")["pid"] == 4711
    with pytest.raises(procman.AuthRequired) as caught:
        ask(lambda client: client.master())
    assert "give the client a username" in caught.value.__notes__[0]


def test_nobody_listens(ask, master):
    """The address and the reason are in the text."""
    master.url = "unix:///nowhere.sock"
    with pytest.raises(procman.Unreachable, match=r"/nowhere\.sock: no such file \(is it running\?\)"):
        ask(lambda client: client.master())


def test_something_else_answers(ask, tmp_path):
    """What is not HTTP is told in words."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "other"))
    listener.listen()

    def answer() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(b"220 mail ready\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    ask.master.url = f"unix://{tmp_path / 'other'}"
    with pytest.raises(procman.Unreachable, match="not procman"):
        ask(lambda client: client.master())
    thread.join()


def test_a_log_comes_in_lines_of_json_whatever_the_chunks_are(ask, master):
    """Chunks end anywhere; an empty line only shows that the connection lives."""
    master.answers["GET", "/v1/logs?name=web%2Cdb&lines=3"] = Stream(
        b'{"name": "web", "da', b'ta": "x"}\n\n{"name":', b' "db"}\n'
    )
    pieces = ask.items(lambda client: client.logs("web", "db", lines=3))
    assert pieces == [{"name": "web", "data": "x"}, {"name": "db"}]


def test_events_are_told_from_comments(ask, master):
    """Only data makes an event."""
    stream = Stream(
        b'retry: 1\nevent: snapshot\ndata: {"names"', b': []}\n\n:\n\nevent: change\ndata: {"processes": []}\n\n'
    )
    master.answers["GET", "/v1/events"] = stream
    assert ask.items(lambda client: client.events()) == [{"names": []}, {"processes": []}]


def test_a_run_returns_how_it_ended_and_what_it_wrote(ask, master):
    """Both streams apart, and the exit status as a shell would have it."""
    lines = (
        b'{"event": "began", "name": "job"}\n{"event": "output", "channel": "stderr", "data": "hm"}\n',
        b'{"event": "output", "channel": "stdout", "data": "a", "missed": 2}\n',
        b'{"event": "ended", "statename": "EXITED", "done": false, "code": 3, "text": "exit status 3"}\n',
    )
    master.answers["POST", "/v1/processes/job/run"] = Stream(*lines)
    outcome = ask(lambda client: client.run("job", "-x", env={"A": "b"}))
    assert (outcome.code, outcome.stdout, outcome.stderr, outcome.missed) == (3, "a", "hm", 2)
    assert master.bodies("/v1/processes/job/run") == [{"args": ["-x"], "env": {"A": "b"}}]


def test_waiting_until_all_is_ready_looks_again_after_each_change(ask, master):
    """It ends with the first answer that says so."""
    answers = iter([False, False, True])
    master.answers["GET", "/v1/health"] = lambda _: {"ready": next(answers), "missing": ["web: STARTING"]}
    master.answers["GET", "/v1/events"] = Stream(b"data: {}\n\n", b"data: {}\n\n")
    ask(lambda client: client.wait_until_ready())


def test_what_has_failed_for_good_is_not_waited_for(ask, master):
    """The error has what is missing."""
    fatal = {"namespec": "web", "statename": "FATAL", "wanted": True, "phase": ""}
    master.answers["GET", "/v1/processes"] = {"processes": [fatal]}
    master.answers["GET", "/v1/health"] = {"ready": False, "missing": ["web: FATAL (no such file)"]}
    master.answers["GET", "/v1/events"] = Stream(b"data: {}\n\n")
    with pytest.raises(procman.NotYet, match="cannot become ready: web: FATAL"):
        ask(lambda client: client.wait_until_ready())


def test_a_kept_connection_is_used_again_and_replaced_when_it_was_closed(master):
    """As many connections as calls at the same time; a GET is repeated where the master had closed."""

    async def main() -> None:
        async with procman.AsyncClient(master.url) as client:
            for _ in range(3):
                await client.master()
            assert len(master.connections) == 1
            await asyncio.gather(client.master(), client.master())
            assert len(master.connections) == 2
            master.close_after_answer = True
            for _ in range(3):
                await client.master()

    asyncio.run(main())


def test_a_cancelled_call_leaves_nothing_for_the_next_one(master):
    """Its connection is closed, so that its answer is nobody else's."""
    gate = threading.Event()
    asked = threading.Event()

    def late(_: object) -> dict[str, str]:
        asked.set()
        gate.wait()
        return {"records": "late"}

    master.answers["GET", "/v1/journal"] = late

    async def main() -> None:
        async with procman.AsyncClient(master.url) as client:
            await client.master()
            call = asyncio.create_task(client.journal())
            await asyncio.to_thread(asked.wait)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await client.master())["pid"] == 4711

    asyncio.run(main())
    gate.set()


def test_a_stream_ends_when_it_is_closed(ask, master):
    """What comes later is not waited for."""
    gate = threading.Event()
    master.answers["GET", "/v1/events"] = Stream(b"data: {}\n\n", b"data: 1\n\n", between=gate.wait)
    if ask.blocks:
        with procman.Client(master.url) as client, client.events() as stream:
            next(stream)
            stream.close()
            assert list(stream) == []
    else:

        async def main() -> None:
            async with procman.AsyncClient(master.url) as client, client.events() as stream:
                await anext(stream)
                await stream.close()
                assert [item async for item in stream] == []

        asyncio.run(main())
    gate.set()
