"""What a report says of an end, as plain data: see `CrashReport` in `api.shapes` for the fields."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from operator import itemgetter
from typing import Any

from procman import __version__
from procman.config.schema.programs import Program
from procman.config.secrets import masked
from procman.core.actions import Announce
from procman.core.health import Health
from procman.core.readiness import EXITED_UNREADY
from procman.core.spec import Hook
from procman.core.states import State
from procman.runtime.ending import ending
from procman.services.actors import known_user
from procman.services.crash_reports.kinds import CrashKind, stopped_as
from procman.services.crash_reports.runs import Run
from procman.services.endings import ASKED, End, Oom, Sender, Why
from procman.services.hook_results import LastResult
from procman.services.last_looks import Look
from procman.system.memory_events import MemoryCounters
from procman.system.proc import look_at
from procman.system.signals import signal_name

# So many processes that were left behind are named.
MOST_LEFT = 20
# So many of the latest looks at the health of a process are reported.
MOST_LOOKS = 5

SENT_BY_US = {
    Why.STOP: "us: the stop signal",
    Why.RUN_TIMEOUT: "us: run_timeout over",
    Why.STOPWAITSECS: "us: stopwaitsecs over",
    Why.SHUTDOWN_SHARE: "us: its share of shutdown_timeout over",
    Why.SHUTDOWN_TIMEOUT: "us: shutdown_timeout over",
    Why.SECOND_REQUEST: "us: the shutdown was asked for a second time",
}
_WORDS = {Sender.NOBODY: "", Sender.ITSELF: "itself", Sender.OTHERS: "not us", Sender.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True)
class Known:
    """All about one end."""

    name: str
    kind: CrashKind
    news: Announce
    end: End | None  # None: it could not be spawned
    run: Run
    program: Program


def is_alike(facts: Mapping[str, Any], known: Known) -> bool:
    """Whether it is an end as the one of these facts was."""
    end = known.end
    if facts.get("kind") != known.kind:
        return False
    if end is None:
        return bool(facts.get("how") == known.run.failure)
    words = (facts.get("exit") or {}).get("words")
    sender = (facts.get("sender") or {}).get("kind", Sender.NOBODY.value)
    return bool(words == ending(end.status) and sender == end.sender.value)


def describe(
    known: Known,
    *,
    now: float,
    cgroup: str,
    asked_by: str,
    folder: str,
    last_look: Look | None,
    restarts: Mapping[str, int],
    checks: Mapping[str, Any],
) -> dict[str, Any]:
    """The facts.

    Args:
        known: the end.
        now: by the steady clock.
        cgroup: the folder whose counters of memory count for the process.
        asked_by: who asked for what led to the end, in words; "": nobody.
        folder: in which a program without a directory runs.
        last_look: the latest figures of this run.
        restarts: within the last hour, by reason.
        checks: further facts: what its health check and its hooks have shown.
    """
    run, program, end = known.run, known.program, known.end
    uid = os.geteuid() if program.uid is None else program.uid
    return {
        "procman": __version__,
        "kind": known.kind,
        "how": _how(known),
        "group": program.group,
        "run": run.number,
        "pid": run.pid,
        "spawned": round(run.spawned, 3) or None,
        "running": round(run.running, 3) or None,
        "age": round(max(0.0, run.ended - run.spawned), 3) if run.spawned else None,
        "exit": _exit(end),
        "explanation": "",
        "sender": _sender(known, asked_by),
        "cause": run.origin.cause,
        "operation": run.origin.operation,
        "oom": _oom(end),
        "usage": None if run.usage is None else run.usage._asdict(),
        "left_behind": left_behind(run.left_behind),
        "last_look": _look(last_look, now),
        "restarts": dict(restarts),
        **checks,
        "directory": program.directory or folder,
        "uid": uid,
        "user": known_user(uid),
        "kernel": _kernel(),
        "cgroup": cgroup,
        "core_file": "",
        "core_handler": "",
        "record": run.seq,
    }


def left_behind(pids: tuple[int, ...]) -> list[dict[str, Any]]:
    """The processes, by pid and the kernel's name for each, as far as they are still there."""
    found = []
    for pid in pids[:MOST_LEFT]:
        try:
            process = look_at(pid)
        except OSError:
            process = None
        found.append({"pid": pid, "command": process.name if process is not None else ""})
    return found


def health_results(health: Health | None, now: float) -> list[dict[str, Any]]:
    """What the latest looks have shown, the oldest first; `now` is by the core's clock."""
    results = () if health is None else list(health.results)[-MOST_LOOKS:]
    return [{"ago": round(now - one.when, 3), "ok": one.ok, "words": one.words} for one in results]


def hook_results(last: Mapping[Hook, LastResult]) -> list[dict[str, Any]]:
    """How the last command of each hook ended, in the order of their ends."""
    found = [{"hook": hook.value, **asdict(one), "ended": round(one.ended, 3)} for hook, one in last.items()]
    return sorted(found, key=itemgetter("ended"))


def _how(known: Known) -> str:
    if known.end is None:
        return known.run.failure
    sentence = known.end.sentence
    if known.kind == "early-exit" and known.news.before is not State.STOPPING:
        first, _, rest = sentence.partition("; ")
        sooner = f"{first}, sooner than startsecs ({known.program.startsecs:g} s)"
        if known.news.reason.startswith(EXITED_UNREADY):
            sooner = f"{first}, {masked(known.news.reason.removeprefix('Exited '))}"
        return f"{sooner}; {rest}" if rest else sooner
    if stopped_as(known.news) is not None:
        # That is what it was asked to stop for.
        return f"{masked(known.news.reason)}; {sentence.replace(f'by procman: {ASKED}', 'by procman')}"
    return sentence


def _exit(end: End | None) -> dict[str, Any] | None:
    if end is None:
        return None
    status = end.status
    return {
        "known": status.known,
        "code": status.code if status.signal is None and status.known else None,
        "signal": None if status.signal is None else signal_name(status.signal),
        "core": status.core_dumped,
        "words": ending(status),
        "meaning": end.meaning,
    }


def _sender(known: Known, asked_by: str) -> dict[str, Any] | None:
    end = known.end
    if end is None or end.sender is Sender.NOBODY:
        return None
    sent = end.sent
    if sent is None:
        words = _WORDS.get(end.sender, "")
    elif sent.why is Why.REQUEST:
        words = f"operator: {asked_by}" if asked_by else "operator"
    else:
        words = SENT_BY_US[sent.why]
    return {
        "kind": end.sender.value,
        "words": words,
        "why": None if sent is None else sent.why.value,
        "waited": None if sent is None or sent.waited is None else round(sent.waited, 3),
        "asked_by": asked_by if sent is not None else "",
    }


def _oom(end: End | None) -> dict[str, Any]:
    memory = end.memory if end is not None else None
    return {
        "verdict": end.oom.value if end is not None else Oom.NO.value,
        "whose": "" if memory is None else memory.whose.value,
        "before": None if memory is None else _counted(memory.before),
        "after": None if memory is None else _counted(memory.after),
        "limit": None if memory is None else memory.after.limit,
    }


def _counted(counters: MemoryCounters) -> dict[str, Any]:
    return {"oom_kill": counters.kills, "oom": counters.limit_hits}


def _look(look: Look | None, now: float) -> dict[str, Any] | None:
    if look is None:
        return None
    used = look.used
    return {
        "ago": round(now - look.at, 3),
        "processes": used.processes,
        "threads": used.threads,
        "rss": used.rss,
        "cpu": used.cpu,
        "fds": used.fds,
        "state": look.state,
        "tree": [one._asdict() for one in look.tree],
    }


@cache
def _kernel() -> str:
    found = os.uname()
    return f"{found.sysname} {found.release} {found.machine}"
