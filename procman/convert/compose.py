"""A configuration as a compose file: procman in one service, or a service for each program."""

from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
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
from procman.core.spec import FOREVER, Autorestart

Mapped = dict[str | Comment, Yaml]

APART = (
    "each service has its own network and files: what was on localhost is at the name of the service, and unix sockets "
    "and directories that programs share need a volume"
)

_RESTART = {Autorestart.ALWAYS: "always", Autorestart.UNEXPECTED: "on-failure", Autorestart.NEVER: "no"}


def export(config: Config, target: Target) -> Exported:
    """One file, compose.yaml."""
    services, notes = _split(config, target) if target.split else _whole(config, target)
    document: Mapped = {
        Comment("\n".join(header(config, "compose", notes, split=target.split))): None,
        "name": project(target.name),
        "services": services,
    }
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
    notes += [*_lost(processes, config), *written_in(config)]
    services = {process.name: _service(process, config, target) for process in processes}
    notes += [note for process in processes for note in in_plain_text(process.program)]
    services, priorities = _replicated(processes, services)
    _order(services, priorities)
    return dict(services.items()), list(dict.fromkeys(notes))


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
    }
    if not program.autostart:
        service[Comment("autostart=false: `docker compose --profile manual up` starts it")] = None
        service["profiles"] = Flow(("manual",))
    directory = directory_of(program, config)
    if directory is not None:
        service["working_dir"] = _unexpanded(directory)
    user = program.user or config.master.user
    if user is not None:
        service["user"] = _unexpanded(user)
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


def _replicated(processes: list[Carried], services: dict[str, Mapped]) -> tuple[dict[str, Mapped], dict[str, int]]:
    """Merge processes of a section that differ only in their names into one service with replicas.

    Returns the services, and the priority of each.
    """
    by_section: dict[tuple[str, str], list[Carried]] = {}
    for process in processes:
        by_section.setdefault((process.program.section, process.program.group), []).append(process)
    merged: list[tuple[str, Mapped, int]] = []
    for (section, _), members in by_section.items():
        first = services[members[0].name]
        if len(members) > 1 and all(dump(services[member.name]) == dump(first) for member in members):
            merged.append(
                (section.partition(":")[2], {**first, "deploy": {"replicas": len(members)}}, members[0].priority)
            )
        else:
            merged += [(member.name, services[member.name], member.priority) for member in members]
    names = unique([name for name, _, _ in merged], word)
    return (
        {name: service for name, (_, service, _) in zip(names, merged, strict=True)},
        {name: priority for name, (_, _, priority) in zip(names, merged, strict=True)},
    )


def _order(services: dict[str, Mapped], priorities: dict[str, int]) -> None:
    """Make each service depend on those of the next lower priority, which start before it and stop after it."""
    waves = sorted({priorities[name] for name, service in services.items() if "profiles" not in service})
    for name, service in services.items():
        lower = [priority for priority in waves if priority < priorities[name]]
        if lower:
            service[Comment("by priority: these start first and stop last")] = None
            service["depends_on"] = [
                other
                for other, priority in priorities.items()
                if priority == lower[-1] and "profiles" not in services[other]
            ]


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
    timed = sections(processes, lambda p: p.run_timeout is not None)
    if timed:
        notes.append(f"{timed}: run_timeout, which docker has not: put `timeout` before the command")
    notes += lost_in_containers(processes, config)
    return notes
