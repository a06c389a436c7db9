"""Commands to type into supervisorctl and procmanctl, to compare the two.

`write_config` fills the folder a master is started from. `run_script` types `SCRIPT` through one client and returns its
output, with pids, times, versions and paths made equal. The script waits for states through the client itself, so that
it depends on neither master's speed.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.log_lines import PATIENCE

CONFIG_NAME = "supervisord.conf"

_HEAD = """\
[unix_http_server]
file=%(here)s/ctl.sock

[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/master.pid
childlogdir=%(here)s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%(here)s/ctl.sock
"""

_PROGRAMS = """
[program:sleeper]
command=sh -c 'echo hello; echo oops >&2; exec sleep 1000'
startsecs=0

[program:exits0]
; not too quick: supervisord may miss that it was ever up
command=sh -c 'echo bye; sleep 0.3'
autostart=false
autorestart=false
startsecs=0

[program:exits1]
; not at once, so that it is always the last to answer to "start all" and its status the last to count
command=sh -c 'sleep 0.3; exit 1'
autostart=false
autorestart=false
startretries=0
startsecs=30
; so long because supervisord may see its end a second late, and would then call it no failure to start
startsecs=30

[program:missing]
command=/nonexistent/command
autostart=false

[program:notexec]
command=%(here)s/notexec
autostart=false

[program:stubborn]
command=sh -c 'trap "" TERM; exec sleep 1000'
autostart=false
startsecs=0
stopwaitsecs=1

[program:late]
; never runs, but has logs
command=/nonexistent/command
autostart=false

[program:nolog]
command=sleep 1000
autostart=false
startsecs=0
stdout_logfile=NONE
priority=5

[program:one]
command=sleep 1000
startsecs=0

[program:two]
command=sleep 1000
autostart=false
startsecs=0

[group:site]
programs=one,two
priority=50

[program:pool]
command=sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=2
autostart=false
startsecs=0
"""

_MANUAL = """
[program:manual]
command=sleep 1000
autostart=false
startsecs=0
"""

_FRESH = """
[program:fresh]
command=sleep 2000
autostart=false
startsecs=0
"""

CONFIGS = {
    "first": _HEAD + _PROGRAMS + _MANUAL,
    # sleeper is another program, manual has gone, fresh is new
    "second": _HEAD
    + _PROGRAMS.replace("exec sleep 1000'\nstartsecs=0\n", "exec sleep 3000'\nstartsecs=0\n", 1)
    + _FRESH,
    "broken": _HEAD + _PROGRAMS + "\n[program:broken]\nautostart=false\n",
}


@dataclass(frozen=True)
class Command:
    """One line to type.

    `first` is awaited before: "NAME STATE" as in `status`, "up" or "down" of the master. `config` is the file to put in
    place before. `unordered`: the order of the lines depends on timing. `only_status`: the text is not compared,
    because each client names its program or its file in its own way.
    """

    words: tuple[str, ...]
    first: tuple[str, ...] = ()
    config: str | None = None
    unordered: bool = False
    only_status: bool = False


@dataclass(frozen=True)
class Said:
    """The result of one line, in a form that both masters can agree on."""

    words: tuple[str, ...]
    out: str
    status: int


def _c(
    line: str, *first: str, config: str | None = None, unordered: bool = False, only_status: bool = False
) -> Command:
    return Command(tuple(line.split()), first, config, unordered, only_status)


SCRIPT: tuple[Command, ...] = (
    # what there is
    _c("status", "sleeper RUNNING", "site:one RUNNING"),
    _c("status all"),
    _c("status sleeper"),
    _c("status manual"),
    _c("status site:*"),
    _c("status site:"),
    _c("status site:one sleeper"),
    _c("status site"),
    _c("status nope"),
    _c("status nogroup:*"),
    _c("status sleeper nope"),
    _c("status manual nope"),
    _c("status pool:pool_1"),
    _c("pid"),
    _c("pid sleeper"),
    _c("pid manual"),
    _c("pid nope"),
    _c("pid sleeper nope"),
    _c("pid all"),
    _c("avail"),
    _c("avail x"),
    _c("version"),
    _c("version x"),
    # start
    _c("start"),
    _c("start manual"),
    _c("status manual"),
    _c("start manual"),
    _c("start nope"),
    _c("start nogroup:*"),
    _c("start missing"),
    _c("start notexec"),
    _c("start exits1"),
    _c("status exits1", "exits1 FATAL"),
    _c("start exits0"),
    _c("status exits0", "exits0 EXITED"),
    _c("start site:two"),
    _c("start site:*", unordered=True),
    _c("start pool:*", unordered=True),
    _c("start stubborn nolog"),
    _c("start manual nope missing"),
    _c("start all", unordered=True),
    # stop
    _c("stop"),
    _c("stop manual"),
    _c("stop manual"),
    _c("stop nope"),
    _c("stop nogroup:*"),
    _c("stop site:two nope manual"),
    _c("stop pool:*", unordered=True),
    _c("stop stubborn"),
    _c("status stubborn"),
    # restart
    _c("restart"),
    _c("restart sleeper"),
    _c("restart manual"),
    _c("restart nope"),
    _c("restart nogroup:*"),
    _c("restart site:*", unordered=True),
    _c("restart manual missing"),
    # signal
    _c("signal"),
    _c("signal HUP"),
    _c("signal CONT sleeper"),
    _c("signal SIGCONT sleeper nope"),
    _c("signal 18 sleeper"),
    _c("signal 0 sleeper"),
    _c("signal 0 exits0"),
    _c("signal FOO sleeper"),
    _c("signal CONT exits0"),
    _c("signal CONT nogroup:*"),
    _c("signal CONT site:*", unordered=True),
    _c("signal CONT all", unordered=True),
    # logs
    _c("tail"),
    _c("tail exits0"),
    _c("tail -2 exits0"),
    _c("tail -0 exits0"),
    _c("tail -x exits0"),
    _c("tail exits0 bogus"),
    _c("tail exits0 stderr"),
    _c("tail a b c d"),
    _c("tail late"),
    _c("tail late stderr"),
    _c("tail -f"),
    _c("tail nope"),
    _c("tail nope stderr"),
    _c("tail nolog"),
    _c("maintail x"),
    _c("maintail -x"),
    _c("maintail -f x"),
    _c("maintail", only_status=True),
    _c("maintail -100", only_status=True),
    _c("clear"),
    # Not a tail after this one: supervisord says it has cleared the logs of what does not run, and has not.
    _c("clear exits0"),
    _c("tail sleeper"),
    _c("clear sleeper"),
    _c("tail sleeper"),
    _c("clear nope"),
    _c("clear exits0 nope"),
    _c("clear site:one"),
    _c("clear all", unordered=True),
    # the foreground
    _c("fg"),
    _c("fg nope"),
    _c("fg exits0"),
    _c("fg sleeper nope"),
    # what is configured
    _c("reread"),
    _c("reread x"),
    _c("update"),
    _c("update nope"),
    _c("reread", config="second"),
    _c("avail"),
    _c("add"),
    _c("add nope"),
    _c("add fresh"),
    _c("add fresh"),
    _c("status fresh"),
    _c("remove"),
    _c("remove nope"),
    _c("remove sleeper"),
    _c("remove fresh"),
    _c("status fresh"),
    _c("update fresh"),
    _c("update"),
    _c("status", "sleeper RUNNING"),
    _c("update"),
    _c("reread", config="broken", only_status=True),
    _c("update", only_status=True),
    _c("status"),
    _c("reread", config="first"),
    _c("update all"),
    _c("status manual sleeper fresh", "sleeper RUNNING"),
    # the shell's own
    _c("foo"),
    _c("foo-bar baz"),
    _c("!ls"),
    _c("?"),
    _c("help"),
    _c("help help"),
    _c("help status"),
    _c("help nope"),
    _c("? tail"),
    _c("quit"),
    _c("exit"),
    _c("open foo"),
    # the end
    _c("shutdown x"),
    _c("reload x"),
    _c("reload"),
    _c("status", "sleeper RUNNING", "site:one RUNNING"),
    _c("stop all", unordered=True),
    _c("status"),
    _c("shutdown"),
    _c("status", "down", only_status=True),
    _c("pid", only_status=True),
    _c("start sleeper", only_status=True),
    _c("start", only_status=True),
    _c("avail", only_status=True),
    _c("update", only_status=True),
    _c("shutdown", only_status=True),
)

_SAME = (
    (re.compile(r"\bpid \d+"), "pid PID"),
    (re.compile(r"uptime (?:\d+ days?, )?\d+:\d\d:\d\d"), "uptime TIME"),
    (re.compile(r"\b[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M\b"), "DATE"),
)


def write_config(folder: Path, name: str = "first") -> Path:
    """Put a configuration and the files it needs into `folder`; return the file to start a master with."""
    (folder / "notexec").write_text("#!/bin/sh\n")
    path = folder / CONFIG_NAME
    path.write_text(CONFIGS[name])
    return path


def server_url(folder: Path) -> str:
    """The address of a master that was started with that file."""
    return f"unix://{folder}/ctl.sock"


# Runs a client with these words in that folder: what it says, and its exit status.
Client = Callable[[Sequence[str], Path], tuple[str, int]]


def run_script(client: Client, folder: Path, script: Sequence[Command] = SCRIPT) -> list[Said]:
    """Type the script through the client into the master that was started in `folder`."""
    return list(_run_script(client, folder, script))


def _run_script(client: Client, folder: Path, script: Sequence[Command]) -> Iterator[Said]:
    for command in script:
        if command.config is not None:
            write_config(folder, command.config)
        for condition in command.first:
            _wait(client, folder, condition)
        out, status = _type(client, folder, command.words)
        yield Said(command.words, _normal(command, out, folder), status)


def _type(client: Client, folder: Path, words: Sequence[str]) -> tuple[str, int]:
    return client(["-s", server_url(folder), *words], folder)


def _wait(client: Client, folder: Path, condition: str) -> None:
    """Poll the status until it is as wanted: a client shows no events to wait for."""
    name, _, state = condition.partition(" ")
    deadline = time.monotonic() + PATIENCE
    while True:
        out, status = _type(client, folder, ["status", name] if state else ["status"])
        if state and out.split()[1:2] == [state]:
            return
        if not state and (status == 4) == (name == "down"):
            return
        assert time.monotonic() < deadline, f"waited in vain for {condition!r}: {out}"


def _normal(command: Command, out: str, folder: Path) -> str:
    if command.only_status:
        return ""
    out = out.replace(str(folder), "FOLDER")
    for pattern, same in _SAME:
        out = pattern.sub(same, out)
    if command.words[0] == "pid":
        out = re.sub(r"^[1-9]\d*$", "PID", out, flags=re.MULTILINE)
    if command.words[0] in ("help", "?"):
        out = re.sub(r"^procman commands .*?\n\n", "", out, flags=re.MULTILINE | re.DOTALL)
    if command.words[0] == "reload":  # procmanctl asks on stderr whether `refresh` was meant
        out = re.sub(r"^did you mean .*\n", "", out, flags=re.MULTILINE)
    if command.words == ("version",):
        out = re.sub(r"^[\d.]+\S*$", "VERSION", out, flags=re.MULTILINE)
    if command.unordered:
        out = "".join(sorted(out.splitlines(keepends=True)))
    return out
