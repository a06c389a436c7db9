"""What writes into the master's log about one feature each."""

from procman.core.fleet import Fleet
from procman.daemon.health_log import HealthLog
from procman.daemon.hook_log import HookLog
from procman.daemon.rolling_log import RollingLog
from procman.daemon.schedule_log import ScheduleLog
from procman.daemon.socket_log import SocketLog
from procman.daemon.update_log import UpdateLog
from procman.logs.protocol import Log
from procman.runtime.bus import Interest, Subscriber


def tellers(fleet: Fleet, log: Log) -> tuple[tuple[Subscriber, tuple[Interest, ...]], ...]:
    """Each with what it is to be told."""
    hooks, health, schedules = HookLog(log), HealthLog(fleet, log), ScheduleLog(fleet, log)
    sockets, rolling, updates = SocketLog(log), RollingLog(log), UpdateLog(log)
    return (
        (hooks.hear, hooks.hears),
        (health.tell, health.hears),
        (schedules.tell, schedules.hears),
        (sockets.tell, sockets.hears),
        (rolling.tell, rolling.hears),
        (updates.tell, updates.hears),
    )
