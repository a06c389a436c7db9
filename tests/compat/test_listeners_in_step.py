"""The same steps in supervisor's own event listener pool and in procman's, without processes."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.config.schema.groups import Group, ListenerOptions
from procman.events.payloads import new_event
from procman.events.pool import Pool
from procman.events.result_handlers import default_handler
from tests.support.programs import program

events = pytest.importorskip("supervisor.events", reason="the oracle is not installed: pip install supervisor")
dispatchers = pytest.importorskip("supervisor.dispatchers")
process = pytest.importorskip("supervisor.process")
states = pytest.importorskip("supervisor.states")

NAMES = ("a", "b", "c")
# What a process may write; together they make every sort of sense and nonsense. No result of 0 bytes: supervisord
# waits for another byte before it looks at that.
WORDS = (
    b"READY\n",
    b"RESULT 2\nOK",
    b"RESULT 4\nFAIL",
    b"RESULT 3\nOK\n",
    b"RESULT x\n",
    b"REA",
    b"DY\n",
    b"OK",
    b"\n",
)
ANSWERS = (b"RESULT 2\nOKREADY\n", b"RESULT 4\nFAILREADY\n")

happenings = st.lists(
    st.one_of(
        st.just(("event",)),
        st.just(("event",)),
        st.tuples(st.just("up"), st.sampled_from(NAMES)),
        st.tuples(st.just("stopping"), st.sampled_from(NAMES)),
        st.tuples(st.just("die"), st.sampled_from(NAMES)),
        st.tuples(st.just("say"), st.sampled_from(NAMES), st.sampled_from(WORDS)),
        st.tuples(st.just("say"), st.sampled_from(NAMES), st.just(b"READY\n")),
        st.tuples(st.just("say"), st.sampled_from(NAMES), st.sampled_from(ANSWERS)),
        st.tuples(st.just("close"), st.sampled_from(NAMES)),
    ),
    max_size=60,
)


class Log:
    """Records messages, except supervisord's message for every event without a free process."""

    def __init__(self):
        self.lines = []

    def _say(self, level):
        def say(text):
            if "rebuffering" not in text and " output:" not in text:
                self.lines.append((level, text))

        return say

    def __getattr__(self, level):
        return self._say(level)


class Theirs:
    """Supervisor's pool with fake processes."""

    def __init__(self, buffer_size):
        events.clear()
        process.GlobalSerial.serial = -1
        self.log = Log()
        self.sent = []
        options = SimpleNamespace(logger=self.log, identifier="here", strip_ansi=False, readfd=lambda fd: self.said)
        self.processes = {}
        for name in NAMES:
            config = SimpleNamespace(name=name, priority=999, stdout_logfile=None, options=options)
            listener = process.Subprocess(config)
            listener.write = lambda data, name=name: self._write(name, data)
            config.make_process = lambda group, listener=listener: self._place(listener, group)
            self.processes[name] = listener
        self.pool = process.EventListenerPool(
            SimpleNamespace(
                name="pool",
                priority=-1,
                options=options,
                buffer_size=buffer_size,
                pool_events=[events.EventTypes.TICK],
                result_handler=dispatchers.default_handler,
                process_configs=[listener.config for listener in self.processes.values()],
            )
        )
        self.closed = set()
        self.speakers = {}

    @staticmethod
    def _place(listener, group):
        listener.group = group
        return listener

    def _write(self, name, data):
        if name in self.closed:
            raise OSError(32, "EPIPE")
        self.sent.append((name, data))

    def event(self):
        events.notify(events.Tick5Event(0, None))

    def up(self, name):
        listener = self.processes[name]
        self.closed.discard(name)
        self.speakers[name] = dispatchers.PEventListenerDispatcher(listener, "stdout", 1)
        listener.state = states.ProcessStates.RUNNING

    def stopping(self, name):
        self.processes[name].state = states.ProcessStates.STOPPING

    def die(self, name):
        listener = self.processes[name]
        listener.state = states.ProcessStates.EXITED
        del self.speakers[name]
        if listener.event is not None:
            events.notify(events.EventRejectedEvent(listener, listener.event))
            listener.event = None

    def say(self, name, data):
        self.said = data
        self.speakers[name].handle_read_event()

    def close(self, name):
        self.closed.add(name)

    def dispatch(self):
        self.pool.dispatch()

    def state(self, name):
        return states.getEventListenerStateDescription(self.processes[name].listener_state)

    def waiting(self):
        return [(event.serial, event.pool_serials["pool"]) for event in self.pool.event_buffer]


class Ours:
    """procman's pool with fake processes."""

    def __init__(self, buffer_size):
        self.log = Log()
        self.sent = []
        group = Group(
            name="pool",
            kind="eventlistener",
            programs=tuple(program(name, "pool") for name in NAMES),
            listener=ListenerOptions(events=("TICK",), buffer_size=buffer_size),
        )
        self.pool = Pool(group, default_handler, "here", self.log)
        self.closed = set()
        self._serial = 0

    def _deliver(self, name, data):
        if name in self.closed:
            raise BrokenPipeError
        self.sent.append((name.partition(":")[2], data))
        return True

    def event(self):
        event = new_event("TICK_5", "when:0")
        event.serial, self._serial = self._serial, self._serial + 1
        self.pool.accept(event)

    def up(self, name):
        self.closed.discard(f"pool:{name}")
        self.pool.spawned(f"pool:{name}", program(name, "pool"))
        self.pool.runs(f"pool:{name}", running=True)

    def stopping(self, name):
        self.pool.runs(f"pool:{name}", running=False)

    def die(self, name):
        self.pool.ended(f"pool:{name}")

    def say(self, name, data):
        self.pool.heard(f"pool:{name}", data)

    def close(self, name):
        self.closed.add(f"pool:{name}")

    def dispatch(self):
        self.pool.dispatch(self._deliver)

    def state(self, name):
        return self.pool._members[f"pool:{name}"].conversation.state.name

    def waiting(self):
        return [(event.serial, event.pool_serials["pool"]) for event in self.pool._buffer]


@given(happenings, st.integers(1, 4))
def test_both_pools_do_and_say_the_same(steps, buffer_size):
    """Both send every event to the same process in the same bytes, with the same states and log lines."""
    pools = theirs, ours = Theirs(buffer_size), Ours(buffer_size)
    alive = set()
    for what, *rest in steps:
        name = rest[0] if rest else None
        if name is not None and (what == "up") == (name in alive):
            continue
        alive = alive | {name} if what == "up" else alive - {name} if what == "die" else alive
        for pool in pools:
            getattr(pool, what)(*rest)
            pool.dispatch()
        assert theirs.waiting() == ours.waiting()
        assert {name: theirs.state(name) for name in alive} == {name: ours.state(name) for name in alive}
    assert theirs.sent == ours.sent
    assert theirs.log.lines == ours.log.lines
