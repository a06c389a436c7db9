"""A configuration as systemd units: one service that runs procman, or a unit for each process and a target for all.

What the options mean is in systemd.service(5), systemd.exec(5), systemd.kill(5) and systemd.socket(5).
"""

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from functools import partial

from procman.config.schema.configuration import Config
from procman.config.schema.groups import FcgiSocket
from procman.config.schema.kinds.numbers import show_octal
from procman.config.schema.kinds.paths import is_console
from procman.config.schema.options import AUTO
from procman.config.schema.programs import Program
from procman.config.schema.sockets import Socket
from procman.convert.given_files import file_lines
from procman.convert.hooks import lost_in_units, unit_lines
from procman.convert.limits import in_systemd, lost_in_systemd
from procman.convert.only_here import lost_only_here, lost_roles
from procman.convert.portability import USUAL_UMASK, Carried, carried, directory_of, secrets, sections, umask_of, word
from procman.convert.result import CannotExport, Exported, Target, grace, header, needed_by_the_file, written_in
from procman.convert.sockets import lost_in_units as lost_of_sockets
from procman.convert.sockets import needs_of_service, of_service, socket_units, used_sockets
from procman.convert.systemd_starts import (
    dependencies,
    kind_of,
    lost_of_schedules,
    lost_of_starts,
    restart_limit,
    restarts,
    seconds,
    timer,
    until_ready,
)
from procman.convert.unit_file import quoted, raw, unit
from procman.convert.watch import lost_watch
from procman.core.spec import Scope

# The names that systemd allows for variables.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# Characters that have a special meaning at the beginning of a command.
_PREFIXES = tuple("@-:+!|")

_KILL_MODE = {Scope.PROCESS: "mixed", Scope.GROUP: "control-group", Scope.TREE: "control-group"}


def export(config: Config, target: Target) -> Exported:
    """One unit file, or with `split` a unit for each process and a target that has them all."""
    return _Split(config, target).exported() if target.split else _whole(config, target)


def _described(text: str) -> str:
    return f"Description={raw(text) or 'a program'}"


# ------------------------------------------------------------------------------------------------ procman itself


def _whole(config: Config, target: Target) -> Exported:
    seconds, why = grace(config)
    file = quoted(config.file, dollars=True)
    here = raw(config.here)
    ctl = os.path.join(os.path.dirname(target.procman), "procmanctl")
    notes = needed_by_the_file(config, "add an Environment= or EnvironmentFile= with them")
    text = unit(
        header(config, "systemd", notes, split=False),
        {
            "Unit": [_described(f"procman, with the programs of {config.file}"), "After=network.target"],
            "Service": [
                "Type=notify",
                f"ExecStart={quoted(target.procman)} -n -c {file}",
                "# restarts only what was changed in the file",
                f"ExecReload={quoted(ctl)} -c {file} update",
                *(["# relative paths in the file start here", f"WorkingDirectory={here}"] if here else []),
                "# procman stops its programs itself; if it is killed, the next master adopts them",
                "KillMode=process",
                "# a cgroup for each program, so that all its descendants are known",
                "Delegate=yes",
                "# procman notifies twice as often; a master that hangs this long is restarted",
                "WatchdogSec=30",
                f"# {why}",
                f"TimeoutStopSec={seconds}",
                "Restart=on-failure",
            ],
            "Install": ["WantedBy=multi-user.target"],
        },
    )
    return Exported({f"{word(target.name)}.service": text}, tuple(notes))


# ------------------------------------------------------------------------------------------------ a unit for each


def _started(process: Carried) -> tuple[str, ...]:
    """The kinds of its units that start with the target."""
    if process.program.lazy:
        return ()  # its socket starts it
    if process.program.schedule is None:
        return ("service",)
    return ("service", "timer") if process.program.run_on_start else ("timer",)


class _Split:
    """Writes the units of one configuration, and collects notes."""

    def __init__(self, config: Config, target: Target) -> None:
        self._config = config
        self._whole = word(target.name)
        self._processes, self._notes = carried(config, lambda name: word(f"{self._whole}-{name}"), sockets=True)
        self._file = os.path.basename(config.file)

    def exported(self) -> Exported:
        files: dict[str, str] = {}
        for process in self._processes:
            if not self._has_unit(process):
                self._note(
                    process.program,
                    f"left out: a leading {process.words[0][0]} in a command has a special meaning for systemd",
                )
                continue
            files[f"{process.name}.service"] = self._service(process)
            if process.program.schedule is not None:
                self._add_timer(process, files)
        if not files:
            raise CannotExport(self._config, self._notes)
        files |= self._sockets()
        files |= socket_units(
            [process for process in self._processes if self._has_unit(process)],
            self._held_name,
            self._whole,
            self._config.file,
            self._note,
        )
        self._lost()
        notes = tuple(dict.fromkeys(self._notes))
        return Exported({f"{self._whole}.target": self._target(notes, files), **files}, notes)

    def _note(self, program: Program, text: str) -> None:
        self._notes.append(f"[{program.section}]: {text}")

    def _target(self, notes: Sequence[str], files: Mapping[str, str]) -> str:
        wanted = [
            f"{p.name}.{kind}"
            for p in self._processes
            if p.starts
            for kind in _started(p)
            if f"{p.name}.{kind}" in files
        ]
        return unit(
            header(self._config, "systemd", notes, split=True),
            {
                "Unit": [
                    _described(f"the programs of {self._config.file}"),
                    *(f"Wants={name}" for name in (*wanted, *self._lazy_sockets())),
                ],
                "Install": ["WantedBy=multi-user.target"],
            },
        )

    def _lazy_sockets(self) -> list[str]:
        """Those that start a service; the others start with theirs."""
        lazy = [process.program for process in self._processes if process.program.lazy and process.starts]
        return [self._held_name(socket) for socket in used_sockets(lazy)]

    def _service(self, process: Carried) -> str:
        install = [f"WantedBy={self._whole}.target"] if process.starts and "service" in _started(process) else []
        parts = {"Unit": self._about(process), "Service": self._run(process)}
        return unit([], parts | ({"Install": install} if install else {}))

    def _add_timer(self, process: Carried, files: dict[str, str]) -> None:
        lines = timer(process.program, process.name)
        if lines is None:
            self._note(process.program, "schedule: a calendar event cannot say this: start its unit from a crontab")
            return
        about = [
            _described(f"when {process.program.namespec} of {self._config.file} runs"),
            f"PartOf={self._whole}.target",
        ]
        install = {"Install": [f"WantedBy={self._whole}.target"]} if process.starts else {}
        files[f"{process.name}.timer"] = unit([], {"Unit": about, "Timer": lines, **install})

    def _about(self, process: Carried) -> list[str]:
        """The description, the units to start before (and so to stop after) it, and the limit of its restarts."""
        program = process.program
        lower = [other.priority for other in self._processes if other.priority < process.priority]
        before = [
            other.name
            for other in self._processes
            if lower and other.priority == max(lower) and other.starts and self._has_unit(other)
        ]
        units = {other.name for other in self._processes if self._has_unit(other)}
        waits = [wait for wait in process.waits if wait.target in units]
        waited = {wait.target for wait in waits}
        return [
            _described(f"{program.namespec} of {self._config.file}"),
            f"PartOf={self._whole}.target",
            *dependencies(program, waits),
            *(f"After={name}.service" for name in before if name not in waited),
            *(
                [f"Requires={self._socket_name(program)}", f"After={self._socket_name(program)}"]
                if process.socket
                else []
            ),
            *needs_of_service(program, self._held_name),
            *restart_limit(program),
        ]

    @staticmethod
    def _has_unit(process: Carried) -> bool:
        return not process.words[0].startswith(_PREFIXES)

    def _run(self, process: Carried) -> list[str]:
        program = process.program
        command = [quoted(self._executable(process)), *(quoted(word, dollars=True) for word in process.words[1:])]
        lines = [*kind_of(program), f"ExecStart={' '.join(command)}", *until_ready(program)]
        directory = directory_of(program, self._config)
        if directory is not None:
            path = raw(self._absolute(program, "directory", directory))
            lines += [f"WorkingDirectory={path}"] if path else []
        user = program.user or self._config.master.user
        lines += [f"User={raw(user)}"] if user else []
        umask = umask_of(program, self._config)
        lines += [f"UMask={show_octal(umask)}"] if umask != USUAL_UMASK else []
        lines += in_systemd(program)
        lines += self._environment(program)
        lines += unit_lines(program, partial(self._path, program), partial(quoted, dollars=True))
        lines += file_lines(
            program,
            lambda option, path: self._absolute(
                program, option, os.path.join(directory_of(program, self._config) or "", path)
            ),
            partial(self._note, program),
        )
        lines += restarts(program)
        lines += [
            f"KillSignal={program.stopsignal.name}",
            f"KillMode={_KILL_MODE[program.stop_scope]}",
            f"TimeoutStopSec={seconds(program.stopwaitsecs)}",
        ]
        if process.socket:
            lines += [f"Sockets={self._socket_name(program)}", "StandardInput=socket"]
        lines += of_service(program, self._held_name)
        return [*lines, *self._outputs(program)]

    def _executable(self, process: Carried) -> str:
        return self._path(process.program, process.words[0])

    def _path(self, program: Program, name: str) -> str:
        """Of a command: systemd searches for a bare name, and a relative path starts at the program's directory."""
        return self._absolute(program, "command", name) if "/" in name else name

    def _absolute(self, program: Program, option: str, path: str) -> str:
        if os.path.isabs(path):
            # systemd accepts .. only in the path of a command.
            return path if option == "command" else os.path.normpath(path)
        base = (directory_of(program, self._config) or "") if option == "command" else ""
        whole = os.path.normpath(os.path.join(self._config.here, base, path))
        self._note(
            program,
            f"{option}: {path} is taken relative to {os.path.dirname(whole)}, because systemd needs absolute paths",
        )
        return whole

    def _environment(self, program: Program) -> list[str]:
        lines = []
        secret = secrets(program.environment)
        if secret:
            lines.append(f"# in plain text; better in an EnvironmentFile: {', '.join(secret)}")
            self._note(program, f"what looks like secrets is in plain text: {', '.join(secret)}")
        for name, value in program.environment.items():
            if _VARIABLE.fullmatch(name):
                lines.append(f"Environment={quoted(f'{name}={value}')}")
            else:
                self._note(program, f"the variable {name!r} is left out, because systemd does not allow its name")
        return lines

    def _outputs(self, program: Program) -> list[str]:
        stdout = self._output(program, "stdout_logfile", program.stdout_logfile, program.stdout_also)
        stderr = "inherit"
        if not program.redirect_stderr:
            stderr = self._output(program, "stderr_logfile", program.stderr_logfile, program.stderr_also)
        return [f"StandardOutput={stdout}", f"StandardError={stderr}"]

    def _output(self, program: Program, option: str, place: str | None, others: tuple[str, ...]) -> str:
        """The first file among the places, else the journal; a unit has one place for each output."""
        if not place:
            return "null"
        file = next((name for name in (place, *others) if _is_file(name)), None)
        if others:
            self._note(program, f"{option}: of several places only {file or 'the journal'} is used")
        if file is None:
            return "journal"
        path = raw(self._absolute(program, option, file))
        if path is None:
            self._note(program, f"{option}: a unit cannot express this path, so the output goes to the journal")
            return "journal"
        return f"append:{path}"

    # ---- sockets that processes share

    def _socket_name(self, program: Program) -> str:
        return f"{self._whole}-{word(program.group)}.socket"

    def _held_name(self, socket: Socket) -> str:
        return f"{self._whole}-{word(socket.name)}.held.socket"

    def _sockets(self) -> dict[str, str]:
        """A socket unit for each group with a socket; systemd opens it before the first process starts."""
        found: dict[str, str] = {}
        for process in self._processes:
            name = self._socket_name(process.program)
            if process.socket is not None and name not in found:
                found[name] = unit(
                    [],
                    {
                        "Unit": [
                            _described(f"the socket of {process.program.group}, from {self._config.file}"),
                            f"PartOf={self._whole}.target",
                        ],
                        "Socket": [*self._listen(process.program, process.socket), f"Service={process.name}.service"],
                        "Install": [f"WantedBy={self._whole}.target"],
                    },
                )
        return found

    def _listen(self, program: Program, socket: FcgiSocket) -> list[str]:
        lines = [f"Backlog={socket.backlog}"] if socket.backlog is not None else []
        if socket.kind == "tcp":
            return [f"ListenStream={self._host(program, socket)}:{socket.port}", *lines]
        # Procman removes the socket with the last process, too.
        lines = [f"ListenStream={raw(socket.path or '')}", "RemoveOnStop=yes", *lines]
        if socket.mode is not None:
            lines.append(f"SocketMode={show_octal(socket.mode)}")
        owner, _, group = (socket.owner or "").partition(":")
        owner = owner or program.user or ""
        return lines + [f"{key}={value}" for key, value in (("SocketUser", owner), ("SocketGroup", group)) if value]

    def _host(self, program: Program, socket: FcgiSocket) -> str:
        """The address to listen on; systemd does not look up names."""
        host = socket.host or ""
        if host == "localhost":
            return "127.0.0.1"
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            self._note(
                program,
                f"the host {host} of the socket is written as 127.0.0.1, because systemd does not look up names",
            )
            return "127.0.0.1"
        return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6

    def _lost(self) -> None:
        """Note what units cannot express."""
        processes = self._processes
        self._notes += [
            "the environment: programs get systemd's, not that of procman",
            "startsecs: a unit counts as started as soon as its program is executed",
            *written_in(self._config),
            *lost_in_systemd(processes),
            *lost_watch(processes, "systemd"),
            *lost_only_here(processes, "systemd", "backoff_jitter", "backoff_reset", "restart_strategy"),
            *lost_roles(self._config, "write polkit rules for the units"),
        ]
        files = sections(processes, lambda p: any(map(_is_file, (p.stdout_logfile, p.stderr_logfile, *p.stdout_also))))
        if files:
            self._notes.append(f"{files}: log files are not rotated; use logrotate with copytruncate")
        self._notes += lost_in_units([process for process in processes if self._has_unit(process)])
        terminals = sections(processes, lambda p: p.pty)
        if terminals:
            self._notes.append(
                f"{terminals}: pty is lost, because a unit has a terminal of the machine (TTYPath=) or none; run the "
                "program in tmux"
            )
        self._notes += lost_of_sockets([process for process in processes if self._has_unit(process)])
        self._notes += lost_of_schedules(process for process in processes if self._has_unit(process))
        self._notes += lost_of_starts([process for process in processes if self._has_unit(process)])
        manual = sections((process for process in processes if not process.starts), lambda _: True)
        if manual:
            self._notes.append(f"{manual}: autostart=false, so only `systemctl start` starts it")
        kept = sections(processes, lambda p: p.kill_scope is Scope.PROCESS)
        if kept:
            self._notes.append(f"{kept}: systemd kills what a program leaves behind; procman does not")


def _is_file(log: str | None) -> bool:
    # The console is the journal, as it is for procman under systemd.
    return log not in (None, "", AUTO) and not is_console(log)
