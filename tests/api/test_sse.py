"""/v1/events: a snapshot, then the changes; bounded, and silent when nothing changes."""

import asyncio
import contextlib
import json
import signal
from types import SimpleNamespace

import pytest

from procman.api import sse
from procman.api.sse import EventStream
from procman.client.api_client import Client
from procman.core.actions import Announce, AnnounceGroup, AnnounceGroupChanged, AnnounceMaster, ProcessRemoved
from procman.core.states import MasterState, State
from procman.http.messages import Request
from procman.http.router import Router
from procman.services.changes import Changes
from tests.support.browser import program
from tests.support.notifications import notify
from tests.support.programs import program as definition
from tests.support.running_master import RunningMaster
from tests.support.statuses import status


class FakeControl:
    """Processes with the states in `states`; a name that is removed from it is gone."""

    def __init__(self, *names):
        self.states = dict.fromkeys(names, "RUNNING")
        self.asked = 0

    def statuses(self):
        return [status(name, state) for name, state in self.states.items()]

    def status(self, name):
        self.asked += 1
        return status(name, self.states[name]) if name in self.states else None

    def lost(self, _):
        return 0

    def names(self, group):
        return [name for name in self.states if name.partition(":")[0] == group]


class Told:
    """An EventStream on fakes: `happens` stands for a notification of the engine."""

    def __init__(self, *names):
        self.control = FakeControl(*names)
        self.subscribers = []
        changes = Changes(SimpleNamespace(subscribe=self._subscribe), self.control)
        self.events = EventStream(self.control, changes, lambda _: {"statename": self.master})
        self.master = "RUNNING"
        self.router = Router()
        self.events.add_to(self.router)

    def _subscribe(self, subscriber):
        self.subscribers.append(subscriber)
        return lambda: self.subscribers.remove(subscriber)

    def happens(self, name, state=None):
        if state is None:
            del self.control.states[name]
            self._tell(ProcessRemoved(name))
        else:
            self.control.states[name] = state
            self._tell(Announce(name, definition(name), State.RUNNING, State.EXITED, 1))

    def _tell(self, news):
        for subscriber in tuple(self.subscribers):
            subscriber(notify(news))

    async def client(self, query=""):
        answer = await self.router(Request.of("GET", f"/v1/events{query}"))
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        return answer.body


async def message(stream):
    """The event and the data of the next message."""
    text = (await anext(stream)).decode()
    assert text.endswith("\n\n")
    fields = dict(line.split(": ", 1) for line in text.rstrip("\n").split("\n"))
    return fields["event"], json.loads(fields["data"])


def states(told):
    """The same with no more of each process than its state."""
    event, data = told
    return event, data | {"processes": {process["namespec"]: process["statename"] for process in data["processes"]}}


def run(test):
    async def bounded():
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


def test_a_client_gets_a_snapshot_and_then_the_changes():
    """The snapshot has all processes; later messages only those that have changed."""
    told = Told("web", "db")

    async def test():
        stream = await told.client()
        event, data = await message(stream)
        assert (event, data["names"], data["master"]) == ("snapshot", ["web", "db"], {"statename": "RUNNING"})
        assert [process["namespec"] for process in data["processes"]] == ["web", "db"]
        told.happens("db", "EXITED")
        assert states(await message(stream)) == ("change", {"processes": {"db": "EXITED"}})
        told.happens("web")
        assert await message(stream) == ("change", {"processes": [], "gone": ["web"]})

    run(test)


def test_rapid_changes_are_sent_together(monkeypatch):
    """After a message there is a pause; a thousand changes during it are one message with the last state."""
    told = Told("web", "db")
    pause = asyncio.Event()
    real = sse.happens

    async def happens(event, seconds):
        return await (pause.wait() if seconds == sse.INTERVAL else real(event, seconds))

    monkeypatch.setattr(sse, "happens", happens)

    async def test():
        stream = await told.client()
        await message(stream)
        told.happens("web", "EXITED")
        await message(stream)
        following = asyncio.create_task(message(stream))
        for number in range(1000):
            told.happens("web", ("STARTING", "BACKOFF")[number % 2])
            await asyncio.sleep(0)
        told.happens("db", "EXITED")
        assert not following.done()
        pause.set()
        event, data = await following
        assert event == "change"
        assert {process["namespec"]: process["statename"] for process in data["processes"]} == {
            "web": "BACKOFF",
            "db": "EXITED",
        }

    run(test)


def test_a_client_says_how_often_it_wants_to_hear(monkeypatch):
    """With interval= the pause is longer, but not before the snapshot is complete."""
    monkeypatch.setattr(sse, "BATCH", 1)
    told = Told("web", "db", "cron")
    pauses = []
    real = sse.happens

    async def happens(event, seconds):
        if seconds == sse.KEEPALIVE:
            return await real(event, seconds)
        pauses.append(seconds)
        return False

    monkeypatch.setattr(sse, "happens", happens)

    async def test():
        stream = await told.client("?interval=2.5")
        for _ in range(3):
            await message(stream)
        told.happens("web", "EXITED")
        await message(stream)
        await stream.aclose()

    run(test)
    assert pauses == [sse.INTERVAL, 2.5]


@pytest.mark.parametrize("text", ["0", "0.05", "61", "nan", "soon", ""])
def test_an_interval_that_cannot_be_is_refused(text):
    """A client that wants to hear more often than anybody may, or hardly ever, gets a 400."""

    async def test():
        answer = await Told("web").router(Request.of("GET", f"/v1/events?interval={text}"))
        assert answer.status == 400
        assert b"from 0.1 to 60" in answer.body

    run(test)


def test_a_client_that_does_not_read_costs_only_names():
    """For a slow client the server keeps the names of changed processes, not each change."""
    told = Told("web", "db")

    async def test():
        stream = await told.client()
        await message(stream)
        for number in range(10_000):
            told.happens("web", str(number))
        (client,) = told.events._clients
        assert list(client.names) == ["web"]
        await stream.aclose()

    run(test)


def test_many_processes_are_sent_in_batches(monkeypatch):
    """No message holds the loop for long; the first one has the names of all processes."""
    monkeypatch.setattr(sse, "BATCH", 10)
    monkeypatch.setattr(sse, "INTERVAL", 0)
    names = [f"p{number}" for number in range(25)]
    told = Told(*names)

    async def test():
        stream = await told.client()
        parts = [(await message(stream))[1] for _ in range(3)]
        assert parts[0]["names"] == names
        assert [[process["namespec"] for process in part["processes"]] for part in parts] == [
            names[:10],
            names[10:20],
            names[20:],
        ]

    run(test)


def test_a_new_group_is_sent_even_if_it_does_not_start():
    """A process without autostart is not announced, so its group is enough."""
    told = Told("web")

    async def test():
        stream = await told.client()
        await message(stream)
        told.control.states["pool:a"] = "STOPPED"
        told._tell(AnnounceGroup("pool", added=True))
        assert states(await message(stream)) == ("change", {"processes": {"pool:a": "STOPPED"}})
        told.control.states["pool:b"] = "STOPPED"
        from tests.support.programs import group

        told._tell(AnnounceGroupChanged(group("pool")))
        assert len((await message(stream))[1]["processes"]) == 2

    run(test)


def test_the_state_of_the_master_is_sent():
    """A shutdown is sent as a change of the master."""
    told = Told("web")

    async def test():
        stream = await told.client()
        await message(stream)
        told.master = "SHUTDOWN"
        told._tell(AnnounceMaster(MasterState.SHUTDOWN, ("web",)))
        assert await message(stream) == ("change", {"master": {"statename": "SHUTDOWN"}, "processes": []})

    run(test)


def test_without_clients_there_is_no_subscription():
    """Without clients the stream subscribes to nothing and keeps nothing."""
    told = Told("web")

    async def test():
        assert told.subscribers == []
        streams = [await told.client() for _ in range(2)]
        for stream in streams:
            await message(stream)
        assert len(told.subscribers) == 1
        for stream in streams:
            await stream.aclose()
        assert told.subscribers == []
        assert told.events._texts == {}

    run(test)


def test_a_silent_stream_sends_comments_only(monkeypatch):
    """A comment keeps proxies from closing a silent stream, and asks for no state."""
    monkeypatch.setattr(sse, "KEEPALIVE", 0.001)
    told = Told("web")

    async def test():
        stream = await told.client()
        await message(stream)
        asked = told.control.asked
        for _ in range(3):
            assert await anext(stream) == b":\n\n"
        assert told.control.asked == asked

    run(test)


def test_the_text_of_a_process_is_made_once_for_all_clients(monkeypatch):
    """Fifty clients cost one look at a changed process."""
    monkeypatch.setattr(sse.time, "time", lambda: 1000.0)
    told = Told("web")

    async def test():
        streams = [await told.client() for _ in range(50)]
        for stream in streams:
            await message(stream)
        told.control.asked = 0
        told.happens("web", "EXITED")
        for stream in streams:
            assert (await message(stream))[1]["processes"][0]["statename"] == "EXITED"
        assert told.control.asked == 1

    run(test)


def test_a_client_too_many_gets_a_503(monkeypatch):
    """A client too many gets a 503, and is accepted when another has gone."""
    monkeypatch.setattr(sse, "MOST_CLIENTS", 2)
    told = Told("web")

    async def test():
        streams = [await told.client() for _ in range(2)]
        for stream in streams:
            await message(stream)
        assert (await told.router(Request.of("GET", "/v1/events"))).status == 503
        await streams.pop().aclose()
        assert (await told.router(Request.of("GET", "/v1/events"))).status == 200

    run(test)


def test_closing_sends_the_last_changes():
    """The streams end after the last changes have been sent."""
    told = Told("web")

    async def test():
        stream = await told.client()
        await message(stream)
        told.happens("web", "STOPPED")
        told.events.close()
        assert (await message(stream))[1]["processes"][0]["statename"] == "STOPPED"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(test)


def test_the_real_master_streams_real_programs(tmp_path):
    """A real connection gets the snapshot, a death, the shutdown, and an orderly end of the stream."""
    with contextlib.closing(RunningMaster(tmp_path, program("echo"))) as master:
        _hear_a_life(master)


def _hear_a_life(master):
    master.wait_for("success: echo")
    with contextlib.closing(Client(f"unix://{master.socket}")) as client, client.stream("GET", "/v1/events") as stream:
        messages = parsed(stream)
        event, data = next(messages)
        assert event == "snapshot"
        assert data["names"] == ["echo"]
        assert data["master"]["config_file"] == str(master.file)
        pid = data["processes"][0]["pid"]
        master.say("echo", "exit 3\n")
        assert any(process["pid"] not in (0, pid) for _, data in messages for process in data["processes"])
        master.signal(signal.SIGTERM)
        last = list(messages)
        assert any(data.get("master", {}).get("statename") == "SHUTDOWN" for _, data in last)
        assert [process["statename"] for _, data in last for process in data["processes"]][-1] == "STOPPED"
    assert master.to_the_end() == 0


def parsed(stream):
    text = b""
    for piece in stream:
        text += piece
        while b"\n\n" in text:
            one, _, text = text.partition(b"\n\n")
            fields = dict(line.split(": ", 1) for line in one.decode().split("\n"))
            yield fields["event"], json.loads(fields["data"])
