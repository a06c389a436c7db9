"""A pool: the processes of one `[eventlistener:x]`, and the events queued for them. Pure: no I/O and no clock here.

The rules, which are those of supervisord 4.3.0:

- An event goes to the first process, by priority and name, that is RUNNING and READY. Until there is one, it is queued;
  the oldest goes first.
- At most `buffer_size` events are queued. A further one replaces the oldest.
- An event that a process rejected, or had when it ended, is queued first again, with the same serials. That may drop
  another one.
- The pool logs with supervisord's texts, which name a process without its group.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from procman.config.schema.groups import Group, ListenerOptions
from procman.core.spec import ProcessSpec
from procman.events.payloads import Event, envelope, new_event
from procman.events.protocol import BadLine, Changed, Conversation, ListenerState, Result
from procman.events.result_handlers import Handler, is_rejection
from procman.logs.protocol import Log

# So many bytes of an invalid result line are shown in the log.
MOST_SHOWN = 200

# Writes a whole event to a process. False: it has not read the previous data. Raises BrokenPipeError if it never
# will.
Deliver = Callable[[str, bytes], bool]


@dataclass(slots=True)
class Member:
    """One process of a pool. It has a conversation from its spawn to its end."""

    name: str  # without its group
    running: bool = False
    conversation: Conversation | None = None
    event: Event | None = None  # what it is busy with

    @property
    def free(self) -> bool:
        """Whether it can get an event."""
        return self.running and self.conversation is not None and self.conversation.state is ListenerState.READY


Data = dict[str, Any]


class Pool:
    """Gets events by `accept` and sends them by `dispatch`; changes of its processes come in by namespec."""

    def __init__(self, group: Group, handler: Handler, server: str, log: Log) -> None:
        """`group` is that of an event listener, `server` the master's identifier."""
        assert group.listener is not None
        self.name = group.name
        self.options: ListenerOptions = group.listener
        self._handler = handler
        self._server = server
        self._log = log
        self._serial = 0  # of the next event in this pool
        self._buffer: deque[Event] = deque()
        self._members: dict[str, Member] = {}
        self.change(group)

    @property
    def waiting(self) -> int:
        """The number of queued events."""
        return len(self._buffer)

    def wants(self, event: Event) -> bool:
        """Whether it has subscribed to the type of the event, or to one that includes it."""
        return not set(self.options.events).isdisjoint(event.types)

    def change(self, group: Group) -> None:
        """Take over the processes of the changed group, and their order. Removed ones are read until they end."""
        now = {program.namespec: program for program in group.programs}
        before = self._members
        self._members = {name: before.get(name) or Member(program.name) for name, program in now.items()}
        leaving = {name: member for name, member in before.items() if name not in now and member.conversation}
        self._members |= leaving

    def snapshot(self) -> Data:
        """The pool as plain data, from which another process image continues."""
        return {
            "name": self.name,
            "serial": self._serial,
            "waiting": [_written(event) for event in self._buffer],
            "members": [
                {
                    "name": name,
                    "running": member.running,
                    "conversation": member.conversation and member.conversation.snapshot(),
                    "event": member.event and _written(member.event),
                }
                for name, member in self._members.items()
            ],
        }

    def restore(self, data: Data) -> None:
        """Continue from what `snapshot` returned."""
        self._serial = data["serial"]
        self._buffer = deque(_read(event) for event in data["waiting"])
        for known in data["members"]:
            member = self._members.setdefault(known["name"], Member(known["name"].rpartition(":")[2]))
            member.running = known["running"]
            if known["conversation"] is not None:
                member.conversation = Conversation()
                member.conversation.restore(known["conversation"])
            member.event = known["event"] and _read(known["event"])

    # ---- events

    def accept(self, event: Event) -> None:
        """Queue an event, which has a serial."""
        event.pool_serials[self.name] = self._serial
        self._serial += 1
        self._make_room()
        self._buffer.append(event)

    def dispatch(self, deliver: Deliver) -> None:
        """Send events to free processes, as long as there are both."""
        while self._buffer and self._send(self._buffer[0], deliver):
            self._buffer.popleft()

    @property
    def ready(self) -> bool:
        """Whether there is an event to dispatch, and a listener to dispatch it to."""
        return bool(self._buffer) and any(member.free for member in self._members.values())

    # ---- processes

    def spawned(self, name: str, program: ProcessSpec) -> None:
        """A process was started; it is not RUNNING yet, but may write."""
        member = self._members.setdefault(name, Member(program.name))
        member.conversation = Conversation()

    def runs(self, name: str, *, running: bool) -> None:
        """A process has become RUNNING, or is no longer."""
        if name in self._members:
            self._members[name].running = running

    def ended(self, name: str) -> None:
        """A process has ended; its event is queued first again."""
        member = self._members.get(name)
        if member is None:
            return
        member.running = False
        member.conversation = None
        self._take_back(member)

    def state_of(self, name: str) -> ListenerState | None:
        """How far the conversation with a process is; None: there is none."""
        member = self._members.get(name)
        return None if member is None or member.conversation is None else member.conversation.state

    def dismissed(self, name: str) -> None:
        """A process has left the group for good."""
        self._members.pop(name, None)

    def heard(self, name: str, data: bytes) -> None:
        """A process has written to its stdout."""
        member = self._members.get(name)
        if member is None or member.conversation is None:
            # A descendant of an ended listener has written it.
            return
        conversation = member.conversation
        conversation.feed(data)
        while (heard := conversation.next()) is not None:
            match heard:
                case Changed():
                    self._tell(member, heard)
                    member.event = None
                case Result(response):
                    self._judge(member, conversation, response)
                case BadLine(line):
                    self._log.warn(f"{member.name}: bad result line: '{_shown(line)}'")
                    self._tell(member, conversation.judged(understood=False))
                    self._take_back(member)

    # ---- helpers

    def _make_room(self) -> None:
        if len(self._buffer) >= self.options.buffer_size:
            dropped = self._buffer.popleft()
            self._log.error(f"pool {self.name} event buffer overflowed, discarding event {dropped.serial}")

    def _send(self, event: Event, deliver: Deliver) -> bool:
        data: bytes | None = None
        for name, member in self._members.items():
            if not member.free:
                continue
            if data is None:
                data = envelope(event, self._server, self.name)
            try:
                taken = deliver(name, data)
            except BrokenPipeError:
                self._log.debug(
                    f"epipe occurred while sending event {event.serial} to listener {member.name}, "
                    "listener state unchanged"
                )
                continue
            if taken and member.conversation is not None:
                member.conversation.sent()
                member.event = event
                self._log.debug(f"event {event.serial} sent to listener {member.name}")
                return True
        return False

    def _judge(self, member: Member, conversation: Conversation, response: bytes) -> None:
        assert member.event is not None
        try:
            self._handler(member.event, response)
        except BaseException as error:  # noqa: BLE001 - whatever it raises, even SystemExit, the master goes on
            understood = is_rejection(error)
            if understood:
                self._log.warn(f"{member.name}: event was rejected")
            else:
                self._log.warn(f"{member.name}: event caused an error")
                self._log.error(
                    f"{self.options.result_handler} failed to handle the result of {member.name}: "
                    f"{type(error).__name__}: {error}"
                )
            self._tell(member, conversation.judged(understood=understood))
            self._take_back(member)
        else:
            self._log.debug(f"{member.name}: event was processed")
            self._tell(member, conversation.judged(understood=True))
            member.event = None

    def _take_back(self, member: Member) -> None:
        event, member.event = member.event, None
        if event is None:
            return
        self._log.debug(
            f"rebuffering event {event.serial} for pool {self.name} (buf size={len(self._buffer)}, "
            f"max={self.options.buffer_size})"
        )
        self._make_room()
        self._buffer.appendleft(event)

    def _tell(self, member: Member, change: Changed) -> None:
        self._log.debug(f"{member.name}: {change.before.name} -> {change.after.name}")
        if change.after is ListenerState.UNKNOWN:
            self._log.warn(
                f"{member.name}: has entered the UNKNOWN state and will no longer receive events, this usually "
                "indicates the process violated the eventlistener protocol"
            )


def _written(event: Event) -> Data:
    return {"name": event.name, "text": event.text, "serial": event.serial, "pool_serials": event.pool_serials}


def _read(data: Data) -> Event:
    event = new_event(data["name"], data["text"])
    event.serial, event.pool_serials = data["serial"], data["pool_serials"]
    return event


def _shown(line: bytes) -> str:
    try:
        text = line[:MOST_SHOWN].decode()
    except UnicodeDecodeError:
        text = f"Undecodable: {line[:MOST_SHOWN]!r}"
    return text if len(line) <= MOST_SHOWN else f"{text}…"
