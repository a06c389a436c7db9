"""Writes what hooks do into the master's log."""

from procman.core.actions import AnnounceRefresh, AnnounceRefreshed, RunHook, SkipHook
from procman.core.spec import Hook
from procman.logs.protocol import Log
from procman.runtime.bus import HookRan, Notification
from procman.runtime.hook_words import short_command

# Of the output of one that has failed; the journal has more of it.
MOST_LINES = 3

_NEXT = {Hook.PRE_START: ", so it is not started", Hook.STOP_COMMAND: ", so the stop signal is sent"}


class HookLog:
    """Subscribe `hear` to the bus. Processes are named by their namespecs."""

    hears = (RunHook, SkipHook, HookRan, AnnounceRefresh, AnnounceRefreshed)

    def __init__(self, log: Log) -> None:
        self._log = log

    def hear(self, notification: Notification) -> None:
        """Write down what has happened."""
        match notification.event:
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
            case _:
                pass
