"""A configuration as a compose file: procman in one service, or a service for each program."""

from dataclasses import dataclass, replace

from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.convert.dependencies import RESTARTS, Wait, lost_of_dependencies, lost_of_restarts
from procman.convert.given_files import compose_secrets, compose_service, lost_files_in_compose
from procman.convert.health import looks_of_health, lost_of_health
from procman.convert.hooks import compose_hooks, lost_hooks
from procman.convert.limits import in_compose, lost_in_compose
from procman.convert.only_here import lost_only_here, lost_roles
from procman.convert.portability import (
    Carried,
    carried,
    directory_of,
    in_plain_text,
    lost_in_containers,
    secrets,
    sections,
    unique,
    word,
)
from procman.convert.readiness import PATIENCE, Looks, looks_of, lost_of_readiness, with_nc
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
from procman.convert.sockets import compose_ports, lost_sockets, shared_ports
from procman.convert.watch import develop, lost_in_compose_watch
from procman.convert.yaml import Comment, Flow, Yaml, dump
from procman.core.spec import FOREVER, Autorestart, batch_size

Mapped = dict[str | Comment, Yaml]

APART = (
    "each service has its own network and files: what was on localhost is at the name of the service, and unix sockets "
    "and directories that programs share need a volume"
)

# start_timeout = none, in seconds.
_FOR_EVER = 365 * 24 * 3600

_RESTART = {Autorestart.ALWAYS: "always", Autorestart.UNEXPECTED: "on-failure", Autorestart.NEVER: "no"}


def export(config: Config, target: Target) -> Exported:
    """One file, compose.yaml."""
    services, notes = _split(config, target) if target.split else _whole(config, target)
    document: Mapped = {
        Comment("\n".join(header(config, "compose", notes, split=target.split))): None,
        "name": project(target.name),
        "services": services,
    }
    if target.split and (secrets_of_all := compose_secrets(carried(config, word)[0], config, _unexpanded)):
        document["secrets"] = secrets_of_all
    return Exported({"compose.yaml": dump(document)}, tuple(notes))


def project(name: str) -> str:
    """The name of a compose project: lower-case letters, digits and `-`, a letter or digit first."""
    cleaned = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
    return cleaned.strip("-") or "procman"


def _whole(config: Config, target: Target) -> tuple[Mapped, list[str]]:
    seconds, why = grace(config)
    notes = [files_of(config), *needed_by_the_file(config, "add them to environment")]
    service: Mapped = {
        "image": target.image,
        "command": Flow(("procman", "-c", _unexpanded(in_the_image(config)))),
        "stop_signal": "SIGTERM",
        Comment(why): None,
        "stop_grace_period": f"{seconds}s",
        "restart": "unless-stopped",
        **compose_ports(program for group in config.groups for program in group.programs),
        "environment": {
            Comment("procman logs a warning when its stop plan no longer fits"): None,
            "PROCMAN_STOP_BUDGET": f"{seconds}s",
        },
        Comment("whether all wanted programs run"): None,
        "healthcheck": {
            "test": Flow(("CMD", "procmanctl", "-c", _unexpanded(in_the_image(config)), "health")),
            "interval": "30s",
            "timeout": "5s",
            "retries": 3,
        },
    }
    return {word(target.name): service}, notes


def _split(config: Config, target: Target) -> tuple[Mapped, list[str]]:
    processes, notes = carried(config, word)
    if not processes:
        raise CannotExport(config, notes)
    notes += [*_lost(processes, config), *written_in(config), *lost_sockets(processes)]
    services = {process.name: _service(process, config, target) for process in processes}
    shared, lost = shared_ports(processes)
    notes += lost
    for name, ports in shared.items():
        services[name] |= ports
    notes += [note for process in processes for note in in_plain_text(process.program)]
    merged = _replicated(processes, services)
    _order(merged)
    return {service.name: service.mapped for service in merged}, list(dict.fromkeys(notes))


def _service(process: Carried, config: Config, target: Target) -> Mapped:
    program = process.program
    service: Mapped = {
        "image": target.image,
        "command": Flow(_unexpanded(word) for word in process.words),
        Comment("as PID 1 a program ignores signals that it does not handle"): None,
        "init": True,
        "stop_signal": program.stopsignal.name,
        "stop_grace_period": f"{grace_of(program.stopwaitsecs)}s",
        "restart": _restart(program),
        **compose_ports([program]),
        **_healthcheck(program),
        **compose_hooks(program, _unexpanded),
    }
    if program.schedule is not None:
        how = f"docker has no schedules; from a crontab: `docker compose run --rm {process.name}`"
        service[Comment(f"schedule = {program.schedule.text}: {how}")] = None
        service["profiles"] = Flow(("schedule",))
    elif not process.starts:
        service[Comment("autostart=false: `docker compose --profile manual up` starts it")] = None
        service["profiles"] = Flow(("manual",))
    if program.pty:
        service[Comment("`docker compose attach` goes to its terminal")] = None
        service |= {"tty": True, "stdin_open": True}
    directory = directory_of(program, config)
    if directory is not None:
        service["working_dir"] = _unexpanded(directory)
    user = program.user or config.master.user
    group = "" if program.user_group is None else f":{program.user_group}"
    if user is not None or group:
        service["user"] = _unexpanded(f"{user or 'root'}{group}")
    service |= develop(program, directory, _unexpanded)
    service |= in_compose(program)
    service |= compose_service(program, config, _unexpanded)
    if program.environment:
        variables: Mapped = {}
        secret = secrets(program.environment)
        if secret:
            variables[Comment(f"in plain text; better in an env_file: {', '.join(secret)}")] = None
        variables |= {name: _unexpanded(value) for name, value in program.environment.items()}
        service["environment"] = variables
    return service


def _restart(program: Program) -> str:
    if not program.is_oneshot or program.startretries <= 0:
        return _RESTART[program.autorestart]
    # A one-shot that fails is tried again; docker knows no other limit of restarts.
    return "on-failure" if program.startretries == FOREVER else f"on-failure:{program.startretries}"


def _healthcheck(program: Program) -> Mapped:
    """What looks whether the program is ready; nothing if no command can."""
    looks = looks_of(program, with_nc)
    health = looks_of_health(program, with_nc, program.health_timeout)
    if health.commands:
        return _health(program, health, looks)
    if not looks.commands:
        return {}
    limit = program.start_timeout
    return {
        Comment("whether it is ready; docker goes on looking, and does nothing when it no longer is"): None,
        "healthcheck": {
            "test": Flow(("CMD-SHELL", _unexpanded(looks.shell))),
            "start_period": _duration(_FOR_EVER if limit is None else limit),
            "start_interval": _duration(program.ready_interval),
            "interval": "10s",
            "timeout": f"{PATIENCE}s",
            "retries": 3,
        },
    }


def _health(program: Program, health: Looks, looks: Looks) -> Mapped:
    """Docker has one check for both: what has to hold later."""
    limit = program.start_timeout if looks.commands else program.health_start_period
    start: Mapped = {"start_interval": _duration(program.ready_interval)} if looks.commands else {}
    return {
        Comment("health; docker does nothing when it is unhealthy"): None,
        "healthcheck": {
            "test": Flow(("CMD-SHELL", _unexpanded(health.shell))),
            "start_period": _duration(_FOR_EVER if limit is None else limit),
            **start,
            "interval": _duration(program.health_interval),
            "timeout": _duration(program.health_timeout),
            "retries": program.health_retries,
        },
    }


def _duration(seconds: float) -> str:
    return f"{seconds:g}s" if seconds == int(seconds) else f"{round(seconds * 1000)}ms"


@dataclass(slots=True)
class _Service:
    """A service, and what its order depends on; `processes` are the exported names that it stands for."""

    name: str
    mapped: Mapped
    priority: int
    processes: tuple[str, ...]
    program: Program
    waits: tuple[Wait, ...]


def _replicated(processes: list[Carried], services: dict[str, Mapped]) -> list[_Service]:
    """Merge processes of a section that differ only in their names into one service with replicas."""
    by_section: dict[tuple[str, str], list[Carried]] = {}
    for process in processes:
        by_section.setdefault((process.program.section, process.program.group), []).append(process)
    merged: list[_Service] = []
    for (section, _), members in by_section.items():
        head = members[0]
        first = services[head.name]
        if len(members) > 1 and all(dump(services[member.name]) == dump(first) for member in members):
            replicas: Mapped = {**first, "deploy": {"replicas": len(members), **_rolling(head.program, len(members))}}
            names = tuple(member.name for member in members)
            priority = min(member.priority for member in members)
            merged.append(_Service(section.partition(":")[2], replicas, priority, names, head.program, head.waits))
        else:
            merged += [
                _Service(each.name, services[each.name], each.priority, (each.name,), each.program, each.waits)
                for each in members
            ]
    names_of = unique([service.name for service in merged], word)
    return [replace(service, name=name) for service, name in zip(merged, names_of, strict=True)]


def _rolling(program: Program, count: int) -> Mapped:
    """What an update of the service does; only Swarm does it (docker stack deploy)."""
    if program.restart_strategy != "rolling":
        return {}
    batch = batch_size(program.rolling_batch, count)
    return {
        Comment("of docker stack deploy; docker compose replaces all of them at once"): None,
        "update_config": {"parallelism": batch, "order": "stop-first", "failure_action": "pause"},
    }


def _order(services: list[_Service]) -> None:
    """Make each service wait for what it depends on.

    It also waits for those of the next lower priority, which start before it and stop after it.
    """
    by_process = {process: service for service in services for process in service.processes}
    waves = sorted({service.priority for service in services if "profiles" not in service.mapped})
    for service in services:
        lower = [priority for priority in waves if priority < service.priority]
        others = [
            other.name for other in services if lower and other.priority == lower[-1] and "profiles" not in other.mapped
        ]
        waits: Mapped = {}
        for wait in service.waits:
            target = by_process[wait.target]
            waits[target.name] = _wait(wait, target.mapped, service.program)
        if waits:
            missing: Mapped = {name: {"condition": "service_started"} for name in others if name not in waits}
            if missing:
                missing = {Comment("by priority: these start first and stop last"): None, **missing}
            service.mapped["depends_on"] = {**waits, **missing}
        elif others:
            service.mapped[Comment("by priority: these start first and stop last")] = None
            service.mapped["depends_on"] = [*others]


def _wait(wait: Wait, target: Mapped, program: Program) -> Mapped:
    condition = "service_started"
    if wait.condition in ("done", "exited"):
        condition = "service_completed_successfully"
    elif wait.condition in ("ready", "healthy") and "healthcheck" in target:
        condition = "service_healthy"
    waited: Mapped = {"condition": condition}
    if wait.optional:
        waited["required"] = False
    if program.on_dependency_restart[0] == "restart":
        waited["restart"] = True
    return waited


def _unexpanded(text: str) -> str:
    """Escape $VAR and ${VAR}, which compose expands; $$ is a dollar."""
    return text.replace("$", "$$")


def _lost(processes: list[Carried], config: Config) -> list[str]:
    """Notes on what a compose file cannot express."""
    notes = [
        APART,
        "startsecs and startretries: docker restarts after 0.1 s, 0.2 s, … 1 min, without a limit",
        "log files: what the programs write to stdout and stderr goes to `docker compose logs`",
    ]
    codes = sections(processes, lambda p: p.autorestart is Autorestart.UNEXPECTED and p.exitcodes != (0,))
    if codes:
        notes.append(f"{codes}: docker expects only exit code 0, whatever exitcodes says")
    scheduled = sections(processes, lambda p: p.schedule is not None)
    if scheduled:
        notes.append(f"{scheduled}: schedule, which docker has not: run them from a crontab of the host, as said there")
    timed = sections(processes, lambda p: p.run_timeout is not None)
    if timed:
        notes.append(f"{timed}: run_timeout, which docker has not: put `timeout` before the command")
    programs = [process.program for process in processes]
    both = sections(processes, lambda p: bool(p.ready) and bool(looks_of_health(p, with_nc, 1).commands))
    if both:
        notes.append(f"{both}: docker has one check for ready and health: that of health is there")
    notes += lost_of_health(programs, "docker")
    delayed = sections(processes, lambda p: looks_of(p, with_nc).delay > 0)
    if delayed:
        notes.append(f"{delayed}: ready = delay:…, which docker has not")
    if any(program.on_dependency_restart[0] == "restart" for program in programs):
        notes.append("on_dependency_restart: compose restarts dependents only when it restarts the target itself")
    if any(program.depends_on for program in programs):
        notes.append("depends_on holds for `docker compose up`; what docker itself restarts waits for nothing")
    notes += lost_of_readiness(programs, with_nc, "docker", notify=False)
    notes += lost_of_dependencies(programs, "compose", restarts=True)
    notes += lost_of_restarts(programs, RESTARTS, "docker")
    notes += [*lost_in_containers(processes, config), *lost_in_compose(processes), *lost_hooks(processes)]
    notes += lost_files_in_compose(processes)
    notes += lost_in_compose_watch(processes)
    notes += lost_only_here(processes, "compose", "run_on_start")
    notes += lost_roles(config, "whoever may open docker's socket may do everything")
    return notes
