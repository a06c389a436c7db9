"""A pool of event listeners without processes, and a record of what it sends."""

from itertools import count

from procman.config.schema.groups import Group, ListenerOptions
from procman.events.payloads import new_event
from procman.events.pool import Pool
from procman.events.result_handlers import default_handler
from tests.support.programs import program


class RecordedLog:
    """A log in memory: each line with its level."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def critical(self, text: str) -> None:
        self.lines.append(("critical", text))

    def error(self, text: str) -> None:
        self.lines.append(("error", text))

    def warn(self, text: str) -> None:
        self.lines.append(("warn", text))

    def info(self, text: str) -> None:
        self.lines.append(("info", text))

    def debug(self, text: str) -> None:
        self.lines.append(("debug", text))

    def trace(self, text: str) -> None:
        self.lines.append(("trace", text))

    def blather(self, text: str) -> None:
        self.lines.append(("blather", text))

    def texts(self, level: str) -> list[str]:
        return [text for at, text in self.lines if at == level]


def listeners(*names, events=("EVENT",), buffer_size=10, result_handler="supervisor.dispatchers:default_handler"):
    """The group of an event listener with these processes."""
    return Group(
        name="pool",
        kind="eventlistener",
        programs=tuple(program(name, "pool") for name in names),
        listener=ListenerOptions(events=tuple(events), buffer_size=buffer_size, result_handler=result_handler),
    )


class Driven:
    """A pool with its processes; `sent` has (process, serial) of every event sent, in order."""

    def __init__(self, *names, handler=default_handler, **options):
        self.log = RecordedLog()
        self.group = listeners(*names, **options)
        self.pool = Pool(self.group, handler, "here", self.log)
        self.sent = []
        self.closed = set()  # processes that cannot read any more
        self.full = set()  # processes that have not read their last event
        self._serials = count()

    def up(self, *names):
        for name in names:
            self.spawn(name)
            self.pool.runs(f"pool:{name}", running=True)
            self.say(name, b"READY\n")

    def spawn(self, name):
        self.pool.spawned(f"pool:{name}", program(name, "pool"))

    def say(self, name, data):
        self.pool.heard(f"pool:{name}", data)

    def ok(self, name):
        self.say(name, b"RESULT 2\nOKREADY\n")

    def fail(self, name):
        self.say(name, b"RESULT 4\nFAILREADY\n")

    def die(self, name):
        self.pool.ended(f"pool:{name}")

    def happen(self, times=1):
        for _ in range(times):
            event = new_event("TICK_5", "when:0")
            event.serial = next(self._serials)
            self.pool.accept(event)

    def dispatch(self):
        """Dispatch, and return what was sent."""
        before = len(self.sent)
        self.pool.dispatch(self._deliver)
        return self.sent[before:]

    def _deliver(self, name, data):
        short = name.partition(":")[2]
        if short in self.closed:
            raise BrokenPipeError
        if short in self.full:
            return False
        words = dict(word.split(":") for word in data.split(b"\n")[0].decode().split())
        self.sent.append((short, int(words["serial"])))
        return True
