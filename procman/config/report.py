"""The report of `procman check --json`: the resolved configuration, in the shape of supervisor's reference answers.

Names and units are supervisor's: modes are octal digits in text, sizes are bytes, absent values are null.
"""

import os
from collections.abc import Iterable
from typing import Any

from procman.config.assumptions import Assumptions
from procman.config.formats.files import gather_included
from procman.config.host import Machine
from procman.config.load import Loaded, judge, read
from procman.config.problems import Problem
from procman.config.schema.configuration import Config
from procman.config.schema.groups import FcgiSocket, Group
from procman.config.schema.kinds.numbers import show_octal
from procman.config.schema.master import DAEMON_UMASK, Master
from procman.config.schema.programs import Program
from procman.config.schema.servers import InetServer, UnixServer
from procman.config.security_review import review
from procman.config.security_review import to_json as security_json
from procman.config.stop_plan import compare, stop_plan, to_json

# The main file that a fragment, a file without [supervisord], is included by.
FRAGMENT_MAIN = """\
[unix_http_server]
file = /run/supervisor.sock

[supervisord]

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[include]
files = %(here)s/fragment
"""

MOST_PROCESSES = 200
NO_SUPERVISORD = "no-supervisord-section"

Json = dict[str, Any]


def report(
    path: str,
    assume: Assumptions | None = None,
    budget: float | None = None,
    *,
    security: bool = False,
    most: float | None = None,
) -> Json:
    """One JSON object about a file: file, here, ok, error, warnings, its configuration, what is ignored, problems.

    `stop_plan` (a StopPlanInfo) is compared with the budget, in seconds. `security` adds how exposed programs are.
    """
    loaded = read(path, assume=assume, places=True)
    whole = os.path.abspath(path)
    answer = {"file": whole, **_answer(loaded, os.path.dirname(whole))}
    if (answer["error"] or {}).get("class") == NO_SUPERVISORD:
        answer["as_include"] = _as_include(whole, assume)
    if loaded.config is not None:
        plan = stop_plan(loaded.config)
        answer["stop_plan"] = to_json(plan, compare(plan, budget))
    if loaded.config is not None and security:
        answer["security"] = security_json(review(loaded.config), most)
    return answer


def _as_include(path: str, assume: Assumptions | None) -> Json:
    here = os.path.dirname(path)
    machine = Machine(None, assume)
    main = os.path.join(here, "main.conf")
    return _answer(judge(main, gather_included(FRAGMENT_MAIN, main, path, machine), machine, {}), here)


def _answer(loaded: Loaded, here: str) -> Json:
    answer: Json = {
        "here": here,
        "ok": loaded.config is not None,
        "error": _error(loaded.problems),
        "warnings": list(loaded.notes),
        "infos": list(loaded.remarks),
        "problems": [problem.to_json() for problem in loaded.problems],
    }
    if loaded.config is not None:
        answer.update(_described(loaded.config, loaded.groups))
        answer["ignored"] = {
            "options": [list(pair) for pair in loaded.ignored.options],
            "sections": list(loaded.ignored.sections),
        }
    return answer


def _error(problems: Iterable[Problem]) -> Json | None:
    for problem in problems:
        if problem.severity == "error":
            return {"class": problem.slug, "kind": "usage", "message": str(problem)}
    return None


def _described(config: Config, groups: Iterable[Group]) -> Json:
    return {
        "supervisord": _master(config.master),
        "serverurl": config.serverurl,
        "http_servers": [_server(server) for server in config.servers],
        "rpcinterfaces": [
            {"name": rpc.name, "factory": rpc.factory, "options": dict(rpc.options)} for rpc in config.rpcinterfaces
        ],
        "groups": [_group(group) for group in groups],
    }


def _octal(mode: int | None) -> str | None:
    return None if mode is None else show_octal(mode)


def _master(master: Master) -> Json:
    return {
        "nodaemon": master.nodaemon,
        "silent": master.silent,
        "user": master.user,
        # By default that of a daemon, as in supervisord.
        "umask": show_octal(DAEMON_UMASK if master.umask is None else master.umask),
        "directory": master.directory,
        "logfile": master.logfile,
        "logfile_maxbytes": master.logfile_maxbytes,
        "logfile_backups": master.logfile_backups,
        "loglevel": master.loglevel,
        "pidfile": master.pidfile,
        "identifier": master.identifier,
        "childlogdir": master.childlogdir,
        "minfds": master.minfds,
        "minprocs": master.minprocs,
        "nocleanup": master.nocleanup,
        "strip_ansi": master.strip_ansi,
        "environment": dict(master.environment),
    }


def _server(server: UnixServer | InetServer) -> Json:
    about = {"section": server.section, "username": server.username, "password": server.password}
    if isinstance(server, InetServer):
        return {"kind": "inet", **about, "host": server.host, "port": server.port}
    return {
        "kind": "unix",
        **about,
        "file": server.file,
        "chmod": _octal(server.chmod),
        "chown": server.chown,
        "chown_ids": None if server.chown_ids is None else list(server.chown_ids),
    }


def _group(group: Group) -> Json:
    about: Json = {
        "name": group.name,
        # Without a process, a program's own group looks like an empty [group:x].
        "kind": "group" if group.kind == "program" and not group.programs else group.kind,
        "priority": group.priority,
        "process_count": len(group.programs),
    }
    if group.listener is not None:
        about["listener"] = {
            "events": list(group.listener.events),
            "buffer_size": group.listener.buffer_size,
            "result_handler": group.listener.result_handler,
        }
    if group.socket is not None:
        about["socket"] = _socket(group.socket)
    about["processes"] = [_process(program) for program in group.programs[:MOST_PROCESSES]]
    return about


def _socket(socket: FcgiSocket) -> Json:
    about: Json = {"kind": socket.kind, "url": socket.url, "backlog": socket.backlog}
    if socket.kind == "tcp":
        return about | {"host": socket.host, "port": socket.port}
    owner = None if socket.owner_ids is None else list(socket.owner_ids)
    return about | {"path": socket.path, "mode": _octal(socket.mode), "owner_ids": owner}


def _process(program: Program) -> Json:
    return {
        "name": program.name,
        "command": program.command,
        "directory": program.directory,
        "umask": _octal(program.umask),
        "priority": program.priority,
        "autostart": program.autostart,
        "autorestart": program.autorestart.value,
        "startsecs": program.startsecs,
        "startretries": program.startretries,
        "stopsignal": program.stopsignal.name.removeprefix("SIG"),
        "stopwaitsecs": program.stopwaitsecs,
        "stopasgroup": program.stopasgroup,
        "killasgroup": program.killasgroup,
        "exitcodes": list(program.exitcodes),
        "user": program.user,
        "uid": program.uid,
        "redirect_stderr": program.redirect_stderr,
        "stdout": _log(program, "stdout"),
        "stderr": _log(program, "stderr"),
        "environment": dict(program.environment),
        "serverurl": program.serverurl,
    }


def _log(program: Program, channel: str) -> Json:
    return {
        "logfile": getattr(program, f"{channel}_logfile"),
        "maxbytes": getattr(program, f"{channel}_logfile_maxbytes"),
        "backups": getattr(program, f"{channel}_logfile_backups"),
        "capture_maxbytes": getattr(program, f"{channel}_capture_maxbytes"),
        "events_enabled": getattr(program, f"{channel}_events_enabled"),
        "syslog": getattr(program, f"{channel}_syslog"),
    }
