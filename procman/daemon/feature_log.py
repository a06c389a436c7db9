"""Writes into the master's log what features do: hooks, health, schedules, sockets, rolling restarts, watches, updates.

What happens to processes in general is written by `event_log`, in supervisor's words.
"""

from collections.abc import Callable
from typing import Any

from procman.core.actions import (
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceRefresh,
    AnnounceRefreshed,
    AnnounceRolling,
    AnnounceSchedule,
    AnnounceSockets,
    AnnounceWatch,
    RunHook,
    SkipHook,
)
from procman.core.fleet import Fleet
from procman.core.spec import Hook
from procman.core.states import State
from procman.core.watches import MOST, WINDOW
from procman.logs.protocol import Log
from procman.runtime.bus import ConfirmationNews, HookRan, Notification
from procman.runtime.definitions import program_of
from procman.runtime.hook_words import short_command
from procman.services.explain_texts import counted
from procman.services.rolling_words import why_stopped
from procman.services.schedule_words import with_offset
from procman.system.signals import signal_name

# Of the output of a hook that has failed; the journal has more of it.
MOST_LINES = 3

_NEXT = {Hook.PRE_START: ", so it is not started", Hook.STOP_COMMAND: ", so the stop signal is sent"}
_WATCH_DOES = {
    "restart": "restarting",
    "start": "starting again",
    "reload": "reading its configuration again",
    "exec": "running the command of watch_action",
}
_UPDATE_WARNINGS = frozenset({"rolling back", "rolled back", "left", "unfinished"})


class FeatureLog:
    """Subscribe `tell` to the bus, for what it `hears`."""

    def __init__(self, fleet: Fleet, log: Log) -> None:
        """The fleet is only read."""
        self._fleet = fleet
        self._log = log
        self._tellers: dict[type, Callable[[Any], None]] = {
            **dict.fromkeys((RunHook, SkipHook, HookRan, AnnounceRefresh, AnnounceRefreshed), self._tell_of_hook),
            **dict.fromkeys((AnnounceHealth, AnnounceHealthPause), self._tell_of_health),
            AnnounceSchedule: self._tell_of_schedule,
            AnnounceSockets: self._tell_of_sockets,
            AnnounceRolling: self._tell_of_rolling,
            AnnounceWatch: self._tell_of_watch,
            ConfirmationNews: self._tell_of_update,
        }
        self.hears = tuple(self._tellers)

    def tell(self, notification: Notification) -> None:
        """Write down what has happened."""
        event = notification.event
        if isinstance(event, AnnounceSchedule) and event.what == "on" and _is_of_the_boot(notification):
            return  # all schedules that start with procman, which goes without saying
        self._tellers[type(event)](event)

    def _tell_of_hook(self, event: RunHook | SkipHook | HookRan | AnnounceRefresh | AnnounceRefreshed) -> None:
        match event:
            case RunHook(name=name, hook=hook, command=command):
                self._log.info(f"{hook.value} of '{name}': {short_command(command)} begins")
            case SkipHook(name=name, hook=hook, reason=reason):
                self._log.warn(f"{hook.value} of '{name}' is skipped: {reason}")
            case HookRan(name=name, hook=hook, command=command, ok=True, seconds=seconds):
                self._log.info(f"{hook.value} of '{name}': {command} is done, after {round(seconds, 3):g} s")
            case HookRan(name=name, hook=hook, words=words, ignored=ignored, lines=lines):
                said = "".join(f"; it wrote: {line}" for line in lines[-MOST_LINES:])
                follows = ", which is ignored" if ignored else _NEXT.get(hook, "")
                self._log.warn(f"{hook.value} of '{name}': {words}{follows}{said}")
            case AnnounceRefresh(name, words):
                self._log.info(f"'{name}' is to read its configuration again: {words}")
            case AnnounceRefreshed(name, ok=True):
                self._log.info(f"refreshed: '{name}' has read its configuration again")
            case AnnounceRefreshed(name, words=words):
                self._log.warn(f"'{name}' was not refreshed: {words}")

    def _tell_of_health(self, event: AnnounceHealth | AnnounceHealthPause) -> None:
        process = self._fleet.processes.get(event.name)
        name = process.program.name if process else event.name  # as in supervisor's log, without the group
        match event:
            case AnnounceHealth(healthy=False, words=words):
                # A restart has a line of its own, which says the same.
                if process is None or not process.sick or process.state is not State.STOPPING:
                    self._log.warn(f"unhealthy: {name} ({words})")
            case AnnounceHealth(before=False, words=words):
                self._log.info(f"healthy again: {name} ({words})")
            case AnnounceHealthPause(_, seconds, reason) if seconds:
                why = f" ({reason})" if reason else ""
                self._log.info(f"the health of {name} is not looked at for {seconds:g} s{why}")
            case AnnounceHealthPause():
                self._log.info(f"the health of {name} is looked at again")
            case _:
                pass

    def _tell_of_schedule(self, news: AnnounceSchedule) -> None:
        """That a run begins is told as any start."""
        if (process := self._fleet.processes.get(news.name)) is None:
            return
        program = program_of(process.definition)
        name, when = program.name, f" of {with_offset(program, news.time)}" if news.time else ""
        match news.what:
            case "skipped" if news.count > 1:
                self._log.warn(f"{name}: {news.count} runs were left out in all while one was under way")
            case "skipped":
                how = program.schedule_overlap
                self._log.warn(f"{name}: the run{when} is left out, as one is under way (schedule_overlap={how})")
            case "missed" if not news.time:
                # The newest one runs: these passed unseen before it.
                were = "an earlier run was" if news.count == 1 else f"{news.count} earlier runs were"
                self._log.warn(f"{name}: {were} missed: procman was down, the machine suspended, or it was off")
            case "missed" if news.count > 1:
                self._log.warn(f"{name}: {news.count} runs were missed, the last one{when} (schedule_deadline)")
            case "missed":
                self._log.warn(f"{name}: the run{when} was missed (schedule_deadline)")
            case "queued":
                self._log.info(f"{name}: the run{when} waits for the end of the present one (schedule_overlap=queue)")
            case "dropped":
                self._log.info(f"{name}: the run{when} that was queued is dropped")
            case "off":
                self._log.info(f"{name}: its schedule is off")
            case "on":
                self._log.info(f"{name}: its schedule is on")
            case _:
                pass

    def _tell_of_sockets(self, news: AnnounceSockets) -> None:
        program = news.program
        match news.what:
            case "listening":
                places = ", ".join(address.url for address in program.addresses)
                self._log.info(f"{program.name} waits for a connection on {places}")
            case "connection":
                self._log.info(f"{program.name} has a connection on {program.addresses[news.place].url}")
            case _:
                self._log.info(f"{program.name} does not wait for a connection any more")

    def _tell_of_rolling(self, news: AnnounceRolling) -> None:
        what = "putting back the earlier definition" if news.aborting else "rolling restart"
        match news.what:
            case "began":
                self._log.info(f"{news.program}: {what} of {counted(news.total, 'process', 'processes')} began")
            case "continued":
                self._log.info(f"{news.program}: {what} goes on, {news.ready} of {news.total} are ready")
            case "ready":
                self._log.info(f"{news.program}: {what}: {news.name} is ready, {news.ready} of {news.total}")
            case "done":
                self._log.info(f"{news.program}: {what} is done, {news.ready} of {news.total} were restarted")
            case "stopped" | "ended":
                self._log.warn(why_stopped(news) or f"{news.program}: {what} ended: {news.reason}")
            case _:
                pass

    def _tell_of_watch(self, news: AnnounceWatch) -> None:
        if (process := self._fleet.processes.get(news.name)) is None:
            return
        match news.what:
            case "suspended":
                self._log.warn(
                    f"{news.name}: {news.words}, and {MOST} times before within {WINDOW:g} s, each time just after the "
                    "last: its files are not watched any more. If it writes them itself, add them to watch_ignore and "
                    f"run procmanctl update; procmanctl restart {news.name} watches them again"
                )
            case "resumed":
                self._log.info(f"{news.name}: its files are watched again")
            case "signal":
                number = process.program.watch_action.signal
                self._log.info(f"{news.name}: sending {signal_name(number)}: {news.words}")
            case what:
                self._log.info(f"{news.name}: {_WATCH_DOES[what]}: {news.words}")

    def _tell_of_update(self, news: ConfirmationNews) -> None:
        """That is to be confirmed."""
        say = self._log.warn if news.what in _UPDATE_WARNINGS else self._log.info
        say(f"update {news.operation} {news.words}")


def _is_of_the_boot(notification: Notification) -> bool:
    return notification.actor is not None and notification.actor.kind == "boot"
