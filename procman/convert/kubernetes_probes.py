"""What `ready` and `depends_on` are for Kubernetes: probes of a container, and notes on what it has not."""

import math
from collections.abc import Sequence

from procman.config.schema.kinds.readiness import target_of
from procman.config.schema.programs import Program
from procman.convert.dependencies import RESTARTS, lost_of_dependencies, lost_of_restarts
from procman.convert.health import as_ready, looks_of_health, lost_of_health
from procman.convert.portability import Carried, sections
from procman.convert.readiness import LOCAL, PATIENCE, USUAL, looks_of, lost_of_readiness, with_nc
from procman.convert.yaml import Comment, Flow, Yaml
from procman.core.spec import Condition, ReadyKind

Mapped = dict[str | Comment, Yaml]

# How often the kubelet looks whether it still is ready, in seconds.
_PERIOD = 10
# start_timeout = none: the largest number of looks.
_FOR_EVER = 2**31 - 1

SIDECARS = (
    "an init container that stays up needs Kubernetes 1.29 or newer, where `restartPolicy: Always` makes a sidecar of "
    "it"
)
FROM_OUTSIDE = (
    "the kubelet looks at ports from outside: the programs must listen on the address of the pod, and not on 127.0.0.1"
)


def probes(program: Program) -> Mapped:
    """The probes of a program with `ready` or `health`; nothing if no probe can look at it."""
    if program.is_oneshot:
        return {}
    return _of_readiness(program) | _of_health(program)


def _of_health(program: Program) -> Mapped:
    looks = looks_of_health(program, with_nc, program.health_timeout)
    if not looks.commands:
        return {}
    look = _native(as_ready(program)) or {"exec": {"command": Flow(("sh", "-c", looks.shell))}}
    start = math.ceil(program.health_start_period)
    delay: Mapped = {"initialDelaySeconds": start} if start else {}
    live: Mapped = {
        **look,
        **delay,
        "periodSeconds": max(1, math.ceil(program.health_interval)),
        "timeoutSeconds": max(1, math.ceil(program.health_timeout)),
        "failureThreshold": program.health_retries,
    }
    return {Comment("health"): None, "livenessProbe": live}


def _of_readiness(program: Program) -> Mapped:
    looks = looks_of(program, with_nc)
    if not looks.commands and not looks.delay:
        return {}
    look = _native(program) or {"exec": {"command": Flow(("sh", "-c", looks.shell or "true"))}}
    every = max(1, math.ceil(program.ready_interval))
    limit = program.start_timeout
    count = _FOR_EVER if limit is None else max(1, math.ceil((limit - looks.delay) / every))
    delay: Mapped = {"initialDelaySeconds": math.ceil(looks.delay)} if looks.delay else {}
    startup: Mapped = {
        **look,
        **delay,
        "periodSeconds": every,
        "timeoutSeconds": PATIENCE,
        "failureThreshold": count,
    }
    found: Mapped = {Comment("ready, ready_interval and start_timeout"): None, "startupProbe": startup}
    if looks.commands:
        found |= {"readinessProbe": {**look, "periodSeconds": _PERIOD, "timeoutSeconds": PATIENCE}}
    return found


def _asked(program: Program) -> list[Condition]:
    """The conditions that a probe can look at."""
    none = (ReadyKind.NOTIFY, ReadyKind.FD, ReadyKind.LOG, ReadyKind.DELAY)
    return [condition for condition in program.ready if condition.kind not in none]


def _native(program: Program) -> Mapped | None:
    """A probe that needs nothing in the image; there is none for several conditions, or for what is not a port."""
    asked = _asked(program)
    if len(asked) != 1:
        return None
    target = target_of(asked[0])
    host: Mapped = {} if target.host in LOCAL else {"host": target.host}
    match asked[0].kind:
        case ReadyKind.TCP | ReadyKind.LISTEN if target.port:
            return {"tcpSocket": {"port": target.port, **({} if asked[0].kind is ReadyKind.LISTEN else host)}}
        case ReadyKind.HTTP if program.probe_http_status == USUAL:
            return {"httpGet": {"path": target.url, "port": target.port, **host}}
        case _:
            return None


def lost_of_waits(processes: Sequence[Carried], first: set[str]) -> list[str]:
    """Notes on readiness and dependencies; `first` are the names of those that are init containers."""
    programs = [process.program for process in processes]
    commanded = [program for program in programs if _native(program) is None]
    notes = [SIDECARS] if any(p.name in first and not p.program.is_oneshot for p in processes) else []
    if any(_native(program) or _native(as_ready(program)) for program in programs):
        notes.append(FROM_OUTSIDE)
    optional = sections(processes, lambda p: any(edge.optional for edge in p.depends_on))
    if optional:
        notes.append(f"{optional}: what depends_on names with a ? is waited for as if it had none")
    probed = {process.name for process in processes if probes(process.program)}
    started = sections(
        (p for p in processes if any(w.condition == "started" and w.target in probed for w in p.waits)), lambda _: True
    )
    if started:
        notes.append(f"{started}: @started: Kubernetes waits until that is ready")
    if first:
        notes.append("depends_on holds for the start of the pod; a container that is restarted waits for nothing")
    notes += lost_of_health(programs, "Kubernetes", restarts=True)
    notes += lost_of_readiness(commanded, with_nc, "Kubernetes", notify=False)
    notes += lost_of_dependencies(programs, "Kubernetes")
    notes += lost_of_restarts(programs, RESTARTS, "Kubernetes")
    return notes
