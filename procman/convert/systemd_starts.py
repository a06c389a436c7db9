"""How a unit starts, what it waits for, and when it is started again: readiness, dependencies and restarts for systemd.

What the options mean is in systemd.unit(5) and systemd.service(5).
"""

import math
from collections.abc import Iterable, Sequence
from signal import SIGHUP, SIGINT, SIGPIPE, SIGTERM, Signals

from procman.config.schema.programs import Program
from procman.convert.dependencies import RESTARTS, Wait, lost_of_dependencies, lost_of_restarts
from procman.convert.health import lost_of_health
from procman.convert.portability import Carried
from procman.convert.readiness import looks_of, lost_of_readiness, with_bash
from procman.convert.schedules import calendar_events
from procman.convert.unit_file import quoted, raw
from procman.core.spec import Autorestart, ReadyKind

# RestartSec, in seconds: with systemd's default of 0.1 s, StartLimitBurst would soon be reached.
_RESTART_AFTER = 1

# Death by these signals is a failure for supervisor, but not for systemd's on-failure.
_CLEAN = (SIGHUP, SIGINT, SIGTERM, SIGPIPE)

_RESTART = {Autorestart.ALWAYS: "always", Autorestart.UNEXPECTED: "on-failure", Autorestart.NEVER: "no"}

# Larger numbers of tries, and of seconds, mean that there is no limit.
_ENDLESS = 10_000
_INFINITE = 1_000_000_000


def seconds(count: float) -> str:
    """Seconds for systemd, where 0 would mean no limit."""
    if count <= 0:
        return "1ms"
    if count > _INFINITE:
        return "infinity"
    return str(int(count)) if count == int(count) else f"{count:.3f}"


# ------------------------------------------------------------------------------------------------ dependencies


def dependencies(program: Program, waits: Sequence[Wait]) -> list[str]:
    """What has to be up before it; an optional one is only waited for if it starts, too."""
    need = "BindsTo" if program.on_dependency_stop == "stop" else "Requires"
    lines = ["# depends_on"] if waits else []
    for wait in waits:
        # What has succeeded once and ended would be taken for gone.
        binding = "Requires" if wait.condition in ("done", "exited") else need
        lines += [f"{binding}={wait.target}.service"] if not wait.optional else []
        lines.append(f"After={wait.target}.service")
    return lines


# ------------------------------------------------------------------------------------------------ readiness


def kind_of(program: Program) -> list[str]:
    """The type of the service, and how long its start may take."""
    if program.is_oneshot:
        limit = "infinity" if program.run_timeout is None else seconds(program.run_timeout)
        if program.schedule is not None:
            return ["Type=oneshot", "# run_timeout", _within(limit)]  # as long as it is active, no timer starts it
        return ["Type=oneshot", "# done once it has succeeded; run_timeout", "RemainAfterExit=yes", _within(limit)]
    hears = program.watchdog is not None and not any(one.kind is ReadyKind.NOTIFY for one in program.ready)
    if hears and program.watchdog is not None:
        # With Type=exec, too.
        return [*_kind_of(program), "# its children may speak, too", "NotifyAccess=all", *_watchdog(program)]
    return [*_kind_of(program), *_watchdog(program)]


def _watchdog(program: Program) -> list[str]:
    if program.watchdog is None:
        return []
    return ["# watchdog: systemd kills it, and restarts it by Restart=", f"WatchdogSec={seconds(program.watchdog)}"]


def _kind_of(program: Program) -> list[str]:
    if not program.ready:
        return ["Type=exec"]
    limit = "infinity" if program.start_timeout is None else seconds(program.start_timeout)
    if any(condition.kind is ReadyKind.NOTIFY for condition in program.ready):
        return ["Type=notify", "# its children may speak, too", "NotifyAccess=all", _within(limit)]
    return ["Type=exec", _within(limit)]


def timer(program: Program, name: str) -> list[str] | None:
    """What a timer unit says that starts the service of that name; None: it cannot say it."""
    schedule = program.schedule
    assert schedule is not None
    if schedule.every is not None:
        every = seconds(schedule.every)
        lines = [f"OnActiveSec={every}", "# from the start of the run before", f"OnUnitActiveSec={every}"]
    else:
        events = calendar_events(program)
        if events is None:
            return None
        lines = [f"# schedule = {raw(schedule.text)}", *(f"OnCalendar={event}" for event in events)]
        if program.schedule_missed == "once":
            lines.append("Persistent=yes")
        if program.schedule_jitter:
            lines += [f"RandomizedDelaySec={seconds(program.schedule_jitter)}", "FixedRandomDelay=yes"]
    return [*lines, "AccuracySec=1s", f"Unit={name}.service"]


def lost_of_schedules(processes: Iterable[Carried]) -> list[str]:
    """Notes on what timers cannot say."""
    notes = []
    timed = [process.program for process in processes if process.program.schedule is not None]
    for program in timed:
        if program.schedule_overlap != "skip":
            notes.append(
                f"[{program.section}]: schedule_overlap={program.schedule_overlap}: a timer leaves a run out while one "
                "is under way"
            )
        if program.schedule is not None and program.schedule.every is None and program.schedule_missed == "skip":
            notes.append(f"[{program.section}]: schedule_deadline: a timer of a machine that was suspended runs late")
    return notes


def _within(limit: str) -> str:
    return f"TimeoutStartSec={limit}"


def until_ready(program: Program) -> list[str]:
    """Commands after the start; the unit is started when they have ended."""
    looks = looks_of(program, with_bash)
    lines = [f"ExecStartPost=sleep {looks.delay:g}"] if looks.delay else []
    if looks.commands:
        interval = f"{max(program.ready_interval, 0.01):g}"
        script = f"until {looks.shell}; do kill -0 $MAINPID || exit 1; sleep {interval}; done"
        lines.append(f"ExecStartPost=/bin/sh -c {quoted(script, dollars=True)}")
    return ["# ready", *lines] if lines else []


# ------------------------------------------------------------------------------------------------ restarts


def restarts(program: Program) -> list[str]:
    """When it is started again, and after how long."""
    retried = program.is_oneshot and program.startretries > 0
    policy = "on-failure" if retried else _RESTART[program.autorestart]
    lines = [f"Restart={policy}", *_delays(program)]
    good = [_end(code) for code in program.exitcodes if code]
    good += [program.stopsignal.name] if program.stopsignal not in _CLEAN else []
    lines += [f"SuccessExitStatus={' '.join(dict.fromkeys(good))}"] if good else []
    if program.norestart_exitcodes:
        lines.append(f"RestartPreventExitStatus={' '.join(map(_end, program.norestart_exitcodes))}")
    if program.autorestart is Autorestart.UNEXPECTED:
        signals = dict.fromkeys((*_CLEAN, program.stopsignal))
        bad = [signal.name for signal in signals if -signal not in program.exitcodes]
        bad += [] if 0 in program.exitcodes else ["0"]
        lines += ["# under procman, death by any signal is a failure"] if bad else []
        lines += [f"RestartForceExitStatus={' '.join(bad)}"] if bad else []
    return lines


def _end(code: int) -> str:
    """An exit code, or the name of a signal, which is a negative number."""
    return str(code) if code >= 0 else Signals(-code).name


def _delays(program: Program) -> list[str]:
    if program.backoff is None:
        return [f"RestartSec={_RESTART_AFTER}"]
    first, longest = program.backoff
    lines = [f"RestartSec={seconds(first)}"]
    if longest > first:
        steps = _steps(program)
        lines += ["# since systemd 254", f"RestartSteps={steps}", f"RestartMaxDelaySec={seconds(longest)}"]
    return lines


def _steps(program: Program) -> int:
    """After how many delays the longest one is reached."""
    assert program.backoff is not None
    first, longest = program.backoff
    if first <= 0 or program.backoff_factor <= 1:
        return 1
    return max(1, math.ceil(math.log(longest / first, program.backoff_factor)))


def restart_limit(program: Program) -> list[str]:
    """The limit of starts: restart_limit, or as many tries in the time that so many failed starts take."""
    if program.restart_limit is not None:
        count, within = program.restart_limit
        return ["# restart_limit, and the first start", *_at_most(count + 1, within)]
    tries = max(program.startretries, 0) + 1
    if tries > _ENDLESS:
        return ["# startretries without a limit", "StartLimitIntervalSec=0"]
    each = max(program.startsecs, program.start_timeout or 0, 0)
    within = tries * each + sum(_delay(program, number) for number in range(tries))
    return ["# startretries and startsecs", *_at_most(tries, within)]


def _at_most(starts: int, within: float) -> list[str]:
    return [f"StartLimitBurst={starts}", f"StartLimitIntervalSec={seconds(within)}"]


def _delay(program: Program, number: int) -> float:
    """The delay after that many failed starts, from 0."""
    if program.backoff is None:
        return _RESTART_AFTER
    first, longest = program.backoff
    steps = _steps(program)
    if number >= steps or first <= 0:
        return longest
    return float(min(longest, first * (longest / first) ** (number / steps)))


# ------------------------------------------------------------------------------------------------ what is lost


def lost_of_starts(processes: Sequence[Carried]) -> list[str]:
    """Notes on what units cannot express."""
    programs = [process.program for process in processes]
    slow = {process.name for process in processes if process.program.ready or process.program.is_oneshot}
    notes = lost_of_health(programs, "systemd", looks=False, watchdog=True)
    tied = [program for program in programs if any(not edge.optional for edge in program.depends_on)]
    if tied:
        notes.append(
            "depends_on: systemd does not start what depends on a unit that has failed, and not by itself when that "
            "comes back later; a stop or restart by hand of what it depends on stops or restarts it, too"
        )
    both = [f"[{p.section}]" for p in programs if p.restart_limit is not None and p.startretries >= 0]
    if both:
        notes.append(f"{_each(both)}: startretries, as systemd has one limit only, which is that of restart_limit")
    for process in processes:
        program = process.program
        what, delay = program.on_restart_limit
        if what != "fatal":
            word = f"wait:{delay:g}s" if what == "wait" else what
            notes.append(f"[{program.section}]: on_restart_limit={word}, which systemd has not: it gives up")
        if any(wait.condition == "started" and wait.target in slow for wait in process.waits):
            notes.append(f"[{program.section}]: @started: systemd waits until that is ready, or done")
    has_not = {name: usual for name, usual in RESTARTS.items() if name in ("debug_restart", "critical")}
    notes += lost_of_readiness(programs, with_bash, "systemd", notify=True)
    notes += lost_of_dependencies(programs, "systemd", restarts=True, stops=True)
    notes += lost_of_restarts(programs, has_not, "systemd")
    return notes


def _each(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
