"""A configuration as a Kubernetes Deployment: procman in one container, or a container for each program."""

import re
from collections import Counter
from signal import SIGTERM

from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.config.schema.servers import InetServer
from procman.convert.portability import USUAL_UMASK, Carried, carried, directory_of, label, secrets, sections, umask_of
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
from procman.convert.yaml import Comment, Flow, Yaml, dump
from procman.core.spec import Autorestart, Scope

ALONE = (
    "each program is PID 1 of its container: signals that it does not handle are ignored, and orphans that it inherits "
    "stay zombies; `procman run -- COMMAND` in its image sees to both"
)

# How often the kubelet asks, and how long an answer may take, in seconds.
_PERIOD = 10
_PATIENCE = 5

Mapped = dict[str | Comment, Yaml]


def export(config: Config, target: Target) -> Exported:
    """One Deployment, in a file named after it."""
    name = label(target.name)
    if target.split:
        containers, pod, notes = _split(config, target)
    else:
        containers, pod, notes = _whole(config, target, name)
    labels: Mapped = {"app.kubernetes.io/name": name}
    document: Mapped = {
        Comment("\n".join(header(config, "kubernetes", notes, split=target.split))): None,
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1,
            Comment(
                "never two at a time, as under procman; RollingUpdate starts the new one before the old one is gone"
            ): None,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {**pod, "containers": containers}},
        },
    }
    return Exported({f"{name}.yaml": dump(document)}, tuple(notes))


# ------------------------------------------------------------------------------------------------ one container


def _whole(config: Config, target: Target, name: str) -> tuple[list[Yaml | Comment], Mapped, list[str]]:
    seconds, why = grace(config)
    notes = [files_of(config), *needed_by_the_file(config, "add them to env"), "resources: yours to know"]
    container: Mapped = {
        "name": name,
        "image": target.image,
        "command": Flow(("procman", "-c", in_the_image(config))),
        "env": [
            Comment("procman says in its log when its stop plan no longer fits"),
            {"name": "PROCMAN_STOP_BUDGET", "value": f"{seconds}s"},
        ],
        **_ports(config),
        **_probes(config),
        **_security(config, notes),
    }
    pod: Mapped = {Comment(why): None, "terminationGracePeriodSeconds": seconds}
    return [container], pod, notes


def _reachable(config: Config) -> InetServer | None:
    """The first server that the kubelet can connect to: not one on loopback, nor one that procman will not open."""
    for server in config.servers:
        if not isinstance(server, InetServer) or server.username is None:
            continue
        if server.host not in ("localhost", "::1", "[::1]") and not server.host.startswith("127."):
            return server
    return None


def _ports(config: Config) -> Mapped:
    server = _reachable(config)
    return {} if server is None else {"ports": [{"name": "procman", "containerPort": server.port}]}


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
        Comment("does the master answer?"): None,
        "livenessProbe": {**live, **often, "failureThreshold": 3},
        Comment("does every program run that should?"): None,
        "readinessProbe": {**ready, **often},
    }


def _security(config: Config, notes: list[str]) -> Mapped:
    others = [p.section for g in config.groups for p in g.programs if p.uid not in (None, config.master.uid)]
    if others:
        sections_of = ", ".join(f"[{section}]" for section in dict.fromkeys(others))
        notes.append(
            f"the container runs as the image's user, who has to be root: {sections_of} have a user of their own"
        )
        return {}
    if config.master.uid is None:
        return {}
    return {
        Comment(f"user = {config.master.user}, which is this number where the file was read"): None,
        "securityContext": {"runAsUser": config.master.uid},
    }


# ------------------------------------------------------------------------------------------------ one per program


def _split(config: Config, target: Target) -> tuple[list[Yaml | Comment], Mapped, list[str]]:
    processes, notes = carried(config, label)
    manual = sections(processes, lambda p: not p.autostart)
    if manual:
        notes.append(f"{manual}: left out, because of autostart=false; a container of a pod is always started")
    processes = [process for process in processes if process.program.autostart]
    notes += [*_lost(processes, config), *written_in(config)]
    longest = max((process.program.stopwaitsecs for process in processes), default=0)
    pod: Mapped = {
        Comment("the longest stopwaitsecs, for all get their signal at once, and some to spare"): None,
        "terminationGracePeriodSeconds": grace_of(longest),
    }
    containers: list[Yaml | Comment] = [_container(process, config, target, notes) for process in processes]
    if not containers:
        raise CannotExport(config, notes)
    return containers, pod, list(dict.fromkeys(notes))


def _container(process: Carried, config: Config, target: Target, notes: list[str]) -> Mapped:
    program = process.program
    container: Mapped = {
        "name": process.name,
        "image": target.image,
        "command": Flow(_unexpanded(word) for word in process.words),
    }
    directory = directory_of(program, config)
    if directory is not None:
        container["workingDir"] = directory
    container |= _environment(program, notes)
    uid = program.uid if program.uid is not None else config.master.uid
    if uid is not None:
        user = program.user if program.uid is not None else config.master.user
        container[Comment(f"user = {user}, which is this number where the file was read")] = None
        container["securityContext"] = {"runAsUser": uid}
    return container


def _environment(program: Program, notes: list[str]) -> Mapped:
    variables: list[Yaml | Comment] = []
    secret = secrets(program.environment)
    if secret:
        variables.append(Comment(f"in plain text here, and better kept in a Secret: {', '.join(secret)}"))
        notes.append(f"[{program.section}] has what looks like secrets in plain text: {', '.join(secret)}")
    for name, value in program.environment.items():
        if re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name):
            variables.append({"name": name, "value": _unexpanded(value)})
        else:
            notes.append(f"[{program.section}]: the variable {name!r} is left out, for Kubernetes takes no such name")
    return {"env": variables} if variables else {}


def _unexpanded(text: str) -> str:
    """$(VAR) means a variable in a command and in env, and $$ is a dollar.

    A dollar that means neither stays as it is: so does every one for podman.
    """
    return re.sub(r"\$(?=[$(])", "$$", text)


def _lost(processes: list[Carried], config: Config) -> list[str]:
    """What there is no word for in a Deployment."""
    notes = [
        ALONE,
        "the containers share a network, and no files: unix sockets and folders that programs share need a volume",
        "startsecs and startretries: who ends is started again after 10 s, 20 s, … 5 min, and never given up",
        "log files: what the programs write to stdout and stderr goes to the container's log",
    ]
    once = sections(processes, lambda p: p.autorestart is not Autorestart.ALWAYS)
    if once:
        notes.append(f"{once}: a Deployment starts again whatever has ended; a program that is to end makes a Job")
    if len({process.priority for process in processes}) > 1:
        notes.append("priorities: the containers of a pod start and stop together")
    stopped = {p.program.section: p.program.stopsignal.name for p in processes if p.program.stopsignal != SIGTERM}
    for section, signal in stopped.items():
        notes.append(f"[{section}]: Kubernetes sends what the image says; build it with STOPSIGNAL {signal}")
    wide = sections(processes, lambda p: p.stop_scope is not Scope.PROCESS)
    if wide:
        notes.append(f"{wide}: only the first process of a container gets the stop signal, whatever stop_scope says")
    masked = sections(processes, lambda p: umask_of(p, config) != USUAL_UMASK)
    if masked:
        notes.append(f"{masked}: umask has to be set by the program itself")
    count = Counter(process.program.section for process in processes)
    many = sections(processes, lambda p: count[p.section] > 1)
    if many:
        notes.append(f"{many}: numprocs makes containers; to scale it, give it a Deployment of its own with replicas")
    return notes
