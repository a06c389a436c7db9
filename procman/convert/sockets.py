"""What becomes of the sockets that procman holds: socket units, ports, and notes on what another engine cannot do.

Of the engines that are written for, only systemd opens sockets for programs.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from procman.config.schema.configuration import Config
from procman.config.schema.kinds.addresses import is_loopback
from procman.config.schema.kinds.numbers import show_octal
from procman.config.schema.kinds.sockets import Place, place_of
from procman.config.schema.programs import Program
from procman.config.schema.sockets import Socket, sockets_of
from procman.convert.portability import Carried, sections
from procman.convert.unit_file import raw, unit
from procman.convert.yaml import Comment, Flow, Yaml
from procman.core.spec import batch_size

IPV6 = 6
Note = Callable[[Program, str], None]
Name = Callable[[Socket], str]


def used_sockets(programs: Iterable[Program]) -> list[Socket]:
    """Those of these programs, each once, in the order of their first use."""
    return list({socket.name: socket for program in programs for socket in sockets_of(program.sockets)}.values())


def ports_of(program: Program) -> list[int]:
    """The ports that can be reached from outside at which it listens."""
    return list(
        dict.fromkeys(place.port for place in _places(program) if place.path is None and not is_loopback(place.host))
    )


# ---- systemd


def socket_units(processes: Sequence[Carried], name: Name, whole: str, file: str, note: Note) -> dict[str, str]:
    """A unit for each section, which systemd opens before the first service that uses it."""
    units: dict[str, str] = {}
    for socket in used_sockets(process.program for process in processes):
        users = [process for process in processes if socket.name in {one.name for one in process.program.sockets}]
        first = users[0]
        streams = [f"ListenStream={_stream(place_of(url), first.program, note)}" for url in socket.listen]
        units[name(socket)] = unit(
            [],
            {
                "Unit": [
                    f"Description={raw(f'the socket {socket.name} of {file}') or 'a socket'}",
                    f"PartOf={whole}.target",
                ],
                "Socket": [
                    *streams,
                    f"FileDescriptorName={socket.name}",
                    f"Backlog={socket.backlog}",
                    *(["ReusePort=yes"] if socket.reuseport else []),
                    *_rights(socket, first.program),
                    f"Service={first.name}.service",
                ],
                "Install": [f"WantedBy={whole}.target"],
            },
        )
    return units


def of_service(program: Program, name: Name) -> list[str]:
    """The lines of its service about them."""
    names = [name(socket) for socket in sockets_of(program.sockets)]
    return [f"Sockets={' '.join(names)}"] if names else []


def needs_of_service(program: Program, name: Name) -> list[str]:
    """What it is ordered after."""
    units = [name(socket) for socket in sockets_of(program.sockets)]
    return [line for one in units for line in (f"Requires={one}", f"After={one}")]


def lost_in_units(processes: Sequence[Carried]) -> list[str]:
    """What units cannot express."""
    notes = []
    idle = sections(processes, lambda program: program.idle_stop is not None)
    if idle:
        notes.append(
            f"{idle}: idle_stop is lost, because systemd does not stop what nobody uses; have the program exit when it "
            "is idle"
        )
    wanted = sections(processes, lambda program: any(socket.hold == "wanted" for socket in program.sockets))
    if wanted:
        notes.append(f"{wanted}: hold=wanted is lost: a socket unit listens until it is stopped itself")
    own = sections(processes, lambda program: any(socket.reuseport for socket in program.sockets))
    if own:
        notes.append(f"{own}: reuseport: the services share one socket; under procman each process has its own")
    shared = sections(
        [process for process in processes if process.program.lazy],
        lambda program: sum(p.program.section == program.section for p in processes) > 1,
    )
    if shared:
        notes.append(f"{shared}: lazy: a connection starts the first of its services only")
    return notes


def _stream(place: Place, program: Program, note: Note) -> str:
    if place.path is not None:
        return raw(place.path) or ""
    if not place.host:
        return f"0.0.0.0:{place.port}"
    if place.host == "localhost":
        return f"127.0.0.1:{place.port}"
    try:
        address = ipaddress.ip_address(place.host)
    except ValueError:
        text = f"the host {place.host} of a socket is written as 127.0.0.1, because systemd does not look up names"
        note(program, text)
        return f"127.0.0.1:{place.port}"
    return f"[{address}]:{place.port}" if address.version == IPV6 else f"{address}:{place.port}"


def _rights(socket: Socket, program: Program) -> list[str]:
    if not any(url.startswith("unix://") for url in socket.listen):
        return []
    lines = ["RemoveOnStop=yes", f"SocketMode={show_octal(0o700 if socket.mode is None else socket.mode)}"]
    owner, _, group = (socket.owner or "").partition(":")
    owner = owner or program.user or ""
    return lines + [f"{key}={value}" for key, value in (("SocketUser", owner), ("SocketGroup", group)) if value]


# ---- Kubernetes and compose


def container_ports(programs: Iterable[Program]) -> dict[str | Comment, Yaml]:
    """`ports` of a container."""
    ports = _all_ports(programs)
    return {"ports": [{"containerPort": port} for port in ports]} if ports else {}


def kubernetes_service(name: str, labels: Mapping[str | Comment, Yaml], config: Config) -> dict[str | Comment, Yaml]:
    """A Service that leads to the ports of a Deployment; {}: there are none."""
    ports = _all_ports(program for group in config.groups for program in group.programs)
    if not ports:
        return {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": labels,
            "ports": [{"name": f"port-{port}", "port": port, "targetPort": port} for port in ports],
        },
    }


def listening_alone(processes: Sequence[Carried]) -> tuple[list[Carried], list[str]]:
    """Without those that could not listen: the containers of a pod share its network. Notes on what is lost."""
    count = Counter(process.program.section for process in processes)
    kept: dict[str, Carried] = {}
    notes = []
    for process in processes:
        program, many = process.program, count[process.program.section]
        ports = list(dict.fromkeys(place.port for place in _places(program) if place.path is None))
        if not ports or many == 1:
            kept[process.name] = process
        elif all(other.program.section != program.section for other in kept.values()):
            kept[process.name] = process
            rolling = ""
            if program.restart_strategy == "rolling":
                batch = batch_size(program.rolling_batch, many)
                rolling = f" and strategy RollingUpdate, maxUnavailable {batch}, maxSurge 0"
            notes.append(
                f"[{program.section}]: {many} processes listen on port {_listed(ports)}, and the containers of a pod "
                "share its network: only the first one is here; for all, give it a Deployment of its own with replicas "
                f"{many}{rolling}"
            )
    users: dict[int, dict[str, None]] = {}
    for process in kept.values():
        for place in _places(process.program):
            if place.path is None:
                users.setdefault(place.port, {})[f"[{process.program.section}]"] = None
    notes += [
        f"{', '.join(of_port)}: all listen on port {port}, and the containers of a pod share its network: only one of "
        "them can; make a Deployment for each"
        for port, of_port in users.items()
        if len(of_port) > 1
    ]
    return list(kept.values()), notes


def compose_ports(programs: Iterable[Program]) -> dict[str | Comment, Yaml]:
    """`ports` of a service: published under the same numbers."""
    ports = _all_ports(programs)
    return {"ports": Flow(f"{port}:{port}" for port in ports)} if ports else {}


def shared_ports(processes: Sequence[Carried]) -> tuple[dict[str, dict[str | Comment, Yaml]], list[str]]:
    """The `ports` of the services, by their names, that would else be published twice; and what is lost by that."""
    users: dict[int, list[Carried]] = {}
    for process in processes:
        for port in ports_of(process.program):
            users.setdefault(port, []).append(process)
    shared = {port: found for port, found in users.items() if len(found) > 1}
    texts = {
        process.name: Flow(f"{port}" if port in shared else f"{port}:{port}" for port in ports_of(process.program))
        for found in shared.values()
        for process in found
    }
    notes = [
        f"{sections(found, lambda _: True)}: port {port} of the host can lead to one container only: each of these has "
        f"another one, which `docker compose port SERVICE {port}` names; put a proxy before them"
        for port, found in shared.items()
    ]
    return {name: {"ports": text} for name, text in texts.items()}, notes


def lost_sockets(processes: Sequence[Carried]) -> list[str]:
    """What a container for each program has not."""
    notes = []
    given = sections(processes, lambda program: bool(program.sockets))
    if given:
        notes.append(
            f"{given}: sockets: nothing opens them for a container: have the program listen there itself; connections "
            "are refused while it restarts"
        )
    lazy = sections(processes, lambda program: program.lazy)
    if lazy:
        notes.append(f"{lazy}: lazy and idle_stop are lost: the container runs all the time")
    return notes


def _places(program: Program) -> list[Place]:
    return [place_of(url) for socket in sockets_of(program.sockets) for url in socket.listen]


def _listed(ports: Sequence[int]) -> str:
    return " and ".join(map(str, ports))


def _all_ports(programs: Iterable[Program]) -> list[int]:
    return list(dict.fromkeys(port for program in programs for port in ports_of(program)))
