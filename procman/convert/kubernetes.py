"""A configuration as a Kubernetes Deployment: procman in one container, or a container for each program."""

import re
from collections import Counter
from dataclasses import replace
from signal import SIGTERM

from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.config.schema.servers import InetServer
from procman.convert.given_files import lost_files_in_kubernetes
from procman.convert.hooks import container_hooks, init_containers, lost_hooks
from procman.convert.kubernetes_jobs import cron_job
from procman.convert.kubernetes_probes import lost_of_waits, probes
from procman.convert.limits import in_kubernetes, lost_in_kubernetes
from procman.convert.only_here import lost_only_here, lost_roles
from procman.convert.portability import (
    Carried,
    carried,
    directory_of,
    in_plain_text,
    label,
    lost_in_containers,
    secrets,
    sections,
)
from procman.convert.result import (
    CannotExport,
    Exported,
    Target,
    files_of,
    grace,
    grace_of,
    header,
    in_the_image,
    needed_by_the_file,
    written_in,
)
from procman.convert.sockets import container_ports, kubernetes_service, listening_alone, lost_sockets
from procman.convert.views import tmp_mounts, tmp_volumes
from procman.convert.watch import lost_watch
from procman.convert.yaml import Comment, Flow, Yaml, dump
from procman.core.spec import Autorestart, Hook, batch_size

ALONE = (
    "each program is PID 1 of its container: it ignores signals that it does not handle, and orphans that it inherits "
    "stay zombies; `procman run -- COMMAND` in its image prevents both"
)

# How often the kubelet probes, and how long an answer may take, in seconds.
_PERIOD = 10
_PATIENCE = 5

Mapped = dict[str | Comment, Yaml]

_AT_ONCE: Mapped = {
    "replicas": 1,
    Comment("never two at a time, as under procman; RollingUpdate starts the new pod before the old one is gone"): None,
    "strategy": {"type": "Recreate"},
}


def export(config: Config, target: Target) -> Exported:
    """One Deployment, in a file named after it."""
    name = label(target.name)
    jobs: dict[str, Mapped] = {}
    pods = _AT_ONCE
    if target.split:
        containers, pod, jobs, notes, pods = _split(config, target)
    else:
        containers, pod, notes = _whole(config, target, name)
    labels: Mapped = {"app.kubernetes.io/name": name}
    files = {f"{name}-{job}.yaml": dump(document) for job, document in jobs.items()}
    if not containers:
        return Exported(files, tuple(notes))
    document: Mapped = {
        Comment("\n".join(header(config, "kubernetes", notes, split=target.split))): None,
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            **pods,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {**pod, "containers": containers}},
        },
    }
    service = kubernetes_service(name, labels, config)
    if service:
        about = Comment("\n".join(header(config, "kubernetes", [], split=target.split)))
        files[f"{name}-service.yaml"] = dump({about: None, **service})
    return Exported({f"{name}.yaml": dump(document), **files}, tuple(notes))


# ------------------------------------------------------------------------------------------------ one container


def _whole(config: Config, target: Target, name: str) -> tuple[list[Yaml | Comment], Mapped, list[str]]:
    seconds, why = grace(config)
    notes = [files_of(config), *needed_by_the_file(config, "add them to env"), "resources are not set"]
    container: Mapped = {
        "name": name,
        "image": target.image,
        "command": Flow(("procman", "-c", in_the_image(config))),
        "env": [
            Comment("procman logs a warning when its stop plan no longer fits"),
            {"name": "PROCMAN_STOP_BUDGET", "value": f"{seconds}s"},
        ],
        **_ports(config),
        **_probes(config),
        **_security(config, notes),
    }
    pod: Mapped = {Comment(why): None, "terminationGracePeriodSeconds": seconds}
    return [container], pod, notes


def _reachable(config: Config) -> InetServer | None:
    """The first server that the kubelet can connect to: not on loopback, and with a login."""
    for server in config.servers:
        if not isinstance(server, InetServer) or server.username is None:
            continue
        if server.host not in ("localhost", "::1", "[::1]") and not server.host.startswith("127."):
            return server
    return None


def _ports(config: Config) -> Mapped:
    server = _reachable(config)
    ports: list[Yaml | Comment] = [] if server is None else [{"name": "procman", "containerPort": server.port}]
    held = container_ports(program for group in config.groups for program in group.programs).get("ports")
    if isinstance(held, list):
        ports += held
    return {"ports": ports} if ports else {}


def _probes(config: Config) -> Mapped:
    server = _reachable(config)
    live: Mapped
    ready: Mapped
    if server is not None:
        live = {"httpGet": {"path": "/livez", "port": "procman"}}
        ready = {"httpGet": {"path": "/readyz", "port": "procman"}}
    else:
        ctl = ("procmanctl", "-c", in_the_image(config), "health")
        live = {"exec": {"command": Flow((*ctl, "--live"))}}
        ready = {"exec": {"command": Flow(ctl)}}
    often: Mapped = {"periodSeconds": _PERIOD, "timeoutSeconds": _PATIENCE}
    return {
        Comment("whether the master answers"): None,
        "livenessProbe": {**live, **often, "failureThreshold": 3},
        Comment("whether all wanted programs run"): None,
        "readinessProbe": {**ready, **often},
    }


def _security(config: Config, notes: list[str]) -> Mapped:
    others = [p.section for g in config.groups for p in g.programs if p.uid not in (None, config.master.uid)]
    if others:
        sections_of = ", ".join(f"[{section}]" for section in dict.fromkeys(others))
        notes.append(
            f"the container runs as the image's user, which must be root: {sections_of} set a user of their own"
        )
        return {}
    if config.master.uid is None:
        return {}
    return {
        Comment(f"user = {config.master.user}, which has this number on the machine of the export"): None,
        "securityContext": {"runAsUser": config.master.uid},
    }


# ------------------------------------------------------------------------------------------------ one per program


def _split(config: Config, target: Target) -> tuple[list[Yaml | Comment], Mapped, dict[str, Mapped], list[str], Mapped]:
    """The containers of the Deployment, its pod, the CronJobs by the names of their processes, notes, and its pods."""
    processes, notes = carried(config, label)
    jobs: dict[str, Mapped] = {}
    scheduled = [process for process in processes if process.program.schedule is not None]
    notes += lost_hooks(scheduled, prepared=scheduled)
    for process in scheduled:
        processes.remove(process)
        container = _container(process, config, target, notes)
        before = init_containers(container, process, _unexpanded)
        job = cron_job(process, label(target.name), container, notes, before=before)
        if job is not None:
            jobs[process.name] = {Comment("\n".join(header(config, "kubernetes", [], split=True))): None, **job}
    notes += _lost_in_a_pod([process for process in scheduled if process.name in jobs], config)
    stays_out = {process.name for process in processes if not process.starts}
    if stays_out:
        manual = sections((process for process in processes if process.name in stays_out), lambda _: True)
        notes.append(f"{manual}: left out because of autostart=false; all containers of a pod are started")
    processes = [process for process in processes if process.starts]
    # Init containers start one after the other, and stop in reverse after the others, if they are to stay up.
    first = {wait.target for process in processes for wait in process.waits} - stays_out
    processes, pods = _replicas(processes, config, target)
    processes, alone = listening_alone(processes)
    notes += [*_lost(processes, first, config), *written_in(config), *lost_sockets(processes), *alone]
    longest = max((_longest(process.program) for process in processes if process.name not in first), default=0)
    later = [_longest(p.program) for p in processes if p.name in first and not p.program.is_oneshot]
    why = "the longest stopwaitsecs, because all are signalled at once"
    if later:
        why += "; then those of the init containers, one after the other"
    pod: Mapped = {
        Comment(f"{why}, and some to spare"): None,
        "terminationGracePeriodSeconds": grace_of(longest + sum(later)),
    }
    volumes = [volume for process in processes for volume in tmp_volumes(process)]
    if volumes:
        pod["volumes"] = volumes
    containers: list[Yaml | Comment] = []
    before = []  # what starts one after the other
    for process in sorted(processes, key=lambda process: process.name not in first):
        container = _container(process, config, target, notes, first=process.name in first)
        before += init_containers(container, process, _unexpanded)
        (before if process.name in first else containers).append(container)
    if not containers and not jobs:
        raise CannotExport(config, notes)
    if before:
        which = "others depend on these: each is ready, or done, before the next one starts"
        pod[Comment(which if first else "pre_start: each has succeeded before the next one starts")] = None
        pod["initContainers"] = before
    return containers, pod, jobs, list(dict.fromkeys(notes)), pods


def _replicas(processes: list[Carried], config: Config, target: Target) -> tuple[list[Carried], Mapped]:
    """What a pod runs, and how many pods there are: one for each process of a rolling program that is alone here."""
    sections_of = {process.program.section for process in processes}
    if len(processes) == 1 or len(sections_of) != 1 or processes[0].program.restart_strategy != "rolling":
        return processes, _AT_ONCE
    name = label(sections_of.pop().partition(":")[2])
    named = [replace(process, name=name) for process in processes]
    made = [_container(process, config, target, []) for process in named]
    before = [init_containers(container, each, _unexpanded) for container, each in zip(made, named, strict=True)]
    if len(set(map(dump, made))) > 1 or any(others != before[0] for others in before):
        return processes, _AT_ONCE  # they differ in more than their names
    batch = batch_size(processes[0].program.rolling_batch, len(processes))
    strategy: Mapped = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": batch, "maxSurge": 0}}
    about = Comment("restart_strategy and rolling_batch: a pod ends before the next one starts")
    return named[:1], {"replicas": len(processes), about: None, "strategy": strategy}


def _longest(program: Program) -> float:
    """How long it may take to stop: preStop is part of the time that a pod has."""
    return program.stopwaitsecs + program.longest_hook(Hook.PRE_STOP)


def _container(process: Carried, config: Config, target: Target, notes: list[str], *, first: bool = False) -> Mapped:
    program = process.program
    container: Mapped = {
        "name": process.name,
        "image": target.image,
        "command": Flow(_unexpanded(word) for word in process.words),
    }
    if program.pty:
        container[Comment("`kubectl attach -it` goes to its terminal")] = None
        container |= {"tty": True, "stdin": True}
    if first and not program.is_oneshot:
        container["restartPolicy"] = "Always"
    container |= container_ports([program])
    container |= probes(program)
    container |= container_hooks(program, _unexpanded)
    directory = directory_of(program, config)
    if directory is not None:
        container["workingDir"] = directory
    container |= _environment(program, notes)
    uid = program.uid if program.uid is not None else config.master.uid
    if uid is not None:
        user = program.user if program.uid is not None else config.master.user
        container[Comment(f"user = {user}, which has this number on the machine of the export")] = None
    limits = in_kubernetes(program)
    security: Mapped = {**({} if uid is None else {"runAsUser": uid}), **limits.security}
    if security:
        container["securityContext"] = security
    if limits.resources:
        container["resources"] = limits.resources
    return container | tmp_mounts(process)


def _environment(program: Program, notes: list[str]) -> Mapped:
    variables: list[Yaml | Comment] = []
    secret = secrets(program.environment)
    if secret:
        variables.append(Comment(f"in plain text; better in a Secret: {', '.join(secret)}"))
        notes += in_plain_text(program)
    for name, value in program.environment.items():
        if re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name):
            variables.append({"name": name, "value": _unexpanded(value)})
        else:
            notes.append(
                f"[{program.section}]: the variable {name!r} is left out, because Kubernetes does not allow its name"
            )
    return {"env": variables} if variables else {}


def _unexpanded(text: str) -> str:
    """Escape $(VAR), which Kubernetes expands in a command and in env; $$ is a dollar.

    Other dollars are kept, as podman keeps all of them.
    """
    return re.sub(r"\$(?=[$(])", "$$", text)


def _lost_in_a_pod(processes: list[Carried], config: Config) -> list[str]:
    """Notes on what no pod has, be it of a Deployment or of a CronJob."""
    return [
        *lost_in_containers(processes, config),
        *lost_in_kubernetes(processes),
        *lost_files_in_kubernetes(processes),
        *lost_only_here(processes, "Kubernetes", "run_on_start"),
    ]


def _lost(processes: list[Carried], first: set[str], config: Config) -> list[str]:
    """Notes on what a Deployment cannot express."""
    notes = [
        ALONE,
        "the containers share a network, and no files: unix sockets and folders that programs share need a volume",
        "startsecs and startretries: a program that ends is restarted after 10 s, 20 s, … 5 min, without a limit",
        "log files: what the programs write to stdout and stderr goes to the container's log",
    ]
    tasks = sections((process for process in processes if process.name not in first), lambda p: p.is_oneshot)
    if tasks:
        notes.append(
            f"{tasks}: a one-shot needs a Job, whose backoffLimit and activeDeadlineSeconds are startretries and "
            "run_timeout, or is an init container; a Deployment runs it again and again"
        )
    limited = sections(
        (process for process in processes if process.name in first),
        lambda p: p.is_oneshot and p.run_timeout is not None,
    )
    if limited:
        notes.append(f"{limited}: run_timeout, which an init container has not: put `timeout` before the command")
    once = sections(processes, lambda p: p.autorestart is not Autorestart.ALWAYS and not p.is_oneshot)
    if once:
        notes.append(f"{once}: a Deployment restarts every program that ends; one that is meant to end needs a Job")
    if len({process.priority for process in processes}) > 1:
        notes.append("priorities: the containers of a pod start and stop together")
    stopped = {p.program.section: p.program.stopsignal.name for p in processes if p.program.stopsignal != SIGTERM}
    for section, signal in stopped.items():
        notes.append(f"[{section}]: Kubernetes sends the stop signal of the image; build it with STOPSIGNAL {signal}")
    notes += lost_of_waits(processes, first)
    notes += [*_lost_in_a_pod(processes, config), *lost_hooks(processes, prepared=processes)]
    notes += lost_watch(processes, "Kubernetes")
    notes += lost_roles(config, "RBAC is for pods as a whole")
    count = Counter(process.program.section for process in processes)
    many = sections(processes, lambda p: count[p.section] > 1)
    if many:
        notes.append(f"{many}: numprocs makes containers; to scale it, use a separate Deployment with replicas")
    rolling = sections(processes, lambda p: count[p.section] > 1 and p.restart_strategy == "rolling")
    if rolling:
        batches = {
            batch_size(p.program.rolling_batch, count[p.program.section])
            for p in processes
            if p.program.restart_strategy == "rolling"
        }
        at_once = " and ".join(map(str, sorted(batches)))
        notes.append(
            f"{rolling}: restart_strategy=rolling; that Deployment needs strategy RollingUpdate with maxUnavailable "
            f"{at_once} and maxSurge 0"
        )
    return notes
