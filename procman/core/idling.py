"""Whether anybody uses a process that is started by connections (`lazy`), and its rest. No I/O and no clock here.

- With `idle_stop` its sockets are looked at again and again while it is RUNNING. A look says whether there is a
  connection, or has been one since the look before. It is stopped when none was seen for so long, and then waits for
  the next connection; it stays wanted.
- What cannot be looked at counts as in use.
- A connection starts what waits for one (`Process.listens`); so does a socket that cannot be opened, as that is a
  failed start like any other.
"""

from dataclasses import replace

from procman.core.actions import Action, AnnounceSockets, LookAtSockets
from procman.core.events import ConnectionSeen, SocketsSeen
from procman.core.process import Process, SocketUse
from procman.core.spec import ProcessSpec
from procman.core.starting import launch
from procman.core.states import State
from procman.core.stopping import take_down

# What the reason of such a stop begins with.
IDLE = "idle: "
# So many looks within idle_stop; but between two of them there is never less or more than that, in seconds.
LOOKS = 4
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 60.0
# A look that has not been answered by then is made again, in seconds.
LOOK_LOST = 60.0


def begin_use(process: Process, now: float) -> None:
    """It has just become RUNNING."""
    if process.program.idle_stop is not None:
        process.use = SocketUse(used_at=now)
        process.deadlines = replace(process.deadlines, idle=now + _pause(process.program.idle_stop))


def change_use(process: Process, before: ProcessSpec, now: float) -> None:
    """It has another definition now, and is RUNNING."""
    if before.idle_stop != process.program.idle_stop:
        process.deadlines = replace(process.deadlines, idle=None)
        begin_use(process, now)


def look_at_use(process: Process, now: float) -> list[Action]:
    """It is time to look at its sockets."""
    process.use.looking = True
    process.deadlines = replace(process.deadlines, idle=now + LOOK_LOST)
    return [LookAtSockets(process.name, process.attempt, process.program.addresses)]


def look_at_use_again(process: Process) -> LookAtSockets | None:
    """The look that is under way, as an order: another process image has to begin it anew."""
    if process.state is not State.RUNNING or not process.use.looking:
        return None
    return LookAtSockets(process.name, process.attempt, process.program.addresses)


def use_seen(process: Process, event: SocketsSeen, now: float) -> list[Action]:
    """The look was made."""
    use, limit = process.use, process.program.idle_stop
    asked = use.looking and event.run == process.attempt and process.state is State.RUNNING
    if not asked or limit is None or process.deadlines.idle is None:
        return []
    use.looking = False
    if event.busy or use.used_at is None:
        use.used_at = now
    over = use.used_at + limit
    if now < over or not process.program.lazy or process.ties.deferred:
        again = min(now + _pause(limit), over) if now < over else now + limit
        process.deadlines = replace(process.deadlines, idle=again)
        return []
    use.idle = True
    return take_down(process, now, f"{IDLE}no connection for {limit:g} s")


def connected(process: Process, event: ConnectionSeen, now: float) -> list[Action]:
    """A connection waits, or cannot be waited for."""
    if not process.listens:
        return []
    process.failures = 0
    news = [] if event.place < 0 else [AnnounceSockets(process.name, process.program, "connection", event.place)]
    return [*news, *launch(process, now)]


def _pause(limit: float) -> float:
    return min(max(limit / LOOKS, SHORTEST_PAUSE), LONGEST_PAUSE)
